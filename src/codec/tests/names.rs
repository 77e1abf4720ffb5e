//! What names things in fewer bytes: the dictionary, local shapes, and the tags of messages.

use super::*;

fn message(fingerprint: u32, version: u32, fields: &[(u32, Value)]) -> Value {
    Value::Message {
        fingerprint,
        version,
        fields: fields.to_vec(),
    }
}

#[test]
fn strings_of_the_dictionary() {
    both(Value::text("id"), &[0xD5, 0]);
    both(Value::text("stack"), &[0xD5, 127]);
    both(Value::text("task.assignment"), &[0xD5, 128]);
    both(Value::text("strategy"), &[0xD5, 255]);
    // One character off, or held wide, or written out.
    both(Value::text("i"), &[0x81, b'i']);
    both(Value::text("ID"), &[0x82, b'I', b'D']);
    let wide = Value::Text(Text::TwoByte("id".encode_utf16().collect()));
    assert_eq!(encoded(&wide), [0xD5, 0]);
    reads(&[0x82, b'i', b'd'], &wide);
    reads(&[0xCD, 2, b'i', 0, b'd', 0], &wide);
    fails(&[0xD5], "UnexpectedEnd", 1);
    for (number, text) in (0..=u8::MAX).zip(dictionary::STRINGS) {
        both(Value::text(text), &[0xD5, number]);
    }
}

#[test]
fn keys_of_the_dictionary() {
    both(
        object([("stack", Value::Int(1)), ("task.assignment", Value::Int(2))]),
        &[0xD6, 2, 0x7F, 0xD5, 0x80, 1, 2],
    );
    // A short key may be written longer, and only a key is one byte: a Map's is a value.
    reads(
        &[0xB2, 0xD5, 0, 1, 1, 2],
        &object([("id", Value::Int(1)), ("type", Value::Int(2))]),
    );
    both(
        Value::Map(vec![
            (Value::Int(0), Value::Int(1)),
            (Value::text("id"), Value::Int(2)),
        ]),
        &[0xD0, 2, 0, 1, 0xD5, 0, 2],
    );
    fails(&[0xB1, 0xD5], "CountTooLarge", 0);
    fails(&[0xA2, 0xB1, 0xD5, 0, 1], "UnexpectedEnd", 5);
    // Objects that have no local shape have such keys too.
    let mut properties = vec![("type".into(), Value::Int(7))];
    let long = "k".repeat(65);
    properties.push((long.as_str().into(), Value::Int(8)));
    let bytes = [&[0xB2, 1, 7, 0xCC, 65][..], long.as_bytes(), &[8]].concat();
    both(Value::Object(properties), &bytes);
}

#[test]
fn an_object_of_the_same_keys_again() {
    let row = |id| object([("id", Value::Int(id)), ("x", Value::Null)]);
    both(
        Value::Array(vec![row(1), row(2), row(3)]),
        &[
            0xA3, 0xD6, 2, 0, 0x81, b'x', 1, 0xC0, 0xD7, 0, 2, 0xC0, 0xD7, 0, 3, 0xC0,
        ],
    );
    // Another order is another shape.
    let other = object([("x", Value::Null), ("id", Value::Int(2))]);
    both(
        Value::Array(vec![row(1), other.clone(), row(2), other]),
        &[
            0xA4, 0xD6, 2, 0, 0x81, b'x', 1, 0xC0, 0xD6, 2, 0x81, b'x', 0, 0xC0, 2, 0xD7, 0, 2,
            0xC0, 0xD7, 1, 0xC0, 2,
        ],
    );
    // The next value starts without shapes.
    let mut out = encoded(&row(1));
    encode(&row(1), &mut out).unwrap();
    assert_eq!(out[..out.len() / 2], out[out.len() / 2..]);
}

#[test]
fn a_shape_is_known_behind_its_last_key() {
    let leaf = object([("id", Value::Int(1))]);
    both(object([("id", leaf.clone())]), &[0xD6, 1, 0, 0xD7, 0, 1]);
    // The inner one stands within the outer one's values, so it comes after it.
    let inner = object([("type", Value::Int(1))]);
    both(
        Value::Array(vec![
            object([("id", inner.clone()), ("x", inner.clone())]),
            inner.clone(),
            object([("id", inner), ("x", Value::Null)]),
            leaf,
        ]),
        &[
            0xA4, 0xD6, 2, 0, 0x81, b'x', 0xD6, 1, 1, 1, 0xD7, 1, 1, 0xD7, 1, 1, 0xD7, 0, 0xD7, 1,
            1, 0xC0, 0xD6, 1, 0, 1,
        ],
    );
    // Maps, sets and messages are within the same value.
    both(
        Value::Set(vec![
            Value::Map(vec![(object([("id", Value::Int(1))]), Value::Null)]),
            message(0, 1, &[(1, object([("id", Value::Int(2))]))]),
        ]),
        &[
            0xD1, 2, 0xD0, 1, 0xD6, 1, 0, 1, 0xC0, 0xD8, 0, 1, 1, 1, 0xD7, 0, 2,
        ],
    );
    fails(&[0xD7, 0, 1], "UnknownLocalShape", 0);
    fails(&[0xD6, 1, 0, 0xD7, 1, 1], "UnknownLocalShape", 3);
    fails(&[0xA2, 0xD7, 0, 0xD6, 1, 0, 1], "UnknownLocalShape", 1);
    // A definition takes a number even if its keys have one.
    reads(
        &[0xA3, 0xD6, 1, 0, 1, 0xD6, 1, 0, 2, 0xD7, 1, 3],
        &Value::Array((1..4).map(|id| object([("id", Value::Int(id))])).collect()),
    );
    // Shapes by id and objects written out take none.
    fails(
        &[0xA3, 0xD3, 1, 1, 2, 0xB1, 0, 1, 0xD7, 0, 1],
        "UnknownLocalShape",
        8,
    );
    reads(
        &[0xA2, 0xD6, 1, 0xD4, 1, 7, 0xD7, 0, 8],
        &Value::Array(vec![
            object([("task", Value::Int(7))]),
            object([("task", Value::Int(8))]),
        ]),
    );
}

#[test]
fn more_local_shapes_than_most_values_have() {
    let row = |index: u32| {
        let key = format!("key {index}");
        Value::Object(vec![(key.as_str().into(), Value::Int(index as i32))])
    };
    let rows: Vec<_> = (0..300).chain(0..300).map(row).collect();
    let value = Value::Array(rows);
    let bytes = encoded(&value);
    reads(&bytes, &value);
    let last = &bytes[bytes.len() - 6..];
    assert_eq!(last, [0xD7, 0xAB, 0x02, 0xC6, 0x2B, 0x01]);
}

#[test]
fn limits_of_a_local_shape() {
    let keys = |count: usize| (0..count).map(|index| Text::from(format!("key {index}").as_str()));
    let of = |count: usize| Value::Object(keys(count).map(|key| (key, Value::Int(1))).collect());
    for (count, head) in [(128, [0xD6, 0x80, 0x01]), (129, [0xCF, 0x81, 0x01])] {
        let value = Value::Array(vec![of(count), of(count)]);
        let bytes = encoded(&value);
        assert_eq!(bytes[1..4], head);
        reads(&bytes, &value);
        let again = bytes.windows(3).filter(|window| *window == head).count();
        assert_eq!(again, if count == 128 { 1 } else { 2 });
    }
    for (length, tag) in [(64, 0xD6), (65, 0xB1)] {
        for key in ["k", "日"] {
            let key = Text::from(key.repeat(length).as_str());
            let value = Value::Object(vec![(key, Value::Int(1))]);
            assert_eq!(encoded(&value)[0], tag);
            reads(&encoded(&value), &value);
        }
    }
    fails(&[0xA1, 0xD6, 0, 1], "ShapeKeys", 1);
    let mut bytes = vec![0xD6, 0x81, 0x01];
    bytes.resize(1000, 0x80);
    fails(&bytes, "ShapeKeys", 0);
    let long = [&[0xD6, 2, 0, 0xCC, 65][..], &[b'k'; 65], &[1, 2]].concat();
    fails(&long, "ShapeKeyTooLong", 3);
    fails(&[0xD6, 1, 0xC0, 1], "KeyNotString", 2);
    fails(&[0xD6, 1, 0, 0xC4], "MisplacedHole", 3);
    // Keys and values are owed, later only values.
    fails(&[0xD6, 2, 0, 1, 7], "CountTooLarge", 0);
    fails(&[0xA2, 0xD6, 1, 0, 7], "CountTooLarge", 1);
    fails(&[0xD6, 2, 0, 1, 0xA2, 1, 1], "CountTooLarge", 4);
    fails(&[0xD6, 2, 0, 1, 0xD7, 0, 7], "CountTooLarge", 4);
    fails(&[0xA2, 0xD6, 2, 0, 1, 7, 8, 0xD7, 0, 7], "CountTooLarge", 7);
}

#[test]
fn messages_of_a_definition() {
    both(message(0, 1, &[]), &[0xD8, 0, 1, 0]);
    both(
        message(
            u32::MAX,
            300,
            &[(1, Value::Int(7)), (128, Value::text("id"))],
        ),
        &[
            0xD8, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0xAC, 0x02, 2, 1, 7, 0x80, 0x01, 0xD5, 0,
        ],
    );
    both(
        message(0, 1, &[(u32::MAX, message(0, 2, &[]))]),
        &[0xD8, 0, 1, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0xD8, 0, 2, 0],
    );
    assert_ne!(message(0, 1, &[]), message(1, 1, &[]));
    assert_ne!(message(0, 1, &[]), message(0, 2, &[]));
    assert_eq!(message(0, 1, &[]).type_name(), "message");

    fails(&[0xA1, 0xD8, 0, 0, 0], "MessageVersion", 3);
    fails(&[0xD8, 0, 1, 1, 0, 7], "FieldTag", 4);
    fails(&[0xD8, 0, 1, 2, 5, 7, 5, 7], "FieldTag", 6);
    fails(&[0xD8, 0, 1, 2, 5, 7, 4, 7], "FieldTag", 6);
    fails(&[0xD8, 0, 1, 1, 1], "CountTooLarge", 0);
    fails(&[0xD8, 0, 1, 1, 1, 0xC4], "MisplacedHole", 5);
    fails(&[0xD8, 0, 1, 1, 0x81, 0x00, 7], "VarintNotShortest", 4);
    fails(&[0xA2, 0xD8, 0, 1, 1, 1, 7], "CountTooLarge", 1);

    let mut out = vec![1];
    let zero = message(0, 0, &[]);
    assert_eq!(encode(&zero, &mut out), Err(EncodeError::MessageVersion));
    for (first, second) in [(0, 1), (2, 2), (2, 1)] {
        let fields = [(first, Value::Null), (second, Value::Null)];
        let (tag, previous) = if first == 0 { (0, 0) } else { (second, first) };
        let error = EncodeError::FieldTag { tag, previous };
        assert_eq!(encode(&message(0, 1, &fields), &mut out), Err(error));
        assert_eq!(error.name(), "FieldTag");
    }
    let hole = message(0, 1, &[(1, Value::Hole)]);
    assert_eq!(encode(&hole, &mut out), Err(EncodeError::MisplacedHole));
    assert_eq!(out, [1]);
}
