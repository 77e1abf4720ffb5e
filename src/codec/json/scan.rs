//! The lexical part of reading a text: space, strings, numbers, where an error is. As strict as `JSON.parse`.

use super::error::{JsonError, JsonErrorKind};
use crate::codec::text::Text;
use crate::codec::value::Value;

/// A place in a text. A read that fails leaves it anywhere: the first error ends the reading.
pub(super) struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// In range 0 ..= bytes.len().
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Scan<'a> {
        Scan {
            text,
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn error(&self, offset: usize, kind: JsonErrorKind) -> JsonError {
        JsonError::at(self.text, offset, kind)
    }

    /// The error of finding what is here.
    pub(super) fn unexpected(&self, expected: &'static str) -> JsonError {
        let mut at = self.at;
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let found = self.text[at..].chars().next();
        self.error(at, JsonErrorKind::Unexpected { expected, found })
    }

    /// The next byte that is no space; 0, which no JSON has, at the end.
    pub(super) fn peek(&mut self) -> u8 {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Goes on if the next byte that is no space is this one.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == byte && self.at < self.bytes.len();
        self.at += usize::from(is_next);
        is_next
    }

    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.take(byte) {
            return Ok(());
        }
        Err(self.unexpected(expected))
    }

    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        self.peek();
        if self.at == self.bytes.len() {
            return Ok(());
        }
        Err(self.unexpected("the end of the text"))
    }

    /// One of `null`, `true` and `false`, which begins here.
    pub(super) fn literal(&mut self, word: &'static str) -> Result<(), JsonError> {
        for &byte in word.as_bytes() {
            if self.bytes.get(self.at) != Some(&byte) {
                return Err(self.unexpected(word));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// The number that begins here: the nearest double of its digits.
    pub(super) fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.skip(b'.') {
            is_integer = false;
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            is_integer = false;
            let _ = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        let digits = &self.text[start..self.at];
        if is_integer
            && digits != "-0"
            && let Ok(integer) = digits.parse()
        {
            return Ok(Value::Int(integer));
        }
        // The grammar of JSON is part of what this parses: it does not fail.
        match digits.parse() {
            Ok(number) => Ok(Value::number(number)),
            Err(_) => Err(self.unexpected("a number")),
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at > start {
            return Ok(());
        }
        Err(self.unexpected("a digit"))
    }

    /// The string that begins here, or behind space, with a quote.
    pub(super) fn string(&mut self, expected: &'static str) -> Result<Text, JsonError> {
        self.expect(b'"', expected)?;
        let start = self.at;
        let mut units: Vec<u16> = Vec::new();
        let mut run = start;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let rest = &self.text[run..self.at];
                    self.at += 1;
                    if run == start {
                        return Ok(rest.into());
                    }
                    units.extend(rest.encode_utf16());
                    return Ok(Text::from_units(&units));
                }
                Some(b'\\') => {
                    units.extend(self.text[run..self.at].encode_utf16());
                    self.at += 1;
                    units.push(self.escape()?);
                    run = self.at;
                }
                Some(0..=0x1F) => {
                    return Err(self.unexpected("a character of a string, or its end, a \" (control characters are escaped)"));
                }
                Some(_) => self.at += 1,
                None => return Err(self.unexpected("the end of a string, a \"")),
            }
        }
    }

    /// What follows a backslash: a code unit, half of a surrogate pair too.
    fn escape(&mut self) -> Result<u16, JsonError> {
        let unit = match self.bytes.get(self.at) {
            Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let mut unit = 0;
                for _ in 0..4 {
                    self.at += 1;
                    let digit = self
                        .bytes
                        .get(self.at)
                        .and_then(|&byte| super::bigint::hex(byte));
                    let Some(digit) = digit else {
                        return Err(self.unexpected("four hexadecimal digits after \\u"));
                    };
                    unit = unit << 4 | u16::from(digit);
                }
                self.at += 1;
                return Ok(unit);
            }
            _ => return Err(self.unexpected("one of \" \\ / b f n r t u after a backslash")),
        };
        self.at += 1;
        Ok(unit.into())
    }
}
