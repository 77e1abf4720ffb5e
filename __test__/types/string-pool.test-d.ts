// What only the compiler checks of the string pool, from the root and from the sub-path.
import type * as root from 'agentwire';
import { type BloomFilterStats, OptimizedStringPool, type StringPoolStats } from 'agentwire/optimized-serialization';

const pool: root.OptimizedStringPool = new OptimizedStringPool();
const shared: OptimizedStringPool = OptimizedStringPool.shared('name');
const id: number = pool.intern('text');
const text: string | undefined = pool.getString(id);
const isThere: boolean = pool.has('text');
const stats: StringPoolStats = pool.getStats();
const filter: BloomFilterStats = stats.bloomStats;
const figures: number = stats.totalStrings + stats.averageLength + stats.totalBytes + stats.knownStrings;

// @ts-expect-error Strings only.
pool.intern(5);
// @ts-expect-error Ids are numbers.
pool.getString('text');
// @ts-expect-error The string may be missing.
pool.getString(1).length;
// @ts-expect-error A pool of a name is asked for by `shared`.
new OptimizedStringPool('name');

export { figures, filter, isThere, shared, text };
