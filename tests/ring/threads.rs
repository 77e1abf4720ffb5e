//! Many threads: nothing is lost, nothing comes twice, and each consumer sees each producer's items in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use agentwire::memory::SharedBytes;
use agentwire::ring::{Geometry, RingError, RingHandle};

/// Zeroed memory that several handles lie over.
struct Shared(Vec<u64>);

impl Shared {
    fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(vec![0; bytes.div_ceil(8)]))
    }

    fn bytes(&self) -> SharedBytes {
        let start = std::ptr::NonNull::from(&self.0[0]).cast();
        // SAFETY: the threads of a test hold the memory until they have dropped their handles.
        unsafe { SharedBytes::new(start, self.0.len() * 8) }
    }
}

/// Producer, number, and a word that depends on both.
fn item(producer: u32, number: u32) -> [u8; 12] {
    let check = producer.wrapping_mul(0x9e37_79b9) ^ number.rotate_left(13);
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&producer.to_le_bytes());
    bytes[4..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..].copy_from_slice(&check.to_le_bytes());
    bytes
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Checks an item against the last one of its producer that this consumer saw.
fn check(bytes: &[u8], last: &mut [u32]) {
    let (producer, number) = (word(bytes, 0), word(bytes, 4));
    assert_eq!(bytes, item(producer, number), "whole and unchanged");
    let last = &mut last[producer as usize];
    assert!(number > *last, "in the producer's order");
    *last = number;
}

fn storm(producers: u32, consumers: u32, capacity: u32, each: u32) {
    let geometry = Geometry::new(capacity, 16).expect("possible");
    let memory = Shared::new(geometry.total_bytes());
    let first = RingHandle::create(memory.bytes(), geometry).expect("a ring");
    let seen = Arc::new(AtomicU64::new(0));
    let all = u64::from(producers) * u64::from(each);
    thread::scope(|scope| {
        for producer in 0..producers {
            let memory = Arc::clone(&memory);
            scope.spawn(move || {
                let ring = RingHandle::attach(memory.bytes()).expect("attached");
                let mut number = 1;
                while number <= each {
                    // Single items and batches in turn.
                    let count = if number % 7 == 0 {
                        20.min(each - number + 1)
                    } else {
                        1
                    };
                    let bytes: Vec<u8> = (0..count)
                        .flat_map(|at| item(producer, number + at))
                        .collect();
                    let done = if count == 1 {
                        ring.enqueue(bytes.as_slice().into()).map(|()| 1)
                    } else {
                        ring.enqueue_batch(bytes.as_slice().into(), count as usize, |_| 12)
                    };
                    match done {
                        Ok(done) => number += done as u32,
                        Err(RingError::Full) => thread::yield_now(),
                        Err(error) => panic!("{error:?}"),
                    }
                }
            });
        }
        for consumer in 0..consumers {
            let (memory, seen) = (Arc::clone(&memory), Arc::clone(&seen));
            scope.spawn(move || {
                let ring = RingHandle::attach(memory.bytes()).expect("attached");
                let mut last = vec![0; producers as usize];
                let mut buffer = [0; 12 * 32];
                while seen.load(Ordering::Relaxed) < all {
                    let count = if consumer % 2 == 0 {
                        let deadline = Instant::now() + Duration::from_millis(2);
                        match ring.dequeue_until(buffer[..12].as_mut().into(), deadline) {
                            Ok(12) => 1,
                            Err(RingError::Empty) => continue,
                            other => panic!("{other:?}"),
                        }
                    } else {
                        match ring.dequeue_batch(&mut buffer.as_mut_slice().into(), 32, |_, len| {
                            assert_eq!(len, 12);
                        }) {
                            Ok(drained) => drained.items,
                            Err(RingError::Empty) => {
                                thread::yield_now();
                                continue;
                            }
                            Err(error) => panic!("{error:?}"),
                        }
                    };
                    buffer[..12 * count]
                        .chunks(12)
                        .for_each(|bytes| check(bytes, &mut last));
                    seen.fetch_add(count as u64, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(seen.load(Ordering::Relaxed), all);
    let stats = first.stats();
    assert_eq!((stats.enqueued, stats.dequeued), (all, all));
    assert_eq!((stats.items, stats.damaged, stats.sleepers), (0, 0, 0));
}

#[test]
fn one_producer_and_one_consumer() {
    storm(1, 1, 1025, 300_000);
}

#[test]
fn many_producers_and_many_consumers() {
    storm(4, 4, 64, 50_000);
    storm(8, 1, 1000, 20_000);
    storm(1, 8, 1000, 100_000);
}

#[test]
fn a_ring_of_one_slot() {
    storm(3, 3, 2, 5_000);
}

#[test]
fn a_sleeper_is_woken_by_every_way_in() {
    let geometry = Geometry::new(9, 16).expect("possible");
    let memory = Shared::new(geometry.total_bytes());
    let producer = RingHandle::create(memory.bytes(), geometry).expect("a ring");
    type Way = fn(&RingHandle);
    let ways: [Way; 4] = [
        |ring| ring.enqueue([1].as_slice().into()).expect("room"),
        |ring| {
            ring.enqueue_batch([1, 1].as_slice().into(), 1, |_| 1)
                .map(|done| assert_eq!(done, 1))
                .expect("room");
        },
        |ring| {
            let (id, _) = ring.claim().expect("room");
            assert_eq!(ring.commit(id, 1), Ok(true));
        },
        |ring| {
            // The item behind the claim comes to the front when the claim is given up.
            let (id, _) = ring.claim().expect("room");
            ring.enqueue([1].as_slice().into()).expect("room");
            assert!(ring.abandon(id));
        },
    ];
    for way in ways {
        thread::scope(|scope| {
            let consumer = scope.spawn(|| {
                let ring = RingHandle::attach(memory.bytes()).expect("attached");
                let mut item = [0; 12];
                ring.dequeue_until(
                    item.as_mut_slice().into(),
                    Instant::now() + Duration::from_secs(60),
                )
            });
            while producer.stats().sleepers == 0 {
                thread::yield_now();
            }
            way(&producer);
            assert_eq!(consumer.join().expect("no panic"), Ok(1));
        });
    }
}

#[test]
fn a_handle_that_goes_gives_back_what_it_holds() {
    let geometry = Geometry::new(5, 16).expect("possible");
    let memory = Shared::new(geometry.total_bytes());
    let stays = RingHandle::create(memory.bytes(), geometry).expect("a ring");
    let goes = RingHandle::attach(memory.bytes()).expect("attached");
    stays.enqueue([1].as_slice().into()).expect("room");
    goes.take().expect("an item");
    goes.claim().expect("room");
    stays.enqueue([2].as_slice().into()).expect("room");
    goes.claim().expect("room");
    assert_eq!(
        stays.claim(),
        Err(RingError::Full),
        "the slot that is read in place"
    );
    let mut item = [0; 12];
    assert_eq!(
        stays.dequeue(item.as_mut_slice().into()),
        Err(RingError::Empty)
    );
    drop(goes);
    assert_eq!(stays.dequeue(item.as_mut_slice().into()), Ok(1));
    assert_eq!(item[0], 2);
    // The look that finds nothing takes the abandoned slot out of the way.
    assert_eq!(
        stays.dequeue(item.as_mut_slice().into()),
        Err(RingError::Empty)
    );
    for _ in 0..4 {
        stays
            .enqueue([3].as_slice().into())
            .expect("all slots are free");
    }
}
