//! A Bloom filter over shared memory: a set of strings that may say "perhaps" of a string that it never saw, and never
//! "no" of one that it did (Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970).
//!
//! The hot path is TypeScript (`lib/intern/bloom-filter.ts`): hashing a short string where it is takes less than
//! handing it to native code. What is here decides the sizes and checks memory; and it is the same filter once
//! more, against which the other one is tested.
//!
//! | file | holds |
//! |---|---|
//! | `layout.rs` | where the words are; how many bits and probes; the header's checks |
//! | `hash.rs` | the hash of a string, and the positions that follow from it |
//! | `filter.rs` | adding and asking |

mod filter;
pub mod hash;
pub mod layout;
#[cfg(all(test, not(model)))]
mod tests;

pub use filter::Bloom;
pub use layout::{Geometry, GeometryError};
