//! Values and bytes that nobody thought of.

use std::collections::HashSet;

use agentwire::codec::{BinaryKind, Text, Value, dictionary, encode, layout};
use agentwire::intern::Tables;
use proptest::collection::vec;
use proptest::prelude::*;

pub fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..5).prop_map(|bytes| Text::OneByte(bytes.into())),
        1 => vec(any::<u8>(), 29..35).prop_map(|bytes| Text::OneByte(bytes.into())),
        2 => vec(any::<u16>(), 0..5).prop_map(|units| Text::from_units(&units)),
        // Narrow text held wide.
        1 => vec(0u16..256, 0..40).prop_map(|units| Text::TwoByte(units.into())),
        1 => any::<String>().prop_map(|text| text.as_str().into()),
        2 => any::<u8>().prop_map(|number| dictionary::STRINGS[usize::from(number)].into()),
    ]
}

/// A key now and then too long for a local shape, or a number.
fn key() -> impl Strategy<Value = Text> {
    prop_oneof![
        9 => text(),
        1 => (63usize..67).prop_map(|length| "k".repeat(length).as_str().into()),
        1 => (0u32..20).prop_map(|number| number.to_string().as_str().into()),
    ]
}

fn distinct<V>(mut properties: Vec<(Text, V)>) -> Vec<(Text, V)> {
    let mut seen = HashSet::new();
    properties.retain(|(key, _)| seen.insert(key.clone()));
    properties
}

/// The keys of objects that come again and again.
const RECORDS: [&[&str]; 4] = [
    &["id", "type", "x"],
    &["type", "id", "x"],
    &["x"],
    &["日", "task.assignment"],
];

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

pub fn scalar() -> impl Strategy<Value = Value> {
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

pub fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 60, 18, |inner| {
        let element = prop_oneof![8 => inner.clone(), 1 => Just(Value::Hole)];
        prop_oneof![
            2 => vec(element, 0..18).prop_map(Value::Array),
            2 => vec((key(), inner.clone()), 0..20)
                .prop_map(|properties| Value::Object(distinct(properties))),
            2 => (0..RECORDS.len(), vec(inner.clone(), 3)).prop_map(|(record, values)| {
                let keys = RECORDS[record].iter().copied().map(Text::from);
                Value::Object(keys.zip(values).collect())
            }),
                        1 => vec((inner.clone(), inner.clone()), 0..5).prop_map(Value::Map),
            1 => vec(inner.clone(), 0..5).prop_map(Value::Set),
            1 => message(inner),
        ]
    })
}

fn message(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let step = prop_oneof![4 => 1u32..5, 1 => 1u32..1000, 1 => 1u32..1 << 27];
    let fingerprint = prop_oneof![Just(0), any::<u32>()];
    (fingerprint, 1u32..500, vec((step, inner), 0..5)).prop_map(|(fingerprint, version, steps)| {
        let mut tag = 0;
        let fields = steps.into_iter().map(|(step, value)| {
            tag += step;
            (tag, value)
        });
        Value::Message {
            fingerprint,
            version,
            fields: fields.collect(),
        }
    })
}

pub fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out)
        .expect("a value without holes out of place, repeated keys and great depth");
    out
}

/// Bytes that are likely to be read far: mostly tags, small counts and ids that exist.
pub fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => 0u8..4,
        2 => 0xC0u8..=0xDF,
        1 => prop_oneof![0x80u8..0x84, 0xA0u8..0xA4, 0xB0u8..0xB4],
        1 => any::<u8>(),
    ];
    vec(byte, 0..60)
}

pub fn tables() -> Tables {
    let tables = Tables::default();
    tables.strings.intern(&"task".into());
    tables.strings.intern(&Text::OneByte([0].into()));
    tables.shapes.intern(&["task".into()]);
    tables
        .shapes
        .intern(&["id".into(), Text::OneByte([0].into()), "日".into()]);
    tables
}

/// Where bytes are changed, to what, and how.
pub type Change = (prop::sample::Index, u8, u8);

pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..4)
}

/// Bytes with a few replaced, added and taken away.
pub fn changed(mut bytes: Vec<u8>, changes: Vec<Change>) -> Vec<u8> {
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
    bytes
}
