//! A bounded ring of items over shared memory: many producers, many consumers, no locks.
//!
//! | file | holds |
//! |---|---|
//! | `layout.rs` | where the words and the items are; the header's checks |
//! | `ring.rs` | the algorithm: claim, write, publish; claim, read, free |
//! | `batch.rs` | several items by one claim |
//! | `shared.rs` | one thread's handle: what it holds open, waiting, the other threads' core |

mod batch;
pub mod layout;
mod position;
#[allow(clippy::module_inception)]
mod ring;
#[cfg(not(model))]
mod shared;

pub use batch::Drained;
pub use layout::{Geometry, GeometryError};
pub use ring::{Claim, Held, Ring, RingError};
#[cfg(not(model))]
pub use shared::{AttachError, RingHandle, RingStats};
