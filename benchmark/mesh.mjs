// Agents in threads that send to each other: as fast as they can, or by a schedule that waits for nobody.
import { MessageChannel } from 'node:worker_threads';
import { Crew } from './crew.mjs';
import { percentile } from './stats.mjs';
import { Topology } from './topology.mjs';

const WORKERS = new URL('./workers/mesh.mjs', import.meta.url);

export class Mesh {
  #crew;

  /** Threads with agents; `window` is that of each port. A port leads from each thread to each that it sends to, to itself as well. */
  static async start(shape, { window } = {}) {
    const mesh = new Mesh();
    mesh.topology = new Topology(shape);
    const seats = Array.from({ length: shape.threads }, () => ({
      workerData: { shape, window, outgoing: [], incoming: [] },
      transferList: [],
    }));
    for (const { from, to } of mesh.topology.edges()) {
      const { port1, port2 } = new MessageChannel();
      seats[from].workerData.outgoing.push({ to, port: port1 });
      seats[from].transferList.push(port1);
      seats[to].workerData.incoming.push(port2);
      seats[to].transferList.push(port2);
    }
    mesh.#crew = await Crew.start(WORKERS, seats);
    return mesh;
  }

  /** Has every thread's code optimized for each of the transports, so that the first one measured is not the one that pays. */
  async warmUp(transports, messages) {
    for (const transport of transports) await this.storm('warm-up', { transport, bus: 'warm-up', messages });
  }

  /** Everybody sends as fast as it can: messages/s in all, from the first one sent to the last handler. */
  async storm(what, { transport, bus, messages }) {
    const perAgent = this.topology.wholeTurns(messages / this.topology.agents);
    await this.#begin(what, { transport, bus, perAgent });
    this.#crew.tell({ act: 'storm' });
    return this.#speedOf(await this.#crew.answers(what), perAgent);
  }

  /**
   * Every agent in turn is told to send `burst` messages, `rate` a second in all, by a schedule that waits for nobody: percentiles of the
   * time from before a message is sent until its handler is called, ns, and the messages/s that were carried.
   */
  async paced(what, { transport, bus, messages, rate, burst }) {
    const { agents } = this.topology;
    const perAgent = this.topology.wholeTurns(messages / agents);
    await this.#begin(what, { transport, bus, perAgent, burst, epoch: process.hrtime.bigint() });
    const answers = this.#crew.answers(what);
    this.#pace(Math.ceil(perAgent / burst) * agents, (burst / rate) * 1000);
    const ends = await answers;
    const latencies = ends.flatMap((end) => Array.from(end.latencies));
    const at = (p) => percentile(latencies, p);
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), carried: this.#speedOf(ends, perAgent) };
  }

  async stop() {
    await this.#crew.stop();
  }

  async #begin(what, order) {
    this.#crew.tell({ act: 'begin', order });
    await this.#crew.answers(what);
  }

  #speedOf(ends, perAgent) {
    const first = ends.map(({ start }) => start).reduce((a, b) => (a < b ? a : b));
    const last = ends.map(({ end }) => end).reduce((a, b) => (a > b ? a : b));
    return ((perAgent * this.topology.agents) / Number(last - first)) * 1e9;
  }

  /**
   * Tells an agent's thread every `gap` ms. Blocks this thread meanwhile, which sleeps more exactly than a timer. Where it wakes too late
   * it tells the next ones at once.
   */
  #pace(bursts, gap) {
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    const start = performance.now() + gap;
    for (let index = 0; index < bursts; index++) {
      const due = start + index * gap;
      for (let left = due - performance.now(); left > 0; left = due - performance.now())
        Atomics.wait(sleeper, 0, 0, left);
      const agent = index % this.topology.agents;
      this.#crew.workers[this.topology.hostOf(agent)].postMessage({ act: 'burst', agent });
    }
  }
}
