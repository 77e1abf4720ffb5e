// The samples of the last five minutes, and what charts take from them.

const MOST_SAMPLES = 300;

/** A bus by name, or a tenant's channel of it. */
export const keyOf = ({ name, tenant }) => JSON.stringify(tenant === undefined ? [name] : [name, tenant]);
export const nameOf = ({ name, tenant }) => (tenant === undefined ? name : `${name} / ${tenant}`);

/** Counts of a bus that add up over buses. */
const SUMMED = [
  'queueDepth',
  'deadLetters',
  'published',
  'handled',
  'failed',
  'dropped',
  'refused',
  'deadLettered',
  'subscriptions',
];

export class History {
  samples = [];
  recommendations = [];
  /** Key of the bus that is looked at; undefined for all. */
  selected = undefined;

  replace(samples, recommendations) {
    this.samples = samples.slice(-MOST_SAMPLES);
    this.recommendations = recommendations;
  }

  /** False for a sample that is there already. */
  add(sample, recommendations) {
    this.recommendations = recommendations;
    if (sample.number <= (this.newest?.number ?? 0)) return false;
    this.samples.push(sample);
    if (this.samples.length > MOST_SAMPLES) this.samples.shift();
    return true;
  }

  get newest() {
    return this.samples.at(-1);
  }

  /** Seconds since 1970, for the axis. */
  get times() {
    return this.samples.map(({ time }) => time / 1000);
  }

  /** The buses that there have been, the newest sample's first. */
  get buses() {
    const found = new Map();
    for (const sample of [this.newest, ...this.samples]) {
      for (const bus of sample?.buses ?? []) if (!found.has(keyOf(bus))) found.set(keyOf(bus), bus);
    }
    return found;
  }

  /** Those that are looked at, of a sample. */
  busesOf(sample) {
    return sample.buses.filter((bus) => this.selected === undefined || keyOf(bus) === this.selected);
  }

  /** What is looked at, added up, of a sample; latencies are those of the bus, or of all. */
  sumOf(sample) {
    const buses = this.busesOf(sample);
    const none = { count: 0, p50: 0, p95: 0, p99: 0, max: 0 };
    const sum = { latency: this.selected === undefined ? sample.latency.stats : (buses[0]?.latency ?? none) };
    for (const name of SUMMED) sum[name] = buses.reduce((total, bus) => total + bus[name], 0);
    return sum;
  }

  /** What the chart of latencies is drawn from: buckets with messages of the last seconds, `{from, to, count}`, rising. */
  buckets(seconds) {
    const since = (this.newest?.time ?? 0) - seconds * 1000;
    const found = new Map();
    for (const { time, latency } of this.samples) {
      if (time <= since) continue;
      const { boundaries, counts } = latency.buckets;
      for (const [index, count] of counts.entries()) {
        if (count === 0) continue;
        const from = boundaries[index];
        // JSON has no Infinity; what is longer than all buckets has one of its own, as wide as looks well.
        const to = boundaries[index + 1] ?? from * 1.25;
        const bucket = found.get(from) ?? { from, to, count: 0 };
        bucket.count += count;
        found.set(from, bucket);
      }
    }
    return [...found.values()].sort((a, b) => a.from - b.from);
  }
}
