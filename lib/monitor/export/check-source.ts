import { AgentwireArgumentError } from '../../errors';
import type { SampleSource } from '../sample';

/** What exports read: a monitor, or whatever has samples. They read it later, when nobody awaits an error. */
export function checkSource(source: SampleSource): void {
  if (typeof source === 'object' && source !== null && Array.isArray(source.history)) return;
  throw new AgentwireArgumentError('source', 'a PerformanceMonitor, or an object with a history of samples', source);
}
