//! What can be wrong with the text of a path.

use std::error::Error;
use std::fmt;

use super::{MAX_PATH_LENGTH, MAX_PATH_SEGMENTS};

/// A text that is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Where, in UTF-16 code units from 0, as JavaScript counts.
    pub position: usize,
    /// What was expected there.
    pub kind: PathErrorKind,
    /// The code unit that is there; none at the end of the text.
    pub found: Option<u16>,
}

/// What was expected where a path is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathErrorKind {
    /// A name, or a bracket.
    Step,
    /// The next segment, or the end.
    Separator,
    /// What stands in a bracket: an index or a key in quotes.
    IndexOrKey,
    /// An index without zeros at its front and of at most 32 bits.
    Index,
    /// The end of a bracket.
    ClosingBracket,
    /// The end of a key in quotes.
    ClosingQuote,
    /// One of the escapes.
    Escape,
    /// No more than so many segments.
    TooManySegments,
    /// No longer text.
    TooLong,
}

impl PathErrorKind {
    /// A name that stays the same across versions.
    pub fn name(&self) -> &'static str {
        match self {
            PathErrorKind::Step => "Step",
            PathErrorKind::Separator => "Separator",
            PathErrorKind::IndexOrKey => "IndexOrKey",
            PathErrorKind::Index => "Index",
            PathErrorKind::ClosingBracket => "ClosingBracket",
            PathErrorKind::ClosingQuote => "ClosingQuote",
            PathErrorKind::Escape => "Escape",
            PathErrorKind::TooManySegments => "TooManySegments",
            PathErrorKind::TooLong => "TooLong",
        }
    }
}

impl fmt::Display for PathErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PathErrorKind::Step => "a name of one character or more, or [",
            PathErrorKind::Separator => "., [ or the end",
            PathErrorKind::IndexOrKey => "an index such as 0, or a key in double quotes",
            PathErrorKind::Index => "an index of at most 4294967295, without zeros at its front",
            PathErrorKind::ClosingBracket => "]",
            PathErrorKind::ClosingQuote => "the double quote that ends the key",
            PathErrorKind::Escape => r#"one of the escapes \", \\ and \uXXXX"#,
            PathErrorKind::TooManySegments => {
                return write!(f, "the end after {MAX_PATH_SEGMENTS} segments");
            }
            PathErrorKind::TooLong => {
                return write!(f, "the end after {MAX_PATH_LENGTH} characters");
            }
        })
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (position, kind) = (self.position, self.kind);
        write!(
            f,
            "at character {position} of the path: expected {kind}, found "
        )?;
        match self.found {
            None => f.write_str("the end"),
            // Half of a surrogate pair cannot be shown.
            Some(unit) => match char::from_u32(unit.into()) {
                Some(character) => write!(f, "{character:?}"),
                None => write!(f, "code unit {unit:04X}"),
            },
        }
    }
}

impl Error for PathError {}
