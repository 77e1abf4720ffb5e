import { AgentwireArgumentError } from '../../errors';
import type { MonitorSample, SampleSource } from '../sample';
import { checkSource } from './check-source';
import { type Point, SERIES, type Series, type Unit } from './series';

/** What a handler needs of a request of node:http. */
export interface RequestLike {
  readonly method?: string | undefined;
}

/** What a handler needs of a response of node:http. */
export interface ResponseLike {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body?: string): unknown;
}

const PREFIX = 'agentwire';
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What names of metrics end with, by Prometheus's conventions: base units. */
const suffixes: Partial<Record<Unit, string>> = {
  s: '_seconds',
  By: '_bytes',
  '1': '_ratio',
  '{message}/s': '_per_second',
};

/** A sample in Prometheus's text format, version 0.0.4. Names begin with `agentwire_`; the unit is their end. */
export function prometheusText(sample: MonitorSample): string {
  if (typeof sample !== 'object' || sample === null || !Array.isArray(sample.buses)) {
    throw new AgentwireArgumentError('sample', 'a MonitorSample, as getReport().sample of a monitor', sample);
  }
  return SERIES.map((series) => family(series, series.points(sample))).join('');
}

/**
 * A listener for `createServer` of node:http, or a route of a server of one's own: answers with the newest sample.
 *
 * ```js
 * createServer(prometheusHandler(monitor.startMonitoring())).listen(9464);
 * ```
 */
export function prometheusHandler(source: SampleSource): (request: RequestLike, response: ResponseLike) => void {
  // Now: an error in a request would end the program that answers it.
  checkSource(source);
  return ({ method = 'GET' }, response) => {
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Type': 'text/plain; charset=utf-8' });
      response.end('only GET and HEAD are answered\n');
      return;
    }
    const newest = source.history.at(-1);
    // No sample yet is no failure: who scrapes sees no series, and asks again.
    const text = newest === undefined ? '' : prometheusText(newest);
    response.writeHead(200, { 'Content-Type': CONTENT_TYPE, 'Cache-Control': 'no-store' });
    response.end(method === 'HEAD' ? undefined : text);
  };
}

function family(series: Series, points: readonly Point[]): string {
  if (points.length === 0) return '';
  const name = nameOf(series);
  const lines = points.map(({ value, attributes }) => `${name}${labelsOf(attributes)} ${numberOf(value)}\n`);
  return `# HELP ${name} ${escapeHelp(series.description)}\n# TYPE ${name} ${series.kind}\n${lines.join('')}`;
}

function nameOf({ name, unit, kind }: Series): string {
  const words = name.replaceAll('.', '_');
  return `${PREFIX}_${words}${suffixes[unit] ?? ''}${kind === 'counter' ? '_total' : ''}`;
}

function labelsOf(attributes: Point['attributes']): string {
  const labels = Object.entries(attributes).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  return labels.length === 0 ? '' : `{${labels.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberOf(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
