//! What can be wrong with a JSON text.

use std::error::Error;
use std::fmt;

use crate::codec::error::{DecodeError, EncodeError};
use crate::codec::layout::MAX_DEPTH;

/// Why there is no text of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToJsonError {
    /// They are no value.
    Undecodable(DecodeError),
    /// The text would be longer than was allowed.
    TooLong {
        /// Bytes that were allowed.
        max_bytes: usize,
    },
}

impl From<DecodeError> for ToJsonError {
    fn from(error: DecodeError) -> ToJsonError {
        ToJsonError::Undecodable(error)
    }
}

impl fmt::Display for ToJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToJsonError::Undecodable(error) => error.fmt(f),
            ToJsonError::TooLong { max_bytes } => {
                write!(f, "expected at most {max_bytes} bytes of text, found more")
            }
        }
    }
}

impl Error for ToJsonError {}

/// A text that says no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Where, in bytes of the text.
    pub offset: usize,
    /// The line, from 1. A line feed, or a carriage return without one behind it, ends a line.
    pub line: usize,
    /// Where in the line, from 1, in UTF-16 code units.
    pub column: usize,
    /// What.
    pub kind: JsonErrorKind,
}

impl JsonError {
    pub(super) fn at(text: &str, offset: usize, kind: JsonErrorKind) -> JsonError {
        let (mut line, mut start) = (1, 0);
        let bytes = &text.as_bytes()[..offset];
        for (index, &byte) in bytes.iter().enumerate() {
            if byte == b'\n' || byte == b'\r' && bytes.get(index + 1) != Some(&b'\n') {
                line += 1;
                start = index + 1;
            }
        }
        // An offset that is not between two characters would be a bug; then the column is the line's first.
        let before = text.get(start..offset).unwrap_or("");
        JsonError {
            offset,
            line,
            column: 1 + before.chars().map(char::len_utf16).sum::<usize>(),
            kind,
        }
    }
}

/// What is wrong with a text that says no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonErrorKind {
    /// Something else than what JSON has in this place.
    Unexpected {
        /// What could stand here.
        expected: &'static str,
        /// The character that does; none at the end of the text.
        found: Option<char>,
    },
    /// More containers within one another than allowed.
    TooDeep,
    /// A tagged object that does not hold what its tag calls for.
    BadTag {
        /// The tag.
        tag: &'static str,
        /// What it calls for.
        expected: &'static str,
    },
    /// A hole that is not directly in an array.
    MisplacedHole,
    /// A value that the encoding cannot carry, because a part of it is too long.
    Unencodable(EncodeError),
}

impl JsonErrorKind {
    /// A name that stays the same across versions.
    pub fn name(&self) -> &'static str {
        match self {
            JsonErrorKind::Unexpected { .. } => "Unexpected",
            JsonErrorKind::TooDeep => "TooDeep",
            JsonErrorKind::BadTag { .. } => "BadTag",
            JsonErrorKind::MisplacedHole => "MisplacedHole",
            JsonErrorKind::Unencodable(error) => error.name(),
        }
    }
}

impl fmt::Display for JsonErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonErrorKind::Unexpected { expected, found } => match found {
                Some(character) => write!(f, "expected {expected}, found {character:?}"),
                None => write!(f, "expected {expected}, found the end of the text"),
            },
            JsonErrorKind::TooDeep => write!(
                f,
                "expected at most {MAX_DEPTH} containers within one another, found more"
            ),
            JsonErrorKind::BadTag { tag, expected } => {
                write!(f, "expected {tag} to hold {expected}, found something else")
            }
            JsonErrorKind::MisplacedHole => {
                write!(f, "expected a value, found a hole outside of an array")
            }
            JsonErrorKind::Unencodable(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at line {}, column {}: {}",
            self.line, self.column, self.kind
        )
    }
}

impl Error for JsonError {}
