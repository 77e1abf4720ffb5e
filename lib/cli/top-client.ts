import type { MonitorSample, Recommendation } from '../monitor/sample';
import { InputError } from './output';

/** What a served monitor tells with each sample. */
export interface MonitorEvent {
  sample: MonitorSample;
  recommendations: Recommendation[];
}

/** Longer than any sample: what does not end within it is no monitor. */
const MOST_EVENT_LENGTH = 64 * 1024 * 1024;

/** The connection could not be made, or was lost: it may come back. */
export class ConnectionError extends InputError {}

/**
 * The events of a served monitor, the newest sample first. Ends when the process says that it no longer serves; throws a ConnectionError
 * when the connection cannot be made or breaks, and an InputError when something else answers there.
 *
 * @param onOpen - Called when it is a monitor that answers, before there is a sample.
 */
export async function* monitorEvents(url: URL, signal: AbortSignal, onOpen: () => void): AsyncGenerator<MonitorEvent> {
  const response = await connect(new URL('api/events', url), signal);
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (response.status !== 200 || !isStream || response.body === null) {
    const said = (await response.text().catch(() => '')).slice(0, 200).trim();
    const what = response.headers.get('content-type')?.startsWith('text/plain') === true ? `: ${said}` : '';
    throw new InputError(
      `${url.href} answers with status ${response.status}, and not as a served monitor does${what}; monitor.serve() says where one is`,
    );
  }
  onOpen();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() as string;
      if (text.length > MOST_EVENT_LENGTH) throw new InputError(`${url.href} sends what no monitor sends`);
      for (const block of blocks) {
        const fields = new Map(block.split('\n').map((line) => splitField(line)));
        if (fields.get('event') === 'end') return;
        const data = fields.get('data');
        if (data !== undefined) yield readEvent(data, url);
      }
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new ConnectionError(`the connection to ${url.href} was lost: ${reasonOf(error)}`);
  }
  throw new ConnectionError(`the connection to ${url.href} was lost`);
}

async function connect(url: URL, signal: AbortSignal) {
  try {
    return await fetch(url, { signal, redirect: 'error', headers: { Accept: 'text/event-stream' } });
  } catch (error) {
    throw new ConnectionError(`${url.origin} cannot be reached: ${reasonOf(error)}`);
  }
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':');
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}

function readEvent(data: string, url: URL): MonitorEvent {
  try {
    const event = JSON.parse(data) as MonitorEvent;
    const { sample, recommendations } = event;
    const lists = [sample.buses, sample.threads, sample.pools, sample.alerts, recommendations];
    if (lists.every(Array.isArray) && typeof sample.process.pid === 'number') return event;
  } catch {
    // Said below.
  }
  throw new InputError(`${url.href} sends samples that this version of agentwire cannot read`);
}

/** What the system says, rather than "fetch failed". */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  const { code, message: detail } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'there is no such host';
  return detail || code || message;
}
