//! Memory that somebody writes over: wrong answers are allowed; a panic, a hang or an access outside is not.

use agentwire::memory::{HeapBytes, Memory, WideMemory};
use agentwire::ring::{Geometry, GeometryError, Ring, RingError};
use agentwire::sync::Ordering;
use proptest::prelude::*;

use super::ring;

/// Uses every method once. Whatever they answer, they do answer.
fn use_all(ring: &Ring<HeapBytes>) {
    let mut bytes = [0; 64];
    let _ = ring.enqueue([1, 2, 3].as_slice().into());
    let _ = ring.enqueue_batch([0; 64].as_slice().into(), 8, |_| 8);
    let _ = ring.peek(bytes.as_mut_slice().into());
    let _ = ring.dequeue(bytes.as_mut_slice().into());
    let _ = ring.dequeue_batch(&mut bytes.as_mut_slice().into(), 100, |_, len| {
        assert!(len <= 12);
    });
    if let Ok(claim) = ring.claim() {
        assert!(claim.bytes_at() + 12 <= ring.memory().len());
        let _ = ring.commit(claim, 12);
    }
    if let Ok(held) = ring.take() {
        assert!(held.bytes_at() + held.len <= ring.memory().len());
        ring.free(held);
    }
    assert!(ring.len() <= ring.geometry().slots as usize);
    let _ = ring.totals();
    let _ = ring.has_item();
    let _ = ring.clear();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_words_anywhere(
        capacity in 2..7u32,
        used in 0..20usize,
        words in prop::collection::vec((any::<prop::sample::Index>(), interesting()), 1..12),
    ) {
        let ring = ring(capacity, 16);
        for _ in 0..used {
            let _ = ring.enqueue([9; 12].as_slice().into());
            let _ = ring.dequeue([0; 12].as_mut_slice().into());
        }
        for (at, word) in words {
            let offset = at.index(ring.memory().len() / 8) * 8;
            ring.memory().store_u64(offset, word, Ordering::Relaxed);
            use_all(&ring);
        }
    }
}

fn interesting() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(1 << 63),
        0..20u64,
        any::<u64>(),
        (u64::MAX - 20)..=u64::MAX,
    ]
}

#[test]
fn a_turn_from_the_future_is_damage_and_not_a_loop() {
    let ring = ring(4, 16);
    let first_turn = agentwire::ring::layout::SLOTS;
    ring.memory().store_u64(first_turn, 10, Ordering::Relaxed);
    assert_eq!(ring.enqueue([1].as_slice().into()), Err(RingError::Damaged));
    assert_eq!(ring.take(), Err(RingError::Damaged));
    let mut bytes = [0; 12];
    assert_eq!(
        ring.peek(bytes.as_mut_slice().into()),
        Err(RingError::Damaged)
    );
    assert_eq!(
        ring.dequeue_batch(&mut bytes.as_mut_slice().into(), 4, |_, _| {}),
        Err(RingError::Damaged)
    );
}

#[test]
fn an_impossible_length_is_an_item_that_is_passed_over() {
    let ring = ring(4, 16);
    ring.enqueue([1; 12].as_slice().into()).expect("room");
    ring.enqueue([2; 12].as_slice().into()).expect("room");
    let length = agentwire::ring::layout::SLOTS + agentwire::ring::layout::LENGTH;
    ring.memory().store(length, 13, Ordering::Relaxed);
    let mut bytes = [0; 12];
    let len = ring
        .dequeue(bytes.as_mut_slice().into())
        .expect("the second");
    assert_eq!((len, ring.damaged(), bytes), (12, 1, [2; 12]));
}

#[test]
fn a_batch_takes_what_stands_before_the_damage() {
    let ring = ring(9, 16);
    for number in 0..4 {
        ring.enqueue([number].as_slice().into()).expect("room");
    }
    let third_turn = ring.geometry().slot(2);
    ring.memory().store_u64(third_turn, 1000, Ordering::Relaxed);
    let mut bytes = [9; 12];
    let mut batch = || {
        ring.dequeue_batch(&mut bytes.as_mut_slice().into(), 4, |_, _| {})
            .map(|drained| drained.items)
    };
    assert_eq!(batch(), Ok(2));
    assert_eq!(batch(), Err(RingError::Damaged));
    assert_eq!(bytes[..2], [0, 1]);
}

#[test]
fn memory_that_is_no_ring_is_refused_by_name() {
    let geometry = Geometry::new(4, 16).expect("possible");
    let bytes = geometry.total_bytes();
    let read = |memory: &HeapBytes| Geometry::read_identity(memory);
    assert_eq!(read(&HeapBytes::new(bytes)), Err(GeometryError::Foreign));
    assert_eq!(read(&HeapBytes::new(8)), Err(GeometryError::Foreign));
    let memory = HeapBytes::new(bytes);
    geometry.write_identity(&memory).expect("the right size");
    assert_eq!(read(&memory), Ok(geometry));
    memory.store(8, 5, Ordering::Relaxed);
    let stride = geometry.stride;
    assert_eq!(
        read(&memory),
        Err(GeometryError::Size {
            expected: bytes + stride,
            found: bytes
        })
    );
    memory.store(8, 1, Ordering::Relaxed);
    assert_eq!(read(&memory), Err(GeometryError::Capacity(1)));
    memory.store(8, 4, Ordering::Relaxed);
    memory.store(12, 18, Ordering::Relaxed);
    assert_eq!(read(&memory), Err(GeometryError::ItemSize(18)));
    memory.store(4, 2, Ordering::Relaxed);
    assert_eq!(read(&memory), Err(GeometryError::Version(2)));
}
