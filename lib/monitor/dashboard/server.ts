import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { AgentwireArgumentError, AgentwireError } from '../../errors';
import { startTimer, stopTimer } from '../../wait/timers';
import type { SampleSource } from '../sample';
import { EventStreams } from './event-streams';
import { isAnyAddress, isLoopback } from './hosts';
import { checkServeOptions, type ServeOptions } from './options';
import { pageFiles } from './page-files';
import { requestListener } from './routes';

/** How long `close` waits for readers to take what was sent to them, ms. */
const PATIENCE_MS = 500;

/** A monitor that is served: a web page for people, JSON for programs. */
export interface DashboardServer {
  /** Where this machine reaches it, such as `http://127.0.0.1:9475/`. */
  readonly url: string;
  readonly port: number;
  /** As it was given. */
  readonly host: string;
  /** Keeps the process alive while it is served. By default a server and its readers do not. */
  ref(): void;
  /** Takes `ref()` back. */
  unref(): void;
  /** Ends all connections, tells the pages that the process has ended them, and frees the port. */
  close(): Promise<void>;
  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves what a monitor sees: a web page with live charts at `/`, JSON at `/api/history` and as a stream of events at `/api/events`.
 * Whoever reaches the port sees names of buses and topics, and can change nothing; by default that is this machine alone. It does not keep
 * the process alive.
 *
 * @param source - A PerformanceMonitor, or what has samples as it does.
 */
export async function serveDashboard(source: SampleSource, options: ServeOptions = {}): Promise<DashboardServer> {
  const { port, host } = checkServeOptions(options);
  const streams = new EventStreams(source);
  const server = createServer(requestListener({ source, streams, files: pageFiles(), host }));
  const served = new ServedDashboard(server, streams, host);
  try {
    await listen(server, port, host);
  } catch (error) {
    streams.close();
    throw listenError(error as NodeJS.ErrnoException, port, host);
  }
  served.unref();
  return served;
}

class ServedDashboard implements DashboardServer {
  private readonly sockets = new Set<Socket>();
  private isReferenced = true;
  private closing: Promise<void> | undefined;
  /** Kept: a server that is closed has no address any more. */
  private boundPort = 0;

  constructor(
    private readonly server: Server,
    private readonly streams: EventStreams,
    readonly host: string,
  ) {
    server.on('listening', () => {
      this.boundPort = (server.address() as AddressInfo).port;
    });
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      if (!this.isReferenced) socket.unref();
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  get port(): number {
    return this.boundPort;
  }

  get url(): string {
    // No browser is sure to open 0.0.0.0.
    const name = isAnyAddress(this.host) ? 'localhost' : this.host;
    return `http://${name.includes(':') ? `[${name}]` : name}:${this.port}/`;
  }

  ref(): void {
    this.refer(true);
  }

  unref(): void {
    this.refer(false);
  }

  private refer(isReferenced: boolean): void {
    if (this.closing !== undefined) return;
    this.isReferenced = isReferenced;
    for (const handle of [this.server, ...this.sockets]) isReferenced ? handle.ref() : handle.unref();
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.streams.close();
    this.server.closeIdleConnections();
    // A browser opens connections in advance; one that was never asked anything does not count as idle.
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
    // This timer alone holds the process until the promise is settled. Who does not read is cut off.
    const timer = startTimer(() => {
      for (const socket of this.sockets) socket.destroy();
    }, PATIENCE_MS);
    await ended;
    stopTimer(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function listenError(error: NodeJS.ErrnoException, port: number, host: string): AgentwireError {
  const options = { cause: error };
  const place = `port ${port} of ${isLoopback(host) ? 'this machine' : host}`;
  switch (error.code) {
    case 'EADDRINUSE': {
      const advice = 'end what listens there, or give another port: serve({ port: 0 }) takes any that is free';
      return new AgentwireError('ERR_AGENTWIRE_PORT_IN_USE', `${place} is in use already; ${advice}`, options);
    }
    case 'EACCES':
    case 'EPERM': {
      const advice = 'give a port from 1024 on, or 0 for any that is free';
      return new AgentwireError(
        'ERR_AGENTWIRE_PORT_DENIED',
        `this user may not listen on ${place}; ${advice}`,
        options,
      );
    }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new AgentwireArgumentError('host', 'an address or a name of this machine', host);
    default:
      return new AgentwireError('ERR_AGENTWIRE_SERVE', `${place} cannot be listened on: ${error.message}`, options);
  }
}
