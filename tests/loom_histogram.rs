//! A histogram of many threads, explored by loom: one records while another resets and reads. How to run it: tests/loom_mailbox.rs.
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

use agentwire::memory::{Memory, Source, Target, WideMemory};
use agentwire::monitor::histogram::SharedHistogram;
use agentwire::monitor::layout::*;
use agentwire::sync::{Arc, AtomicU32, AtomicU64, Ordering};
use exploration::model;
use loom::thread;

/// The longest latency with a bucket, ns: so small that there are few cells.
const LIMIT: u64 = 1;

/// Cells of a part that loom watches. The steps are counted for the reason that `model_memory` gives.
#[derive(Clone)]
struct Part(Arc<Cells>);

struct Cells {
    steps: AtomicU32,
    cells: Vec<AtomicU64>,
}

impl Part {
    fn new() -> Self {
        let count = part_bytes(LIMIT) / CELL_BYTES;
        Self(Arc::new(Cells {
            steps: AtomicU32::new(0),
            cells: (0..count).map(|_| AtomicU64::new(0)).collect(),
        }))
    }

    fn cell(&self, offset: usize) -> &AtomicU64 {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
        &self.0.cells[offset / CELL_BYTES]
    }

    fn get(&self, cell: usize) -> f64 {
        f64::from_bits(self.load_u64(cell * CELL_BYTES, Ordering::Relaxed))
    }

    fn set(&self, cell: usize, value: f64, order: Ordering) {
        self.store_u64(cell * CELL_BYTES, value.to_bits(), order);
    }

    /// What the facade does for each latency: lib/monitor/latency-histogram.ts. Of 1 ns.
    fn record(&self) {
        let wanted = self.get(WANTED_EPOCH);
        if self.get(EPOCH) != wanted {
            for cell in [SUM, MOST, LONGER, BUCKETS, BUCKETS + 1] {
                self.set(cell, 0.0, Ordering::Relaxed);
            }
            self.set(LEAST, f64::INFINITY, Ordering::Relaxed);
            self.set(EPOCH, wanted, Ordering::Release);
        }
        let bucket = BUCKETS + bucket_of(1);
        self.set(bucket, self.get(bucket) + 1.0, Ordering::Relaxed);
        self.set(SUM, self.get(SUM) + 1.0, Ordering::Relaxed);
    }
}

impl Memory for Part {
    fn len(&self) -> usize {
        part_bytes(LIMIT)
    }

    fn load(&self, _offset: usize, _order: Ordering) -> u32 {
        unreachable!("cells are wide")
    }

    fn store(&self, _offset: usize, _value: u32, _order: Ordering) {
        unreachable!("cells are wide")
    }

    fn clear(&mut self) {
        unreachable!("cells are emptied by their owner")
    }
}

impl WideMemory for Part {
    fn load_u64(&self, offset: usize, order: Ordering) -> u64 {
        self.cell(offset).load(order)
    }

    fn store_u64(&self, offset: usize, value: u64, order: Ordering) {
        self.cell(offset).store(value, order);
    }

    fn compare_exchange_u64(
        &self,
        _offset: usize,
        _current: u64,
        _new: u64,
        _success: Ordering,
        _failure: Ordering,
    ) -> Result<u64, u64> {
        unreachable!("a cell has one writer")
    }

    fn copy_in(&self, _offset: usize, _source: Source<'_>) {
        unreachable!("cells are never copied")
    }

    fn copy_out(&self, _offset: usize, _target: Target<'_>) {
        unreachable!("cells are never copied")
    }

    fn copy_out_racing(&self, _offset: usize, _target: Target<'_>) {
        unreachable!("cells are never copied")
    }
}

/// Nothing of before a reset is told after it, whatever the reader sees of the owner's stores.
#[test]
fn a_reset_beside_one_who_records() {
    model(|| {
        let histogram = Arc::new(SharedHistogram::new(LIMIT));
        let part = Part::new();
        histogram.join(part.clone());
        part.record();
        part.record();
        let owner = {
            let part = part.clone();
            thread::spawn(move || part.record())
        };
        histogram.reset();
        // The two of before are gone, whether the owner has seen the reset or not; its third was before it or after.
        assert!(histogram.read().buckets.len() <= 1);
        owner.join().expect("no panic");
        assert!(histogram.read().buckets.len() <= 1);
        part.record();
        let read = histogram.read();
        assert!((1..=2).contains(&read.buckets.len()));
        assert_eq!(read.sum, read.buckets.len() as f64);
    });
}

/// What a thread has recorded is told once, while it leaves and when it has left.
#[test]
fn a_part_that_leaves_beside_a_reader() {
    model(|| {
        let histogram = Arc::new(SharedHistogram::new(LIMIT));
        let leaver = {
            let histogram = Arc::clone(&histogram);
            thread::spawn(move || {
                let part = Part::new();
                let number = histogram.join(part.clone());
                part.record();
                histogram.leave(number);
            })
        };
        assert!(histogram.read().buckets.len() <= 1);
        leaver.join().expect("no panic");
        let read = histogram.read();
        assert_eq!((read.buckets.len(), read.sum), (1, 1.0));
        assert_eq!(histogram.parts(), 0);
    });
}
