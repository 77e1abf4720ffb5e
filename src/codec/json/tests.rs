//! The mapping by example, byte for byte, and what is refused and where.

use super::super::{BinaryKind, DecodeErrorKind, NoTables, Text, Value, decode, encode};
use super::*;

fn written(value: &Value) -> String {
    value_to_json(value, ToJsonOptions::default()).unwrap()
}

fn read(text: &str) -> Result<Value, JsonError> {
    value_from_json(text, FromJsonOptions::default())
}

/// The text that is written of the value, and read as it, through bytes too.
#[track_caller]
fn both(value: Value, text: &str) {
    assert_eq!(written(&value), text);
    assert_eq!(read(text).as_ref(), Ok(&value), "{text}");
    let indented = value_to_json(
        &value,
        ToJsonOptions {
            indent: 3,
            ..Default::default()
        },
    )
    .unwrap();
    assert_eq!(read(&indented).as_ref(), Ok(&value), "{indented}");

    let in_array = Value::Array(vec![value]);
    let mut bytes = Vec::new();
    encode(&in_array, &mut bytes).unwrap();
    let text = to_json(&bytes, &NoTables, ToJsonOptions::default()).unwrap();
    let mut back = vec![7];
    from_json(&text, FromJsonOptions::default(), &mut back).unwrap();
    assert_eq!(back[0], 7);
    assert_eq!(back[1..], bytes, "{text}");
}

#[track_caller]
fn reads(text: &str, value: Value) {
    assert_eq!(read(text), Ok(value), "{text}");
}

#[track_caller]
fn fails(text: &str, name: &str, (line, column): (usize, usize)) -> String {
    let error = read(text).unwrap_err();
    assert_eq!(
        (error.kind.name(), error.line, error.column),
        (name, line, column),
        "{text}: {error}"
    );
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("at line {line}, column {column}: expected ")),
        "{message}"
    );
    let mut out = vec![1, 2];
    assert_eq!(
        from_json(text, FromJsonOptions::default(), &mut out),
        Err(error)
    );
    assert_eq!(out, [1, 2]);
    message
}

fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    Value::Object(properties.map(|(key, value)| (key.into(), value)).into())
}

fn units<const N: usize>(units: [u16; N]) -> Text {
    Text::from_units(&units)
}

#[test]
fn what_json_can_say_stands_for_itself() {
    both(Value::Null, "null");
    both(Value::Bool(true), "true");
    both(Value::Bool(false), "false");
    both(Value::Int(0), "0");
    both(Value::Int(i32::MIN), "-2147483648");
    both(Value::Float(2_147_483_648.0), "2147483648");
    both(Value::Float(0.1), "0.1");
    both(Value::Float(1e21), "1e+21");
    both(Value::Float(1e20), "100000000000000000000");
    both(Value::Float(1.5e-7), "1.5e-7");
    both(Value::Float(0.000_001), "0.000001");
    both(Value::Float(f64::MAX), "1.7976931348623157e+308");
    both(Value::Float(5e-324), "5e-324");
    both(Value::text(""), r#""""#);
    both(
        Value::text("a\"\\/\u{8}\t\n\u{C}\r\0\u{1F}\u{7F}é☂😀\u{2028}"),
        "\"a\\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7F}é☂😀\u{2028}\"",
    );
    both(Value::Array(vec![]), "[]");
    both(object([]), "{}");
    both(
        object([
            ("b", Value::Array(vec![Value::Int(1), object([])])),
            ("", Value::Null),
            ("a$", Value::Int(-5)),
            ("__proto__", Value::Int(1)),
            ("1", Value::Int(2)),
        ]),
        r#"{"b":[1,{}],"":null,"a$":-5,"__proto__":1,"1":2}"#,
    );
    both(
        object([("a", Value::Int(1)), ("$map", Value::Int(2))]),
        r#"{"a":1,"$map":2}"#,
    );
}

#[test]
fn what_json_cannot_say_is_tagged() {
    both(Value::Undefined, r#"{"$undefined":true}"#);
    both(Value::Float(f64::NAN), r#"{"$number":"NaN"}"#);
    both(Value::Float(f64::INFINITY), r#"{"$number":"Infinity"}"#);
    both(
        Value::Float(f64::NEG_INFINITY),
        r#"{"$number":"-Infinity"}"#,
    );
    both(Value::Float(-0.0), r#"{"$number":"-0"}"#);
    both(Value::big_int64(-5), r#"{"$bigint":"-5"}"#);
    both(Value::Date(1.7e12), r#"{"$date":1700000000000}"#);
    both(Value::Date(-1.5), r#"{"$date":-1.5}"#);
    both(Value::Date(f64::NAN), r#"{"$date":null}"#);
    both(
        Value::Date(f64::INFINITY),
        r#"{"$date":{"$number":"Infinity"}}"#,
    );
    both(Value::Date(-0.0), r#"{"$date":{"$number":"-0"}}"#);
    both(
        Value::Array(vec![Value::Hole, Value::Undefined]),
        r#"[{"$hole":true},{"$undefined":true}]"#,
    );
    both(Value::Map(vec![]), r#"{"$map":[]}"#);
    both(
        Value::Map(vec![(Value::Int(1), object([])), (object([]), Value::Null)]),
        r#"{"$map":[[1,{}],[{},null]]}"#,
    );
    both(Value::Set(vec![]), r#"{"$set":[]}"#);
    both(
        Value::Set(vec![Value::text("a"), Value::Array(vec![])]),
        r#"{"$set":["a",[]]}"#,
    );
    both(
        Value::Text(units([0x61, 0xD83D])),
        r#"{"$utf16":"0061d83d"}"#,
    );
    for (kind, bytes, base64) in [
        (BinaryKind::Uint8Array, &b"hi"[..], "aGk="),
        (BinaryKind::ArrayBuffer, b"", ""),
        (BinaryKind::Float16Array, b"\xFF\xFE", "//4="),
        (BinaryKind::DataView, b"\0\0\0", "AAAA"),
    ] {
        let text = format!(r#"{{"$binary":"{base64}","kind":"{}"}}"#, kind.name());
        let bytes = bytes.into();
        both(Value::Binary { kind, bytes }, &text);
    }
}

#[test]
fn an_object_that_would_be_read_otherwise_is_a_list_of_pairs() {
    both(
        object([
            ("$date", Value::Null),
            ("a", object([("$object", Value::Null)])),
        ]),
        r#"{"$object":[["$date",null],["a",{"$object":[["$object",null]]}]]}"#,
    );
    both(
        Value::Object(vec![
            ("a".into(), Value::Int(1)),
            (units([0xDC00]), Value::Int(2)),
        ]),
        r#"{"$object":[["a",1],[{"$utf16":"dc00"},2]]}"#,
    );
}

#[test]
fn other_forms_are_read() {
    reads(
        " [ 1 , 2 ]\t\r\n",
        Value::Array(vec![Value::Int(1), Value::Int(2)]),
    );
    reads(r#"{"\u0024date" : 5}"#, Value::Date(5.0));
    reads(r#""\u00e9\ud83D\ude00\/""#, Value::text("é😀/"));
    // As JSON.parse does: half of a pair is a code unit like others.
    reads(r#""\ud800""#, Value::Text(units([0xD800])));
    reads(r#""\ude00\ud83d""#, Value::Text(units([0xDE00, 0xD83D])));
    reads(
        r#"{"\ud800":1}"#,
        Value::Object(vec![(units([0xD800]), Value::Int(1))]),
    );
    reads("-0", Value::Float(-0.0));
    reads("-0.0e5", Value::Float(-0.0));
    reads("1E2", Value::Int(100));
    reads("1e+2", Value::Int(100));
    reads("0.5e-1", Value::Float(0.05));
    reads("1e400", Value::Float(f64::INFINITY));
    reads("-1e400", Value::Float(f64::NEG_INFINITY));
    reads("1e-400", Value::Int(0));
    reads("9007199254740993", Value::Float(9_007_199_254_740_992.0));
    reads("9007199254740995", Value::Float(9_007_199_254_740_996.0));
    reads(
        "2.2250738585072011e-308",
        Value::Float(2.225_073_858_507_201e-308),
    );
    reads(r#"{"$utf16":"00610062"}"#, Value::text("ab"));
    reads(r#"{"$bigint":"0x10"}"#, Value::big_int64(16));
    reads(r#"{"$date":{"$number":"NaN"}}"#, Value::Date(f64::NAN));
    reads(r#"{"$object":[]}"#, object([]));
    reads(
        r#"{"a":1,"b":2,"a":3,"c":4,"b":5}"#,
        object([
            ("a", Value::Int(3)),
            ("b", Value::Int(5)),
            ("c", Value::Int(4)),
        ]),
    );
    reads(
        r#"{"$object":[["$",1],["$",2]]}"#,
        object([("$", Value::Int(2))]),
    );
}

#[test]
fn many_keys_that_come_again() {
    let text: Vec<String> = (0..3000)
        .map(|n| format!("\"k{}\":{n}", n % 1000))
        .collect();
    let Ok(Value::Object(properties)) = read(&format!("{{{}}}", text.join(","))) else {
        panic!("an object");
    };
    assert_eq!(properties.len(), 1000);
    for (index, (key, value)) in properties.into_iter().enumerate() {
        assert_eq!(key, *format!("k{index}").as_str());
        assert_eq!(value, Value::Int(index as i32 + 2000));
    }
}

#[test]
fn text_that_is_not_json() {
    for (text, position) in [
        ("", (1, 1)),
        ("  ", (1, 3)),
        ("nul", (1, 4)),
        ("nulls", (1, 5)),
        ("True", (1, 1)),
        ("undefined", (1, 1)),
        ("NaN", (1, 1)),
        ("'a'", (1, 1)),
        ("[1,]", (1, 4)),
        ("[,1]", (1, 2)),
        ("[1 2]", (1, 4)),
        ("[1", (1, 3)),
        ("]", (1, 1)),
        ("{\"a\":1,}", (1, 8)),
        ("{a:1}", (1, 2)),
        ("{\"a\" 1}", (1, 6)),
        ("{\"a\":}", (1, 6)),
        ("{\"a\":1", (1, 7)),
        ("01", (1, 2)),
        ("-", (1, 2)),
        ("+1", (1, 1)),
        (".5", (1, 1)),
        ("1.", (1, 3)),
        ("1e", (1, 3)),
        ("1e+", (1, 4)),
        ("0x10", (1, 2)),
        ("1_000", (1, 2)),
        ("\"a", (1, 3)),
        ("\"a\nb\"", (1, 3)),
        ("\"\\x41\"", (1, 3)),
        ("\"\\u12g4\"", (1, 6)),
        ("\"\\u123", (1, 7)),
        ("\"\\", (1, 3)),
        ("1 2", (1, 3)),
        ("\u{FEFF}1", (1, 1)),
        ("\u{A0}1", (1, 1)),
        ("1\0", (1, 2)),
        ("\0", (1, 1)),
        ("/* */1", (1, 1)),
        ("[\n 1,\r\n é]", (3, 2)),
        ("[\r\"😀é\" x]", (2, 7)),
    ] {
        fails(text, "Unexpected", position);
    }
    let message = fails("[1, 2", "Unexpected", (1, 6));
    assert!(
        message.contains("a comma or the end of the list") && message.contains("end of the text"),
        "{message}"
    );
    assert!(fails("[é]", "Unexpected", (1, 2)).contains("found 'é'"));
}

#[test]
fn tags_that_hold_something_else() {
    for (text, position) in [
        (r#"{"$undefined":false}"#, (1, 15)),
        (r#"[{"$hole":1}]"#, (1, 11)),
        (r#"{"$number":"1"}"#, (1, 12)),
        (r#"{"$bigint":"1.5"}"#, (1, 12)),
        (r#"{"$date":"2020"}"#, (1, 10)),
        (r#"{"$date":{"$bigint":"1"}}"#, (1, 10)),
        (r#"{"$utf16":"00g0"}"#, (1, 11)),
        (r#"{"$utf16":"00"}"#, (1, 11)),
        (r#"{"$binary":"aGk","kind":"Uint8Array"}"#, (1, 12)),
        (r#"{"$binary":"aGl=","kind":"Uint8Array"}"#, (1, 12)),
        (r#"{"$binary":"a-k=","kind":"Uint8Array"}"#, (1, 12)),
        (r#"{"$binary":"aGk=","king":"Uint8Array"}"#, (1, 19)),
        (r#"{"$binary":"aGk=","kind":"Buffer"}"#, (1, 26)),
        (r#"{"$binary":"aGkh","kind":"Uint16Array"}"#, (1, 26)),
        (r#"{"$object":[[{"$date":1},1]]}"#, (1, 14)),
    ] {
        fails(text, "BadTag", position);
    }
    for (text, position) in [
        (r#"{"$number":1}"#, (1, 12)),
        (r#"{"$map":{}}"#, (1, 9)),
        (r#"{"$map":[1]}"#, (1, 10)),
        (r#"{"$map":[[1]]}"#, (1, 12)),
        (r#"{"$map":[[1,2,3]]}"#, (1, 14)),
        (r#"{"$set":1}"#, (1, 9)),
        (r#"{"$object":[[1,2]]}"#, (1, 14)),
        (r#"{"$binary":"aGk="}"#, (1, 18)),
        (r#"{"$date":1,"a":2}"#, (1, 11)),
        (r#"{"$date":1,"$date":2}"#, (1, 11)),
        (r#"{"$undefined"}"#, (1, 14)),
    ] {
        fails(text, "Unexpected", position);
    }
    for (text, position) in [
        (r#"{"$hole":true}"#, (1, 1)),
        (r#"{"a":{"$hole":true}}"#, (1, 6)),
        (r#"{"$set":[{"$hole":true}]}"#, (1, 10)),
        (r#"{"$map":[[{"$hole":true},1]]}"#, (1, 11)),
    ] {
        fails(text, "MisplacedHole", position);
    }
}

#[test]
fn only_tags_are_tags() {
    both(object([("$ref", Value::text("a"))]), r#"{"$ref":"a"}"#);
    both(object([("$", Value::Int(1))]), r#"{"$":1}"#);
    both(
        object([("$mapper", Value::Null), ("$map", Value::Null)]),
        r#"{"$mapper":null,"$map":null}"#,
    );
    fails(r#"{"$map":[],"a":1}"#, "Unexpected", (1, 11));
}

#[test]
fn messages_of_a_definition() {
    let message = Value::Message {
        fingerprint: u32::MAX,
        version: 3,
        fields: vec![
            (1, Value::text("a")),
            (7, Value::Array(vec![Value::Undefined])),
        ],
    };
    let text = r#"{"$message":{"fingerprint":4294967295,"version":3,"fields":{"1":"a","7":[{"$undefined":true}]}}}"#;
    both(message.clone(), text);
    let other = r#"{"$message":{"fields":{"7":[{"$undefined":true}],"1":"a"},"version":3,"fingerprint":4294967295}}"#;
    assert_eq!(read(other), Ok(message));
    fails(
        r#"{"$message":{"fingerprint":1,"version":0,"fields":{}}}"#,
        "BadTag",
        (1, 40),
    );
}

#[test]
fn plain_text_has_no_tags() {
    let plain = |text| value_from_json(text, FromJsonOptions { plain: true });
    assert_eq!(
        plain(r#"{"$date":1}"#),
        Ok(object([("$date", Value::Int(1))]))
    );
    let schema = object([("$ref", Value::text("a")), ("$ref2", Value::Null)]);
    assert_eq!(plain(r#"{"$ref":"a","$ref2":null}"#), Ok(schema.clone()));
    assert_eq!(read(&written(&schema)), Ok(schema));
}

#[test]
fn depth_ends_at_the_same_place_as_that_of_bytes() {
    type Wrap = fn(Value) -> Value;
    let wraps: [Wrap; 5] = [
        |inner| Value::Array(vec![inner]),
        |inner| object([("a", inner)]),
        |inner| object([("$a", inner)]),
        |inner| Value::Map(vec![(Value::Null, inner)]),
        |inner| Value::Set(vec![inner]),
    ];
    for wrap in wraps {
        let deepest = (0..127).fold(wrap(Value::Date(0.0)), |inner, _| wrap(inner));
        assert_eq!(read(&written(&deepest)).as_ref(), Ok(&deepest));
        assert!(encode(&deepest, &mut Vec::new()).is_ok());
        let error = read(&written(&wrap(deepest))).unwrap_err();
        assert_eq!(error.kind, JsonErrorKind::TooDeep);
    }
    for empty in [
        "[]",
        "{}",
        r#"{"$map":[]}"#,
        r#"{"$set":[]}"#,
        r#"{"$object":[]}"#,
    ] {
        let around = |depth| format!("{}{empty}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&around(127)).is_ok());
        fails(&around(128), "TooDeep", (1, 129));
    }
    assert!(matches!(
        read(&"[".repeat(1_000_000)).unwrap_err().kind,
        JsonErrorKind::TooDeep
    ));
    assert!(read(&r#"{"a":"#.repeat(1_000_000)).is_err());
}

#[test]
fn indented_as_json_stringify_does() {
    let value = Value::Array(vec![
        Value::Array(vec![]),
        object([("a", object([])), ("b", Value::big_int64(1))]),
        Value::Map(vec![(Value::Int(1), Value::Array(vec![Value::Int(2)]))]),
    ]);
    let options = ToJsonOptions {
        indent: 2,
        ..Default::default()
    };
    let expected = r#"[
  [],
  {
    "a": {},
    "b": {"$bigint":"1"}
  },
  {"$map": [
    [1, [
      2
    ]]
  ]}
]"#;
    assert_eq!(value_to_json(&value, options).unwrap(), expected);
}

#[test]
fn text_has_a_limit() {
    let value = Value::Array(vec![Value::Null; 100]);
    let limited = |max_bytes| {
        let options = ToJsonOptions {
            indent: 10,
            max_bytes,
        };
        value_to_json(&value, options)
    };
    let length = limited(usize::MAX).unwrap().len();
    assert_eq!(limited(length).unwrap().len(), length);
    let max_bytes = length - 1;
    assert_eq!(limited(max_bytes), Err(ToJsonError::TooLong { max_bytes }));
}

#[test]
fn bytes_that_are_no_value_say_so() {
    for bytes in [&[0xC4][..], &[0xA2, 1], &[]] {
        let expected = decode(bytes, &NoTables).unwrap_err();
        assert_eq!(
            to_json(bytes, &NoTables, ToJsonOptions::default()),
            Err(ToJsonError::Undecodable(expected))
        );
    }
    let error = to_json(&[0xC4], &NoTables, ToJsonOptions::default()).unwrap_err();
    assert!(
        matches!(error, ToJsonError::Undecodable(error) if error.kind == DecodeErrorKind::MisplacedHole)
    );
}
