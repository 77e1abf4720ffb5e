//! Counts what a thread allocates, so that a bound on memory can be asserted.
// Each crate uses its part.
#![allow(dead_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with a count for each thread.
pub struct Counting;

fn count(change: isize) {
    // `try_with`: a thread that ends frees after its counters are gone.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
    if change > 0 {
        let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    }
}

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's word for the layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's word for the memory and the layout.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new exist at once while bytes are copied.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: the caller's word for the memory, the layout and the size.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// What a call allocated.
pub struct Cost {
    /// Bytes that were held at once, beyond those held before.
    pub peak: usize,
    /// Allocations.
    pub calls: usize,
    /// Bytes that are held still, or that were given back (below zero).
    pub kept: isize,
}

/// Runs something and tells what it cost.
pub fn measure<T>(run: impl FnOnce() -> T) -> (T, Cost) {
    let before = LIVE.get();
    PEAK.set(before);
    CALLS.set(0);
    let result = run();
    let cost = Cost {
        peak: (PEAK.get() - before).max(0) as usize,
        calls: CALLS.get(),
        kept: LIVE.get() - before,
    };
    (result, cost)
}
