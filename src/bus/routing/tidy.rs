//! Keeps the allocator's chores out of the tables' locks.
//!
//! glibc puts small blocks that are freed on lists, and joins them with their neighbours all at once, when somebody asks for
//! a kilobyte or more. Who ends hundreds of thousands of subscriptions frees as many small blocks; the next map that is made
//! smaller, under a table's lock, would then join them: up to 100 ms in which nobody can look up a route. So whoever
//! unsubscribes asks for a kilobyte now and then while holding no lock, and each time there is little to join.

/// Ends of subscriptions between two times.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const REST: u32 = 256;

/// Called after each end of a subscription, without a lock.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn tidy() {
    use std::cell::Cell;
    thread_local! {
        // The lists are those of the thread's arena.
        static ENDED: Cell<u32> = const { Cell::new(0) };
    }
    let ended = ENDED.get() + 1;
    ENDED.set(ended % REST);
    if ended == REST {
        // Longer than what a thread's own cache of blocks has.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(2048)));
    }
}

/// Other allocators do without.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn tidy() {}
