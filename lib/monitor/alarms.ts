import type { Alert, MonitorSample } from './sample';
import { type CheckedThresholds, type Measurement, measure } from './thresholds';

/** An alert is over when its figure has been below this part of the threshold, */
const OVER_BELOW = 0.9;
/** for so many samples one after the other. So a figure that wavers about its threshold raises one alert, not one each time. */
const OVER_AFTER = 3;

/** What the newest sample has changed. */
export interface AlarmChanges {
  raised: Alert[];
  cleared: Alert[];
}

/** Which alerts are raised: each from the sample that crosses its threshold on, until the figure has been well below for a while. */
export class Alarms {
  private readonly raised = new Map<string, { alert: Alert; below: number }>();

  constructor(private readonly thresholds: CheckedThresholds) {}

  /** The alerts that are raised now, in the order in which they were. */
  get current(): Alert[] {
    return [...this.raised.values()].map(({ alert }) => ({ ...alert }));
  }

  /** Compares a sample with the thresholds. */
  look(sample: MonitorSample): AlarmChanges {
    const changes: AlarmChanges = { raised: [], cleared: [] };
    const seen = new Set<string>();
    for (const measurement of measure(sample, this.thresholds)) {
      const key = JSON.stringify([measurement.metric, measurement.key ?? '']);
      seen.add(key);
      this.compare(key, measurement, sample.time, changes);
    }
    for (const [key, { alert }] of this.raised) {
      // The bus was closed, or the pool is not watched any more.
      if (!seen.has(key)) this.clear(key, alert, changes);
    }
    return changes;
  }

  private compare(key: string, measurement: Measurement, time: number, changes: AlarmChanges): void {
    const { value, threshold } = measurement;
    const known = this.raised.get(key);
    if (known === undefined) {
      if (value === undefined || value <= threshold) return;
      const alert = alertOf(measurement, value, time);
      this.raised.set(key, { alert, below: 0 });
      changes.raised.push({ ...alert });
      return;
    }
    if (value !== undefined) {
      known.alert.value = value;
      known.alert.message = messageOf(measurement, value);
    }
    const isBelow = value === undefined || value <= threshold * OVER_BELOW;
    known.below = isBelow ? known.below + 1 : 0;
    if (known.below >= OVER_AFTER) this.clear(key, known.alert, changes);
  }

  private clear(key: string, alert: Alert, changes: AlarmChanges): void {
    this.raised.delete(key);
    changes.cleared.push({ ...alert });
  }

  /** Forgets what is raised. */
  reset(): void {
    this.raised.clear();
  }
}

function alertOf(measurement: Measurement, value: number, since: number): Alert {
  const { metric, level, threshold, subject } = measurement;
  const message = messageOf(measurement, value);
  return { metric, level, value, threshold, ...(subject !== undefined && { subject }), message, since };
}

function messageOf({ metric, subject, threshold, text }: Measurement, value: number): string {
  const of = subject === undefined ? '' : ` of ${JSON.stringify(subject)}`;
  const limit = threshold.toLocaleString('en');
  const beside = value > threshold ? `above the threshold of ${limit}` : `again below the threshold of ${limit}`;
  return `${metric}${of}: ${text(value)}, ${beside}`;
}
