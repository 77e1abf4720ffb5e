//! Segments of a queue that loom watches, and records with tags.
// Not every model uses all of it.
#![allow(dead_code)]

use std::sync::atomic::{AtomicU32 as PlainU32, Ordering as PlainOrdering};
use std::sync::{Arc, Mutex as PlainMutex};

use agentwire::bus::queue::{Committed, PushError, Segment, SegmentQueue, SegmentSource};
use agentwire::memory::Memory;
use agentwire::sync::{AtomicU32, Mutex, Ordering};
use loom::cell::UnsafeCell;

/// A segment's memory that loom watches: who touches it after it was given back, or before the clearing
/// reached him, fails the model.
pub struct ModelMemory {
    words: Vec<AtomicU32>,
    /// Read by every access, written by `clear`.
    life: UnsafeCell<()>,
    /// Stepped by every access: see tests/model_memory.
    steps: AtomicU32,
}

// SAFETY: the cell holds nothing; loom checks the accesses that it stands for.
unsafe impl Send for ModelMemory {}
// SAFETY: as above.
unsafe impl Sync for ModelMemory {}

impl ModelMemory {
    pub fn new(bytes: usize) -> Self {
        Self {
            words: (0..bytes / 4).map(|_| AtomicU32::new(0)).collect(),
            life: UnsafeCell::new(()),
            steps: AtomicU32::new(0),
        }
    }
}

impl Memory for ModelMemory {
    fn len(&self) -> usize {
        self.words.len() * 4
    }

    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.life.with(|_| ());
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.words[offset / 4].load(order)
    }

    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.life.with(|_| ());
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.words[offset / 4].store(value, order);
    }

    fn clear(&mut self) {
        self.life.with_mut(|_| ());
        self.words
            .iter()
            .for_each(|word| word.store(0, Ordering::Relaxed));
    }
}

/// What becomes of a segment that was given back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum GivenBack {
    /// It is the next one to be taken: addresses come again.
    Serves,
    /// It rests. Then no lock of the source orders the threads, as it would by chance.
    Rests,
}

type Boxes = Vec<Box<Segment<ModelMemory>>>;

struct Segments {
    bytes: usize,
    given_back: GivenBack,
    serving: Mutex<Boxes>,
    // Not part of what is modelled.
    resting: PlainMutex<Boxes>,
    in_use: PlainU32,
}

#[derive(Clone)]
pub struct Source(Arc<Segments>);

impl Source {
    pub fn new(bytes: usize, given_back: GivenBack) -> Self {
        let (serving, resting, in_use) =
            (Mutex::default(), PlainMutex::default(), PlainU32::new(0));
        Self(Arc::new(Segments {
            bytes,
            given_back,
            serving,
            resting,
            in_use,
        }))
    }

    pub fn in_use(&self) -> u32 {
        self.0.in_use.load(PlainOrdering::Relaxed)
    }
}

impl SegmentSource for Source {
    type Memory = ModelMemory;

    fn segment_bytes(&self) -> u64 {
        self.0.bytes as u64
    }

    fn take(&self) -> Option<Box<Segment<ModelMemory>>> {
        self.0.in_use.fetch_add(1, PlainOrdering::Relaxed);
        let again = match self.0.given_back {
            GivenBack::Serves => self.0.serving.lock().pop(),
            GivenBack::Rests => None,
        };
        Some(again.unwrap_or_else(|| Segment::new(ModelMemory::new(self.0.bytes))))
    }

    fn give(&self, mut segment: Box<Segment<ModelMemory>>) {
        segment.reset();
        match self.0.given_back {
            GivenBack::Serves => self.0.serving.lock().push(segment),
            GivenBack::Rests => self.0.resting.lock().expect("no panic").push(segment),
        }
        self.0.in_use.fetch_sub(1, PlainOrdering::Relaxed);
    }
}

/// Fills a record with its tag: the number of its producer and its place among that one's records.
pub fn fill(memory: &ModelMemory, start: usize, len: usize, tag: u32) {
    for at in (4..len).step_by(4) {
        memory.store(start + at, tag, Ordering::Relaxed);
    }
}

pub fn tag_of(record: &Committed<'_, ModelMemory>) -> u32 {
    let word = |at: usize| record.memory.load(record.offset + at, Ordering::Relaxed);
    let tag = word(4);
    assert!(
        (4..record.len).step_by(4).all(|at| word(at) == tag),
        "a record came in parts"
    );
    tag
}

pub fn push(queue: &SegmentQueue<Source>, len: usize, tag: u32) -> Result<(), PushError> {
    queue.push(len, |memory, start| fill(memory, start, len, tag))
}
