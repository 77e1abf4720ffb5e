//! A histogram that many threads record into without a lock: each has a part of its own ([`super::layout`]), and whoever reads adds
//! the parts up.
//!
//! A thread records by plain stores to cells that nobody else writes. A reader may come in between two of them: then the figures that it
//! gets differ from each other by what was being recorded, and the next ones have it. A reset is a number that each thread
//! compares with its own before it records: it empties its part itself, so that no two threads ever write the same cell. Until
//! then readers leave the part out.
//!
//! The sum is a histogram of the crate hdrhistogram, which has the same buckets.

use hdrhistogram::Histogram;

use super::layout::*;
use crate::memory::WideMemory;
use crate::sync::{Mutex, Ordering};

/// What was recorded, in sum.
#[derive(Debug, Clone)]
pub struct Latencies {
    /// What has a bucket, ns.
    pub buckets: Histogram<u64>,
    /// How many were longer than that.
    pub longer: u64,
    /// Sum of all, ns.
    pub sum: f64,
    /// The least, ns. Infinity where there is none.
    pub least: f64,
    /// The most, ns.
    pub most: f64,
}

impl Latencies {
    fn new(limit: u64) -> Self {
        Self {
            // Its own least is 2.
            buckets: Histogram::new_with_bounds(1, limit.max(2), DIGITS).expect("bounds in order"),
            longer: 0,
            sum: 0.0,
            least: f64::INFINITY,
            most: 0.0,
        }
    }

    /// Adds what a part holds, but for what was recorded before the last reset.
    fn add_part(&mut self, part: &impl WideMemory, limit: u64, epoch: u64) {
        // SYNC POINT epoch: Acquire pairs with the Release of the owner (an atomic store of JavaScript), which has emptied the cells
        // before it.
        if part.load_u64(EPOCH * CELL_BYTES, Ordering::Acquire) != (epoch as f64).to_bits() {
            return;
        }
        // JavaScript may have written anything.
        let cell = |index: usize| {
            let value = f64::from_bits(part.load_u64(index * CELL_BYTES, Ordering::Relaxed));
            if value >= 0.0 { value } else { 0.0 }
        };
        let count = |index: usize| cell(index).min(COUNTABLE) as u64;
        for bucket in 0..=bucket_of(limit) {
            let times = count(BUCKETS + bucket);
            if times > 0 {
                // Within its bounds, for the last bucket has the limit in it.
                let _ = self.buckets.record_n(lowest_of(bucket).min(limit), times);
            }
        }
        self.longer = self.longer.saturating_add(count(LONGER));
        self.sum += cell(SUM).min(f64::MAX / 1e9);
        self.least = self.least.min(cell(LEAST));
        self.most = self.most.max(cell(MOST)).min(f64::MAX);
    }

    /// How many times each bucket was recorded, by its number.
    pub fn counts(&self, limit: u64) -> impl Iterator<Item = u64> {
        (0..=bucket_of(limit))
            .map(move |bucket| self.buckets.count_at(lowest_of(bucket).min(limit)))
    }

    /// Laid out as a part is.
    pub fn cells(&self, limit: u64) -> Vec<f64> {
        let mut cells = vec![0.0; BUCKETS];
        cells[SUM] = self.sum;
        cells[LEAST] = self.least;
        cells[MOST] = self.most;
        cells[LONGER] = self.longer as f64;
        cells.extend(self.counts(limit).map(|count| count as f64));
        cells
    }
}

/// Most times that a cell can tell.
const COUNTABLE: f64 = (1_u64 << 53) as f64;

/// A part in memory that JavaScript shares.
#[cfg(not(model))]
pub struct SharedPart(crate::memory::SharedBytes);

#[cfg(not(model))]
impl SharedPart {
    /// Wraps a window.
    ///
    /// # Safety
    /// The memory stays until the part has left its histogram, whatever thread that happens on.
    pub unsafe fn new(bytes: crate::memory::SharedBytes) -> Self {
        Self(bytes)
    }
}

// SAFETY: memory that any thread may read; every access is one of an atomic word.
#[cfg(not(model))]
unsafe impl Send for SharedPart {}

#[cfg(not(model))]
impl crate::memory::Window for SharedPart {
    fn window(&self) -> &crate::memory::SharedBytes {
        &self.0
    }
}

/// See the module's documentation.
pub struct SharedHistogram<M> {
    /// The longest latency that has a bucket, ns.
    pub limit: u64,
    state: Mutex<State<M>>,
}

struct State<M> {
    epoch: u64,
    parts: Vec<(u64, M)>,
    next_part: u64,
    /// What threads have recorded that let go of their parts. None while none has.
    left: Option<Latencies>,
}

impl<M: WideMemory> SharedHistogram<M> {
    /// An empty one.
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            state: Mutex::new(State {
                epoch: 0,
                parts: Vec::new(),
                next_part: 1,
                left: None,
            }),
        }
    }

    /// Adds a thread's part, which is zeroed memory of [`part_bytes`]: its number. The memory stays until it has left.
    pub fn join(&self, part: M) -> u64 {
        let state = &mut *self.state.lock();
        // As if it had been emptied after the last reset: nobody else has the part yet.
        let epoch = (state.epoch as f64).to_bits();
        for cell in [EPOCH, WANTED_EPOCH] {
            part.store_u64(cell * CELL_BYTES, epoch, Ordering::Relaxed);
        }
        part.store_u64(
            LEAST * CELL_BYTES,
            f64::INFINITY.to_bits(),
            Ordering::Relaxed,
        );
        let number = state.next_part;
        state.next_part += 1;
        state.parts.push((number, part));
        number
    }

    /// Takes a part out; what was recorded in it stays. Called where its thread records no more.
    pub fn leave(&self, number: u64) {
        let State {
            parts, left, epoch, ..
        } = &mut *self.state.lock();
        if let Some(index) = parts.iter().position(|(of, _)| *of == number) {
            let (_, part) = parts.swap_remove(index);
            let left = left.get_or_insert_with(|| Latencies::new(self.limit));
            left.add_part(&part, self.limit, *epoch);
        }
    }

    /// Forgets what was recorded.
    pub fn reset(&self) {
        let state = &mut *self.state.lock();
        state.epoch += 1;
        state.left = None;
        let epoch = (state.epoch as f64).to_bits();
        for (_, part) in &state.parts {
            // Relaxed: the owner looks at this word alone, and empties its own cells.
            part.store_u64(WANTED_EPOCH * CELL_BYTES, epoch, Ordering::Relaxed);
        }
    }

    /// What all threads have recorded.
    pub fn read(&self) -> Latencies {
        let state = self.state.lock();
        let left = state.left.clone();
        let mut sum = left.unwrap_or_else(|| Latencies::new(self.limit));
        for (_, part) in &state.parts {
            sum.add_part(part, self.limit, state.epoch);
        }
        sum
    }

    /// The same, laid out as a part is.
    pub fn read_cells(&self) -> Vec<f64> {
        self.read().cells(self.limit)
    }

    /// True before the first thread has a part: then there is nothing to read.
    pub fn is_unused(&self) -> bool {
        self.state.lock().next_part == 1
    }

    /// How many threads have a part.
    pub fn parts(&self) -> usize {
        self.state.lock().parts.len()
    }
}

#[cfg(all(test, not(model)))]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::memory::{HeapBytes, Memory, SharedBytes, Window};

    #[derive(Clone)]
    struct Part(Arc<HeapBytes>);

    impl Part {
        fn new() -> Self {
            Self(Arc::new(HeapBytes::new(part_bytes(LIMIT))))
        }
    }

    impl Window for Part {
        fn window(&self) -> &SharedBytes {
            self.0.window()
        }
    }

    const LIMIT: u64 = 10_000_000;

    /// What the facade does at each record.
    fn record(part: &Part, value: u64) {
        let load =
            |cell: usize| f64::from_bits(part.load_u64(cell * CELL_BYTES, Ordering::Relaxed));
        let store = |cell: usize, value: f64| {
            part.store_u64(cell * CELL_BYTES, value.to_bits(), Ordering::Relaxed)
        };
        if load(EPOCH) != load(WANTED_EPOCH) {
            for cell in SUM..part.len() / CELL_BYTES {
                store(cell, 0.0);
            }
            store(LEAST, f64::INFINITY);
            part.store_u64(
                EPOCH * CELL_BYTES,
                load(WANTED_EPOCH).to_bits(),
                Ordering::Release,
            );
        }
        let cell = if value > LIMIT {
            LONGER
        } else {
            BUCKETS + bucket_of(value)
        };
        store(cell, load(cell) + 1.0);
        store(SUM, load(SUM) + value as f64);
        store(LEAST, load(LEAST).min(value as f64));
        store(MOST, load(MOST).max(value as f64));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Record(usize, u64),
        Reset,
        Leave(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0_usize..4, 0..2 * LIMIT, 0..24).prop_map(|(part, value, shift)| Step::Record(part, value >> shift)),
            1 => Just(Step::Reset),
            1 => (0_usize..4).prop_map(Step::Leave),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_parts_add_up_to_what_was_recorded(steps in prop::collection::vec(step(), 0..200)) {
            let histogram = SharedHistogram::<Part>::new(LIMIT);
            let join = || {
                let part = Part::new();
                (histogram.join(part.clone()), part)
            };
            let mut parts: Vec<_> = (0..4).map(|_| join()).collect();
            let mut expected: Vec<u64> = Vec::new();
            for step in steps {
                match step {
                    Step::Record(part, value) => {
                        record(&parts[part].1, value);
                        expected.push(value);
                    }
                    Step::Reset => {
                        histogram.reset();
                        expected.clear();
                    }
                    Step::Leave(part) => {
                        histogram.leave(parts[part].0);
                        parts[part] = join();
                    }
                }
                let read = histogram.read();
                let longer = expected.iter().filter(|value| **value > LIMIT).count() as u64;
                prop_assert_eq!(read.longer, longer);
                prop_assert_eq!(read.buckets.len() + longer, expected.len() as u64);
                prop_assert_eq!(read.sum, expected.iter().sum::<u64>() as f64);
                prop_assert_eq!(read.most, expected.iter().max().copied().unwrap_or(0) as f64);
                let least = expected.iter().min().map_or(f64::INFINITY, |least| *least as f64);
                prop_assert_eq!(read.least, least);
                let mut counts = vec![0; bucket_of(LIMIT) + 1];
                expected.iter().filter(|value| **value <= LIMIT).for_each(|value| counts[bucket_of(*value)] += 1);
                prop_assert_eq!(read.counts(LIMIT).collect::<Vec<u64>>(), counts);
            }
        }

        #[test]
        fn scribbled_cells_spoil_figures_and_nothing_else(cells in prop::collection::vec(any::<u64>(), 64)) {
            let histogram = SharedHistogram::<Part>::new(LIMIT);
            let part = Part::new();
            histogram.join(part.clone());
            for (index, cell) in cells.iter().enumerate().skip(SUM) {
                part.store_u64(index * CELL_BYTES, *cell, Ordering::Relaxed);
            }
            for _ in 0..2 {
                let read = histogram.read();
                prop_assert!(read.sum.is_finite() && read.most.is_finite() && read.least >= 0.0);
                prop_assert_eq!(read.counts(LIMIT).count(), bucket_of(LIMIT) + 1);
            }
        }
    }
}
