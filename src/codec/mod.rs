//! The wire format of values and messages (docs/wire-format.md, sections 2 to 4): the reference implementation.
//!
//! TypeScript has a second one for the hot path; shared test vectors hold the two together, and where
//! they differ this one is right. Nothing here panics or recurses without bound on any input.
//!
//! | file | holds |
//! |---|---|
//! | [`layout`] | tags, kinds and limits, with the lists that TypeScript is generated from |
//! | [`dictionary`] | the strings that the format knows by number |
//! | [`value`], [`text`], [`binary`] | a JavaScript value as Rust data |
//! | `cursor`, `build`, `keys`, `walk` | the parser: primitives, what is met, repeated keys, the one walk with its parts for objects and for paths |
//! | [`decode`](mod@decode), [`encode`](mod@encode) | bytes to values and back |
//! | [`path`], [`find`] | field paths, and what is at one in encoded bytes |
//! | [`json`] | values as JSON text and back |
//! | [`batch`] | what the value of a batch is |
//! | [`tables`] | what strings and shapes by id refer to |
//! | [`frame`] | messages as bytes: the header, flags, checksum, the way to the value |
//! | [`compress`] | zstd and LZ4, bounded |
//! | [`error`] | what can be wrong |

pub mod batch;
pub mod binary;
mod build;
pub mod compress;
mod cursor;
pub mod decode;
pub mod dictionary;
pub mod encode;
pub mod error;
pub mod find;
pub mod frame;
pub mod json;
pub(crate) mod keys;
pub mod layout;
pub mod path;
pub mod tables;
pub mod text;
pub mod value;
mod walk;

#[cfg(test)]
mod tests;

pub use binary::BinaryKind;
pub use decode::{decode, decode_text, decode_texts, validate};
pub use encode::{encode, encode_text, encode_texts};
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use find::{Found, View};
pub use path::{Path, PathError, PathErrorKind};
pub use tables::{NoTables, Tables};
pub use text::Text;
pub use value::Value;
