//! Strings as V8 stores them: one byte or two bytes for each UTF-16 code unit.
//!
//! A JavaScript string is any sequence of code units, lone surrogates included, so neither `String` nor
//! UTF-8 can hold all of them. Two strings are the same when their code units are, whichever width they
//! are stored in: equality, order and hash look at code units only. [`Units`] is that view, over owned
//! text and over bytes on the wire alike.

use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};

/// A JavaScript string.
#[derive(Clone, Debug)]
pub enum Text {
    /// Every code unit is at most 255: Latin-1.
    OneByte(Box<[u8]>),
    /// UTF-16 code units in native order. Text made by this module has one above 255.
    TwoByte(Box<[u16]>),
}

impl Text {
    /// The text of these code units, in one byte each where they allow it.
    pub fn from_units(units: &[u16]) -> Text {
        Units::Two(units).to_text()
    }

    /// Length in code units, as JavaScript's `length`.
    pub fn len(&self) -> usize {
        self.units().len()
    }

    /// True when there is no code unit.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the code units as they are stored.
    pub fn byte_len(&self) -> usize {
        match self {
            Text::OneByte(bytes) => bytes.len(),
            Text::TwoByte(units) => units.len() * 2,
        }
    }

    /// The code units.
    pub fn units(&self) -> Units<'_> {
        match self {
            Text::OneByte(bytes) => Units::One(bytes),
            Text::TwoByte(units) => Units::Two(units),
        }
    }
}

/// Writes the text as Unicode; each lone surrogate, which Unicode cannot say, becomes U+FFFD. So
/// `to_string` is exact but for lone surrogates.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in char::decode_utf16(self.units().iter()) {
            f.write_char(character.unwrap_or(char::REPLACEMENT_CHARACTER))?;
        }
        Ok(())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        if text.is_ascii() {
            return Text::OneByte(text.as_bytes().into());
        }
        Text::from_units(&text.encode_utf16().collect::<Vec<u16>>())
    }
}

impl From<&Text> for String {
    /// Exact but for lone surrogates, each of which becomes U+FFFD.
    fn from(text: &Text) -> String {
        text.to_string()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.units() == other.units()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.units().iter().eq(other.encode_utf16())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.units().hash(state);
    }
}

/// The order of JavaScript's `<`: by code units, not by code points.
impl Ord for Text {
    fn cmp(&self, other: &Text) -> Ordering {
        self.units().iter().cmp(other.units().iter())
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Borrowed code units, wherever they are.
#[derive(Clone, Copy, Debug)]
pub enum Units<'a> {
    /// Latin-1 bytes.
    One(&'a [u8]),
    /// Code units in native order.
    Two(&'a [u16]),
    /// UTF-16LE bytes as they stand on the wire, at any alignment. An odd last byte is not seen.
    TwoWire(&'a [u8]),
}

impl<'a> Units<'a> {
    /// How many code units.
    pub fn len(self) -> usize {
        match self {
            Units::One(bytes) => bytes.len(),
            Units::Two(units) => units.len(),
            Units::TwoWire(bytes) => bytes.len() / 2,
        }
    }

    /// True when there is no code unit.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The code units in order.
    pub fn iter(self) -> impl Iterator<Item = u16> + 'a {
        // One of the three slices is the text, the other two are empty.
        let (one, two, wire): (&[u8], &[u16], &[u8]) = match self {
            Units::One(bytes) => (bytes, &[], &[]),
            Units::Two(units) => (&[], units, &[]),
            Units::TwoWire(bytes) => (&[], &[], bytes),
        };
        let wire = wire
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        one.iter()
            .map(|&byte| u16::from(byte))
            .chain(two.iter().copied())
            .chain(wire)
    }

    /// True when every code unit fits in one byte.
    pub fn is_narrow(self) -> bool {
        match self {
            Units::One(_) => true,
            Units::Two(units) => units.iter().all(|&unit| unit <= 0xFF),
            Units::TwoWire(bytes) => bytes.chunks_exact(2).all(|pair| pair[1] == 0),
        }
    }

    /// A copy, one byte wide where the code units allow it.
    pub fn to_text(self) -> Text {
        match self {
            Units::One(bytes) => Text::OneByte(bytes.into()),
            // No unit is above 255 here, so the cast keeps every one.
            _ if self.is_narrow() => Text::OneByte(self.iter().map(|unit| unit as u8).collect()),
            Units::Two(units) => Text::TwoByte(units.into()),
            Units::TwoWire(_) => Text::TwoByte(self.iter().collect()),
        }
    }
}

impl PartialEq for Units<'_> {
    fn eq(&self, other: &Units<'_>) -> bool {
        match (self, other) {
            (Units::One(a), Units::One(b)) => a == b,
            (Units::Two(a), Units::Two(b)) => a == b,
            (Units::TwoWire(a), Units::TwoWire(b)) => a == b,
            _ => self.len() == other.len() && self.iter().eq(other.iter()),
        }
    }
}

impl Eq for Units<'_> {}

/// Code units that are hashed at a time; any number does, if it is the same for every form.
const HASH_CHUNK: usize = 64;

/// Equal texts must give the hasher the same calls, whatever their form: narrow text goes in as Latin-1
/// in chunks, wide text as UTF-16LE in chunks, the length first so that a list of texts hashes apart
/// from another way to cut it.
impl Hash for Units<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        if let Units::One(bytes) = self {
            bytes
                .chunks(HASH_CHUNK)
                .for_each(|chunk| state.write(chunk));
            return;
        }
        let narrow = self.is_narrow();
        let mut buffer = [0u8; HASH_CHUNK * 2];
        let mut units = self.iter();
        loop {
            let mut filled = 0;
            for unit in units.by_ref().take(HASH_CHUNK) {
                let [low, high] = unit.to_le_bytes();
                buffer[filled] = low;
                filled += 1;
                if !narrow {
                    buffer[filled] = high;
                    filled += 1;
                }
            }
            if filled == 0 {
                return;
            }
            state.write(&buffer[..filled]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{BuildHasher, RandomState};

    #[test]
    fn width_does_not_matter_to_equality_hash_and_order() {
        let state = RandomState::new();
        for length in [0, 1, 63, 64, 65, 128, 200] {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 7 + 3) as u8).collect();
            let units: Vec<u16> = bytes.iter().map(|&byte| byte.into()).collect();
            let wire: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let one = Text::OneByte(bytes.into());
            let two = Text::TwoByte(units.into());
            assert_eq!(one, two);
            assert_eq!(one.cmp(&two), Ordering::Equal);
            assert_eq!(state.hash_one(&one), state.hash_one(&two));
            assert_eq!(state.hash_one(&one), state.hash_one(Units::TwoWire(&wire)));
            assert!(matches!(Units::TwoWire(&wire).to_text(), Text::OneByte(_)));
        }
        let wide: Vec<u16> = (0..200).map(|i| 0x100 + i).collect();
        let wire: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let text = Text::from_units(&wide);
        assert!(matches!(text, Text::TwoByte(_)));
        assert_eq!(text.units(), Units::TwoWire(&wire));
        assert_eq!(state.hash_one(&text), state.hash_one(Units::TwoWire(&wire)));
        assert_eq!(Units::TwoWire(&wire).to_text(), text);
    }

    #[test]
    fn unicode_comes_and_goes() {
        for sample in ["", "task", "été", "日本", "a😀b"] {
            let text = Text::from(sample);
            assert_eq!(String::from(&text), sample);
            assert_eq!(text, *sample);
            assert_eq!(text.len(), sample.encode_utf16().count());
        }
        assert!(matches!(Text::from("été"), Text::OneByte(_)));
        assert!(matches!(Text::from("日本"), Text::TwoByte(_)));
        assert_eq!(
            Text::from_units(&[0x61, 0xD800, 0x62]).to_string(),
            "a\u{FFFD}b"
        );
    }

    #[test]
    fn order_is_that_of_code_units() {
        // U+1F600 starts with D83D, below U+FF5E: JavaScript sorts it first, Unicode last.
        assert!("😀" > "～");
        let sorted = ["", "a", "ab", "日", "😀", "～"].map(Text::from);
        assert!(sorted.is_sorted());
        assert!(sorted.iter().rev().is_sorted_by(|a, b| a > b));
    }
}
