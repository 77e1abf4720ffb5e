//! What is measured: time, latencies of all threads, CPU time of each.
//!
//! | file | holds |
//! |---|---|
//! | `layout.rs` | what a thread shares of its part of a histogram |
//! | `histogram.rs` | a histogram that many threads record into, each its own part |
//! | `counter.rs` | the CPU's counter as a clock |
//! | `cpu.rs` | the CPU time of a thread, asked by another |

#[cfg(not(model))]
pub mod counter;
#[cfg(not(model))]
pub mod cpu;
pub mod histogram;
pub mod layout;
