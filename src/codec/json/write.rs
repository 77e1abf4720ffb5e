//! A value to text, laid out as `JSON.stringify` lays it out; what it could not say, as tagged objects.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::error::ToJsonError;
use super::tags::Tag;
use super::{MAX_INDENT, ToJsonOptions, bigint, message};
use crate::codec::text::{Text, Units};
use crate::codec::value::{Value, as_i32};

type Result = std::result::Result<(), ToJsonError>;

pub(super) fn write(
    value: &Value,
    options: ToJsonOptions,
) -> std::result::Result<String, ToJsonError> {
    let mut writer = Writer::new(options);
    writer.value(value)?;
    Ok(writer.out)
}

pub(super) struct Writer {
    pub(super) out: String,
    /// Spaces for each level; 0 writes one line.
    indent: usize,
    level: usize,
    max_bytes: usize,
}

impl Writer {
    pub(super) fn new(options: ToJsonOptions) -> Writer {
        Writer {
            out: String::new(),
            indent: options.indent.min(MAX_INDENT) as usize,
            level: 0,
            max_bytes: options.max_bytes,
        }
    }

    pub(super) fn value(&mut self, value: &Value) -> Result {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Undefined => self.out.push_str(r#"{"$undefined":true}"#),
            Value::Hole => self.out.push_str(r#"{"$hole":true}"#),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(integer) => self.integer(*integer),
            Value::Float(number) => self.number(*number),
            Value::BigInt {
                negative,
                magnitude,
            } => {
                self.out.push_str(r#"{"$bigint":""#);
                bigint::write(*negative, magnitude, &mut self.out);
                self.out.push_str("\"}");
            }
            Value::Date(milliseconds) => {
                self.out.push_str(r#"{"$date":"#);
                if milliseconds.is_nan() {
                    self.out.push_str("null");
                } else {
                    self.number(*milliseconds);
                }
                self.out.push('}');
            }
            Value::Text(text) => self.text(text),
            Value::Array(elements) => {
                self.sequence('[', ']', elements, |writer, element| writer.value(element))?;
            }
            Value::Object(properties) if is_plain(properties) => {
                self.sequence('{', '}', properties, |writer, (key, value)| {
                    writer.string(key.units());
                    writer.colon();
                    writer.value(value)
                })?;
            }
            Value::Object(properties) => {
                self.pairs("$object", properties, |writer, key| {
                    writer.text(key);
                    Ok(())
                })?;
            }
            Value::Map(entries) => self.pairs("$map", entries, Writer::value)?,
            Value::Set(values) => self.tagged("$set", |writer| {
                writer.sequence('[', ']', values, |writer, value| writer.value(value))
            })?,
            Value::Binary { kind, bytes } => {
                self.out.push_str(r#"{"$binary":""#);
                BASE64.encode_string(bytes, &mut self.out);
                let _ = write!(self.out, r#"","kind":"{}"}}"#, kind.name());
            }
            Value::Message {
                fingerprint,
                version,
                fields,
            } => message::write(self, *fingerprint, *version, fields)?,
        }
        self.check()
    }

    /// The text stays within its limit, to a value.
    fn check(&self) -> Result {
        if self.out.len() <= self.max_bytes {
            return Ok(());
        }
        Err(ToJsonError::TooLong {
            max_bytes: self.max_bytes,
        })
    }

    /// An object with a tag as its one key.
    pub(super) fn tagged(
        &mut self,
        tag: &str,
        content: impl FnOnce(&mut Writer) -> Result,
    ) -> Result {
        self.out.push_str("{\"");
        self.out.push_str(tag);
        self.out.push('"');
        self.colon();
        content(self)?;
        self.out.push('}');
        Ok(())
    }

    /// A tagged list of pairs.
    fn pairs<K>(
        &mut self,
        tag: &str,
        pairs: &[(K, Value)],
        mut key: impl FnMut(&mut Writer, &K) -> Result,
    ) -> Result {
        self.tagged(tag, |writer| {
            writer.sequence('[', ']', pairs, |writer, (name, value)| {
                writer.out.push('[');
                key(writer, name)?;
                writer
                    .out
                    .push_str(if writer.indent > 0 { ", " } else { "," });
                writer.value(value)?;
                writer.out.push(']');
                Ok(())
            })
        })
    }

    /// Items between brackets, each on a line of its own where text is indented.
    pub(super) fn sequence<T>(
        &mut self,
        open: char,
        close: char,
        items: &[T],
        mut item: impl FnMut(&mut Writer, &T) -> Result,
    ) -> Result {
        self.out.push(open);
        self.level += 1;
        for (index, each) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.line();
            item(self, each)?;
        }
        self.level -= 1;
        if !items.is_empty() {
            self.line();
        }
        self.out.push(close);
        Ok(())
    }

    fn line(&mut self) {
        if self.indent > 0 {
            self.out.push('\n');
            self.out
                .extend(std::iter::repeat_n(' ', self.indent * self.level));
        }
    }

    pub(super) fn colon(&mut self) {
        self.out.push_str(if self.indent > 0 { ": " } else { ":" });
    }

    fn integer(&mut self, integer: i32) {
        let _ = write!(self.out, "{integer}");
    }

    fn number(&mut self, number: f64) {
        if let Some(integer) = as_i32(number) {
            return self.integer(integer);
        }
        let name = if number.is_nan() {
            "NaN"
        } else if number == f64::INFINITY {
            "Infinity"
        } else if number == f64::NEG_INFINITY {
            "-Infinity"
        } else if number == 0.0 {
            "-0"
        } else {
            let mut buffer = ryu_js::Buffer::new();
            return self.out.push_str(buffer.format_finite(number));
        };
        let _ = write!(self.out, r#"{{"$number":"{name}"}}"#);
    }

    /// A string, tagged where Unicode cannot say it.
    fn text(&mut self, text: &Text) {
        let units = text.units();
        if is_unicode(units) {
            return self.string(units);
        }
        self.out.push_str(r#"{"$utf16":""#);
        for unit in units.iter() {
            let _ = write!(self.out, "{unit:04x}");
        }
        self.out.push_str("\"}");
    }

    /// A string of Unicode, in quotes.
    fn string(&mut self, units: Units<'_>) {
        self.out.reserve(units.len() + 2);
        self.out.push('"');
        match units {
            Units::One(bytes) => bytes.iter().for_each(|&byte| self.character(byte.into())),
            _ => char::decode_utf16(units.iter())
                .for_each(|unit| self.character(unit.unwrap_or(char::REPLACEMENT_CHARACTER))),
        }
        self.out.push('"');
    }

    fn character(&mut self, character: char) {
        match character {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\u{8}' => self.out.push_str("\\b"),
            '\t' => self.out.push_str("\\t"),
            '\n' => self.out.push_str("\\n"),
            '\u{C}' => self.out.push_str("\\f"),
            '\r' => self.out.push_str("\\r"),
            '\0'..' ' => {
                let _ = write!(self.out, "\\u{:04x}", u32::from(character));
            }
            _ => self.out.push(character),
        }
    }
}

/// True when the properties stand for themselves: no key needs a tag, and none is read as one.
fn is_plain(properties: &[(Text, Value)]) -> bool {
    let first = properties.first().and_then(|(key, _)| Tag::of(key.units()));
    first.is_none() && properties.iter().all(|(key, _)| is_unicode(key.units()))
}

/// True without a lone surrogate.
fn is_unicode(units: Units<'_>) -> bool {
    matches!(units, Units::One(_)) || char::decode_utf16(units.iter()).all(|unit| unit.is_ok())
}
