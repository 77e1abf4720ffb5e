// Threads that publish to one.
import { MessageChannel } from 'node:worker_threads';
import { Crew } from './crew.mjs';
import { WINDOW } from './port-window.mjs';

const WORKERS = new URL('./workers/inflow.mjs', import.meta.url);
/** Bytes that may be on their way over the peers: a port has no bound, and 2,048 messages of 1 MiB would take 2 GiB. */
const WINDOW_BYTES = 16 << 20;

export class Inflow {
  #crew;
  #publishers;

  /** `bytes`: of each message; the one of the targets where it is not given. */
  static async start({ publishers, bytes }) {
    const window = Math.max(4, Math.min(WINDOW, Math.floor(WINDOW_BYTES / (bytes ?? 1))));
    const seat = (role, publisher) => ({
      workerData: { role, publisher, publishers, bytes, window, ports: [] },
      transferList: [],
    });
    const receiver = seat('receive');
    const seats = [receiver];
    for (let number = 0; number < publishers; number++) {
      const publisher = seat('publish', number);
      const { port1, port2 } = new MessageChannel();
      for (const [one, port] of [
        [receiver, port1],
        [publisher, port2],
      ]) {
        one.workerData.ports.push(port);
        one.transferList.push(port);
      }
      seats.push(publisher);
    }
    const inflow = new Inflow();
    inflow.#publishers = publishers;
    inflow.#crew = await Crew.start(WORKERS, seats);
    return inflow;
  }

  /** Messages/s in all, from the first one sent to the last handler. Each publisher sends `messages / publishers`, one at least. */
  async round(what, { transport, bus, messages }) {
    const each = Math.max(1, Math.floor(messages / this.#publishers));
    const order = { transport, bus, each };
    this.#crew.tell({ act: 'listen', order });
    await this.#crew.answers(what);
    this.#crew.tell({ act: 'go', order });
    const [{ end }, ...starts] = await this.#crew.answers(what);
    const start = starts.map((one) => one.start).reduce((a, b) => (a < b ? a : b));
    return ((each * this.#publishers) / Number(end - start)) * 1e9;
  }

  async stop() {
    await this.#crew.stop();
  }
}
