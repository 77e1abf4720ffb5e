//! Field paths in encoded bytes give what decoding everything and looking there gives.

#[path = "codec_values/mod.rs"]
mod codec_values;

use agentwire::codec::path::{MAX_PATH_LENGTH, MAX_PATH_SEGMENTS};
use agentwire::codec::{NoTables, Path, PathErrorKind, Text, Value, View, decode, validate};
use agentwire::intern::Tables;
use codec_values::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// The part of a decoded value that a segment names.
fn part<'v>(value: &'v Value, key: &Text) -> Option<&'v Value> {
    // Only numbers as JavaScript writes them come back the same.
    let number: Option<u32> = key.to_string().parse().ok();
    let number = number.filter(|number| *key == *number.to_string().as_str());
    match value {
        Value::Object(properties) => {
            let found = properties.iter().find(|(other, _)| other == key)?;
            Some(&found.1)
        }
        Value::Map(entries) => {
            let is_it = |other: &Value| matches!(other, Value::Text(text) if text == key);
            let found = entries.iter().rfind(|(other, _)| is_it(other))?;
            Some(&found.1)
        }
        Value::Array(elements) => match elements.get(number? as usize)? {
            Value::Hole => None,
            element => Some(element),
        },
        Value::Message { fields, .. } => {
            let found = fields.iter().find(|(tag, _)| Some(*tag) == number)?;
            Some(&found.1)
        }
        _ => None,
    }
}

/// What a container's parts are called, and what they are not.
fn names(value: &Value, others: &[Text]) -> Vec<Text> {
    let number = |number: usize| Text::from(number.to_string().as_str());
    let mut names = others.to_vec();
    match value {
        Value::Object(properties) => names.extend(properties.iter().map(|(key, _)| key.clone())),
        Value::Map(entries) => names.extend(entries.iter().filter_map(|(key, _)| match key {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })),
        Value::Array(elements) => names.extend((0..=elements.len()).map(number)),
        Value::Message { fields, .. } => {
            names.extend(fields.iter().map(|(tag, _)| number(*tag as usize)));
        }
        _ => {}
    }
    names
}

/// A path as text, each key in one of the ways to write it.
fn path_text(keys: &[Text]) -> String {
    let mut text = String::new();
    for key in keys {
        let plain = key.to_string();
        let is_number = plain.parse::<u32>().is_ok_and(|n| n.to_string() == plain);
        if is_number && plain.len() % 2 == 1 {
            text.push_str(&format!("[{plain}]"));
        } else if !plain.is_empty() && plain.chars().all(|c| c.is_alphanumeric()) {
            text.push_str(if text.is_empty() { "" } else { "." });
            text.push_str(&plain);
        } else {
            let quoted = key.units().iter().map(|unit| match u8::try_from(unit) {
                Ok(b'"') => r#"\""#.to_owned(),
                Ok(b'\\') => r"\\".to_owned(),
                Ok(b' '..=b'~') => char::from(unit as u8).to_string(),
                _ => format!("\\u{unit:04x}"),
            });
            text.push_str(&format!("[\"{}\"]", quoted.collect::<String>()));
        }
    }
    text
}

/// The path of these keys; none where it would be too long.
fn path_of(keys: &[Text]) -> Option<Path> {
    if keys.is_empty() {
        return Some(Path::root());
    }
    let text = path_text(keys);
    match Path::parse(&text) {
        Ok(path) => Some(path),
        Err(error) if error.kind == PathErrorKind::TooLong => {
            assert!(text.encode_utf16().count() > MAX_PATH_LENGTH);
            None
        }
        Err(error) if error.kind == PathErrorKind::TooManySegments => {
            assert!(keys.len() > MAX_PATH_SEGMENTS);
            None
        }
        Err(error) => panic!("{text}: {error}"),
    }
}

fn is_view_of(view: &View<'_>, value: &Value) -> bool {
    match (view, value) {
        (View::Null, Value::Null) | (View::Undefined, Value::Undefined) => true,
        (View::Bool(a), Value::Bool(b)) => a == b,
        (View::Number(number), value) => Value::number(*number) == *value,
        (View::Date(a), value) => Value::Date(*a) == *value,
        (View::BigInt64(a), value) => Value::big_int64(*a) == *value,
        (
            View::BigInt {
                negative,
                magnitude,
            },
            value,
        ) => {
            *value
                == Value::BigInt {
                    negative: *negative,
                    magnitude: (*magnitude).into(),
                }
        }
        (View::Text(a), Value::Text(b)) => a.units() == b.units(),
        (View::Binary { kind, bytes }, Value::Binary { kind: k, bytes: b }) => {
            kind == k && **b == **bytes
        }
        (View::Array { count }, Value::Array(elements)) => *count == elements.len(),
        (View::Object { count }, Value::Object(properties)) => *count == properties.len(),
        (View::Map { count }, Value::Map(entries)) => *count == entries.len(),
        (View::Set { count }, Value::Set(values)) => *count == values.len(),
        (
            View::Message {
                fingerprint,
                version,
                count,
            },
            Value::Message {
                fingerprint: f,
                version: v,
                fields,
            },
        ) => fingerprint == f && version == v && *count == fields.len(),
        _ => false,
    }
}

/// How many paths of one value are looked at.
const MOST: usize = 600;

/// Looks at every path of a value, and beside them. `value` is what `bytes` decode to.
fn check_all(bytes: &[u8], tables: &Tables, value: &Value, others: &[Text]) {
    let mut left = vec![(Vec::new(), Some(value))];
    for index in 0..MOST {
        let Some((keys, expected)) = left.get(index).cloned() else {
            return;
        };
        let Some(path) = path_of(&keys) else {
            continue;
        };
        let found = path.find(bytes, tables).expect("a path in a valid value");
        match (found, expected) {
            (None, None) => {}
            (Some(found), Some(expected)) => {
                assert!(
                    is_view_of(found.view(), expected),
                    "{found:?}: {expected:?}"
                );
                assert_eq!(found.decode().as_ref(), Ok(expected));
            }
            (found, expected) => panic!("{keys:?}: found {found:?}, expected {expected:?}"),
        }
        let Some(container) = expected else {
            continue;
        };
        for name in names(container, others) {
            let part = part(container, &name);
            left.push(([&keys[..], &[name]].concat(), part));
        }
    }
}

/// Whatever the bytes are, whatever is found in them: no panic, and what is found can be decoded or not.
fn check_total(bytes: &[u8], tables: &Tables, paths: &[Vec<Text>]) {
    let is_value = validate(bytes, tables).is_ok();
    for path in paths.iter().filter_map(|keys| path_of(keys)) {
        match path.find(bytes, tables) {
            Ok(None) => {}
            Ok(Some(found)) => {
                let decoded = found.decode();
                assert!(decoded.is_ok() || !is_value);
            }
            Err(error) => {
                assert!(!is_value);
                assert!(error.offset <= bytes.len());
            }
        }
    }
}

/// Keys that many values have.
fn likely_key() -> impl Strategy<Value = Text> {
    prop_oneof![
        4 => (0u32..5).prop_map(|number| number.to_string().as_str().into()),
        2 => prop::sample::select(vec!["id", "type", "agent", "task", "x", "日", "\0", ""])
            .prop_map(Text::from),
        1 => text(),
    ]
}

proptest! {
    #[test]
    fn all_paths_of_a_value_are_found(value in value(), others in vec(likely_key(), 0..3)) {
        check_all(&encoded(&value), &tables(), &value, &others);
    }

    #[test]
    fn paths_in_any_bytes(
        bytes in vec(any::<u8>(), 0..100),
        paths in vec(vec(likely_key(), 0..4), 1..20),
    ) {
        check_total(&bytes, &tables(), &paths);
    }

    #[test]
    fn paths_in_likely_bytes(
        bytes in likely_bytes(),
        paths in vec(vec(likely_key(), 0..4), 1..20),
    ) {
        check_total(&bytes, &tables(), &paths);
    }

    #[test]
    fn paths_in_short_values(
        bytes in vec(prop_oneof![0u8..4, 0x80u8..0x83, 0xA0u8..0xA3, 0xB0u8..0xB3, 0xCDu8..=0xDA], 1..12),
        others in vec(likely_key(), 0..3),
    ) {
        // What begins with a value, if it is one: other forms than those that are written.
        for length in 1..=bytes.len() {
            if let Ok(value) = decode(&bytes[..length], &tables()) {
                check_all(&bytes[..length], &tables(), &value, &others);
            }
        }
    }

    #[test]
    fn paths_in_mutated_values(
        value in value(),
        changes in changes(),
        paths in vec(vec(likely_key(), 0..4), 1..20),
    ) {
        let bytes = changed(encoded(&value), changes);
        check_total(&bytes, &tables(), &paths);
        if let Ok(value) = decode(&bytes, &tables()) {
            check_all(&bytes, &tables(), &value, &[]);
        }
    }

    #[test]
    fn any_text_is_a_path_or_an_error(text in any::<String>()) {
        check_text(&text);
    }

    #[test]
    fn likely_text_is_a_path_or_an_error(text in "[a.\\[\\]\"\\\\u0-9]{0,12}") {
        check_text(&text);
    }
}

fn check_text(text: &str) {
    match Path::parse(text) {
        Ok(path) => {
            let found = path.find(&[0xC0], &NoTables);
            assert!(found.expect("bytes of null").is_none());
        }
        Err(error) => {
            assert_eq!(text.encode_utf16().nth(error.position), error.found);
            assert!(error.to_string().contains("expected"));
        }
    }
}
