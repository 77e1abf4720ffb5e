//! Blocks of memory that threads share and give back.

mod segments;

pub use segments::{SEGMENT_BYTES, SegmentPool};
