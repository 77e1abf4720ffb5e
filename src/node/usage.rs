//! How much native memory agentwire holds, by its own count.

use napi_derive::napi;

use crate::intern::Tables;
use crate::pool::SegmentPool;

/// Bytes of native memory that the whole process shares. What is not counted is small and per thing: a bus, a topic, a
/// subscription, an endpoint.
#[napi(object)]
pub struct NativeMemoryUsage {
    /// Segments that hold messages or are a mailbox's next.
    pub segments_in_use: f64,
    /// Segments kept for the next taker.
    pub segments_free: f64,
    /// The interned strings themselves, without the table around them.
    pub strings: f64,
    /// The keys of the interned shapes, likewise.
    pub shapes: f64,
}

/// The count at this moment.
#[napi(catch_unwind)]
pub fn memory_usage() -> NativeMemoryUsage {
    let (segments, tables) = (SegmentPool::global(), Tables::global());
    NativeMemoryUsage {
        segments_in_use: segments.bytes_in_use() as f64,
        segments_free: segments.bytes_free() as f64,
        strings: tables.strings.bytes() as f64,
        shapes: tables.shapes.bytes() as f64,
    }
}
