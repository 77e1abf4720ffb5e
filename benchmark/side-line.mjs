// What agents do now and then beside sending: so that ten minutes of it show whether any of it keeps memory.
import { setTimeout as pause } from 'node:timers/promises';

const EVERY_MS = 20;
/** Large enough for a block of its own outside of the mailboxes. */
const LARGE_BYTES = 64 * 1024;
const LARGE_TOPIC = 'side.large';
/** Topics of short-lived subscriptions, for each thread: a topic keeps its id, so there must be an end of them for memory to have one. */
const MOST_TOPICS = 256;
const GROUP = 'side-workers';
const GROUP_TOPIC = 'side.work';
const askTopic = (thread) => `side.ask.${thread}`;

/** One thread's share; every thread of the process must have made its own before one is run. */
export class SideLine {
  #bus;
  #thread;
  #threads;
  #number = 0;

  /** `onMessage` is called for everything that is delivered, answers aside. */
  constructor(bus, { thread, threads, onMessage }) {
    this.#bus = bus;
    this.#thread = thread;
    this.#threads = threads;
    bus.createGroup(GROUP, { balancing: 'least-busy' });
    bus.subscribe(GROUP_TOPIC, onMessage, { group: GROUP });
    bus.subscribe(LARGE_TOPIC, (payload) => {
      if (payload.length !== LARGE_BYTES) throw new Error(`${payload.length} bytes arrived instead of ${LARGE_BYTES}`);
      onMessage();
    });
    bus.subscribe(askTopic(thread), ({ id }) => ({ id, thread }));
  }

  /** Goes on until `stop()`, which resolves with the deliveries that there must be and with the requests that were answered. */
  run() {
    const done = { deliveries: 0, requests: 0 };
    let isStopped = false;
    const running = (async () => {
      while (!isStopped) {
        await this.#once(done);
        await pause(EVERY_MS);
      }
    })();
    return {
      async stop() {
        isStopped = true;
        await running;
        return done;
      },
    };
  }

  async #once(done) {
    const number = this.#number++;
    await this.#publish(GROUP_TOPIC, { number }, { priority: number % 4, headers: { from: this.#thread } });
    done.deliveries++;
    await this.#publish(LARGE_TOPIC, new Uint8Array(LARGE_BYTES));
    done.deliveries += this.#threads;
    await this.#ask(number);
    done.requests++;
    await this.#listenOnce(number);
  }

  async #publish(topic, payload, options) {
    while (!this.#bus.publish(topic, payload, options)) await this.#bus.writable(topic);
  }

  /** Every id is a new string. */
  async #ask(number) {
    const to = number % this.#threads;
    const id = `request ${this.#thread} ${number}`;
    const answer = await this.#bus.request(askTopic(to), { id }, { timeoutMs: 60_000 });
    if (answer.id !== id || answer.thread !== to) throw new Error(`${id} got the answer ${JSON.stringify(answer)}`);
  }

  /** A subscription with a pattern and a filter of its own comes, gets a message that would expire some time, and goes. */
  async #listenOnce(number) {
    const name = number % MOST_TOPICS;
    const filter = { operator: 'AND', conditions: [{ field: 'number', operator: 'eq', value: number }] };
    let subscription;
    const heard = new Promise((resolve) => {
      subscription = this.#bus.subscribe(`side.${this.#thread}.*.${name}`, resolve, { filter });
    });
    await this.#publish(`side.${this.#thread}.once.${name}`, { number }, { expiresInMs: 60_000 });
    await heard;
    subscription.unsubscribe();
  }
}
