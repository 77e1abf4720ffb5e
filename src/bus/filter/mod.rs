//! Filters: which messages of a topic a subscription wants, by fields of the payload, decided on the encoded bytes
//! before its thread is woken. docs/filters.md has the operators and what they mean for which values.
//!
//! | file | holds |
//! |---|---|
//! | `parse.rs` | a filter from its encoded form, checked |
//! | `error.rs` | what can be wrong with it, and where |
//! | `test.rs` | the operators: one condition on one value |
//! | `operand.rs`, `number.rs` | what a field is compared with; numbers of all kinds |
//! | `text.rs` | case, substrings, expressions on code units |
//!
//! A filter is compiled once, at subscribe. Deciding is total: it never panics, whatever the bytes, and takes time linear
//! in the payload for each condition.

mod error;
mod number;
mod operand;
mod parse;
mod test;
mod text;

use crate::codec::{DecodeError, Path, Tables};
use test::Test;

pub use error::FilterError;
pub use text::fold;

/// Most conditions of a filter, those of its groups included.
pub const MAX_CONDITIONS: usize = 256;
/// Most groups within one another, the filter itself included.
pub const MAX_GROUP_DEPTH: usize = 8;
/// Most values of the operator `in`.
pub const MAX_IN_VALUES: usize = 1024;
/// Longest expression of the operator `matches`, in bytes of UTF-8.
pub const MAX_EXPRESSION_BYTES: usize = 4096;
/// What a compiled expression may take, in bytes.
pub const MAX_EXPRESSION_SIZE: usize = 1 << 20;

/// A compiled filter.
#[derive(Debug)]
pub struct Filter {
    root: Node,
}

#[derive(Debug)]
enum Node {
    All(Box<[Node]>),
    Any(Box<[Node]>),
    Field(Path, Test),
}

impl Filter {
    /// The filter that an encoded, self-contained value says: `{operator: 'AND' | 'OR', conditions}`, where a condition is
    /// `{field, operator, value, caseSensitive}` or a filter itself.
    pub fn decode(encoded: &[u8]) -> Result<Filter, FilterError> {
        parse::filter(encoded).map(|root| Filter { root })
    }

    /// Whether the subscription wants a message with this payload. A payload that is damaged where the filter has to read
    /// it is wanted: the subscriber finds it undecodable and says so, where dropping it here would hide it.
    pub fn wants(&self, payload: &[u8], tables: &dyn Tables) -> bool {
        self.root.holds(payload, tables).unwrap_or(true)
    }
}

impl Node {
    /// Recursion ends at [`MAX_GROUP_DEPTH`].
    fn holds(&self, payload: &[u8], tables: &dyn Tables) -> Result<bool, DecodeError> {
        match self {
            Node::All(nodes) => {
                for node in nodes {
                    if !node.holds(payload, tables)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Node::Any(nodes) => {
                for node in nodes {
                    if node.holds(payload, tables)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Node::Field(path, test) => test.holds(path.find(payload, tables)?),
        }
    }
}
