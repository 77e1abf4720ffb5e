// A port has no bound: what is posted waits in memory. So the peers' senders are only so far ahead of their receivers.

/** How many messages a sender may be ahead: its fastest (32,768 in flight halve its speed), and memory stays bounded. */
export const WINDOW = 2048;
/** A sender yields to its event loop after so many messages, over whatever transport. */
export const TURN = 2000;

/** How many messages of a window of this size are acknowledged at once. */
const batchOf = (size) => Math.max(1, size >> 2);

/** The sender's side: what it has sent and not been acknowledged by every receiver, whose ports these are. */
export class Window {
  #size;
  #sent = 0;
  #acknowledged;
  #wake = () => {};

  constructor(ports, size = WINDOW) {
    this.#size = size;
    this.#acknowledged = ports.map(() => 0);
    for (const [index, port] of ports.entries()) {
      port.on('message', (count) => {
        this.#acknowledged[index] = count;
        this.#wake();
      });
    }
  }

  get #hasRoom() {
    for (const count of this.#acknowledged) if (this.#sent - count >= this.#size) return false;
    return true;
  }

  /** Counts a message that is about to be posted; false when the window is full. */
  take() {
    if (!this.#hasRoom) return false;
    this.#sent++;
    return true;
  }

  /** Resolves when there is room. */
  async writable() {
    while (!this.#hasRoom) await new Promise((resolve) => (this.#wake = resolve));
  }
}

/** The receiver's side. Counts go on from round to round, on both sides: an acknowledgement that comes late is none too many. */
export class Receipts {
  #port;
  #every;
  #received = 0;

  constructor(port, size = WINDOW) {
    this.#port = port;
    this.#every = batchOf(size);
  }

  /** One more message was received. */
  count() {
    if (++this.#received % this.#every === 0) this.#port.postMessage(this.#received);
  }
}
