import type { IncomingMessage, ServerResponse } from 'node:http';
import { startRepeating, stopRepeating } from '../../wait/timers';
import type { MonitorSample, SampleSource } from '../sample';

/** Readers at a time: each costs a connection, and what it is slow to take. */
const MOST_READERS = 64;
/** Bytes that may wait for a reader besides the newest event; above that it is cut off. A sample takes kilobytes, of thousands of buses megabytes. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
/** A proxy between takes a connection without traffic for dead, usually after a minute. */
const KEEP_ALIVE_MS = 15_000;
/** How long a browser waits before it connects again, ms. */
const RETRY_MS = 2000;

/**
 * Those who follow a monitor by server-sent events: one event for each sample, `{sample, recommendations}`, the newest at once; an event `end` when
 * the monitor is no longer served. Nobody who is slow to read takes more memory than is said here.
 */
export class EventStreams {
  private readonly readers = new Set<ServerResponse>();
  private readonly stopListening: () => void;
  private readonly keepAlive: ReturnType<typeof startRepeating>;
  private isClosed = false;

  constructor(private readonly source: SampleSource) {
    this.stopListening = source.onSample((sample) => {
      if (this.readers.size > 0) this.send(this.eventOf(sample));
    });
    this.keepAlive = startRepeating(() => this.send(': alive\n\n'), KEEP_ALIVE_MS);
    this.keepAlive.unref();
  }

  /** Answers a request with the stream. */
  open(request: IncomingMessage, response: ServerResponse): void {
    if (this.isClosed || this.readers.size >= MOST_READERS) {
      response.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '5' });
      response.end(this.isClosed ? 'no longer served\n' : `${MOST_READERS} are connected already\n`);
      return;
    }
    // A proxy that collects an answer before it passes it on is asked not to.
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    this.readers.add(response);
    response.once('close', () => this.readers.delete(response));
    const newest = this.source.history.at(-1);
    response.write(`retry: ${RETRY_MS}\n\n${newest === undefined ? '' : this.eventOf(newest)}`);
  }

  private eventOf(sample: MonitorSample): string {
    const data = JSON.stringify({ sample, recommendations: this.source.recommendations() });
    return `id: ${sample.number}\ndata: ${data}\n\n`;
  }

  private send(text: string): void {
    for (const reader of this.readers) {
      if (reader.writableLength > MOST_WAITING_BYTES + text.length) reader.destroy();
      else reader.write(text);
    }
  }

  /** Tells the readers that it is over. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.stopListening();
    stopRepeating(this.keepAlive);
    for (const reader of this.readers) reader.end('event: end\ndata: {}\n\n');
    this.readers.clear();
  }
}
