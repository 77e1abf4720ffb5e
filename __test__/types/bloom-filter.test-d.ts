// What only the compiler checks of the filter, from the root and from the sub-path.
import type * as root from 'agentwire';
import { BloomFilter, type BloomFilterStats } from 'agentwire/optimized-serialization';

const filter: root.BloomFilter = new BloomFilter();
const small: BloomFilter = new BloomFilter(100);
const rare: BloomFilter = new BloomFilter(100, 0.001);
const attached: BloomFilter = BloomFilter.attach(filter.buffer);
const shared: SharedArrayBuffer = filter.buffer;
filter.add('text');
filter.addBatch(['a', 'b'] as const);
filter.clear();
const isPerhapsThere: boolean = filter.mightContain('text');
const answers: boolean[] = filter.mightContainBatch(['a']);
const { size, hashCount, bitsSet, utilization }: BloomFilterStats = filter.getStats();
const figures: number = size + hashCount + bitsSet + utilization + filter.expectedItems + filter.falsePositiveRate;

// @ts-expect-error Strings only.
filter.add(5);
// @ts-expect-error Strings only.
filter.mightContainBatch([5]);
// @ts-expect-error An array is an array of strings.
filter.addBatch('text');
// @ts-expect-error A filter lies in shared memory.
BloomFilter.attach(new ArrayBuffer(8));
// @ts-expect-error The rate is a number.
new BloomFilter(100, '1 %');
// @ts-expect-error What it was made for does not change.
filter.expectedItems = 5;

export { answers, attached, figures, isPerhapsThere, rare, shared, small };
