//! The value encoding for values and bytes that nobody thought of.

#[path = "codec_values/mod.rs"]
mod codec_values;

use agentwire::codec::{EncodeError, NoTables, Value, decode, encode, validate};
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
