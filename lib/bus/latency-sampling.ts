import { Bus } from '../generated/layout';
import { now } from '../monitor/clock';

/**
 * One message in so long is measured while more than that are published, ns: a thousand a second say enough, and each takes 0.2 us longer on its way
 * (two looks at the clock, an extension of its record). In a flood it is one in MOST_MEAN.
 */
const SAMPLE_EVERY_NS = 1_000_000;
/** Messages that one measured message stands for at most; its eight bits hold more. */
const MOST_MEAN = 128;

/** After a pause as long as this the next message is measured, ms: who publishes seldom is seen soon. */
export const SAMPLING_PAUSE_MS = 10;

/**
 * Which of a publisher's messages are measured: all while there are few, one of some while there are many, at random. Each is measured with a
 * probability that is known before it comes, and stands for one by that many: so what is told of some is, on average, what is true of
 * all, however the messages are spread over time (Horvitz and Thompson, 1952).
 */
export class LatencySampling {
  /** Messages until the next that is measured, itself included. */
  private untilNext = 1;
  /** One message in so many is measured on average, and stands for as many. */
  private mean = 1;
  /** The same for the message that was taken last. */
  private weight = 1;
  private last = 0;
  private seed = 0x2545_f491;

  /** Counts a message: the time if it is to be measured, else 0. */
  take(): number {
    return --this.untilNext > 0 ? 0 : this.measure();
  }

  /** Nothing was published for a while: the next message is measured. */
  afterPause(): void {
    this.mean = 1;
    this.untilNext = 1;
  }

  /** The upper word of the extension PUBLISHED of the message that was taken last. */
  upperWord(publishedAt: number): number {
    return (publishedAt / 2 ** 32) | (this.weight << (Bus.PublishedWeightBit - 32));
  }

  private measure(): number {
    const time = now();
    const elapsed = time - this.last;
    this.last = time;
    this.weight = this.mean;
    if (elapsed < SAMPLE_EVERY_NS / 2) this.mean = Math.min(MOST_MEAN, this.mean * 2);
    else if (elapsed > SAMPLE_EVERY_NS * 2)
      this.mean = Math.max(1, Math.floor((this.mean * SAMPLE_EVERY_NS * 2) / elapsed));
    this.untilNext = this.mean === 1 ? 1 : this.gap();
    return time;
  }

  /** How far it is to the next when each message is measured with the probability 1 / mean: a geometric distribution. */
  private gap(): number {
    this.seed ^= this.seed << 13;
    this.seed ^= this.seed >>> 17;
    this.seed ^= this.seed << 5;
    const uniform = ((this.seed >>> 0) + 1) / (2 ** 32 + 1);
    return Math.max(1, Math.ceil(Math.log(uniform) / Math.log1p(-1 / this.mean)));
  }
}

/** When a message with these two words was published, ns of the counter's clock; 0 for one that is not measured. */
export function publishedAt(low: number, high: number): number {
  return (low >>> 0) + (high & ((1 << (Bus.PublishedWeightBit - 32)) - 1)) * 2 ** 32;
}

/** For how many messages it stands. */
export function weightOf(high: number): number {
  return high >>> (Bus.PublishedWeightBit - 32);
}
