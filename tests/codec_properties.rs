//! The value encoding for values and bytes that nobody thought of.

#[path = "codec_values/mod.rs"]
mod codec_values;

use agentwire::codec::{EncodeError, NoTables, Value, decode, encode, json, validate};
use agentwire::intern::Tables;
use codec_values::*;
use proptest::collection::vec;
use proptest::prelude::*;

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
        changes in changes(),
    ) {
        let bytes = changed(encoded(&value), changes);
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
        let fields = vec![(2, value.clone()), (2, value.clone())];
        let message = Value::Message { fingerprint: 0, version: 1, fields };
        let error = EncodeError::FieldTag { tag: 2, previous: 2 };
        prop_assert_eq!(encode(&message, &mut out), Err(error));
        let twice = Value::Object(vec![(key.clone(), value.clone()), (key, value)]);
        prop_assert_eq!(encode(&twice, &mut out), Err(EncodeError::DuplicateKey));
        prop_assert_eq!(out, [7]);
    }
}

/// The value with the one NaN that is written as text.
fn with_one_nan(value: Value) -> Value {
    let one = |number: f64| if number.is_nan() { f64::NAN } else { number };
    let each = |values: Vec<Value>| values.into_iter().map(with_one_nan).collect();
    match value {
        Value::Float(number) => Value::Float(one(number)),
        Value::Date(milliseconds) => Value::Date(one(milliseconds)),
        Value::Array(elements) => Value::Array(each(elements)),
        Value::Set(values) => Value::Set(each(values)),
        Value::Object(properties) => Value::Object(
            properties
                .into_iter()
                .map(|(key, value)| (key, with_one_nan(value)))
                .collect(),
        ),
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (with_one_nan(key), with_one_nan(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Text that is likely to be JSON for a while.
fn likely_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "1",
            "-0",
            "1e5",
            "null",
            "true",
            " ",
            "\\u",
            "d800",
            "[[",
            "]]}",
            "{\"$map\":",
            "{\"$set\":",
            "{\"$object\":",
            "{\"$date\":",
            "{\"$hole\":true}",
            "\"a\":",
            "\"kind\":",
            "{\"$binary\":\"AA==\",",
            "\"Uint8Array\"}",
            "{\"$utf16\":",
            "{\"$bigint\":",
            "{\"$number\":\"NaN\"}",
        ])
        .prop_map(String::from),
        any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_value_comes_back_from_json(value in value(), indent in 0u32..5) {
        let value = with_one_nan(value);
        let options = json::ToJsonOptions { indent, ..Default::default() };
        let text = json::to_json(&encoded(&value), &NoTables, options).unwrap();
        let mut bytes = Vec::new();
        json::from_json(&text, json::FromJsonOptions::default(), &mut bytes).unwrap();
        prop_assert_eq!(bytes, encoded(&value), "{}", text);
    }

    #[test]
    fn any_text_has_one_verdict(text in likely_text(), plain in any::<bool>()) {
        match json::value_from_json(&text, json::FromJsonOptions { plain }) {
            Ok(value) => {
                let again = json::value_to_json(&value, json::ToJsonOptions::default()).unwrap();
                prop_assert_eq!(json::value_from_json(&again, Default::default()), Ok(value));
            }
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.offset));
                prop_assert!(error.line >= 1 && error.column >= 1);
            }
        }
    }
}
