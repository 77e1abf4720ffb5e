//! Batches that exceed one claim, and bad lengths.

use agentwire::ring::RingError;

use super::{dequeue, ring};

#[test]
fn a_batch_of_many_claims_keeps_its_order() {
    let ring = ring(1001, 8);
    let bytes: Vec<u8> = (0..1000u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(
        ring.enqueue_batch(bytes.as_slice().into(), 1000, |_| 4),
        Ok(1000)
    );
    assert_eq!(ring.enqueue_batch(bytes.as_slice().into(), 1, |_| 4), Ok(0));
    let mut copy = vec![0; 4000];
    let mut lengths = 0;
    let drained = ring
        .dequeue_batch(&mut copy.as_mut_slice().into(), usize::MAX, |_, len| {
            lengths += len;
        })
        .expect("items");
    assert_eq!((drained.items, drained.bytes, lengths), (1000, 4000, 4000));
    assert_eq!(copy, bytes);
}

#[test]
fn lengths_beyond_the_bytes_are_refused_before_anything_is_read() {
    let ring = ring(9, 16);
    let bytes = [1; 20];
    let result = ring.enqueue_batch(bytes.as_slice().into(), 3, |_| 8);
    assert_eq!(result, Err(RingError::TooLong { bytes: 24 }));
    let result = ring.enqueue_batch(bytes.as_slice().into(), 1, |_| 13);
    assert_eq!(result, Err(RingError::TooLong { bytes: 13 }));
    assert!(ring.is_empty());
}

#[test]
fn a_batch_passes_over_any_number_of_slots_that_were_given_up() {
    let ring = ring(201, 8);
    for _ in 0..199 {
        let claim = ring.claim().expect("room");
        ring.abandon(claim);
    }
    ring.enqueue([7].as_slice().into()).expect("room");
    let mut copy = [0; 8];
    let drained = ring
        .dequeue_batch(&mut copy.as_mut_slice().into(), 10, |_, _| {})
        .expect("an item behind them");
    assert_eq!((drained.items, copy[0], ring.len()), (1, 7, 0));
    assert_eq!(dequeue(&ring), Err(RingError::Empty));
}
