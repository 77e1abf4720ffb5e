//! Case, substrings and expressions, on code units as they stand in the bytes.

use std::cell::RefCell;

use regex::Regex;

use crate::codec::Text;
use crate::codec::text::Units;

/// Memory for text that is not ASCII which a thread keeps between two messages.
const KEPT_BYTES: usize = 64 * 1024;

/// A code unit without its case, as a JavaScript expression with the flag `i` (and without `u`) has it: its upper case where that
/// is one code unit, unless it would make ASCII of what is not.
pub fn fold(unit: u16) -> u16 {
    if unit < 0x80 {
        return if (0x61..=0x7A).contains(&unit) {
            unit - 0x20
        } else {
            unit
        };
    }
    // Half of a surrogate pair has no case.
    let Some(character) = char::from_u32(unit.into()) else {
        return unit;
    };
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => match u16::try_from(u32::from(upper)) {
            Ok(upper) if upper >= 0x80 => upper,
            _ => unit,
        },
        _ => unit,
    }
}

/// A copy without its case.
pub(super) fn folded(units: Units<'_>) -> Text {
    Text::from_units(&units.iter().map(fold).collect::<Vec<u16>>())
}

/// A string to look for, with what Knuth, Morris and Pratt need for linear time.
#[derive(Debug)]
pub(super) struct Needle {
    units: Box<[u16]>,
    /// For each length of a prefix that was seen: that of the longest shorter one which it ends with.
    falls: Box<[usize]>,
    folds: bool,
}

impl Needle {
    pub(super) fn new(text: &Text, folds: bool) -> Needle {
        let units: Box<[u16]> = match folds {
            true => text.units().iter().map(fold).collect(),
            false => text.units().iter().collect(),
        };
        let mut falls = vec![0; units.len()];
        let mut length = 0;
        for at in 1..units.len() {
            while length > 0 && units[at] != units[length] {
                length = falls[length - 1];
            }
            length += usize::from(units[at] == units[length]);
            falls[at] = length;
        }
        Needle {
            units,
            falls: falls.into(),
            folds,
        }
    }

    pub(super) fn is_in(&self, hay: Units<'_>) -> bool {
        if hay.len() < self.units.len() {
            return false;
        }
        match (self.folds, hay) {
            (false, Units::One(bytes)) => self.is_among(bytes.iter().map(|&byte| u16::from(byte))),
            (true, Units::One(bytes)) => self.is_among(bytes.iter().map(|&byte| fold(byte.into()))),
            (false, hay) => self.is_among(hay.iter()),
            (true, hay) => self.is_among(hay.iter().map(fold)),
        }
    }

    fn is_among(&self, hay: impl Iterator<Item = u16>) -> bool {
        let mut length = 0;
        if self.units.is_empty() {
            return true;
        }
        for unit in hay {
            while length > 0 && unit != self.units[length] {
                length = self.falls[length - 1];
            }
            length += usize::from(unit == self.units[length]);
            if length == self.units.len() {
                return true;
            }
        }
        false
    }
}

thread_local! {
    static AS_UTF8: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Whether an expression matches anywhere in a string. Lone surrogates are U+FFFD to it.
pub(super) fn matches(expression: &Regex, units: Units<'_>) -> bool {
    if let Units::One(bytes) = units
        && bytes.is_ascii()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return expression.is_match(text);
    }
    AS_UTF8.with_borrow_mut(|text| {
        text.clear();
        let characters = char::decode_utf16(units.iter());
        text.extend(characters.map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)));
        let is_match = expression.is_match(text);
        text.clear();
        text.shrink_to(KEPT_BYTES);
        is_match
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_folded_where_it_takes_one_code_unit() {
        let folds = |a: char, b: char| assert_eq!(fold(a as u16), b as u16, "{a}");
        for (a, b) in [
            ('a', 'A'),
            ('Z', 'Z'),
            ('é', 'É'),
            ('ÿ', 'Ÿ'),
            ('σ', 'Σ'),
            ('ς', 'Σ'),
            ('я', 'Я'),
        ] {
            folds(a, b);
        }
        // Two characters in upper case; and ASCII in upper case, which they are not.
        for same in ['ß', 'ŉ', 'ı', 'ſ', 'İ', '1', '日'] {
            folds(same, same);
        }
        assert_eq!(fold(0xD83D), 0xD83D);
    }

    #[test]
    fn needles_are_found_where_they_are() {
        let hays = ["", "a", "aab", "aaab", "abcabcabd", "ÀÉ", "日本語の日本"];
        let needles = [
            "", "a", "aa", "aab", "abcabd", "b", "é", "É", "日本", "語の", "本日",
        ];
        for hay in hays {
            let wide: Vec<u16> = hay.encode_utf16().collect();
            let wire: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            for needle in needles {
                let expected = hay.contains(needle);
                let plain = Needle::new(&needle.into(), false);
                for units in [
                    Text::from(hay).units(),
                    Units::Two(&wide),
                    Units::TwoWire(&wire),
                ] {
                    assert_eq!(plain.is_in(units), expected, "{needle} in {hay}");
                    let folds = Needle::new(&needle.into(), true);
                    let expected = hay.to_uppercase().contains(&needle.to_uppercase());
                    assert_eq!(folds.is_in(units), expected, "{needle} in {hay}");
                }
            }
        }
    }

    #[test]
    fn expressions_see_any_text() {
        let units = [0x61, 0xD800, 0x62, 0xD83D, 0xDE00];
        assert!(matches(
            &Regex::new("^a\u{FFFD}b😀$").unwrap(),
            Units::Two(&units)
        ));
        assert!(matches(
            &Regex::new("^caf.$").unwrap(),
            Text::from("café").units()
        ));
        assert!(matches(
            &Regex::new("^caf.$").unwrap(),
            Text::from("cafe").units()
        ));
    }
}
