//! Node-API glue: what JavaScript sees of the rooms below. Nothing here decides anything.
//!
//! | file | holds |
//! |---|---|
//! | `fast/` | the raw callbacks of the hot path, each bound to its native object |
//! | `endpoint.rs` | the class `NativeEndpoint`: everything that is not per message |
//! | `figures.rs` | figures and options of the bus as JavaScript objects |
//! | `dead_letters.rs` | the class `NativeDeadLetter`, and what a thread does with them |
//! | `histogram.rs` | the class `NativeHistogram`: a thread's part of a histogram of many |
//! | `monitor.rs` | the clock, and the figures of the whole process |
//! | `pool.rs` | the class `NativeBufferPool`: everything that is not per block |
//! | `doorbell.rs` | how another thread wakes this one |
//! | `thread_bell.rs` | a bell for whatever this thread waits for besides its mailbox |
//! | `bloom.rs` | the class `NativeBloom`: what is not per string |
//! | `ring.rs` | the class `NativeRing`: making a ring, attaching, what is not hot |
//! | `memory.rs` | windows on SharedArrayBuffers |
//! | `routing.rs` | what the routing tables of a bus hold |
//! | `stream.rs` | the class `NativeStream`: a byte stream in shared memory or in a file |
//! | `string_pool.rs` | the class `NativeStringPool`: strings that a thread does not know yet |
//! | `tables.rs` | the process-wide strings and shapes |
//! | `codec.rs` | the Rust codec, for tests and tools |
//! | `frame.rs` | compression and checksum of messages, the Rust reader of messages |
//! | `own_stack.rs` | work that recurses deeper than a JavaScript thread's stack may take |
//! | `layout_ts.rs` | offsets and constants as TypeScript source |
//! | `copies.rs` | finds other copies of the addon in this process |
//! | `usage.rs` | how much native memory there is |
//! | `error.rs` | errors with the codes that users see |

mod bloom;
mod codec;
mod copies;
mod dead_letters;
mod doorbell;
mod endpoint;
mod error;
mod fast;
mod figures;
mod frame;
mod histogram;
mod layout_ts;
mod memory;
mod monitor;
mod own_stack;
mod pool;
mod ring;
mod routing;
mod stream;
mod string_pool;
mod tables;
mod thread_bell;
mod usage;
