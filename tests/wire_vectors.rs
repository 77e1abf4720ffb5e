//! The golden vectors of docs/wire-format.md, section 2, that TypeScript checks too: `__test__/fixtures/wire-vectors.json`.

use std::sync::Arc;

use agentwire::codec::{BinaryKind, NoTables, Tables, Text, Value, decode, encode, validate};
use serde_json::Value as Json;

const FILE: &str = include_str!("../__test__/fixtures/wire-vectors.json");

struct FileTables {
    strings: Vec<Arc<Text>>,
    shapes: Vec<Arc<[Text]>>,
}

impl FileTables {
    fn new(json: &Json) -> Self {
        Self {
            strings: list(&json["strings"])
                .iter()
                .map(|each| Arc::new(text(each)))
                .collect(),
            shapes: list(&json["shapes"])
                .iter()
                .map(|each| list(each).iter().map(text).collect())
                .collect(),
        }
    }
}

impl Tables for FileTables {
    fn string(&self, id: u32) -> Option<Arc<Text>> {
        self.strings.get(id as usize - 1).cloned()
    }

    fn shape(&self, id: u32) -> Option<Arc<[Text]>> {
        self.shapes.get(id as usize - 1).cloned()
    }
}

fn list(json: &Json) -> &[Json] {
    json.as_array().expect("an array")
}

fn string(json: &Json) -> &str {
    json.as_str().expect("a string")
}

/// Groups of two digits, `XX*N` for N such bytes.
fn bytes(hex: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for group in hex.split_ascii_whitespace() {
        let (digits, count) = group.split_once('*').unwrap_or((group, "1"));
        let byte = u8::from_str_radix(digits, 16).expect("hexadecimal");
        let count: usize = count.parse().expect("a count");
        bytes.extend(std::iter::repeat_n(byte, count));
    }
    bytes
}

/// Digits without blanks between them.
fn digits(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn text(json: &Json) -> Text {
    if let Some(text) = json.as_str() {
        return text.into();
    }
    if let Some(repeat) = json.get("repeat") {
        let count = json["count"].as_u64().expect("a count") as usize;
        return string(repeat).repeat(count).as_str().into();
    }
    let units = list(json.get("units").expect("a string"));
    let units: Vec<u16> = units
        .iter()
        .map(|unit| unit.as_u64().expect("a code unit") as u16)
        .collect();
    Text::from_units(&units)
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

fn pairs<K>(json: &Json, key: impl Fn(&Json) -> K) -> Vec<(K, Value)> {
    list(json)
        .iter()
        .map(|pair| (key(&pair[0]), value(&pair[1])))
        .collect()
}

fn big_int(text: &str) -> Value {
    let (negative, hex) = match text.strip_prefix('-') {
        Some(hex) => (true, hex),
        None => (false, text),
    };
    let even = if hex.len().is_multiple_of(2) { "" } else { "0" };
    let mut magnitude = digits(&format!("{even}{hex}"));
    magnitude.reverse();
    Value::BigInt {
        negative,
        magnitude: magnitude.into(),
    }
}

fn message(json: &Json) -> Value {
    let varint = |json: &Json| {
        let number = json.as_u64().and_then(|number| u32::try_from(number).ok());
        number.expect("a varint")
    };
    Value::Message {
        fingerprint: varint(&json["fingerprint"]),
        version: varint(&json["version"]),
        fields: pairs(&json["fields"], varint),
    }
}

/// A value in the notation of the file.
fn value(json: &Json) -> Value {
    let object = match json {
        Json::Null => return Value::Null,
        Json::Bool(value) => return Value::Bool(*value),
        Json::Number(number) => return Value::number(number.as_f64().expect("a number")),
        Json::String(text) => return Value::text(text),
        Json::Array(elements) => return Value::Array(elements.iter().map(value).collect()),
        Json::Object(object) => object,
    };
    let (notation, of) = object.iter().next().expect("a notation");
    match notation.as_str() {
        "undefined" => Value::Undefined,
        "hole" => Value::Hole,
        "number" => Value::number(number(string(of))),
        "date" => Value::Date(number(string(of))),
        "bigint" => big_int(string(of)),
        "object" => Value::Object(pairs(of, text)),
        "map" => Value::Map(pairs(of, value)),
        "set" => Value::Set(list(of).iter().map(value).collect()),
        "binary" => Value::Binary {
            kind: BinaryKind::ALL
                .into_iter()
                .find(|kind| kind.name() == string(of))
                .expect("a kind"),
            bytes: digits(string(&object["hex"])).into(),
        },
        "nested" => (1..of.as_u64().expect("a depth"))
            .fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner])),
        "message" => message(of),
        "units" | "repeat" | "count" => Value::Text(text(json)),
        other => panic!("no value is noted as {other}"),
    }
}

fn check(vector: &Json, tables: &FileTables) {
    let name = string(&vector["name"]);
    let bytes = bytes(string(&vector["hex"]));
    let tables: &dyn Tables = match vector.get("tables") {
        Some(_) => tables,
        None => &NoTables,
    };
    let decoded = decode(&bytes, tables);
    assert_eq!(
        validate(&bytes, tables),
        decoded.clone().map(|_| ()),
        "{name}"
    );
    if let Some(expected) = vector.get("error") {
        let error = decoded.expect_err(name);
        let offset = vector["offset"].as_u64().expect("an offset") as usize;
        assert_eq!(
            (error.kind.name(), error.offset),
            (string(expected), offset),
            "{name}: {error}"
        );
        return;
    }
    // What bytes have twice, a value here has twice too.
    let listed = vector.get("listed");
    let expected = value(listed.unwrap_or(&vector["value"]));
    let decoded = decoded.expect(name);
    assert_eq!(decoded, expected, "{name}");
    let is_written =
        listed.is_some() || vector.get("written").is_some_and(|written| written == true);
    for value in [decoded, expected] {
        let mut written = Vec::new();
        encode(&value, &mut written).expect(name);
        assert_eq!(written == bytes, is_written, "{name}: {written:02X?}");
        // Whatever form was read, the bytes of the value are the same for ever.
        let again = decode(&written, &NoTables).expect(name);
        let mut rewritten = Vec::new();
        encode(&again, &mut rewritten).expect(name);
        assert_eq!(rewritten, written, "{name}");
    }
}

#[test]
fn every_vector_holds() {
    let file: Json = serde_json::from_str(FILE).expect("JSON");
    let tables = FileTables::new(&file["tables"]);
    let mut checked = 0;
    for vector in list(&file["vectors"]) {
        check(vector, &tables);
        checked += 1;
    }
    assert!(checked > 200, "{checked}");
}

/// Each tag begins at least one vector.
#[test]
fn every_tag_has_a_vector() {
    let file: Json = serde_json::from_str(FILE).expect("JSON");
    let firsts: std::collections::HashSet<u8> = list(&file["vectors"])
        .iter()
        .filter_map(|vector| bytes(string(&vector["hex"])).first().copied())
        .collect();
    for tag in 0xC0..=0xDF {
        assert!(firsts.contains(&tag), "no vector begins with {tag:02X}");
    }
}
