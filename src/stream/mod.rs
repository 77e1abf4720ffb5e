//! A circular byte stream, one writer and one reader at a time, over shared memory or a mapped file.
//!
//! | file | holds |
//! |---|---|
//! | `layout.rs` | offsets, and the identity that the memory or the file begins with |
//! | `byte_stream.rs` | the algorithm, over any memory |
//! | `shared.rs` | streams in SharedArrayBuffers |
//! | `file.rs` | streams in files: opening, creating, refusing |
//! | `reserve.rs` | room on the disk |

mod byte_stream;
#[cfg(not(model))]
mod file;
pub mod layout;
#[cfg(not(model))]
mod reserve;
#[cfg(not(model))]
mod shared;

pub use byte_stream::{ByteStream, Core, Fault, Positions, Ring, Take};
#[cfg(not(model))]
pub use file::{OpenFile, Refusal, open};
#[cfg(not(model))]
pub use shared::{AttachError, attach, create};
