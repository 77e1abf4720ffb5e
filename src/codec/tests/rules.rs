//! The rules that a reader enforces, the limits among them.

use super::*;

#[test]
fn rules_of_the_reader() {
    fails(&[], "UnexpectedEnd", 0);
    fails(&[0xC0, 0xC0], "TrailingBytes", 1);
    for tag in 0xD9..=0xDF {
        fails(&[tag], "ReservedTag", 0);
    }
    fails(&[0xC4], "MisplacedHole", 0);
    fails(&[0xB1, 0x81, b'a', 0xC4], "MisplacedHole", 3);
    fails(&[0xD1, 1, 0xC4], "MisplacedHole", 2);
    fails(&[0xD0, 1, 0xC4, 0], "MisplacedHole", 2);
    fails(&[0xD0, 1, 0, 0xC4], "MisplacedHole", 3);
    fails(&[0xA1, 0xD1, 1, 0xC4], "MisplacedHole", 3);
    fails(&[0xB1, 0xC0, 0x07], "KeyNotString", 1);
    fails(&[0xB1, 0xFF, 0x07], "KeyNotString", 1);
    fails(&[0xB1, 0xD3, 0x02], "KeyNotString", 1);
    fails(&[0xB1, 0xD7, 0x02], "KeyNotString", 1);
    fails(&[0xCE, 0x80, 0x00], "VarintNotShortest", 1);
    fails(&[0xCE, 0xFF, 0xFF, 0xFF, 0xFF, 0x10], "VarintTooLarge", 1);
}

#[test]
fn counts_fit_in_what_is_left() {
    fails(&[0xCE, 2, 1], "CountTooLarge", 0);
    fails(&[0xAF], "CountTooLarge", 0);
    fails(&[0xD0, 1, 1], "CountTooLarge", 0);
    fails(&[0xCF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], "CountTooLarge", 0);
    fails(&[0xCF, 15], "ShortObjectCount", 0);
    fails(&[0xCF, 16], "CountTooLarge", 0);
    fails(&[0xCF, 1, 0x81, b'a', 1], "ShortObjectCount", 0);
    // So what begins as the header of a message does is no value.
    fails(&[0xA1, 0xCF, 0x01, 0x03, 0x00], "ShortObjectCount", 1);
    // The inner array claims the byte that the outer one still needs.
    fails(&[0xA2, 0xA2, 1, 1], "CountTooLarge", 1);
    reads(
        &[0xA2, 0xA1, 1, 1],
        &Value::Array(vec![Value::Array(vec![Value::Int(1)]), Value::Int(1)]),
    );
}

#[test]
fn keys_are_distinct_whatever_their_form() {
    fails(&[0xB2, 0x81, b'a', 1, 0x81, b'a', 2], "DuplicateKey", 4);
    fails(
        &[0xB2, 0x81, b'a', 1, 0xCD, 1, b'a', 0, 2],
        "DuplicateKey",
        4,
    );
    fails(
        &[0xB2, 0x84, b't', b'a', b's', b'k', 1, 0xD4, 1, 2],
        "DuplicateKey",
        7,
    );
    // The same key in the object around it and in its neighbour is none of its business.
    let inner = object([("a", Value::Int(1))]);
    both(
        object([("a", inner.clone()), ("b", inner)]),
        &[
            0xD6, 2, 0x81, b'a', 0x81, b'b', 0xD6, 1, 0x81, b'a', 1, 0xD7, 1, 1,
        ],
    );
    fails(
        &[0xD6, 2, 0x81, b'a', 0xCD, 1, b'a', 0, 1, 2],
        "DuplicateKey",
        4,
    );
    fails(&[0xD6, 2, 3, 0xD4, 1, 1, 2], "DuplicateKey", 3);
    fails(
        &[0xB2, 3, 1, 0x84, b't', b'a', b's', b'k', 2],
        "DuplicateKey",
        3,
    );
    fails(&[0xB2, 0xD5, 3, 1, 3, 2], "DuplicateKey", 4);
    let twice = object([("a", Value::Null), ("a", Value::Null)]);
    assert_eq!(
        encode(&twice, &mut Vec::new()),
        Err(EncodeError::DuplicateKey)
    );
}

#[test]
fn a_big_object_with_a_repeated_key() {
    let count = 100_000u32;
    let key = |index: u32| Text::from(format!("key number {index}").as_str());
    let mut properties: Vec<_> = (0..count)
        .map(|index| (key(index), Value::Int(1)))
        .collect();
    let whole = encoded(&Value::Object(properties.clone()));
    assert_eq!(validate(&whole, &NoTables), Ok(()));
    let last = properties.pop().unwrap();
    let offset = whole.len() - 2 - last.0.len();
    // Same length, other key: the one before it.
    let mut repeated = whole.clone();
    let digit = repeated.len() - 2;
    assert_eq!(repeated[digit], b'9');
    repeated[digit] = b'8';
    fails(&repeated, "DuplicateKey", offset);
    properties.push((key(7), Value::Null));
    assert_eq!(
        encode(&Value::Object(properties), &mut Vec::new()),
        Err(EncodeError::DuplicateKey)
    );
}

#[test]
fn depth_ends_at_the_limit() {
    let limit = layout::MAX_DEPTH as usize;
    let wrap: [fn(Value) -> Value; 6] = [
        |value| Value::Array(vec![value]),
        |value| object([("a", value)]),
        |value| Value::Map(vec![(value, Value::Null)]),
        |value| Value::Set(vec![value]),
        // A key too long for a local shape.
        |value| Value::Object(vec![(Text::from("k".repeat(65).as_str()), value)]),
        |value| Value::Message {
            fingerprint: 0,
            version: 1,
            fields: vec![(1, value)],
        },
    ];
    for wrap in wrap {
        let mut value = wrap(Value::Int(1));
        (1..limit).for_each(|_| value = wrap(std::mem::replace(&mut value, Value::Null)));
        let bytes = encoded(&value);
        reads(&bytes, &value);

        let mut out = vec![1, 2, 3];
        assert_eq!(encode(&wrap(value), &mut out), Err(EncodeError::TooDeep));
        assert_eq!(out, [1, 2, 3], "an error leaves the output as it was");
    }
    reads(&[vec![0xA1; limit - 1], vec![0xA0]].concat(), &{
        let mut value = Value::Array(vec![]);
        (1..limit)
            .for_each(|_| value = Value::Array(vec![std::mem::replace(&mut value, Value::Null)]));
        value
    });
    fails(&[vec![0xA1; limit], vec![0xA0]].concat(), "TooDeep", limit);
    fails(
        &[vec![0xA1; limit], vec![0xD3, 2]].concat(),
        "TooDeep",
        limit,
    );
    for container in [&[0xD6, 1, 0, 0][..], &[0xD7, 0, 0], &[0xD8, 0, 1, 0]] {
        let arrays = vec![0xA1; limit - 1];
        // Within a shape's own object, so that D7 has a shape to name.
        let bytes = [&[0xD6, 1, 0][..], &arrays, container].concat();
        fails(&bytes, "TooDeep", limit + 2);
        assert!(
            decode(
                &[&[0xD6, 1, 0][..], &arrays[1..], container].concat(),
                &NoTables
            )
            .is_ok()
        );
    }
    fails(&vec![0xA1; 1_000_000], "TooDeep", limit);
    // Counting starts again for a neighbour.
    let deep = [vec![0xA1; limit - 2], vec![0xA0]].concat();
    assert!(decode(&[vec![0xA2], deep.clone(), deep].concat(), &NoTables).is_ok());
}

#[test]
fn nested_counts_cannot_reserve_more_than_the_input() {
    // Each array claims all the bytes after it. The second claim already is refused.
    let mut bytes = Vec::new();
    for _ in 0..layout::MAX_DEPTH {
        bytes.extend([0xCE, 0x80, 0x80, 0x40]);
    }
    bytes.resize((1 << 20) + 4, 0x00);
    fails(&bytes, "CountTooLarge", 4);
}

#[test]
fn strings_alone_and_in_arrays() {
    let names: Vec<Text> = ["task", "日", ""].map(Text::from).into();
    let mut bytes = Vec::new();
    encode_texts(&names, &mut bytes).unwrap();
    assert_eq!(
        bytes,
        encoded(&Value::Array(
            names.iter().cloned().map(Value::Text).collect()
        ))
    );
    assert_eq!(decode_texts(&bytes, &NoTables), Ok(names.clone()));
    assert_eq!(
        decode_texts(&[0xCE, 1, 0xD4, 2], &SomeTables),
        Ok(vec!["日".into()])
    );

    let name =
        |result: Result<Vec<Text>, DecodeError>| result.map_err(|e| (e.kind.name(), e.offset));
    assert_eq!(
        name(decode_texts(&[0xA2, 0x80, 0x07], &NoTables)),
        Err(("KeyNotString", 2))
    );
    assert_eq!(
        decode_texts(&[0xA2, 0xD5, 0x07, 0xD5, 0xFF], &NoTables),
        Ok(vec!["timestamp".into(), "strategy".into()])
    );
    assert_eq!(
        decode_text(&[0xD5, 0x07], &NoTables),
        Ok("timestamp".into())
    );
    assert_eq!(
        name(decode_texts(&[0x80], &NoTables)),
        Err(("WrongType", 0))
    );
    assert_eq!(
        name(decode_texts(&[0xA1, 0x80, 0x80], &NoTables)),
        Err(("TrailingBytes", 2))
    );
    assert_eq!(
        name(decode_texts(&[0xCE, 0x7F, 0x80], &NoTables)),
        Err(("CountTooLarge", 0))
    );
    assert_eq!(
        name(decode_texts(&[], &NoTables)),
        Err(("UnexpectedEnd", 0))
    );

    for text in names {
        let mut bytes = Vec::new();
        encode_text(&text, &mut bytes).unwrap();
        assert_eq!(bytes, encoded(&Value::Text(text.clone())));
        assert_eq!(decode_text(&bytes, &NoTables), Ok(text));
    }
    let error = decode_text(&[0xC0], &NoTables).unwrap_err();
    assert_eq!(
        error.to_string(),
        "at byte 0: expected a string, found tag 0xC0 (Null)"
    );
    assert_eq!(
        decode_text(&[0x80, 0], &NoTables).unwrap_err().kind.name(),
        "TrailingBytes"
    );
}

#[test]
fn every_short_input_is_a_value_or_an_error() {
    for first in 0..=u8::MAX {
        for second in 0..=u8::MAX {
            for third in [0, 1, 2, 0x7F, 0x80, 0xA1, 0xC4, 0xFF] {
                for length in 0..=3 {
                    let bytes = &[first, second, third][..length];
                    let decoded = decode(bytes, &SomeTables);
                    assert_eq!(validate(bytes, &SomeTables), decoded.clone().map(|_| ()));
                    if let Ok(value) = decoded {
                        assert_eq!(decode(&encoded(&value), &NoTables), Ok(value));
                    }
                }
            }
        }
    }
}
