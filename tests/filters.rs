//! Filters on encoded bytes decide as a plain evaluation of the decoded value does; on any other bytes they decide too.

#[path = "codec_values/mod.rs"]
mod codec_values;

use std::cmp::Ordering;

use agentwire::bus::filter::{Filter, FilterError, MAX_CONDITIONS, MAX_GROUP_DEPTH, fold};
use agentwire::codec::{NoTables, Text, Value};
use codec_values::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use regex::RegexBuilder;

const OPERATORS: [&str; 10] = [
    "eq", "ne", "gt", "lt", "gte", "lte", "contains", "matches", "in", "exists",
];
const EXPRESSIONS: [&str; 5] = ["", "a", "^[a-z]+$", "(?:task|日)", r"\d$"];

/// A condition, and what it is made of for the plain evaluation.
#[derive(Clone, Debug)]
struct Condition {
    keys: Vec<Text>,
    operator: &'static str,
    value: Value,
    case_sensitive: bool,
}

fn object(properties: Vec<(&str, Value)>) -> Value {
    let properties = properties
        .into_iter()
        .map(|(key, value)| (key.into(), value));
    Value::Object(properties.collect())
}

impl Condition {
    fn to_value(&self) -> Value {
        let mut field = String::new();
        for key in &self.keys {
            let units = key.units().iter().map(|unit| format!("\\u{unit:04x}"));
            field.push_str(&format!("[\"{}\"]", units.collect::<String>()));
        }
        object(vec![
            ("field", Value::text(&field)),
            ("operator", Value::text(self.operator)),
            ("value", self.value.clone()),
            ("caseSensitive", Value::Bool(self.case_sensitive)),
        ])
    }

    fn holds(&self, payload: &Value) -> bool {
        let found = self
            .keys
            .iter()
            .try_fold(payload, |value, key| part(value, key));
        let Some(found) = found.filter(|found| **found != Value::Undefined) else {
            return self.operator == "ne"
                || self.operator == "exists" && self.value == Value::Bool(false);
        };
        let is = |other: &Value| self.equal(found, other);
        let order = || order(found, &self.value);
        match self.operator {
            "eq" => is(&self.value),
            "ne" => !is(&self.value),
            "gt" => order() == Some(Ordering::Greater),
            "lt" => order() == Some(Ordering::Less),
            "gte" => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
            "lte" => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
            "contains" => self.contains(found),
            "matches" => match (found, &self.value) {
                (Value::Text(text), Value::Text(source)) => RegexBuilder::new(&source.to_string())
                    .case_insensitive(!self.case_sensitive)
                    .build()
                    .unwrap()
                    .is_match(&text.to_string()),
                _ => false,
            },
            "in" => match &self.value {
                Value::Array(values) => values.iter().any(is),
                _ => unreachable!(),
            },
            _ => self.value != Value::Bool(false),
        }
    }

    fn units(&self, text: &Text) -> Vec<u16> {
        let fold = |unit| {
            if self.case_sensitive {
                unit
            } else {
                fold(unit)
            }
        };
        text.units().iter().map(fold).collect()
    }

    fn equal(&self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => self.units(a) == self.units(b),
            _ => exact(a).is_some_and(|exact_a| Some(exact_a) == exact(b)),
        }
    }

    fn contains(&self, found: &Value) -> bool {
        let is = |other: &Value| self.equal(other, &self.value);
        match (found, &self.value) {
            (Value::Text(hay), Value::Text(needle)) => {
                let (hay, needle) = (self.units(hay), self.units(needle));
                needle.is_empty() || hay.windows(needle.len()).any(|window| window == needle)
            }
            (Value::Array(values) | Value::Set(values), _) => values.iter().any(is),
            (Value::Map(entries), _) => entries.iter().any(|(key, _)| is(key)),
            (Value::Object(properties), _) => properties
                .iter()
                .any(|(key, _)| is(&Value::Text(key.clone()))),
            _ => false,
        }
    }
}

/// What a key names.
fn part<'v>(value: &'v Value, key: &Text) -> Option<&'v Value> {
    let number: Option<u32> = key.to_string().parse().ok();
    let number = number.filter(|number| *key == *number.to_string().as_str());
    match value {
        Value::Object(properties) => Some(&properties.iter().find(|(other, _)| other == key)?.1),
        Value::Map(entries) => {
            let is_it = |other: &Value| matches!(other, Value::Text(text) if text == key);
            Some(&entries.iter().rfind(|(other, _)| is_it(other))?.1)
        }
        Value::Array(values) => {
            let value = values.get(number? as usize)?;
            (*value != Value::Hole).then_some(value)
        }
        Value::Message { fields, .. } => {
            Some(&fields.iter().find(|(tag, _)| Some(*tag) == number)?.1)
        }
        _ => None,
    }
}

/// A number as sign and bits of it times 2^1074, which makes every double whole; infinity is beyond all bits.
#[derive(Debug, PartialEq)]
struct Exact(bool, Vec<bool>);

fn exact(value: &Value) -> Option<Exact> {
    let (negative, shift, magnitude) = match value {
        Value::Int(integer) => return exact(&Value::Float(f64::from(*integer))),
        Value::Float(number) | Value::Date(number) => {
            if number.is_nan() {
                return None;
            }
            if number.is_infinite() {
                return Some(Exact(*number < 0.0, vec![true; 5000]));
            }
            let bits = number.abs().to_bits();
            let (exponent, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
            let (shift, mantissa) = match exponent {
                0 => (0, fraction),
                _ => (exponent as usize - 1, fraction | 1 << 52),
            };
            (*number < 0.0, shift, mantissa.to_le_bytes().to_vec())
        }
        Value::BigInt {
            negative,
            magnitude,
        } => (*negative, 1074, magnitude.to_vec()),
        _ => return None,
    };
    let mut bits = vec![false; shift];
    bits.extend((0..magnitude.len() * 8).map(|bit| magnitude[bit / 8] >> (bit % 8) & 1 == 1));
    bits.truncate(bits.iter().rposition(|&bit| bit).map_or(0, |last| last + 1));
    Some(Exact(negative && !bits.is_empty(), bits))
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    if let (Value::Text(a), Value::Text(b)) = (a, b) {
        return Some(a.cmp(b));
    }
    let (a, b) = (exact(a)?, exact(b)?);
    let by_bits =
        a.1.len()
            .cmp(&b.1.len())
            .then_with(|| a.1.iter().rev().cmp(b.1.iter().rev()));
    Some(match (a.0, b.0) {
        (false, false) => by_bits,
        (true, true) => by_bits.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    })
}

fn is_scalar(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::BigInt { .. } | Value::Int(_) => {
            true
        }
        Value::Float(number) | Value::Date(number) => !number.is_nan(),
        _ => false,
    }
}

/// What is in a container, and what its parts are called.
fn parts(value: &Value) -> (Vec<Text>, Vec<Value>) {
    let number = |number: usize| Text::from(number.to_string().as_str());
    match value {
        Value::Object(properties) => properties
            .iter()
            .map(|(key, _)| (key.clone(), Value::Text(key.clone())))
            .unzip(),
        Value::Map(entries) => {
            let keys = entries.iter().filter_map(|(key, _)| match key {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            });
            (
                keys.collect(),
                entries.iter().map(|(key, _)| key.clone()).collect(),
            )
        }
        Value::Array(values) => ((0..values.len()).map(number).collect(), values.clone()),
        Value::Set(values) => (vec![], values.clone()),
        Value::Message { fields, .. } => (
            fields
                .iter()
                .map(|(tag, _)| number(*tag as usize))
                .collect(),
            vec![],
        ),
        _ => (vec![], vec![]),
    }
}

/// From which a condition is made that has something to do with a payload.
type Seed = (Vec<Index>, usize, Vec<Index>, Vec<Value>, bool);

fn seed() -> impl Strategy<Value = Seed> {
    let indices = || vec(any::<Index>(), 0..4);
    let others = vec(scalar().prop_filter("a scalar", is_scalar), 1..4);
    (
        indices(),
        0..OPERATORS.len(),
        indices(),
        others,
        any::<bool>(),
    )
}

fn condition(payload: &Value, (steps, operator, picks, others, case_sensitive): Seed) -> Condition {
    let mut keys = Vec::new();
    let mut here = Some(payload);
    for step in steps {
        let (mut names, _) = here.map(parts).unwrap_or_default();
        if names.is_empty() || step.index(9) == 0 {
            names.push("id".into());
        }
        keys.push(names[step.index(names.len())].clone());
        here = here.and_then(|value| part(value, keys.last().unwrap()));
    }
    // A path is not empty.
    if keys.is_empty() {
        keys.push("x".into());
        here = part(payload, &keys[0]);
    }
    let mut values = others;
    values.extend(here.cloned());
    values.extend(here.map(|value| parts(value).1).unwrap_or_default());
    if let Some(Value::Text(text)) = here {
        let units: Vec<u16> = text.units().iter().map(fold).collect();
        values.push(Value::Text(Text::from_units(
            &units[units.len() / 3..units.len() * 2 / 3],
        )));
        values.push(Value::Text(Text::from_units(&units)));
    }
    values.retain(is_scalar);
    let pick = |values: &[Value]| {
        values[picks
            .first()
            .map_or(values.len() - 1, |pick| pick.index(values.len()))]
        .clone()
    };
    let operator = OPERATORS[operator];
    let value = match operator {
        "gt" | "lt" | "gte" | "lte" => {
            values.push(Value::Int(0));
            values.retain(|value| !matches!(value, Value::Null | Value::Bool(_)));
            pick(&values)
        }
        "matches" => Value::text(
            EXPRESSIONS[picks
                .first()
                .map_or(1, |pick| pick.index(EXPRESSIONS.len()))],
        ),
        "in" => Value::Array(
            picks
                .iter()
                .map(|pick| values[pick.index(values.len())].clone())
                .collect(),
        ),
        "exists" => Value::Bool(case_sensitive),
        _ => pick(&values),
    };
    let is_ordered = ["gt", "lt", "gte", "lte"].contains(&operator);
    Condition {
        keys,
        operator,
        value,
        case_sensitive: case_sensitive || is_ordered,
    }
}

fn compiled(operator: &str, conditions: Vec<Value>) -> Result<Filter, FilterError> {
    let filter = object(vec![
        ("operator", Value::text(operator)),
        ("conditions", Value::Array(conditions)),
    ]);
    Filter::decode(&encoded(&filter))
}

fn group(operator: &str, conditions: Vec<Value>) -> Value {
    object(vec![
        ("operator", Value::text(operator)),
        ("conditions", Value::Array(conditions)),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn filters_decide_as_the_decoded_value_does(
        payload in value(),
        seeds in vec(seed(), 1..5),
        all in any::<bool>(),
        nested in any::<bool>(),
    ) {
        let bytes = encoded(&payload);
        let conditions: Vec<_> = seeds.into_iter().map(|seed| condition(&payload, seed)).collect();
        for condition in &conditions {
            let filter = compiled("AND", vec![condition.to_value()]).unwrap();
            prop_assert_eq!(filter.wants(&bytes, &NoTables), condition.holds(&payload), "{:?}", condition);
        }
        let values: Vec<_> = conditions.iter().map(Condition::to_value).collect();
        let operator = if all { "AND" } else { "OR" };
        let filter = match nested {
            true => compiled(if all { "OR" } else { "AND" }, vec![group(operator, values)]),
            false => compiled(operator, values),
        };
        let mut holds = conditions.iter().map(|condition| condition.holds(&payload));
        let expected = if all { holds.all(|holds| holds) } else { holds.any(|holds| holds) };
        prop_assert_eq!(filter.unwrap().wants(&bytes, &NoTables), expected);
    }

    #[test]
    fn any_bytes_are_decided(
        payload in value(),
        seed in seed(),
        changes in changes(),
        bytes in likely_bytes(),
    ) {
        let filter = compiled("AND", vec![condition(&payload, seed).to_value()]).unwrap();
        let tables = tables();
        filter.wants(&bytes, &tables);
        let damaged = changed(encoded(&payload), changes);
        // What cannot be read is left to the subscriber, or was not on the way.
        filter.wants(&damaged, &tables);
    }

    #[test]
    fn any_bytes_are_a_filter_or_an_error(bytes in likely_bytes(), payload in value(), changes in changes(), seed in seed()) {
        let _ = Filter::decode(&bytes);
        let condition = condition(&payload, seed).to_value();
        let filter = encoded(&group("AND", vec![condition.clone(), group("OR", vec![condition])]));
        if let Err(error) = Filter::decode(&changed(filter, changes)) {
            prop_assert!(error.at.starts_with("filter"), "{}", error);
        }
        // And any value in the place of one.
        let _ = compiled("AND", vec![payload.clone()]);
        for operator in OPERATORS {
            let condition = object(vec![
                ("field", Value::text("a")),
                ("operator", Value::text(operator)),
                ("value", payload.clone()),
            ]);
            let _ = compiled("OR", vec![condition]);
        }
    }
}

fn equals(field: &str, value: Value) -> Value {
    object(vec![
        ("field", Value::text(field)),
        ("operator", Value::text("eq")),
        ("value", value),
    ])
}

#[test]
fn a_payload_that_is_damaged_on_the_way_is_wanted() {
    let payload = encoded(&object(vec![("x", Value::Int(1)), ("y", Value::Int(2))]));
    let filter = compiled("AND", vec![equals("y", Value::Int(3))]).unwrap();
    assert!(!filter.wants(&payload, &NoTables));
    for length in 0..payload.len() {
        assert!(filter.wants(&payload[..length], &NoTables), "{length}");
    }
    // Before the damage it is decided.
    let first = compiled(
        "AND",
        vec![equals("x", Value::Int(3)), equals("y", Value::Int(3))],
    )
    .unwrap();
    assert!(!first.wants(&payload[..payload.len() - 1], &NoTables));
}

#[test]
fn filters_are_bounded() {
    let good = || equals("a", Value::Null);
    assert!(compiled("OR", vec![good(); MAX_CONDITIONS]).is_ok());
    let error = compiled("OR", vec![good(); MAX_CONDITIONS + 1]).unwrap_err();
    assert_eq!(error.at, format!("filter.conditions[{MAX_CONDITIONS}]"));
    let mut filter = good();
    for _ in 1..MAX_GROUP_DEPTH {
        filter = group("AND", vec![filter]);
    }
    assert!(compiled("AND", vec![filter.clone()]).is_ok());
    assert!(compiled("AND", vec![group("AND", vec![filter])]).is_err());
}

#[test]
fn long_text_takes_linear_time() {
    // Each of these is quadratic where it is done naively; this many units would take minutes.
    let payload = encoded(&object(vec![("t", Value::text(&"a".repeat(8 << 20)))]));
    let needle = format!("{}b", "a".repeat(1 << 16));
    for (operator, value) in [
        ("contains", needle.as_str()),
        ("matches", "(a+)+b"),
        ("matches", "(a|a)*b"),
    ] {
        let condition = object(vec![
            ("field", Value::text("t")),
            ("operator", Value::text(operator)),
            ("value", Value::text(value)),
        ]);
        assert!(
            !compiled("AND", vec![condition])
                .unwrap()
                .wants(&payload, &NoTables)
        );
    }
}

#[test]
fn contains_goes_over_every_kind_of_container() {
    let wants = |payload: &[u8], value: Value| {
        let condition = object(vec![
            ("field", Value::text("c")),
            ("operator", Value::text("contains")),
            ("value", value),
        ]);
        let filter = compiled("AND", vec![condition]).unwrap();
        filter.wants(payload, &tables())
    };
    let within = |value: Value| encoded(&object(vec![("c", value)]));
    let inner = || Value::Array(vec![Value::Int(7), Value::Map(vec![])]);
    let mut long: Vec<Value> = (0..40).map(|_| inner()).collect();
    long.extend([Value::Hole, Value::Int(1), Value::Hole, Value::Float(1.5)]);
    for array in [long[38..].to_vec(), long] {
        let array = within(Value::Array(array));
        assert!(wants(&array, Value::Int(1)));
        assert!(wants(&array, Value::Float(1.5)));
        for other in [
            Value::Int(7),
            Value::Null,
            Value::Int(2),
            Value::big_int64(-1),
        ] {
            assert!(!wants(&array, other));
        }
    }
    let set = within(Value::Set(vec![inner(), Value::text("x"), Value::Null]));
    assert!(wants(&set, Value::text("x")) && wants(&set, Value::Null));
    assert!(!wants(&set, Value::Int(7)));
    let map = within(Value::Map(vec![
        (inner(), Value::text("v")),
        (Value::Int(3), inner()),
        (Value::text("k"), Value::Null),
    ]));
    assert!(wants(&map, Value::Int(3)) && wants(&map, Value::text("k")));
    assert!(!wants(&map, Value::text("v")) && !wants(&map, Value::Int(7)));
    let names: Vec<String> = (0..200).map(|number| format!("k{number}")).collect();
    let objects = [1, 20, 200].map(|count| {
        let keys = names[..count].iter().map(String::as_str);
        within(object(keys.map(|key| (key, inner())).collect()))
    });
    for (payload, count) in objects.iter().zip([1, 20, 200]) {
        assert!(wants(payload, Value::text("k0")));
        assert!(wants(payload, Value::text(&names[count - 1])));
        assert!(!wants(payload, Value::text("v")) && !wants(payload, Value::Int(7)));
    }
    let shaped = |id: u8| [&[0xB1, 0x81, b'c', 0xD3, id][..], &[1, 2, 3]].concat();
    assert!(wants(&shaped(2), Value::text("日")));
    assert!(!wants(&shaped(2), Value::text("task")));
    let local = object(vec![
        (
            "b",
            object(vec![("p", Value::Int(1)), ("q", Value::Int(2))]),
        ),
        (
            "c",
            object(vec![("p", Value::Int(1)), ("q", Value::Int(2))]),
        ),
    ]);
    assert!(wants(&encoded(&local), Value::text("q")));
    assert!(!wants(&encoded(&local), Value::text("b")));
}

#[test]
fn numbers_have_an_order_across_their_kinds() {
    let above = |found: Value, value: Value| {
        let condition = object(vec![
            ("field", Value::text("n")),
            ("operator", Value::text("gt")),
            ("value", value),
        ]);
        let payload = encoded(&object(vec![("n", found)]));
        compiled("AND", vec![condition])
            .unwrap()
            .wants(&payload, &NoTables)
    };
    assert!(above(Value::Float(1.5), Value::big_int64(1)));
    assert!(!above(Value::Float(-1.5), Value::big_int64(-1)));
    assert!(above(Value::big_int64(-1), Value::Float(-1.5)));
    assert!(above(Value::Date(2.0), Value::big_int64(1)));
    assert!(!above(Value::Float(f64::NAN), Value::Int(0)));
}
