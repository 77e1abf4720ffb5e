//! Memory of large payloads: pooled up to a mebibyte, in four sizes; above, allocated for the one payload. All of it
//! counts against the budget of the process, by the size of its block.

use std::mem::ManuallyDrop;
use std::sync::OnceLock;

use super::budget::Budget;
use super::heap_pool::HeapPool;
use super::{MAX_BYTES, process_budget};
use crate::memory::{Memory, PageBytes, Source, WideMemory, Window};

/// Bytes of a block, and how many free ones are kept, for each class: at most 2.75 MiB in all.
const CLASSES: [(usize, u32); 4] = [
    (16 * 1024, 16),
    (64 * 1024, 8),
    (256 * 1024, 4),
    (1024 * 1024, 1),
];

/// The pools of all sizes.
pub struct PayloadPool {
    classes: [HeapPool<PageBytes>; CLASSES.len()],
    budget: &'static Budget,
}

impl PayloadPool {
    /// The pool of this process.
    pub fn global() -> &'static Self {
        static POOL: OnceLock<PayloadPool> = OnceLock::new();
        POOL.get_or_init(|| Self::new(process_budget()))
    }

    fn new(budget: &'static Budget) -> Self {
        Self {
            classes: CLASSES.map(|(bytes, kept)| HeapPool::new((MAX_BYTES / bytes) as u32, kept)),
            budget,
        }
    }

    /// Copies a payload into memory of its own. None when the budget does not allow it, or the system
    /// has no memory.
    pub fn store(&'static self, source: Source<'_>) -> Option<Payload> {
        let len = source.len();
        let class = CLASSES.iter().position(|(bytes, _)| len <= *bytes);
        let bytes = class.map_or(len, |class| CLASSES[class].0);
        if !self.budget.take(bytes) {
            return None;
        }
        let (index, chunk) = match class {
            None => (0, None),
            Some(class) => match self.classes[class].take() {
                Some(taken) => taken,
                None => {
                    self.budget.give(bytes);
                    return None;
                }
            },
        };
        let Some(chunk) = chunk.or_else(|| PageBytes::new(bytes).map(Box::new)) else {
            if let Some(class) = class {
                self.classes[class].give_empty(index);
            }
            self.budget.give(bytes);
            return None;
        };
        chunk.copy_in(0, source);
        Some(Payload {
            pool: self,
            class,
            index,
            len,
            chunk: ManuallyDrop::new(chunk),
        })
    }

    /// Bytes that are kept for the next payloads.
    pub fn bytes_free(&self) -> usize {
        let kept = self.classes.iter().zip(CLASSES);
        kept.map(|(pool, (bytes, _))| pool.kept() as usize * bytes)
            .sum()
    }
}

/// A payload's bytes. Dropping it gives its memory back.
pub struct Payload {
    pool: &'static PayloadPool,
    /// None for memory that is not pooled.
    class: Option<usize>,
    index: u32,
    len: usize,
    chunk: ManuallyDrop<Box<PageBytes>>,
}

impl Payload {
    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let start = self.chunk.window().span(0, self.len);
        // SAFETY: `store` wrote `len` bytes there, and nobody writes them again before the drop.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), self.len) }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // SAFETY: taken out once, here.
        let chunk = unsafe { ManuallyDrop::take(&mut self.chunk) };
        let bytes = chunk.len();
        match self.class {
            // As it is: the next payload is written over it before anybody reads.
            Some(class) => self.pool.classes[class].give(self.index, chunk, |_| ()),
            None => drop(chunk),
        }
        self.pool.budget.give(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool_of(bytes: usize) -> &'static PayloadPool {
        let budget = Box::leak(Box::new(Budget::new(bytes)));
        Box::leak(Box::new(PayloadPool::new(budget)))
    }

    #[test]
    fn a_payload_of_any_size_is_stored_and_counted_by_its_block() {
        let pool = pool_of(1 << 24);
        let mut stored = Vec::new();
        let mut expected = 0;
        for (len, counted) in [
            (1, 16 << 10),
            (4097, 16 << 10),
            (16 << 10, 16 << 10),
            ((16 << 10) + 1, 64 << 10),
            (65 << 10, 256 << 10),
            (257 << 10, 1 << 20),
            (1 << 20, 1 << 20),
            ((1 << 20) + 1, (1 << 20) + 1),
        ] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251 + len % 7) as u8).collect();
            let payload = pool.store((&bytes[..]).into()).expect("within the budget");
            expected += counted;
            assert_eq!(pool.budget.in_use(), expected);
            stored.push((bytes, payload));
        }
        for (bytes, payload) in &stored {
            assert_eq!(payload.bytes(), bytes);
        }
        drop(stored);
        assert_eq!(pool.budget.in_use(), 0);
        assert_eq!(pool.bytes_free(), (3 * 16 + 64 + 256 + 1024) << 10);
    }

    #[test]
    fn the_budget_is_a_bound_for_all_sizes_together() {
        let pool = pool_of(100 << 10);
        let store = |len: usize| pool.store((&vec![7; len][..]).into());
        let (first, second) = (
            store(60 << 10).expect("64 of 100"),
            store(9000).expect("80 of 100"),
        );
        assert!(store(20 << 10).is_none() && store(2 << 20).is_none());
        let third = store(5000).expect("96 of 100");
        assert!(store(5000).is_none());
        drop((first, second, third));
        assert!(store(20 << 10).is_some());
        assert_eq!(pool.budget.in_use(), 0);
    }
}
