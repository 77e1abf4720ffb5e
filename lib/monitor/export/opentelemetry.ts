import { refuseUnknown } from '../../checks';
import { AgentwireArgumentError, AgentwireError, describe } from '../../errors';
import { version } from '../../version';
import type { MonitorSample, SampleSource } from '../sample';
import { checkSource } from './check-source';
import { SERIES } from './series';

/** What is needed of an `ObservableResult` of `@opentelemetry/api`. */
export interface ObservableResultLike {
  observe(value: number, attributes?: Record<string, string>): void;
}

/** What is needed of an observable counter or gauge of `@opentelemetry/api`. */
export interface ObservableLike {
  addCallback(callback: (result: ObservableResultLike) => void): void;
  removeCallback(callback: (result: ObservableResultLike) => void): void;
}

/** What is needed of a `Meter` of `@opentelemetry/api`. */
export interface MeterLike {
  createObservableGauge(name: string, options?: { description?: string; unit?: string }): ObservableLike;
  createObservableCounter(name: string, options?: { description?: string; unit?: string }): ObservableLike;
}

export interface OpenTelemetryOptions {
  /** The meter to make instruments of. Default: that of the global meter provider, by the name `agentwire`. */
  meter?: MeterLike | undefined;
  /** What names begin with. Default `agentwire.`. */
  prefix?: string | undefined;
}

/** What ends the export. */
export interface OpenTelemetryExport {
  /** Takes the callbacks off the instruments. OpenTelemetry keeps the instruments themselves. */
  unregister(): void;
}

const PACKAGE = '@opentelemetry/api';

/**
 * Has OpenTelemetry read a monitor's newest sample whenever it collects: one observable instrument for each figure. Needs the package
 * `@opentelemetry/api`, unless a meter is given, and a meter provider that the program has set up.
 *
 * ```js
 * const { unregister } = registerOpenTelemetry(monitor.startMonitoring());
 * ```
 *
 * @throws AgentwireError ERR_AGENTWIRE_PEER_MISSING without the package
 */
export function registerOpenTelemetry(source: SampleSource, options: OpenTelemetryOptions = {}): OpenTelemetryExport {
  checkSource(source);
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, ['meter', 'prefix'], 'registerOpenTelemetry');
  const { meter = globalMeter(), prefix = 'agentwire.' } = options;
  if (typeof prefix !== 'string') throw new AgentwireArgumentError('prefix', 'a string', prefix);
  if (typeof meter?.createObservableGauge !== 'function' || typeof meter.createObservableCounter !== 'function') {
    throw new AgentwireArgumentError('meter', 'a Meter of @opentelemetry/api', meter);
  }
  const ends = SERIES.map(({ name, description, unit, kind, points }) => {
    const about = { description, unit };
    const instrument =
      kind === 'counter'
        ? meter.createObservableCounter(prefix + name, about)
        : meter.createObservableGauge(prefix + name, about);
    const callback = (result: ObservableResultLike) => {
      const newest: MonitorSample | undefined = source.history.at(-1);
      if (newest === undefined) return;
      for (const { value, attributes } of points(newest)) result.observe(value, { ...attributes });
    };
    instrument.addCallback(callback);
    return () => instrument.removeCallback(callback);
  });
  return {
    unregister() {
      for (const end of ends) end();
    },
  };
}

function globalMeter(): MeterLike {
  let api: { metrics: { getMeter(name: string, version?: string): MeterLike } };
  try {
    api = require(PACKAGE);
  } catch (cause) {
    throw new AgentwireError(
      'ERR_AGENTWIRE_PEER_MISSING',
      `registerOpenTelemetry needs the package ${PACKAGE}, which could not be loaded (${describe((cause as Error).message)}): npm install ` +
        `${PACKAGE}, or give a meter`,
      { cause },
    );
  }
  return api.metrics.getMeter('agentwire', version());
}
