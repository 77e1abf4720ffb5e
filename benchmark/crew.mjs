// Worker threads that run one file of workers/ and are asked for an answer at a time.
import { Worker } from 'node:worker_threads';

/** A round in which nothing has arrived for so long has lost messages, ms. */
const PATIENCE_MS = 20_000;

/** The next message of a worker; its death rejects. */
export function answerOf(worker) {
  return new Promise((resolve, reject) => {
    const settle = (action) => (value) => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      action(value);
    };
    const onMessage = settle(resolve);
    const onError = settle(reject);
    worker.on('message', onMessage);
    worker.on('error', onError);
  });
}

/** Threads that count what has arrived at them in `progress`, a word for each: so a round without an end is found out. */
export class Crew {
  static #open = new Set();

  /** A thread for each seat: `workerData`, to which its number and `progress` are added, and `transferList`. */
  static async start(file, seats) {
    const crew = new Crew();
    Crew.#open.add(crew);
    crew.progress = new Int32Array(new SharedArrayBuffer(4 * seats.length));
    crew.workers = seats.map(({ workerData, transferList }, number) => {
      const data = { ...workerData, number, progress: crew.progress };
      return new Worker(file, { workerData: data, transferList });
    });
    await crew.answers('start');
    return crew;
  }

  /** Gives all of them an order. */
  tell(order) {
    for (const worker of this.workers) worker.postMessage(order);
  }

  /** An answer of each. Throws when one dies, and when they do not answer and nothing arrives at them any more. */
  async answers(what) {
    let watch;
    const stuck = new Promise((_, reject) => {
      let [before, since] = ['', performance.now()];
      watch = setInterval(() => {
        const seen = this.progress.join();
        if (seen !== before) [before, since] = [seen, performance.now()];
        else if (performance.now() - since > PATIENCE_MS) {
          reject(new Error(`${what}: nothing has arrived for ${PATIENCE_MS / 1000} s; by thread there are ${seen}`));
        }
      }, 1000);
    });
    try {
      return await Promise.race([Promise.all(this.workers.map(answerOf)), stuck]);
    } finally {
      clearInterval(watch);
    }
  }

  /** Ends those that a measurement left behind because it ended with an error. */
  static async stopAll() {
    await Promise.all([...Crew.#open].map((crew) => crew.stop()));
  }

  async stop() {
    Crew.#open.delete(this);
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}
