//! Memory of words that a model checker watches.

use std::collections::HashMap;

use agentwire::memory::{Memory, Source, Target, WideMemory};
use agentwire::ring::Geometry;
use agentwire::ring::layout::{BYTES, HEAD, LENGTH, TAIL, TURN};
use agentwire::sync::{AtomicU32, AtomicU64, Ordering};

/// Only the words that a ring uses, each a variable of its own. Items are words that are read and written relaxed: where
/// the algorithm fails to order them, the model shows a stale one, and the test finds it.
///
/// Every access steps a counter that all threads share. That orders nothing (it is relaxed), but loom takes the
/// threads' accesses for dependent by it and tries their orders. Left alone it compares an access with the last one of
/// its word only, which for "load, then compare-and-swap" is the thread's own load: whole interleavings go untried.
pub struct ModelMemory {
    len: usize,
    steps: AtomicU32,
    wide: HashMap<usize, AtomicU64>,
    narrow: HashMap<usize, AtomicU32>,
}

impl ModelMemory {
    fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// An empty ring, without its identity.
    pub fn of_ring(geometry: Geometry) -> Self {
        let slots = || (0..geometry.slots).map(|index| geometry.slot(index));
        let wide = [TAIL, HEAD]
            .into_iter()
            .chain(slots().map(|slot| slot + TURN));
        let narrow = slots().flat_map(|slot| {
            let words = (slot + BYTES..slot + BYTES + geometry.most_bytes as usize).step_by(4);
            std::iter::once(slot + LENGTH).chain(words)
        });
        Self {
            len: geometry.total_bytes(),
            steps: AtomicU32::new(0),
            wide: wide.map(|at| (at, AtomicU64::new(0))).collect(),
            narrow: narrow.map(|at| (at, AtomicU32::new(0))).collect(),
        }
    }
}

impl Memory for ModelMemory {
    fn len(&self) -> usize {
        self.len
    }

    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.step();
        self.narrow[&offset].load(order)
    }

    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.step();
        self.narrow[&offset].store(value, order);
    }

    fn clear(&mut self) {
        unreachable!("a ring is never cleared as memory")
    }
}

impl WideMemory for ModelMemory {
    fn load_u64(&self, offset: usize, order: Ordering) -> u64 {
        self.step();
        self.wide[&offset].load(order)
    }

    fn store_u64(&self, offset: usize, value: u64, order: Ordering) {
        self.step();
        self.wide[&offset].store(value, order);
    }

    fn compare_exchange_u64(
        &self,
        offset: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.step();
        self.wide[&offset].compare_exchange(current, new, success, failure)
    }

    fn copy_in(&self, offset: usize, source: Source<'_>) {
        for at in (0..source.len()).step_by(4) {
            let word = source.range(at, at + 4).start().cast::<u32>();
            // SAFETY: four bytes of the source.
            let word = unsafe { word.read_unaligned() };
            self.store(offset + at, word, Ordering::Relaxed);
        }
    }

    fn copy_out(&self, offset: usize, mut target: Target<'_>) {
        for at in (0..target.len()).step_by(4) {
            let word = self.load(offset + at, Ordering::Relaxed);
            let place = target.range(at, at + 4).start().cast::<u32>();
            // SAFETY: four bytes of the target.
            unsafe { place.write_unaligned(word) };
        }
    }

    fn copy_out_racing(&self, offset: usize, target: Target<'_>) {
        self.copy_out(offset, target);
    }
}
