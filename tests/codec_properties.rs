//! The value encoding for values and bytes that nobody thought of.

use std::collections::HashSet;

use agentwire::codec::{
    BinaryKind, EncodeError, NoTables, Text, Value, decode, encode, layout, validate,
};
use agentwire::intern::Tables;
use proptest::collection::vec;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..5).prop_map(|bytes| Text::OneByte(bytes.into())),
        1 => vec(any::<u8>(), 29..35).prop_map(|bytes| Text::OneByte(bytes.into())),
        2 => vec(any::<u16>(), 0..5).prop_map(|units| Text::from_units(&units)),
        // Narrow text held wide.
        1 => vec(0u16..256, 0..40).prop_map(|units| Text::TwoByte(units.into())),
        1 => any::<String>().prop_map(|text| text.as_str().into()),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<i32>().prop_map(f64::from),
        (-200i32..200).prop_map(f64::from),
        any::<i64>().prop_map(|integer| integer as f64),
        Just(-0.0),
        Just(f64::NAN),
        Just(f64::INFINITY),
    ]
}

fn binary() -> impl Strategy<Value = Value> {
    (0..layout::BINARY_KIND_COUNT, 0usize..5, any::<u8>()).prop_map(|(kind, elements, fill)| {
        let kind = BinaryKind::ALL[kind];
        Value::Binary {
            kind,
            bytes: vec![fill; elements * kind.element_bytes()].into(),
        }
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(Value::Undefined),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::Int),
        (-200i32..200).prop_map(Value::Int),
        (i32::from(i16::MIN) - 2..i32::from(i16::MIN) + 2).prop_map(Value::Int),
        number().prop_map(Value::Float),
        number().prop_map(Value::Date),
        any::<i64>().prop_map(Value::big_int64),
        (any::<bool>(), vec(any::<u8>(), 0..20)).prop_map(|(negative, magnitude)| Value::BigInt {
            negative,
            magnitude: magnitude.into()
        }),
        text().prop_map(Value::Text),
        binary(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 60, 18, |inner| {
        let element = prop_oneof![8 => inner.clone(), 1 => Just(Value::Hole)];
        prop_oneof![
            vec(element, 0..18).prop_map(Value::Array),
            vec((text(), inner.clone()), 0..20).prop_map(|mut properties| {
                let mut seen = HashSet::new();
                properties.retain(|(key, _)| seen.insert(key.clone()));
                Value::Object(properties)
            }),
            vec((inner.clone(), inner.clone()), 0..5).prop_map(Value::Map),
            vec(inner, 0..5).prop_map(Value::Set),
        ]
    })
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out)
        .expect("a value without holes out of place, repeated keys and great depth");
    out
}

/// Bytes that are likely to be read far: mostly tags, small counts and ids that exist.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => 0u8..4,
        2 => 0xC0u8..=0xDF,
        1 => prop_oneof![0x80u8..0x84, 0xA0u8..0xA4, 0xB0u8..0xB4],
        1 => any::<u8>(),
    ];
    vec(byte, 0..60)
}

fn tables() -> Tables {
    let tables = Tables::default();
    tables.strings.intern(&"task".into());
    tables.strings.intern(&Text::OneByte([0].into()));
    tables.shapes.intern(&["task".into()]);
    tables
        .shapes
        .intern(&["id".into(), Text::OneByte([0].into()), "日".into()]);
    tables
}

/// What must hold of any bytes: no panic, one verdict, and a value that survives its own encoding.
fn check(bytes: &[u8], tables: &Tables) {
    let decoded = decode(bytes, tables);
    assert_eq!(validate(bytes, tables), decoded.clone().map(|_| ()));
    match decoded {
        Ok(value) => assert_eq!(decode(&encoded(&value), &NoTables), Ok(value)),
        Err(error) => {
            assert!(error.offset <= bytes.len());
            assert!(error.to_string().starts_with("at byte "));
        }
    }
}

proptest! {
    #[test]
    fn a_value_comes_back_as_it_went_in(value in value()) {
        let bytes = encoded(&value);
        let decoded = decode(&bytes, &NoTables);
        prop_assert_eq!(decoded.as_ref(), Ok(&value));
        prop_assert_eq!(validate(&bytes, &NoTables), Ok(()));
        // Canonical: what was read is written as the same bytes, however the first one was held.
        prop_assert_eq!(encoded(&decoded.unwrap()), bytes);
    }

    #[test]
    fn encoding_appends(value in value(), before in vec(any::<u8>(), 0..9)) {
        let mut out = before.clone();
        encode(&value, &mut out).unwrap();
        prop_assert_eq!(out, [before, encoded(&value)].concat());
    }

    #[test]
    fn any_bytes_have_one_verdict(bytes in vec(any::<u8>(), 0..200)) {
        check(&bytes, &tables());
    }

    #[test]
    fn likely_bytes_have_one_verdict(bytes in likely_bytes()) {
        check(&bytes, &tables());
    }

    #[test]
    fn mutated_encodings_have_one_verdict(
        value in value(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..4),
    ) {
        let mut bytes = encoded(&value);
        for (index, byte, change) in changes {
            if bytes.is_empty() {
                break;
            }
            let index = index.index(bytes.len());
            match change {
                0 => bytes[index] = byte,
                1 => bytes.insert(index, byte),
                _ => drop(bytes.remove(index)),
            }
        }
        check(&bytes, &tables());
    }

    #[test]
    fn no_cut_of_an_encoding_is_a_value(value in value(), cut in any::<prop::sample::Index>()) {
        let bytes = encoded(&value);
        let cut = &bytes[..cut.index(bytes.len())];
        prop_assert!(decode(cut, &NoTables).is_err());
        check(cut, &tables());
    }

    #[test]
    fn a_misplaced_hole_or_a_repeated_key_is_refused(value in value(), key in text()) {
        let mut out = vec![7];
        let hole = Value::Array(vec![value.clone(), Value::Set(vec![Value::Hole])]);
        prop_assert_eq!(encode(&hole, &mut out), Err(EncodeError::MisplacedHole));
        let twice = Value::Object(vec![(key.clone(), value.clone()), (key, value)]);
        prop_assert_eq!(encode(&twice, &mut out), Err(EncodeError::DuplicateKey));
        prop_assert_eq!(out, [7]);
    }
}
