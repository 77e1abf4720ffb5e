//! Reading the tagged objects: what stands behind the tag and the colon.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::bigint;
use super::error::{JsonError, JsonErrorKind};
use super::message;
use super::read::{Reader, last_of_each};
use crate::codec::binary::BinaryKind;
use crate::codec::text::{Text, Units};
use crate::codec::value::Value;

/// What a tagged object stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tag {
    Undefined,
    Hole,
    Number,
    BigInt,
    Date,
    Utf16,
    Binary,
    Map,
    Set,
    Object,
    Message,
}

impl Tag {
    /// The tag that a first key is. Any other key makes a plain object, whatever it begins with.
    pub(super) fn of(key: Units<'_>) -> Option<Tag> {
        const TAGS: [(&str, Tag); 11] = [
            ("$undefined", Tag::Undefined),
            ("$hole", Tag::Hole),
            ("$number", Tag::Number),
            ("$bigint", Tag::BigInt),
            ("$date", Tag::Date),
            ("$utf16", Tag::Utf16),
            ("$binary", Tag::Binary),
            ("$map", Tag::Map),
            ("$set", Tag::Set),
            ("$object", Tag::Object),
            ("$message", Tag::Message),
        ];
        if key.iter().next() != Some(u16::from(b'$')) {
            return None;
        }
        let of_name = |(name, _): &&(&str, Tag)| key.iter().eq(name.encode_utf16());
        TAGS.iter().find(of_name).map(|(_, tag)| *tag)
    }
}

impl Reader<'_> {
    /// The value of a tagged object that starts at `start`, up to its closing bracket.
    pub(super) fn tagged(
        &mut self,
        tag: Tag,
        start: usize,
        depth: u32,
        hole_allowed: bool,
    ) -> Result<Value, JsonError> {
        match tag {
            Tag::Undefined => self.always_true("$undefined").map(|()| Value::Undefined),
            Tag::Hole if hole_allowed => self.always_true("$hole").map(|()| Value::Hole),
            Tag::Hole => Err(self.scan.error(start, JsonErrorKind::MisplacedHole)),
            Tag::Number => self.number().map(Value::Float),
            Tag::BigInt => self.string_for("$bigint", bigint::EXPECTED, bigint::read),
            Tag::Date => self.date(),
            Tag::Utf16 => self.utf16().map(Value::Text),
            Tag::Binary => self.binary(),
            Tag::Map => {
                self.enter(start, depth)?;
                let mut entries = Vec::new();
                self.list(|reader| {
                    entries.push(reader.pair(|reader| reader.value(depth + 1, false), depth)?);
                    Ok(())
                })?;
                Ok(Value::Map(entries))
            }
            Tag::Set => {
                self.enter(start, depth)?;
                let mut values = Vec::new();
                self.list(|reader| {
                    values.push(reader.value(depth + 1, false)?);
                    Ok(())
                })?;
                Ok(Value::Set(values))
            }
            Tag::Object => {
                self.enter(start, depth)?;
                let mut properties = Vec::new();
                self.list(|reader| {
                    properties.push(reader.pair(Reader::key, depth)?);
                    Ok(())
                })?;
                Ok(Value::Object(last_of_each(properties)))
            }
            Tag::Message => {
                self.enter(start, depth)?;
                let (fingerprint, version, fields) = message::read(self, depth)?;
                Ok(Value::Message {
                    fingerprint,
                    version,
                    fields,
                })
            }
        }
    }

    /// A list of two, the second a value within one container more than `depth`.
    fn pair<K>(
        &mut self,
        first: impl FnOnce(&mut Self) -> Result<K, JsonError>,
        depth: u32,
    ) -> Result<(K, Value), JsonError> {
        self.scan.expect(b'[', "a pair in square brackets")?;
        let first = first(self)?;
        self.scan
            .expect(b',', "a comma between the two of a pair")?;
        let second = self.value(depth + 1, false)?;
        self.scan.expect(b']', "the end of the pair, a ]")?;
        Ok((first, second))
    }

    fn always_true(&mut self, tag: &'static str) -> Result<(), JsonError> {
        if self.scan.peek() == b't' {
            return self.scan.literal("true");
        }
        Err(self.bad(self.scan.offset(), tag, "true"))
    }

    /// What a string stands for.
    fn string_for<T>(
        &mut self,
        tag: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, JsonError> {
        self.scan.peek();
        let offset = self.scan.offset();
        let text = self.scan.string(expected)?;
        read(&text.to_string()).ok_or_else(|| self.bad(offset, tag, expected))
    }

    fn number(&mut self) -> Result<f64, JsonError> {
        let expected = "\"NaN\", \"Infinity\", \"-Infinity\" or \"-0\"";
        self.string_for("$number", expected, |text| match text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            "-0" => Some(-0.0),
            _ => None,
        })
    }

    fn date(&mut self) -> Result<Value, JsonError> {
        let next = self.scan.peek();
        let offset = self.scan.offset();
        let milliseconds = match next {
            b'n' => self.scan.literal("null").map(|()| f64::NAN)?,
            b'-' | b'0'..=b'9' => match self.scan.number()? {
                Value::Int(integer) => integer.into(),
                Value::Float(number) => number,
                _ => f64::NAN,
            },
            b'{' => {
                self.scan.expect(b'{', "an object")?;
                if self.scan.string("$number")? != *"$number" {
                    return Err(self.bad_date(offset));
                }
                self.scan.expect(b':', "a colon after the key")?;
                let number = self.number()?;
                self.scan
                    .expect(b'}', "the end of the tagged object, a }")?;
                number
            }
            _ => return Err(self.bad_date(offset)),
        };
        Ok(Value::Date(milliseconds))
    }

    fn bad_date(&self, offset: usize) -> JsonError {
        self.bad(
            offset,
            "$date",
            "milliseconds since the Unix epoch as a number, or null",
        )
    }

    fn utf16(&mut self) -> Result<Text, JsonError> {
        let expected = "four hexadecimal digits for each code unit, as a string";
        self.string_for("$utf16", expected, |digits| {
            let mut units = Vec::with_capacity(digits.len() / 4);
            for four in digits.as_bytes().chunks(4) {
                if four.len() < 4 {
                    return None;
                }
                let unit = four.iter().try_fold(0, |unit, &digit| {
                    Some(unit << 4 | u16::from(bigint::hex(digit)?))
                });
                units.push(unit?);
            }
            Some(Text::from_units(&units))
        })
    }

    fn binary(&mut self) -> Result<Value, JsonError> {
        let bytes = self.string_for("$binary", "base64 with padding, as a string", |text| {
            BASE64.decode(text).ok()
        })?;
        self.scan
            .expect(b',', "a comma and the \"kind\" of the binary")?;
        self.scan.peek();
        let offset = self.scan.offset();
        if self.scan.string("\"kind\"")? != *"kind" {
            return Err(self.bad(offset, "$binary", "base64 and, behind it, \"kind\""));
        }
        self.scan.expect(b':', "a colon after the key")?;
        self.scan.peek();
        let offset = self.scan.offset();
        let kind = self.string_for(
            "kind",
            "the name of a typed array's class, \"ArrayBuffer\" or \"DataView\"",
            |name| BinaryKind::ALL.into_iter().find(|kind| kind.name() == name),
        )?;
        if !bytes.len().is_multiple_of(kind.element_bytes()) {
            return Err(self.bad(offset, "$binary", "a whole number of elements of its kind"));
        }
        Ok(Value::Binary {
            kind,
            bytes: bytes.into(),
        })
    }

    /// The key of a pair: a string, tagged or not.
    fn key(&mut self) -> Result<Text, JsonError> {
        if self.scan.peek() != b'{' {
            return self.scan.string("a key, which is a string");
        }
        let offset = self.scan.offset();
        self.scan.expect(b'{', "an object")?;
        if self.scan.string("$utf16")? != *"$utf16" {
            return Err(self.bad(offset, "$object", "pairs whose first is a string"));
        }
        self.scan.expect(b':', "a colon after the key")?;
        let text = self.utf16()?;
        self.scan
            .expect(b'}', "the end of the tagged object, a }")?;
        Ok(text)
    }

    pub(super) fn bad(
        &self,
        offset: usize,
        tag: &'static str,
        expected: &'static str,
    ) -> JsonError {
        self.scan
            .error(offset, JsonErrorKind::BadTag { tag, expected })
    }
}
