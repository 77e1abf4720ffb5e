//! Messages of a definition (`D8`): `{"$message":{"fingerprint":F,"version":V,"fields":{"1":...}}}`, the fields by their tags,
//! which ascend.

use std::fmt::Write;

use super::error::{JsonError, ToJsonError};
use super::read::Reader;
use super::write::Writer;
use crate::codec::value::Value;

/// A message as text.
pub(super) fn write(
    writer: &mut Writer,
    fingerprint: u32,
    version: u32,
    fields: &[(u32, Value)],
) -> Result<(), ToJsonError> {
    writer.tagged("$message", |writer| {
        let parts = ["fingerprint", "version", "fields"];
        writer.sequence('{', '}', &parts, |writer, part| {
            writer.key(part);
            match *part {
                "fingerprint" => writer.unsigned(fingerprint),
                "version" => writer.unsigned(version),
                _ => {
                    return writer.sequence('{', '}', fields, |writer, (tag, value)| {
                        writer.key(tag);
                        writer.value(value)
                    });
                }
            }
            Ok(())
        })
    })
}

/// Fingerprint, version and fields.
type Parts = (u32, u32, Vec<(u32, Value)>);

/// What stands behind `"$message":`, once the message was entered as a container within `depth` others. The three parts
/// come in any order, and so do the fields.
pub(super) fn read(reader: &mut Reader<'_>, depth: u32) -> Result<Parts, JsonError> {
    let (mut fingerprint, mut version, mut fields) = (None, None, None);
    reader.scan.peek();
    let start = reader.scan.offset();
    reader.members(|reader, key, offset| {
        match key {
            "fingerprint" if fingerprint.is_none() => fingerprint = Some(number(reader, 0)?),
            "version" if version.is_none() => version = Some(number(reader, 1)?),
            "fields" if fields.is_none() => {
                let mut read = Vec::new();
                reader.members(|reader, key, offset| {
                    let Some(tag) = tag(key) else {
                        return Err(reader.bad(offset, "$message", FIELDS));
                    };
                    read.push((tag, reader.value(depth + 1, false)?));
                    Ok(())
                })?;
                fields = Some(read);
            }
            _ => return Err(reader.bad(offset, "$message", PARTS)),
        }
        Ok(())
    })?;
    let (Some(fingerprint), Some(version), Some(mut fields)) = (fingerprint, version, fields)
    else {
        return Err(reader.bad(start, "$message", PARTS));
    };
    fields.sort_by_key(|(tag, _)| *tag);
    if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(reader.bad(start, "$message", FIELDS));
    }
    Ok((fingerprint, version, fields))
}

const PARTS: &str = "\"fingerprint\", \"version\" and \"fields\", each once";
const FIELDS: &str = "fields by their tags, integers from 1, each once";

fn number(reader: &mut Reader<'_>, least: u32) -> Result<u32, JsonError> {
    let next = reader.scan.peek();
    let offset = reader.scan.offset();
    let number = match next {
        b'0'..=b'9' => match reader.scan.number()? {
            Value::Int(integer) => u32::try_from(integer).ok(),
            // Beyond i32, and a fraction is refused: u32 has exact doubles.
            Value::Float(number) => Some(number as u32).filter(|&cut| f64::from(cut) == number),
            _ => None,
        },
        _ => None,
    };
    number.filter(|&number| number >= least).ok_or_else(|| {
        reader.bad(
            offset,
            "$message",
            "integers of 32 bits; the version is at least 1",
        )
    })
}

/// A field's tag, in its shortest form.
fn tag(key: &str) -> Option<u32> {
    key.parse()
        .ok()
        .filter(|&tag: &u32| tag >= 1 && tag.to_string() == key)
}

impl Writer {
    /// A key of digits or letters, and the colon.
    fn key(&mut self, key: impl std::fmt::Display) {
        let _ = write!(self.out, "\"{key}\"");
        self.colon();
    }

    fn unsigned(&mut self, number: u32) {
        let _ = write!(self.out, "{number}");
    }
}

impl Reader<'_> {
    /// The properties of an object as they come: `member` gets the key and its offset, and reads the value.
    fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, &str, usize) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.scan.expect(b'{', "an object")?;
        if self.scan.take(b'}') {
            return Ok(());
        }
        loop {
            self.scan.peek();
            let offset = self.scan.offset();
            let key = self.scan.string("a key, which is a string")?;
            self.scan.expect(b':', "a colon after the key")?;
            member(self, &key.to_string(), offset)?;
            if self.scan.take(b'}') {
                return Ok(());
            }
            self.scan
                .expect(b',', "a comma or the end of the object, a }")?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::FromJsonOptions;
    use super::*;

    fn reads(text: &str) -> Result<Parts, JsonError> {
        read(&mut Reader::new(text, FromJsonOptions::default()), 0)
    }

    #[test]
    fn there_and_back() {
        let nested = Value::Array(vec![Value::Undefined, Value::Int(-5)]);
        for fields in [
            vec![],
            vec![(1, Value::Null)],
            vec![
                (1, Value::text("a")),
                (7, nested),
                (u32::MAX, Value::Float(0.5)),
            ],
        ] {
            for indent in [0, 2] {
                let mut writer = Writer::new(super::super::ToJsonOptions {
                    indent,
                    ..Default::default()
                });
                write(&mut writer, 0xDEAD_BEEF, 3, &fields).unwrap();
                let text = writer.out;
                let inner = text
                    .strip_prefix("{\"$message\":")
                    .and_then(|text| text.strip_suffix('}'))
                    .unwrap();
                assert_eq!(reads(inner), Ok((0xDEAD_BEEF, 3, fields.clone())), "{text}");
            }
        }
        let mut writer = Writer::new(Default::default());
        write(&mut writer, 5, 1, &[(2, Value::Int(7))]).unwrap();
        assert_eq!(
            writer.out,
            r#"{"$message":{"fingerprint":5,"version":1,"fields":{"2":7}}}"#
        );
    }

    #[test]
    fn parts_and_fields_come_in_any_order() {
        let text = r#"{ "fields": {"10": 1, "2": 2}, "version": 1, "fingerprint": 0 }"#;
        let fields = vec![(2, Value::Int(2)), (10, Value::Int(1))];
        assert_eq!(reads(text), Ok((0, 1, fields)));
    }

    #[test]
    fn what_is_no_message() {
        for text in [
            r#"{}"#,
            r#"[]"#,
            r#"{"fingerprint":1,"version":1}"#,
            r#"{"fingerprint":1,"version":0,"fields":{}}"#,
            r#"{"fingerprint":-1,"version":1,"fields":{}}"#,
            r#"{"fingerprint":1.5,"version":1,"fields":{}}"#,
            r#"{"fingerprint":4294967296,"version":1,"fields":{}}"#,
            r#"{"fingerprint":1,"version":1,"fields":[]}"#,
            r#"{"fingerprint":1,"version":1,"fields":{"0":1}}"#,
            r#"{"fingerprint":1,"version":1,"fields":{"01":1}}"#,
            r#"{"fingerprint":1,"version":1,"fields":{"+1":1}}"#,
            r#"{"fingerprint":1,"version":1,"fields":{"1":1,"1":2}}"#,
            r#"{"fingerprint":1,"version":1,"fields":{"1":{"$hole":true}}}"#,
            r#"{"fingerprint":1,"fingerprint":1,"version":1,"fields":{}}"#,
            r#"{"fingerprint":1,"version":1,"fields":{},"more":1}"#,
        ] {
            assert!(reads(text).is_err(), "{text}");
        }
    }
}
