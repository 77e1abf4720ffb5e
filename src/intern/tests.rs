//! What gets an id and what does not, and how keys cross the boundary.

use super::*;
use crate::codec::{NoTables, Value, decode, encode, encode_texts, validate};

fn texts<const N: usize>(keys: [&str; N]) -> [Text; N] {
    keys.map(Text::from)
}

#[test]
fn strings_up_to_the_longest() {
    let tables = Tables::default();
    for length in [0, 1, MAX_STRING_LENGTH] {
        assert!(
            tables
                .strings
                .intern(&Text::from("日".repeat(length).as_str()))
                .is_some()
        );
    }
    let long = Text::from("a".repeat(MAX_STRING_LENGTH + 1).as_str());
    assert_eq!(tables.strings.intern(&long), None);
    assert_eq!(tables.strings.len(), 3);
}

#[test]
fn a_string_has_one_id_whatever_its_width() {
    let tables = Tables::default();
    let id = tables.strings.intern(&"task".into());
    let wide = Text::TwoByte("task".encode_utf16().collect());
    assert_eq!(tables.strings.intern(&wide), id);
    let other = Tables::default();
    other.strings.intern(&wide);
    assert!(matches!(
        other.strings.get(1).as_deref(),
        Some(Text::OneByte(_))
    ));
}

#[test]
fn shapes_that_are_refused() {
    let tables = Tables::default();
    let keys = |count: usize| -> Vec<Text> {
        (0..count)
            .map(|index| format!("key {index}").as_str().into())
            .collect()
    };
    assert_eq!(tables.shapes.intern(&[]), None);
    assert_eq!(tables.shapes.intern(&texts(["a", "b", "a"])), None);
    assert_eq!(
        tables
            .shapes
            .intern(&["a".into(), Text::TwoByte([0x61].into())]),
        None
    );
    assert_eq!(tables.shapes.intern(&keys(MAX_SHAPE_KEYS + 1)), None);
    assert_eq!(
        tables.shapes.intern(&[Text::from("k".repeat(65).as_str())]),
        None
    );
    let mut repeated = keys(MAX_SHAPE_KEYS);
    repeated[MAX_SHAPE_KEYS - 1] = repeated[0].clone();
    assert_eq!(tables.shapes.intern(&repeated), None);
    assert!(tables.shapes.is_empty());
    assert_eq!(tables.shapes.intern(&keys(MAX_SHAPE_KEYS)), Some(1));
}

#[test]
fn order_and_cuts_make_another_shape() {
    let tables = Tables::default();
    let shapes = [
        vec!["a", "b"],
        vec!["b", "a"],
        vec!["ab"],
        vec!["a", "b", ""],
        vec!["", "a", "b"],
    ];
    for (index, shape) in shapes.iter().enumerate() {
        let keys: Vec<Text> = shape.iter().copied().map(Text::from).collect();
        assert_eq!(tables.shapes.intern(&keys), Some(index as u32 + 1));
    }
}

#[test]
fn limits_count_memory_not_only_characters() {
    let room = Limits {
        entries: 100,
        bytes: 3 * size_of::<Text>() + 2,
    };
    let tables = Tables::new(room, room);
    assert_eq!(tables.shapes.intern(&texts(["a", "b"])), Some(1));
    assert_eq!(tables.shapes.intern(&texts(["c", "d"])), None);
    assert_eq!(tables.shapes.bytes(), 2 * size_of::<Text>() + 2);
}

#[test]
fn keys_cross_the_boundary_encoded() {
    let tables = Tables::default();
    let mut bytes = Vec::new();
    encode_texts(&texts(["task", "日"]), &mut bytes).unwrap();
    assert_eq!(
        tables.intern_shape_encoded(Channel::SERIALIZER, &bytes),
        Ok(Some(1))
    );
    assert_eq!(
        tables.intern_shape_encoded(Channel::SERIALIZER, &bytes),
        Ok(Some(1))
    );
    assert_eq!(tables.shape_encoded(1), Some(bytes));
    assert_eq!(
        (tables.shape_encoded(0), tables.shape_encoded(2)),
        (None, None)
    );
    assert_eq!(
        tables.intern_shape_encoded(Channel::SERIALIZER, &[0xA0]),
        Ok(None)
    );
    assert_eq!(
        tables.intern_shape_encoded(Channel::SERIALIZER, &[0xA2, 0x80, 0x80]),
        Ok(None)
    );
    let error = tables
        .intern_shape_encoded(Channel::SERIALIZER, &[0xA1, 0x07])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "at byte 1: expected a string as the key of an object, found tag 0x07 (FixInt)"
    );

    assert_eq!(
        tables.intern_string_encoded(Channel::SERIALIZER, &[0x81, b'a']),
        Ok(Some(1))
    );
    assert_eq!(tables.string_encoded(1), Some(vec![0x81, b'a']));
    assert_eq!(
        (tables.string_encoded(0), tables.string_encoded(2)),
        (None, None)
    );
    assert_eq!(
        tables.intern_string_encoded(Channel::SERIALIZER, &[0xCD, 1, b'a', 0]),
        Ok(Some(1))
    );
    let long = [&[0xCC, 65][..], &[b'a'; 65]].concat();
    assert_eq!(
        tables.intern_string_encoded(Channel::SERIALIZER, &long),
        Ok(None)
    );
    assert_eq!(
        tables
            .intern_string_encoded(Channel::SERIALIZER, &[0x07])
            .unwrap_err()
            .kind
            .name(),
        "WrongType"
    );
    // What is already known by id may be given by id.
    assert_eq!(
        tables.intern_string_encoded(Channel::SERIALIZER, &[0xD4, 1]),
        Ok(Some(1))
    );
    assert_eq!(
        tables.intern_shape_encoded(Channel::SERIALIZER, &[0xA1, 0xD4, 1]),
        Ok(Some(2))
    );
    assert_eq!(tables.shape_encoded(2), Some(vec![0xA1, 0x81, b'a']));
}

#[test]
fn the_codec_reads_through_the_tables() {
    let tables = Tables::default();
    let shape = tables.shapes.intern(&texts(["task", "id"])).unwrap();
    let string = tables.strings.intern(&"日".into()).unwrap();
    let bytes = [0xD3, shape as u8, 0xD4, string as u8, 7];
    let value = Value::Object(vec![
        ("task".into(), Value::text("日")),
        ("id".into(), Value::Int(7)),
    ]);
    assert_eq!(decode(&bytes, &tables).as_ref(), Ok(&value));
    assert_eq!(validate(&bytes, &tables), Ok(()));
    let mut inline = Vec::new();
    encode(&value, &mut inline).unwrap();
    assert_eq!(decode(&inline, &NoTables), Ok(value));
    assert!(decode(&bytes, &NoTables).is_err());
}

#[test]
fn the_process_has_one() {
    assert!(std::ptr::eq(Tables::global(), Tables::global()));
    assert_eq!(Tables::global().strings.limits(), STRING_LIMITS);
    assert_eq!(Tables::global().shapes.limits(), SHAPE_LIMITS);
}
