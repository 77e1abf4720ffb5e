//! The queue of a mailbox against the plain model, on one thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use agentwire::bus::queue::{PushError, Segment, SegmentQueue, SegmentSource};
use agentwire::memory::{HeapBytes, Memory};
use proptest::collection::vec;
use proptest::prelude::*;

const SEGMENT_BYTES: usize = 64;

/// Hands out at most so many segments, and used ones first.
struct Source {
    most: usize,
    in_use: Cell<usize>,
    #[expect(clippy::vec_box, reason = "the queue gives and takes boxes")]
    free: RefCell<Vec<Box<Segment<HeapBytes>>>>,
}

impl SegmentSource for &Source {
    type Memory = HeapBytes;

    fn segment_bytes(&self) -> u64 {
        SEGMENT_BYTES as u64
    }

    fn take(&self) -> Option<Box<Segment<HeapBytes>>> {
        if self.in_use.get() == self.most {
            return None;
        }
        self.in_use.set(self.in_use.get() + 1);
        Some(
            self.free
                .borrow_mut()
                .pop()
                .unwrap_or_else(|| Segment::new(HeapBytes::new(SEGMENT_BYTES))),
        )
    }

    fn give(&self, mut segment: Box<Segment<HeapBytes>>) {
        segment.reset();
        self.in_use.set(self.in_use.get() - 1);
        self.free.borrow_mut().push(segment);
    }
}

#[derive(Debug, Clone)]
enum Act {
    /// Words of the record, two at a time.
    Push(usize),
    Peek,
    Pop,
    Publish,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1..=SEGMENT_BYTES / 8).prop_map(Act::Push),
        1 => Just(Act::Peek),
        3 => Just(Act::Pop),
        1 => Just(Act::Publish),
    ]
}

/// A record of that length: every word but the first is `tag`.
fn push(queue: &SegmentQueue<&Source>, len: usize, tag: u32) -> Result<(), PushError> {
    queue.push(len, |memory, start| {
        (4..len).step_by(4).for_each(|at| {
            assert_eq!(
                memory.load(start + at, Ordering::Relaxed),
                0,
                "the claim was written before"
            );
            memory.store(start + at, tag, Ordering::Relaxed);
        });
    })
}

fn read(memory: &HeapBytes, offset: usize, len: usize) -> (usize, u32) {
    let word = |at: usize| memory.load(offset + at, Ordering::Relaxed);
    assert!((4..len).step_by(4).all(|at| word(at) == word(4)));
    (len, word(4))
}

proptest! {
    #[test]
    fn agrees_with_the_plain_model(acts in vec(act(), 0..200), most in 1usize..6) {
        let source = Source { most, in_use: Cell::new(0), free: RefCell::default() };
        let queue = SegmentQueue::new(&source);
        let mut model = VecDeque::new();
        let front = || {
            // SAFETY: one thread; the record is not kept.
            unsafe { queue.peek() }.map(|record| read(record.memory, record.offset, record.len))
        };
        for (tag, act) in (1..).zip(acts) {
            match act {
                Act::Push(pairs) => match push(&queue, 8 * pairs, tag) {
                    Ok(()) => model.push_back((8 * pairs, tag)),
                    Err(error) => {
                        prop_assert_eq!(error, PushError::Full);
                        prop_assert_eq!(source.in_use.get(), most);
                    }
                },
                Act::Peek => prop_assert_eq!(front(), model.front().copied()),
                Act::Pop => {
                    prop_assert_eq!(front(), model.front().copied());
                    if let Some((len, _)) = model.pop_front() {
                        // SAFETY: as above; the length is that of the record just seen.
                        unsafe { queue.advance(len) };
                    }
                }
                Act::Publish => {
                    // SAFETY: as above.
                    unsafe { queue.publish_head() };
                    let bytes: u64 = model.iter().map(|(len, _)| *len as u64).sum();
                    // Pads count too: less than a record for each segment.
                    let backlog = queue.backlog_bytes();
                    prop_assert!(backlog >= bytes && backlog <= bytes + (most * SEGMENT_BYTES) as u64);
                }
            }
        }
        let mut rest = Vec::new();
        // SAFETY: as above.
        unsafe { queue.drain_closed(|record| rest.push(read(record.memory, record.offset, record.len))) };
        prop_assert_eq!(rest, Vec::from(model));
        prop_assert_eq!((source.in_use.get(), queue.backlog_bytes()), (0, 0));
        prop_assert_eq!(push(&queue, 8, 1), Err(PushError::Closed));
        drop(queue);
        prop_assert_eq!(source.in_use.get(), 0);
    }
}
