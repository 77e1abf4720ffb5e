//! The lock-free parts of the bus, explored by loom: every interleaving of the threads of a model (with few
//! switches that no thread asked for), and every value that the orderings allow a load
//! to see. Only for
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --no-default-features --test loom_mailbox
//! ```
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

#[path = "model_segments/mod.rs"]
mod model_segments;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32 as PlainU32, Ordering as PlainOrdering};

use agentwire::bus::mailbox::{Mailbox, Turn};
use agentwire::bus::queue::{PushError, SegmentQueue};
use agentwire::memory::Memory;
use agentwire::sync::Ordering;
use exploration::model;
use loom::sync::Notify;
use loom::thread;
use model_segments::{GivenBack, Source, fill, push, tag_of};

/// How often a consumer looks for records while producers push.
const LOOKS: usize = 3;
struct Consumer<'a> {
    queue: &'a SegmentQueue<Source>,
    /// The tag that each producer's next record must have.
    next: [u32; 2],
}

impl Consumer<'_> {
    /// Consumes the next record, if one is there.
    fn consume(&mut self) -> bool {
        // SAFETY: there is one consumer.
        let Some(record) = (unsafe { self.queue.peek() }) else {
            return false;
        };
        let tag = tag_of(&record);
        let next = &mut self.next[tag as usize / 16];
        assert_eq!(tag, *next, "lost, doubled or out of order");
        *next += 1;
        let len = record.len;
        // SAFETY: as above.
        unsafe { self.queue.advance(len) };
        true
    }
}

/// Two producers and a consumer; each producer pushes records of the given lengths. What arrives is what was
/// pushed: each record once, whole, and in its producer's order; and every segment comes back.
fn two_producers(segment_bytes: usize, given_back: GivenBack, lengths: [&'static [usize]; 2]) {
    model(move || {
        let source = Source::new(segment_bytes, given_back);
        let queue = Arc::new(SegmentQueue::new(source.clone()));
        let producers: Vec<_> = (0..2)
            .map(|producer| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    for (&len, tag) in lengths[producer].iter().zip(producer as u32 * 16 + 1..) {
                        assert_eq!(push(&queue, len, tag), Ok(()));
                    }
                })
            })
            .collect();
        let mut consumer = Consumer {
            queue: &queue,
            next: [1, 17],
        };
        // A few looks while they push; a loop until all is there would never end for loom.
        (0..LOOKS).for_each(|_| _ = consumer.consume());
        producers
            .into_iter()
            .for_each(|producer| producer.join().expect("no panic"));
        while consumer.consume() {}
        assert_eq!(
            consumer.next,
            [1 + lengths[0].len() as u32, 17 + lengths[1].len() as u32],
            "lost"
        );
        drop(queue);
        assert_eq!(source.in_use(), 0);
    });
}

#[test]
fn order_across_segments() {
    two_producers(16, GivenBack::Rests, [&[8, 8], &[8, 8]]);
}

/// With a record for each segment, a producer may wake up to a tail of the same address as before.
#[test]
fn order_across_segments_that_come_again() {
    two_producers(8, GivenBack::Serves, [&[8, 8], &[8]]);
}

#[test]
fn order_across_pads() {
    two_producers(24, GivenBack::Rests, [&[16, 16], &[8]]);
}

/// Records that are pushed at once are seen at once, also where another producer pushes.
#[test]
fn a_run_is_seen_whole() {
    model(|| {
        let source = Source::new(24, GivenBack::Rests);
        let queue = Arc::new(SegmentQueue::new(source.clone()));
        let runner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let pushed = queue.push_run(16, 8, |memory, start| {
                    fill(memory, start, 8, 1);
                    memory.store(start + 8, 8, Ordering::Relaxed);
                    fill(memory, start + 8, 8, 2);
                });
                assert_eq!(pushed, Ok(()));
            })
        };
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                assert_eq!([push(&queue, 8, 17), push(&queue, 8, 18)], [Ok(()); 2])
            })
        };
        let mut consumer = Consumer {
            queue: &queue,
            next: [1, 17],
        };
        (0..LOOKS).for_each(|_| _ = consumer.consume());
        if consumer.next[0] == 2 {
            assert!(
                consumer.consume() && consumer.next[0] == 3,
                "the second of two came later"
            );
        }
        runner.join().expect("no panic");
        other.join().expect("no panic");
        while consumer.consume() {}
        assert_eq!(consumer.next, [3, 19], "lost");
        drop(queue);
        assert_eq!(source.in_use(), 0);
    });
}

/// A queue that closes while two producers push: what was taken comes out, in order; the rest is refused, and
/// for good.
#[test]
fn close_against_push() {
    model(|| {
        let source = Source::new(16, GivenBack::Rests);
        let queue = Arc::new(SegmentQueue::new(source.clone()));
        let producers: Vec<_> = [1, 17]
            .into_iter()
            .map(|first| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    let taken: Vec<bool> = (first..first + 2)
                        .map(|tag| push(&queue, 8, tag).is_ok())
                        .collect();
                    assert!(taken[0] || !taken[1], "taken after a refusal");
                    taken.into_iter().filter(|taken| *taken).count() as u32
                })
            })
            .collect();
        let mut drained = Vec::new();
        // SAFETY: this thread is the consumer.
        unsafe { queue.drain_closed(|record| drained.push(tag_of(&record))) };
        for (first, producer) in [1, 17].into_iter().zip(producers) {
            let taken = producer.join().expect("no panic");
            let mine: Vec<u32> = drained
                .iter()
                .copied()
                .filter(|tag| tag / 16 == first / 16)
                .collect();
            assert_eq!(mine, (first..first + taken).collect::<Vec<_>>());
        }
        assert_eq!(push(&queue, 8, 99), Err(PushError::Closed));
        drop(queue);
        assert_eq!(source.in_use(), 0);
    });
}

/// A receiver that sleeps whenever it may. A record left behind a sleeping receiver shows as a deadlock.
fn parking(priorities: [&'static [usize]; 2]) {
    model(move || {
        let mailbox = Arc::new(Mailbox::new(Source::new(64, GivenBack::Rests)));
        let bell = Arc::new(Notify::new());
        let rings = Arc::new(PlainU32::new(0));
        let senders: Vec<_> = priorities
            .into_iter()
            .filter(|records| !records.is_empty())
            .map(|records| {
                let (mailbox, bell, rings) =
                    (Arc::clone(&mailbox), Arc::clone(&bell), Arc::clone(&rings));
                thread::spawn(move || {
                    for &priority in records {
                        let pushed =
                            mailbox.push(priority, 8, |memory, start| fill(memory, start, 8, 1));
                        assert_eq!(pushed, Ok(()));
                        if mailbox.wake() {
                            rings.fetch_add(1, PlainOrdering::Relaxed);
                            bell.notify();
                        }
                    }
                })
            })
            .collect();
        let expected = priorities.concat().len() as u32;
        let (mut taken, mut sleeps, mut turn) = (0, 0, Turn::default());
        loop {
            mailbox.unpark();
            // SAFETY: this thread is the receiver.
            taken += unsafe { mailbox.drain(&mut turn, |_| true) };
            if taken == expected {
                break;
            }
            sleeps += 1;
            // SAFETY: as above.
            if unsafe { mailbox.park() } {
                bell.wait();
            }
        }
        senders
            .into_iter()
            .for_each(|sender| sender.join().expect("no panic"));
        assert!(
            rings.load(PlainOrdering::Relaxed) <= sleeps,
            "rung more than once in a sleep"
        );
    });
}

#[test]
fn no_lost_ring() {
    parking([&[2, 2], &[]]);
}

#[test]
fn no_lost_ring_of_two_senders() {
    parking([&[2], &[0]]);
}
