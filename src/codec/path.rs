//! Where in a value something is: `data.items[0].name`, parsed once and looked up in many messages.
//!
//! ```text
//! path    = step { "." name | bracket }        step    = name | bracket
//! bracket = "[" index "]" | "[" quoted "]"     name    = characters other than . [ ] "
//! index   = "0", or digits that begin with another
//! quoted  = '"' characters '"', where \" \\ and \uXXXX stand for one code unit each
//! ```
//!
//! As in JavaScript, `items[0]`, `items.0` and `items["0"]` say the same: a segment is a key, and one that
//! is a number as JavaScript writes it is an index and the tag of a message's field too. [`Path::find`]
//! says what it finds in which container.

mod error;

use super::dictionary::number_of;
use super::layout::MAX_DEPTH;
use super::text::Text;
pub use error::{PathError, PathErrorKind};

/// Longest text of a path, in code units.
pub const MAX_PATH_LENGTH: usize = 4096;
/// Most segments of a path: deeper than a value can be there is nothing to find.
pub const MAX_PATH_SEGMENTS: usize = MAX_DEPTH as usize;

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    segments: Box<[Segment]>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The key of an object or a Map.
    pub(super) key: Text,
    /// The number that the dictionary has the key under.
    pub(super) in_dictionary: Option<u8>,
    /// The index in an array, or the tag of a message's field.
    pub(super) number: Option<u32>,
}

impl Path {
    /// The path of the whole value, which no text is: an empty one is more likely a mistake.
    pub fn root() -> Path {
        Path {
            segments: Box::new([]),
        }
    }

    /// The path that a text says.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        // One more than fits, to find it too long without reading all of it.
        let units: Vec<u16> = text.encode_utf16().take(MAX_PATH_LENGTH + 1).collect();
        let parser = Parser {
            units: &units,
            position: 0,
        };
        if units.len() > MAX_PATH_LENGTH {
            return Err(parser.error_at(MAX_PATH_LENGTH, PathErrorKind::TooLong));
        }
        parser.path()
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl Segment {
    fn new(units: &[u16]) -> Segment {
        let key = Text::from_units(units);
        Segment {
            in_dictionary: number_of(key.units()),
            number: as_number(units),
            key,
        }
    }
}

/// The number of 32 bits that code units say as JavaScript writes it.
fn as_number(units: &[u16]) -> Option<u32> {
    if units.is_empty() || (units.len() > 1 && units[0] == u16::from(b'0')) {
        return None;
    }
    units.iter().try_fold(0u32, |number, &unit| {
        let digit = char::from_u32(unit.into())?.to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

struct Parser<'a> {
    units: &'a [u16],
    position: usize,
}

impl Parser<'_> {
    fn path(mut self) -> Result<Path, PathError> {
        let mut segments = Vec::new();
        loop {
            // A segment begins here.
            if segments.len() == MAX_PATH_SEGMENTS {
                return Err(self.error(PathErrorKind::TooManySegments));
            }
            segments.push(match self.skip('[') {
                true => self.bracket()?,
                false => self.name()?,
            });
            if self.position == self.units.len() {
                break;
            }
            if self.next_is('[') {
                continue;
            }
            if !self.skip('.') {
                return Err(self.error(PathErrorKind::Separator));
            }
            if self.next_is('[') {
                return Err(self.error(PathErrorKind::Step));
            }
        }
        Ok(Path {
            segments: segments.into(),
        })
    }

    fn name(&mut self) -> Result<Segment, PathError> {
        let start = self.position;
        let ends = |unit: &u16| b".[]\"".iter().any(|&end| u16::from(end) == *unit);
        let rest = &self.units[start..];
        self.position += rest.iter().position(ends).unwrap_or(rest.len());
        match &self.units[start..self.position] {
            [] => Err(self.error(PathErrorKind::Step)),
            name => Ok(Segment::new(name)),
        }
    }

    /// What follows the bracket that opens.
    fn bracket(&mut self) -> Result<Segment, PathError> {
        let segment = match self.skip('"') {
            true => self.quoted()?,
            false => self.index()?,
        };
        match self.skip(']') {
            true => Ok(segment),
            false => Err(self.error(PathErrorKind::ClosingBracket)),
        }
    }

    fn index(&mut self) -> Result<Segment, PathError> {
        let start = self.position;
        let is_digit = |unit: &u16| (u16::from(b'0')..=u16::from(b'9')).contains(unit);
        let rest = &self.units[start..];
        let length = rest.iter().take_while(|unit| is_digit(unit)).count();
        if length == 0 {
            return Err(self.error(PathErrorKind::IndexOrKey));
        }
        let segment = Segment::new(&rest[..length]);
        if segment.number.is_none() {
            return Err(self.error(PathErrorKind::Index));
        }
        self.position += length;
        Ok(segment)
    }

    /// What follows the quote that opens.
    fn quoted(&mut self) -> Result<Segment, PathError> {
        let mut key = Vec::new();
        while !self.skip('"') {
            let Some(&unit) = self.units.get(self.position) else {
                return Err(self.error(PathErrorKind::ClosingQuote));
            };
            self.position += 1;
            key.push(match unit {
                0x5C => self.escape()?,
                _ => unit,
            });
        }
        Ok(Segment::new(&key))
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<u16, PathError> {
        let start = self.position - 1;
        for same in ['"', '\\'] {
            if self.skip(same) {
                return Ok(same as u16);
            }
        }
        let mut unit = Some(0).filter(|_| self.skip('u'));
        for _ in 0..4 {
            let digit = self.units.get(self.position);
            let digit = digit.and_then(|&digit| char::from_u32(digit.into())?.to_digit(16));
            self.position += 1;
            unit = unit
                .zip(digit)
                .map(|(unit, digit)| unit << 4 | digit as u16);
        }
        unit.ok_or(self.error_at(start, PathErrorKind::Escape))
    }

    fn next_is(&self, character: char) -> bool {
        self.units.get(self.position) == Some(&(character as u16))
    }

    /// Goes past a character if it is the next one.
    fn skip(&mut self, character: char) -> bool {
        let is_next = self.next_is(character);
        self.position += usize::from(is_next);
        is_next
    }

    fn error(&self, kind: PathErrorKind) -> PathError {
        self.error_at(self.position, kind)
    }

    fn error_at(&self, position: usize, kind: PathErrorKind) -> PathError {
        PathError {
            position,
            kind,
            found: self.units.get(position).copied(),
        }
    }
}

#[cfg(test)]
mod tests;
