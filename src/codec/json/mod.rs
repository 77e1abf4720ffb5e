//! Values as JSON text and back (docs/wire-format.md, section 5), without JavaScript objects between.
//!
//! What JSON can say stands for itself. The rest is a tagged object, whose first key begins with `$`, so that
//! reading what was written gives the same value for every value.
//!
//! | file | holds |
//! |---|---|
//! | `write` | a value to text |
//! | `scan` | the lexical part of reading: space, strings, numbers, where an error is |
//! | `read` | text to a value |
//! | `tags` | reading the tagged objects |
//! | `bigint` | the digits of bigints |
//! | `message` | messages of a definition |
//! | `envelope` | a message as bytes: its header and what it carries, as one value |
//! | [`error`] | what can be wrong with a text |

mod bigint;
mod envelope;
pub mod error;
mod message;
mod read;
mod scan;
mod tags;
mod write;

#[cfg(test)]
mod tests;

pub use envelope::{NOT_A_BATCH, envelope};
pub use error::{JsonError, JsonErrorKind, ToJsonError};

use super::tables::Tables;
use super::value::Value;

/// Most spaces that a level is indented by, as in `JSON.stringify`.
pub const MAX_INDENT: u32 = 10;
/// Most bytes of text that are written unless the caller says otherwise: as long as a string of V8 may be.
pub const MAX_JSON_BYTES: usize = (1 << 29) - 24;

/// How text is written.
#[derive(Clone, Copy, Debug)]
pub struct ToJsonOptions {
    /// Spaces for each level, 0 to [`MAX_INDENT`]; 0 writes everything on one line. More counts as the most.
    pub indent: u32,
    /// Most bytes of text: a few bytes of input can ask for many spaces.
    pub max_bytes: usize,
}

impl Default for ToJsonOptions {
    fn default() -> ToJsonOptions {
        ToJsonOptions {
            indent: 0,
            max_bytes: MAX_JSON_BYTES,
        }
    }
}

/// How text is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromJsonOptions {
    /// Takes objects whose first key begins with `$` as they stand, for text that was not written by [`to_json`].
    pub plain: bool,
}

/// The text of the value that the bytes, all of them, are.
pub fn to_json(
    bytes: &[u8],
    tables: &dyn Tables,
    options: ToJsonOptions,
) -> Result<String, ToJsonError> {
    let value = super::decode(bytes, tables)?;
    value_to_json(&value, options)
}

/// The text of a value.
pub fn value_to_json(value: &Value, options: ToJsonOptions) -> Result<String, ToJsonError> {
    write::write(value, options)
}

/// Appends the encoding, self-contained and canonical, of the value that a text says. On an error the vector is as
/// it was.
pub fn from_json(text: &str, options: FromJsonOptions, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let value = value_from_json(text, options)?;
    super::encode(&value, out)
        .map_err(|error| JsonError::at(text, text.len(), JsonErrorKind::Unencodable(error)))
}

/// The value that a text says.
pub fn value_from_json(text: &str, options: FromJsonOptions) -> Result<Value, JsonError> {
    read::Reader::new(text, options).run()
}
