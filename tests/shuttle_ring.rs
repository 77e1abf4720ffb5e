//! The ring and its parking in models that are too large for loom: shuttle runs them in many random schedules. Every access is
//! sequentially consistent there, so this is about interleavings; loom is about orderings. Only for
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test --release --no-default-features --test shuttle_ring
//! ```
#![cfg(shuttle)]

#[path = "exploration/mod.rs"]
mod exploration;
#[path = "model_memory/mod.rs"]
mod model_memory;

use std::sync::Arc;

use agentwire::ring::{Geometry, Ring, RingError};
use agentwire::sync::{AtomicU32, Ordering};
use agentwire::wait::Parking;
use exploration::model;
use model_memory::ModelMemory;
use shuttle::thread;

struct Shared {
    ring: Ring<ModelMemory>,
    parking: Parking,
    seen: AtomicU32,
}

/// Producers and consumers that share a ring of so many slots; consumers sleep until all items were seen.
fn storm(slots: u32, producers: u32, consumers: u32, each: u32) {
    let geometry = Geometry::new(slots + 1, 12).expect("possible");
    let shared = Arc::new(Shared {
        ring: Ring::new(ModelMemory::of_ring(geometry), geometry).expect("the right size"),
        parking: Parking::default(),
        seen: AtomicU32::new(0),
    });
    let all = producers * each;
    let mut threads = Vec::new();
    for producer in 0..producers {
        let shared = Arc::clone(&shared);
        threads.push(thread::spawn(move || {
            for number in 1..=each {
                let mut item = [0; 8];
                item[..4].copy_from_slice(&producer.to_le_bytes());
                item[4..].copy_from_slice(&number.to_le_bytes());
                // One producer dies with an open claim before each of its items.
                if producer == 0
                    && let Ok(claim) = shared.ring.claim()
                {
                    shared.ring.abandon(claim);
                    shared.parking.notify(usize::MAX);
                }
                loop {
                    match shared.ring.enqueue(item.as_slice().into()) {
                        Ok(()) => break shared.parking.notify(1),
                        Err(RingError::Full) => thread::yield_now(),
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
        }));
    }
    for _ in 0..consumers {
        let shared = Arc::clone(&shared);
        threads.push(thread::spawn(move || {
            let mut last = vec![0; producers as usize];
            let deadline = std::time::Instant::now();
            loop {
                let mut item = [0; 8];
                let taken = shared.parking.wait_until(deadline, || {
                    if shared.seen.load(Ordering::SeqCst) == all {
                        return Some(false);
                    }
                    match shared.ring.dequeue(item.as_mut_slice().into()) {
                        Ok(_) => Some(true),
                        Err(RingError::Empty) => None,
                        Err(error) => panic!("{error:?}"),
                    }
                });
                if taken != Some(true) {
                    break;
                }
                let word = |at| u32::from_le_bytes(std::array::from_fn(|index| item[at + index]));
                let last = &mut last[word(0) as usize];
                assert!(word(4) > *last, "in the producer's order");
                *last = word(4);
                if shared.seen.fetch_add(1, Ordering::SeqCst) + 1 == all {
                    shared.parking.notify(usize::MAX);
                }
            }
        }));
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(shared.seen.load(Ordering::SeqCst), all);
    assert!(matches!(shared.ring.take(), Err(RingError::Empty)));
}

#[test]
fn three_producers_and_three_consumers() {
    model(|| storm(4, 3, 3, 4));
}

#[test]
fn many_on_one_slot() {
    model(|| storm(1, 3, 2, 3));
}

#[test]
fn one_producer_and_many_sleepers() {
    model(|| storm(8, 1, 5, 10));
}
