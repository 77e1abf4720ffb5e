//! # agentwire
//!
//! Messages between agents in `worker_threads`. A map of the crate, each room using only those below it:
//!
//! | module | holds |
//! |---|---|
//! | [`node`] | Node-API glue: raw callbacks for the hot path, one file per JS-visible thing |
//! | [`bus`] | topics, routing tables, routes, mailboxes, endpoints, accounting |
//! | [`intern`] | process-wide append-only tables of strings and shapes |
//! | [`bloom`] | a Bloom filter over shared memory |
//! | [`codec`] | the wire format of values: decode, validate, encode, field paths |
//! | [`ring`] | the ring of items over shared memory |
//! | [`pool`] | blocks of memory that threads share and give back |
//! | [`monitor`] | clocks, histograms of latencies, CPU time |
//! | [`stream`] | a circular byte stream in shared memory or in a mapped file |
//! | [`wait`] | how threads wait for each other, and for a time to come |
//! | [`memory`] | where bytes live |
//! | [`sync`] | std or loom: the only importer of atomics |
//!
//! Everything but [`node`] is plain Rust: it builds and is tested with `--no-default-features`.

pub mod bloom;
pub mod bus;
#[cfg(not(model))]
pub mod codec;
#[cfg(not(model))]
pub mod intern;
pub mod memory;
pub mod monitor;
// In a test build napi-derive registers nothing, so nothing seems to call the bindings.
#[cfg(feature = "node")]
#[cfg_attr(test, allow(dead_code))]
pub mod node;
pub mod pool;
pub mod ring;
pub mod stream;
pub mod sync;
pub mod wait;
