//! The ring without Node: against a plain model, under many threads, and in memory that somebody writes over.

mod batch;
mod hostile;
mod model;
mod threads;

use agentwire::memory::{HeapBytes, WideMemory};
use agentwire::ring::{Geometry, Ring, RingError};

/// A ring on the heap.
fn ring(capacity: u32, item_size: u32) -> Ring<HeapBytes> {
    let geometry = Geometry::new(capacity, item_size).expect("a possible ring");
    let memory = HeapBytes::new(geometry.total_bytes());
    geometry.write_identity(&memory).expect("the right size");
    Ring::new(memory, geometry).expect("the right size")
}

/// The next item.
fn dequeue<M: WideMemory>(ring: &Ring<M>) -> Result<Vec<u8>, RingError> {
    let mut item = vec![0; ring.geometry().most_bytes as usize];
    let len = ring.dequeue(item.as_mut_slice().into())?;
    item.truncate(len);
    Ok(item)
}
