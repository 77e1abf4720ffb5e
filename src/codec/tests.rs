//! The encoding by example: what the document says of each tag and of each rule, byte for byte.

mod names;
mod paths;
mod rules;

use std::sync::Arc;

use super::*;

/// String 1 is "task", string 2 is "日"; shape 1 is {task, id}, shape 2 has no keys.
struct SomeTables;

impl Tables for SomeTables {
    fn string(&self, id: u32) -> Option<Arc<Text>> {
        match id {
            // Nothing may ask for 0; if it does, a test sees it.
            0 | 1 => Some(Arc::new("task".into())),
            2 => Some(Arc::new("日".into())),
            _ => None,
        }
    }

    fn shape(&self, id: u32) -> Option<Arc<[Text]>> {
        match id {
            0 | 1 => Some(["task".into(), "id".into()].into()),
            2 => Some([].into()),
            _ => None,
        }
    }
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out).unwrap();
    out
}

#[track_caller]
fn fails(bytes: &[u8], name: &str, offset: usize) {
    let error = decode(bytes, &SomeTables).unwrap_err();
    assert_eq!((error.kind.name(), error.offset), (name, offset), "{error}");
    assert_eq!(validate(bytes, &SomeTables), Err(error));
    assert!(
        error
            .to_string()
            .starts_with(&format!("at byte {offset}: ")),
        "{error}"
    );
    assert!(error.to_string().contains("found"), "{error}");
    assert!(error.to_string().contains("expected"), "{error}");
}

/// Another form of a value: read, but not written.
#[track_caller]
fn reads(bytes: &[u8], value: &Value) {
    assert_eq!(decode(bytes, &SomeTables).as_ref(), Ok(value));
    assert_eq!(validate(bytes, &SomeTables), Ok(()));
}

#[track_caller]
fn both(value: Value, bytes: &[u8]) {
    assert_eq!(encoded(&value), bytes, "{value:?}");
    assert_eq!(decode(bytes, &NoTables).as_ref(), Ok(&value));
    assert_eq!(validate(bytes, &NoTables), Ok(()));
}

fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    Value::Object(
        properties
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}

#[test]
fn scalars() {
    both(Value::Null, &[0xC0]);
    both(Value::Undefined, &[0xC1]);
    both(Value::Bool(false), &[0xC2]);
    both(Value::Bool(true), &[0xC3]);
    both(Value::Int(0), &[0x00]);
    both(Value::Int(127), &[0x7F]);
    both(Value::Int(-1), &[0xFF]);
    both(Value::Int(-32), &[0xE0]);
    both(Value::Int(-33), &[0xC5, 0xDF]);
    both(Value::Int(-128), &[0xC5, 0x80]);
    both(Value::Int(128), &[0xC6, 0x80, 0x00]);
    both(Value::Int(-129), &[0xC6, 0x7F, 0xFF]);
    both(Value::Int(32_767), &[0xC6, 0xFF, 0x7F]);
    both(Value::Int(32_768), &[0xC7, 0x00, 0x80, 0x00, 0x00]);
    both(Value::Int(i32::MIN), &[0xC7, 0x00, 0x00, 0x00, 0x80]);
    both(Value::Float(-0.0), &[0xC8, 0, 0, 0, 0, 0, 0, 0, 0x80]);
    both(Value::Float(0.5), &[0xC8, 0, 0, 0, 0, 0, 0, 0xE0, 0x3F]);
    both(
        Value::Float(2_147_483_648.0),
        &[0xC8, 0, 0, 0, 0, 0, 0, 0xE0, 0x41],
    );
    both(
        Value::Float(f64::NAN),
        &[0xC8, 0, 0, 0, 0, 0, 0, 0xF8, 0x7F],
    );
    both(Value::Date(0.0), &[0xC9, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(encoded(&Value::Float(5.0)), [5]);
    let other_nan = Value::Float(f64::from_bits(0xFFF0_0000_0000_0001));
    assert_eq!(encoded(&other_nan), encoded(&Value::Float(f64::NAN)));
    reads(
        &[0xC8, 1, 0, 0, 0, 0, 0, 0xF0, 0xFF],
        &Value::Float(f64::NAN),
    );
}

#[test]
fn longer_forms_of_a_number_are_read() {
    reads(&[0xC5, 5], &Value::Int(5));
    reads(&[0xC7, 5, 0, 0, 0], &Value::Int(5));
    reads(&[0xC8, 0, 0, 0, 0, 0, 0, 0x14, 0x40], &Value::Int(5));
    assert!(matches!(
        decode(&[0xC8, 0, 0, 0, 0, 0, 0, 0, 0], &NoTables),
        Ok(Value::Int(0))
    ));
}

#[test]
fn bigints() {
    both(Value::big_int64(0), &[0xCA, 0, 0, 0, 0, 0, 0, 0, 0]);
    both(
        Value::big_int64(-1),
        &[0xCA, 255, 255, 255, 255, 255, 255, 255, 255],
    );
    both(
        Value::big_int64(i64::MIN),
        &[0xCA, 0, 0, 0, 0, 0, 0, 0, 0x80],
    );
    both(
        Value::big_int64(i64::MAX),
        &[0xCA, 255, 255, 255, 255, 255, 255, 255, 0x7F],
    );
    let beyond = |negative, magnitude: &[u8]| Value::BigInt {
        negative,
        magnitude: magnitude.into(),
    };
    both(
        beyond(false, &[0, 0, 0, 0, 0, 0, 0, 0x80]),
        &[0xCB, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0x80],
    );
    both(
        beyond(true, &[1, 0, 0, 0, 0, 0, 0, 0x80]),
        &[0xCB, 1, 8, 1, 0, 0, 0, 0, 0, 0, 0x80],
    );
    both(
        beyond(true, &[0, 0, 0, 0, 0, 0, 0, 0, 1]),
        &[0xCB, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    );
    assert_eq!(
        encoded(&beyond(true, &[0, 0])),
        encoded(&Value::big_int64(0))
    );
    assert_eq!(
        encoded(&beyond(true, &[7, 0])),
        encoded(&Value::big_int64(-7))
    );
    reads(&[0xCB, 1, 1, 7], &Value::big_int64(-7));
    fails(&[0xCB, 2, 1, 7], "BigIntSign", 1);
    fails(&[0xCB, 0, 2, 7, 0], "BigIntMagnitude", 2);
    fails(&[0xCB, 0, 0], "BigIntMagnitude", 2);
    fails(&[0xCB, 0, 3, 7, 0], "UnexpectedEnd", 3);
}

#[test]
fn strings() {
    both(Value::text(""), &[0x80]);
    both(Value::text("é"), &[0x81, 0xE9]);
    both(
        Value::text(&"a".repeat(31)),
        &[&[0x9F][..], &[b'a'; 31]].concat(),
    );
    both(
        Value::text(&"a".repeat(32)),
        &[&[0xCC, 32][..], &[b'a'; 32]].concat(),
    );
    both(
        Value::text(&"a".repeat(128)),
        &[&[0xCC, 0x80, 0x01][..], &[b'a'; 128]].concat(),
    );
    both(Value::text("日"), &[0xCD, 1, 0xE5, 0x65]);
    both(
        Value::Text(Text::TwoByte([0xD800].into())),
        &[0xCD, 1, 0x00, 0xD8],
    );
    // Narrow text in two bytes is written in one; either form is read, and is the same.
    assert_eq!(
        encoded(&Value::Text(Text::TwoByte([0x61].into()))),
        [0x81, 0x61]
    );
    reads(&[0xCD, 1, 0x61, 0x00], &Value::text("a"));
    reads(&[0xCC, 1, 0x61], &Value::text("a"));
    reads(&[0xCC, 0], &Value::text(""));
    reads(&[0xD4, 1], &Value::text("task"));
    reads(&[0xD4, 2], &Value::text("日"));
    fails(&[0x82, 0x61], "UnexpectedEnd", 1);
    fails(&[0xCD, 1, 0x61], "UnexpectedEnd", 2);
    fails(&[0xCD, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], "UnexpectedEnd", 6);
    fails(&[0xD4, 3], "UnknownStringId", 0);
    fails(&[0xD4, 0], "UnknownStringId", 0);
}

#[test]
fn containers() {
    both(Value::Array(vec![]), &[0xA0]);
    both(
        Value::Array(vec![Value::Hole, Value::Int(1)]),
        &[0xA2, 0xC4, 1],
    );
    both(
        Value::Array(vec![Value::Int(1); 15]),
        &[&[0xAF][..], &[1; 15]].concat(),
    );
    both(
        Value::Array(vec![Value::Int(1); 16]),
        &[&[0xCE, 16][..], &[1; 16]].concat(),
    );
    both(object([]), &[0xB0]);
    both(
        object([("b", Value::Int(1)), ("a", Value::Null)]),
        &[0xD6, 2, 0x81, b'b', 0x81, b'a', 1, 0xC0],
    );
    reads(
        &[0xB2, 0x81, b'b', 1, 0x81, b'a', 0xC0],
        &object([("b", Value::Int(1)), ("a", Value::Null)]),
    );
    both(Value::Map(vec![]), &[0xD0, 0]);
    both(
        Value::Map(vec![(object([]), Value::Int(1))]),
        &[0xD0, 1, 0xB0, 1],
    );
    both(
        Value::Set(vec![Value::Int(1), Value::text("a")]),
        &[0xD1, 2, 1, 0x81, b'a'],
    );
    reads(&[0xCE, 0], &Value::Array(vec![]));
    let keys = || (b'a'..b'q').map(|key| Text::OneByte([key].into()));
    let value = Value::Object(keys().map(|key| (key, Value::Int(7))).collect());
    let mut bytes = vec![0xCF, 16];
    (b'a'..b'q').for_each(|key| bytes.extend([0x81, key, 7]));
    reads(&bytes, &value);
    let mut bytes = vec![0xD6, 16];
    (b'a'..b'q').for_each(|key| bytes.extend([0x81, key]));
    bytes.extend([7; 16]);
    both(value, &bytes);
}

#[test]
fn shapes() {
    reads(
        &[0xD3, 1, 7, 0xC0],
        &object([("task", Value::Int(7)), ("id", Value::Null)]),
    );
    reads(&[0xD3, 2], &object([]));
    reads(
        &[0xA2, 0xD3, 2, 0xD3, 2],
        &Value::Array(vec![object([]), object([])]),
    );
    fails(&[0xA1, 0xD3, 3, 7, 0xC0], "UnknownShapeId", 1);
    fails(&[0xD3, 0, 7, 0xC0], "UnknownShapeId", 0);
    fails(&[0xD3, 1, 7], "CountTooLarge", 0);
    fails(&[0xD3, 1, 7, 0xC4], "MisplacedHole", 3);
    fails(&[0xD3, 1, 7, 0xC0, 0xC0], "TrailingBytes", 4);
    let error = decode(&[0xD3, 1, 7, 0xC0], &NoTables).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::UnknownShapeId { id: 1 });
}

#[test]
fn binaries() {
    for kind in BinaryKind::ALL {
        let length = kind.element_bytes() * 2;
        let mut bytes = vec![0xD2, kind.byte(), length as u8];
        bytes.extend(0..length as u8);
        both(
            Value::Binary {
                kind,
                bytes: bytes[3..].into(),
            },
            &bytes,
        );
        both(
            Value::Binary {
                kind,
                bytes: [].into(),
            },
            &[0xD2, kind.byte(), 0],
        );
        if kind.element_bytes() > 1 {
            let odd = Value::Binary {
                kind,
                bytes: [0; 3].into(),
            };
            let error = EncodeError::BinaryLength { kind, length: 3 };
            assert_eq!(encode(&odd, &mut Vec::new()), Err(error));
            fails(&[0xD2, kind.byte(), 3, 0, 0, 0], "BinaryLength", 2);
        }
    }
    fails(&[0xD2, 14, 0], "UnknownBinaryKind", 1);
    fails(&[0xD2, 0, 2, 0], "UnexpectedEnd", 3);
}
