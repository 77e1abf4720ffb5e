//! The ring and its parking, explored by loom: every interleaving of the threads of a model (with few switches
//! that no thread asked for), and every value that the orderings allow a load to see.
//! Only for
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --no-default-features --test loom_ring
//! ```
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

#[path = "model_memory/mod.rs"]
mod model_memory;

use std::sync::Arc;

use agentwire::ring::{Geometry, Ring, RingError};
use agentwire::sync::{AtomicBool, AtomicU32, Ordering};
use agentwire::wait::{Parking, Waiter};
use exploration::model;
use loom::thread;
use model_memory::ModelMemory;

type ModelRing = Arc<Ring<ModelMemory>>;

/// A ring with so many slots, whose items have up to eight bytes.
fn ring(slots: u32) -> ModelRing {
    let geometry = Geometry::new(slots + 1, 12).expect("possible");
    let memory = ModelMemory::of_ring(geometry);
    Arc::new(Ring::new(memory, geometry).expect("the right size"))
}

/// An item whose two words belong together: a torn or stale one is found out.
fn item(number: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes[4..].copy_from_slice(&(!number).to_le_bytes());
    bytes
}

fn number(bytes: [u8; 8]) -> u32 {
    let word = |at| u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
    assert_eq!(word(0), !word(4), "a whole item");
    word(0)
}

fn enqueue(ring: &Ring<ModelMemory>, number: u32) -> bool {
    match ring.enqueue(item(number).as_slice().into()) {
        Ok(()) => true,
        Err(RingError::Full) => false,
        Err(error) => panic!("{error:?}"),
    }
}

fn dequeue(ring: &Ring<ModelMemory>) -> Option<u32> {
    let mut bytes = [0; 8];
    match ring.dequeue(bytes.as_mut_slice().into()) {
        Ok(len) => {
            assert_eq!((len, ring.damaged()), (8, 0));
            Some(number(bytes))
        }
        Err(RingError::Empty) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// What is left, taken by the model's main thread at its end.
fn rest(ring: &Ring<ModelMemory>) -> Vec<u32> {
    std::iter::from_fn(|| dequeue(ring)).collect()
}

#[test]
fn two_producers_write_two_items_and_neither_overwrites_the_other() {
    model(|| {
        let ring = ring(2);
        let other = Arc::clone(&ring);
        let producer = thread::spawn(move || assert!(enqueue(&other, 1)));
        assert!(enqueue(&ring, 2));
        producer.join().unwrap();
        let mut items = rest(&ring);
        items.sort_unstable();
        assert_eq!(items, [1, 2]);
    });
}

#[test]
fn two_consumers_share_two_items() {
    model(|| {
        let ring = ring(2);
        assert!(enqueue(&ring, 1) && enqueue(&ring, 2));
        let other = Arc::clone(&ring);
        let consumer = thread::spawn(move || dequeue(&other));
        let mine = dequeue(&ring);
        let theirs = consumer.join().unwrap();
        let mut items = [mine.expect("two for two"), theirs.expect("two for two")];
        items.sort_unstable();
        assert_eq!(items, [1, 2]);
    });
}

#[test]
fn a_slot_that_is_used_again_shows_the_new_item_whole() {
    // One slot: each item overwrites the one before.
    model(|| {
        let ring = ring(1);
        let other = Arc::clone(&ring);
        let producer = thread::spawn(move || {
            let mut sent = 0;
            for number in 1..=3 {
                sent += u32::from(enqueue(&other, number));
            }
            sent
        });
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.extend(dequeue(&ring));
        }
        let sent = producer.join().unwrap();
        seen.extend(rest(&ring));
        assert_eq!(seen.len() as u32, sent);
        assert!(seen.is_sorted(), "in order: {seen:?}");
    });
}

#[test]
fn a_producer_and_two_consumers_on_one_slot() {
    model(|| {
        let ring = ring(1);
        assert!(enqueue(&ring, 1));
        let (first, second) = (Arc::clone(&ring), Arc::clone(&ring));
        let consumer = thread::spawn(move || dequeue(&first));
        let producer = thread::spawn(move || enqueue(&second, 2));
        let mut seen: Vec<u32> = dequeue(&ring).into_iter().collect();
        seen.extend(consumer.join().unwrap());
        let sent = producer.join().unwrap();
        seen.extend(rest(&ring));
        seen.sort_unstable();
        assert_eq!(seen, if sent { vec![1, 2] } else { vec![1] });
    });
}

#[test]
fn a_peek_sees_a_whole_item_while_its_slot_is_used_again() {
    model(|| {
        let ring = ring(1);
        assert!(enqueue(&ring, 1));
        let other = Arc::clone(&ring);
        let user = thread::spawn(move || {
            assert_eq!(dequeue(&other), Some(1));
            assert!(enqueue(&other, 2));
        });
        let mut bytes = [0; 8];
        match ring.peek(bytes.as_mut_slice().into()) {
            Ok(8) => assert!([1, 2].contains(&number(bytes))),
            Err(RingError::Empty) => {}
            other => panic!("{other:?}"),
        }
        user.join().unwrap();
        assert_eq!(rest(&ring), [2]);
    });
}

#[test]
fn an_abandoned_claim_is_passed_over_by_whoever_comes() {
    model(|| {
        let ring = ring(2);
        let claim = ring.claim().expect("room");
        assert!(enqueue(&ring, 1));
        let other = Arc::clone(&ring);
        let dying = thread::spawn(move || other.abandon(claim));
        let early = dequeue(&ring);
        dying.join().unwrap();
        let mut seen: Vec<u32> = early.into_iter().collect();
        seen.extend(rest(&ring));
        assert_eq!(seen, [1]);
        assert!(
            enqueue(&ring, 2) && enqueue(&ring, 3),
            "both slots are free"
        );
    });
}

#[test]
fn batches_claim_runs_that_do_not_overlap() {
    model(|| {
        let ring = ring(3);
        let other = Arc::clone(&ring);
        let producer = thread::spawn(move || {
            let bytes = [item(1), item(2)].concat();
            other
                .enqueue_batch(bytes.as_slice().into(), 2, |_| 8)
                .expect("a whole ring")
        });
        let sent = usize::from(enqueue(&ring, 3));
        let mut bytes = [0; 16];
        let mut seen = Vec::new();
        match ring.dequeue_batch(&mut bytes.as_mut_slice().into(), 2, |_, len| {
            assert_eq!(len, 8)
        }) {
            Ok(drained) => seen.extend(
                bytes[..drained.bytes]
                    .chunks(8)
                    .map(|bytes| number(bytes.try_into().expect("eight bytes"))),
            ),
            Err(error) => assert_eq!(error, RingError::Empty),
        }
        let sent = sent + producer.join().unwrap();
        seen.extend(rest(&ring));
        assert_eq!((seen.len(), sent), (3, 3));
        let place = |number| seen.iter().position(|seen| *seen == number);
        assert!(place(1) < place(2), "in the producer's order: {seen:?}");
    });
}

#[test]
fn clearing_drops_each_item_once_while_another_takes() {
    model(|| {
        let ring = ring(2);
        assert!(enqueue(&ring, 1) && enqueue(&ring, 2));
        let other = Arc::clone(&ring);
        let clearing = thread::spawn(move || other.clear().expect("a whole ring"));
        let taken = usize::from(dequeue(&ring).is_some());
        let dropped = clearing.join().unwrap();
        assert_eq!(taken + dropped + rest(&ring).len(), 2);
    });
}

#[test]
fn a_consumer_that_sleeps_is_woken() {
    // In a model a sleep has no end: a lost wake-up is a deadlock, which loom reports.
    model(|| {
        let ring = ring(1);
        let parking = Arc::new(Parking::default());
        let (other, other_parking) = (Arc::clone(&ring), Arc::clone(&parking));
        let producer = thread::spawn(move || {
            assert!(enqueue(&other, 1));
            other_parking.notify(1);
        });
        let deadline = std::time::Instant::now();
        assert_eq!(parking.wait_until(deadline, || dequeue(&ring)), Some(1));
        producer.join().unwrap();
    });
}

#[test]
fn two_sleepers_and_two_items_from_one_producer() {
    model(|| {
        let ring = ring(2);
        let parking = Arc::new(Parking::default());
        let sleeper = |ring: &ModelRing, parking: &Arc<Parking>| {
            let (ring, parking) = (Arc::clone(ring), Arc::clone(parking));
            move || {
                let deadline = std::time::Instant::now();
                parking
                    .wait_until(deadline, || dequeue(&ring))
                    .expect("no end but an item")
            }
        };
        let consumer = thread::spawn(sleeper(&ring, &parking));
        let (other, other_parking) = (Arc::clone(&ring), Arc::clone(&parking));
        let producer = thread::spawn(move || {
            for number in 1..=2 {
                assert!(enqueue(&other, number));
                other_parking.notify(1);
            }
        });
        let mine = sleeper(&ring, &parking)();
        let theirs = consumer.join().unwrap();
        producer.join().unwrap();
        assert_eq!(mine + theirs, 3);
    });
}

struct Bell {
    rung: AtomicBool,
    calls: AtomicU32,
}

impl Waiter for Bell {
    fn id(&self) -> u32 {
        1
    }

    fn look_again(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        // Release: who sees the bell also sees the item; pairs with the Acquire of the model's wait.
        self.rung.store(true, Ordering::Release);
    }
}

#[test]
fn who_files_itself_and_finds_nothing_is_called() {
    model(|| {
        let ring = ring(1);
        let parking = Arc::new(Parking::default());
        let bell = Arc::new(Bell {
            rung: AtomicBool::new(false),
            calls: AtomicU32::new(0),
        });
        let (other, other_parking) = (Arc::clone(&ring), Arc::clone(&parking));
        let producer = thread::spawn(move || {
            assert!(enqueue(&other, 1));
            other_parking.notify(1);
        });
        parking.waiters().file(&bell);
        let found = ring.has_item();
        producer.join().unwrap();
        if !found {
            assert!(
                bell.rung.load(Ordering::Acquire),
                "called, or the item was seen"
            );
        }
        assert_eq!(rest(&ring), [1]);
    });
}
