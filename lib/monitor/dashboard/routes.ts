import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { MonitorSample, SampleSource } from '../sample';
import type { EventStreams } from './event-streams';
import { isLoopback, isMeantForLoopback } from './hosts';
import type { PageFile } from './page-files';

/**
 * The page may load what this server sends and nothing else, runs no script and no style that stands in its HTML, and can neither be framed nor
 * send forms: what a topic's name holds cannot become a program.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const everyAnswer = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Figures of a moment ago are wrong ones. */
const uncached = { 'Cache-Control': 'no-store' };

interface Served {
  readonly source: SampleSource;
  readonly streams: EventStreams;
  readonly files: ReadonlyMap<string, PageFile>;
  readonly host: string;
}

/** Answers requests: all of them only read. */
export function requestListener({ source, streams, files, host }: Served): RequestListener {
  const isLocal = isLoopback(host);
  return (request, response) => {
    for (const [name, value] of Object.entries(everyAnswer)) response.setHeader(name, value);
    if (isLocal && !isMeantForLoopback(request.headers.host)) {
      const advice = 'open it as 127.0.0.1 or localhost, or serve it for others with serve({ host })';
      return answer(request, response, 403, `this monitor is for its own machine; ${advice}\n`);
    }
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    const file = files.get(path);
    const isApi = path === '/api/history' || path === '/api/events';
    if (file === undefined && !isApi) {
      return answer(request, response, 404, 'there is /, /api/history and /api/events\n');
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return answer(request, response, 405, 'this can only be read: GET or HEAD\n');
    }
    if (file !== undefined) {
      // Asked for anew each time: the next version of agentwire may have another one.
      response.setHeader('Cache-Control', 'no-cache');
      return answer(request, response, 200, file.content, file.type);
    }
    for (const [name, value] of Object.entries(uncached)) response.setHeader(name, value);
    if (path === '/api/events') return streams.open(request, response);
    const samples = source.history.map((sample, index, { length }) =>
      index < length - 1 ? withoutTopics(sample) : sample,
    );
    const history = JSON.stringify({ samples, recommendations: source.recommendations() });
    answer(request, response, 200, history, 'application/json; charset=utf-8');
  };
}

/** The topics of a moment ago nobody charts, and they are most of a sample. */
function withoutTopics(sample: MonitorSample): MonitorSample {
  return { ...sample, buses: sample.buses.map((bus) => ({ ...bus, busiestTopics: [] })) };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  content: string | Uint8Array,
  type = 'text/plain; charset=utf-8',
): void {
  response.statusCode = status;
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', typeof content === 'string' ? Buffer.byteLength(content) : content.length);
  response.end(request.method === 'HEAD' ? undefined : content);
}
