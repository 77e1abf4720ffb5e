//! What is found at a path, by example.

use super::*;
use crate::codec::find::{Found, View};

fn find<'a>(bytes: &'a [u8], path: &str) -> Result<Option<Found<'a>>, DecodeError> {
    Path::parse(path).unwrap().find(bytes, &SomeTables)
}

/// The view and the value are those of `value`, which holds no other.
#[track_caller]
fn finds(bytes: &[u8], path: &str, value: Value) {
    let found = find(bytes, path).unwrap().expect(path);
    match (found.view(), &value) {
        (View::Number(number), Value::Int(integer)) => assert_eq!(*number, f64::from(*integer)),
        (View::Text(text), Value::Text(expected)) => assert_eq!(text.units(), expected.units()),
        (View::Null, Value::Null) | (View::Undefined, Value::Undefined) => {}
        (view, value) => panic!("{view:?} for {value:?}"),
    }
    assert_eq!(found.decode(), Ok(value), "{path}");
}

#[track_caller]
fn misses(bytes: &[u8], path: &str) {
    assert!(find(bytes, path).unwrap().is_none(), "{path}");
}

#[track_caller]
fn errs(bytes: &[u8], path: &str, name: &str, offset: usize) {
    let error = find(bytes, path).unwrap_err();
    assert_eq!((error.kind.name(), error.offset), (name, offset), "{error}");
}

fn rows() -> Value {
    let row = |id, name| object([("id", Value::Int(id)), ("name", Value::text(name))]);
    object([
        (
            "items",
            Value::Array(vec![row(1, "one"), row(2, "日"), row(3, "task")]),
        ),
        ("a.b", Value::Undefined),
        ("last", row(4, "four")),
    ])
}

#[test]
fn properties_elements_and_what_is_not_there() {
    let bytes = encoded(&rows());
    finds(&bytes, "items[0].name", Value::text("one"));
    finds(&bytes, "items[1].name", Value::text("日"));
    finds(&bytes, "items.2.id", Value::Int(3));
    finds(&bytes, r#"["items"]["2"]["name"]"#, Value::text("task"));
    finds(&bytes, r#"["a.b"]"#, Value::Undefined);
    finds(&bytes, "last.name", Value::text("four"));
    misses(&bytes, "items[3]");
    misses(&bytes, "items[3].name");
    misses(&bytes, "items.length");
    misses(&bytes, "items[0].Name");
    misses(&bytes, "items[0].name.length");
    misses(&bytes, "a.b");
    misses(&bytes, r#"["a.b"].c"#);
    misses(&bytes, "[0]");

    let items = find(&bytes, "items").unwrap().unwrap();
    assert_eq!(items.view(), &View::Array { count: 3 });
    let last = find(&bytes, "last").unwrap().unwrap();
    assert_eq!(last.view(), &View::Object { count: 2 });
    // Its shape was defined in what was gone past.
    let expected = object([("id", Value::Int(4)), ("name", Value::text("four"))]);
    assert_eq!(last.decode(), Ok(expected));
    let root = Path::root().find(&bytes, &NoTables).unwrap().unwrap();
    assert_eq!(root.view(), &View::Object { count: 3 });
    assert_eq!(root.decode(), Ok(rows()));
}

#[test]
fn objects_in_all_their_forms() {
    // Written out, with the key in each of its forms.
    for key in [
        &[3][..],
        &[0xD5, 3],
        &[0xD4, 1],
        &[0x84, b't', b'a', b's', b'k'],
    ] {
        let bytes = [&[0xB2, 0x81, b'x', 7][..], key, &[8]].concat();
        finds(&bytes, "task", Value::Int(8));
        let bytes = [&[0xD6, 2, 0x81, b'x'][..], key, &[7, 8]].concat();
        finds(&bytes, "task", Value::Int(8));
        finds(&bytes, "x", Value::Int(7));
    }
    let wide = [0xB1, 0xCD, 4, b't', 0, b'a', 0, b's', 0, b'k', 0, 8];
    finds(&wide, "task", Value::Int(8));
    misses(&wide, "tas");
    // By id.
    finds(&[0xD3, 1, 7, 0xC0], "id", Value::Null);
    misses(&[0xD3, 1, 7, 0xC0], "ids");
    errs(&[0xD3, 9, 7], "id", "UnknownShapeId", 0);
    // Many.
    let keys = |count: i32| (0..count).map(|index| (format!("key {index}"), index));
    for count in [16, 129, 1000] {
        let properties = keys(count).map(|(key, index)| (key.as_str().into(), Value::Int(index)));
        let bytes = encoded(&Value::Object(properties.collect()));
        for (key, index) in keys(count) {
            finds(&bytes, &format!("[\"{key}\"]"), Value::Int(index));
        }
        misses(&bytes, "key");
    }
}

#[test]
fn holes_are_not_there() {
    let bytes = [0xA3, 0xC4, 0xC1, 7];
    misses(&bytes, "[0]");
    misses(&bytes, "[0].a");
    finds(&bytes, "[1]", Value::Undefined);
    finds(&bytes, "[2]", Value::Int(7));
    errs(&[0xC4], "a", "MisplacedHole", 0);
    errs(&[0xB1, 0x81, b'a', 0xC4], "a", "MisplacedHole", 3);
}

#[test]
fn maps_by_string_and_messages_by_tag() {
    let map = Value::Map(vec![
        (Value::Int(1), Value::text("number")),
        (Value::text("1"), Value::text("string")),
        (
            Value::Array(vec![object([("id", Value::Null)])]),
            Value::Null,
        ),
        (Value::text("id"), object([("id", Value::Int(7))])),
    ]);
    let bytes = encoded(&map);
    finds(&bytes, "[1]", Value::text("string"));
    finds(&bytes, "id.id", Value::Int(7));
    misses(&bytes, "[2]");
    // Of a repeated key the last entry stays; what comes behind it is forgotten.
    let repeated = [
        0xA2, 0xD0, 3, 0xD5, 0, 1, 0xD5, 0, 0xD6, 1, 0, 2, 1, 0xD6, 1, 1, 3, 0xD7, 1, 4,
    ];
    finds(&repeated, "[0].id.id", Value::Int(2));
    finds(&repeated, "[1].type", Value::Int(4));

    let message = Value::Message {
        fingerprint: 77,
        version: 2,
        fields: vec![(1, Value::Int(7)), (3, Value::Undefined), (300, rows())],
    };
    let bytes = encoded(&message);
    finds(&bytes, "1", Value::Int(7));
    finds(&bytes, "[3]", Value::Undefined);
    finds(&bytes, "300.last.id", Value::Int(4));
    misses(&bytes, "2");
    misses(&bytes, "301");
    misses(&bytes, "0");
    misses(&bytes, "name");
    let root = Path::root().find(&bytes, &NoTables).unwrap().unwrap();
    let (fingerprint, version, count) = (77, 2, 3);
    assert_eq!(
        root.view(),
        &View::Message {
            fingerprint,
            version,
            count
        }
    );
}

#[test]
fn views_of_what_holds_no_other() {
    let view = |value: Value, path: &str, check: &dyn Fn(&View<'_>) -> bool| {
        let bytes = encoded(&Value::Array(vec![value]));
        let found = find(&bytes, path).unwrap().unwrap();
        assert!(check(found.view()), "{found:?}");
    };
    view(Value::Bool(true), "[0]", &|view| *view == View::Bool(true));
    view(Value::Float(-0.5), "[0]", &|view| {
        *view == View::Number(-0.5)
    });
    view(Value::Date(5.0), "[0]", &|view| *view == View::Date(5.0));
    view(Value::big_int64(-5), "[0]", &|view| {
        *view == View::BigInt64(-5)
    });
    let kind = BinaryKind::Int16Array;
    let bytes = Box::from([1, 2, 3, 4]);
    view(Value::Binary { kind, bytes }, "[0]", &|view| {
        matches!(
            view,
            View::Binary {
                kind: BinaryKind::Int16Array,
                bytes: [1, 2, 3, 4]
            }
        )
    });
    let magnitude = Box::from([0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let big = Value::BigInt {
        negative: true,
        magnitude,
    };
    view(big, "[0]", &|view| {
        matches!(
            view,
            View::BigInt {
                negative: true,
                magnitude: [.., 1]
            }
        )
    });
    view(Value::Map(vec![]), "[0]", &|view| {
        *view == View::Map { count: 0 }
    });
    view(Value::Set(vec![Value::Null]), "[0]", &|view| {
        *view == View::Set { count: 1 }
    });
    // A small bigint in the long form, an integer as a double.
    let found = Path::root().find(&[0xCB, 1, 1, 7], &NoTables).unwrap();
    assert_eq!(found.unwrap().view(), &View::BigInt64(-7));
}

#[test]
fn bytes_that_are_no_value() {
    errs(&[], "a", "UnexpectedEnd", 0);
    errs(&[0xD9], "a", "ReservedTag", 0);
    errs(&[0xA2, 0xD9, 7], "[1]", "ReservedTag", 1);
    errs(&[0xA2, 0x83, b'a'], "[1]", "UnexpectedEnd", 2);
    errs(&[0xA3, 7], "[0]", "CountTooLarge", 0);
    errs(&[0xA2, 0xD7, 0, 7], "[1]", "UnknownLocalShape", 1);
    errs(&[0xA2, 0xCF, 1, 0, 0], "[1]", "ShortObjectCount", 1);
    errs(&[0xD8, 0, 1, 2, 2, 7, 2, 7], "3", "FieldTag", 6);
    errs(&[0xB1, 0xC0, 7], "a", "KeyNotString", 1);
    errs(
        &vec![0xA1; 1000],
        &vec!["[0]"; 128].concat(),
        "TooDeep",
        128,
    );
    errs(
        &[&[0xA2][..], &[0xA1; 1000], &[0; 1000]].concat(),
        "[1]",
        "TooDeep",
        128,
    );
    // What is behind the place is not read, and neither is a string by id that is gone past.
    finds(&[0xA2, 7, 0xD9], "[0]", Value::Int(7));
    finds(&[0xA2, 0xD4, 99, 7], "[1]", Value::Int(7));
    errs(&[0xA2, 7, 0xD4, 99], "[1]", "UnknownStringId", 2);
    // All of what is there is read when it is decoded.
    let found = find(&[0xA1, 0xB2, 0, 7, 0, 7], "[0]").unwrap().unwrap();
    assert_eq!(found.view(), &View::Object { count: 2 });
    assert_eq!(
        found.decode().unwrap_err().kind,
        DecodeErrorKind::DuplicateKey
    );
}
