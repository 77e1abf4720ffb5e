//! A message as bytes, or a batch of them (docs/wire-format.md, section 4), as one value for a text.

use crate::codec::value::Value;

/// What is wrong with a value that is no batch.
pub const NOT_A_BATCH: &str =
    "expected a batch, an array of [type, timestamp, correlation id, payload], found another value";

/// `{header, payload}`, or `{header, messages: [{header, payload}, ...]}` for a batch; none if the value is no batch.
pub fn envelope(header: Value, value: Value, is_batch: bool) -> Option<Value> {
    if !is_batch {
        return Some(object([("header", header), ("payload", value)]));
    }
    let Value::Array(elements) = value else {
        return None;
    };
    let messages: Option<Vec<Value>> = elements.into_iter().map(message).collect();
    Some(object([
        ("header", header),
        ("messages", Value::Array(messages?)),
    ]))
}

fn is_message(element: &Value) -> bool {
    match element {
        Value::Array(parts) => matches!(
            parts[..],
            [
                Value::Int(0..=255),
                _,
                _,
                _
            ] if is_u64(&parts[1])
                && (is_u64(&parts[2]) || matches!(parts[2], Value::Int(0)))
                && !matches!(parts[3], Value::Hole)
        ),
        _ => false,
    }
}

fn is_u64(value: &Value) -> bool {
    matches!(value, Value::BigInt { negative: false, magnitude } if magnitude.len() <= size_of::<u64>())
}

fn message(element: Value) -> Option<Value> {
    if !is_message(&element) {
        return None;
    }
    let Value::Array(parts) = element else {
        return None;
    };
    let [kind, timestamp, correlation, payload] = <[Value; 4]>::try_from(parts).ok()?;
    let correlation = match correlation {
        Value::Int(0) => Value::big_int64(0),
        other => other,
    };
    let header = object([
        ("type", kind),
        ("timestamp", timestamp),
        ("correlationId", correlation),
    ]);
    Some(object([("header", header), ("payload", payload)]))
}

fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    Value::Object(properties.map(|(key, value)| (key.into(), value)).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{NoTables, batch, encode};

    /// What is said of a value here is said of its bytes too.
    fn is_batch(value: &Value) -> bool {
        let is_batch = envelope(Value::Null, value.clone(), true).is_some();
        let mut bytes = Vec::new();
        encode(value, &mut bytes).unwrap();
        assert_eq!(batch::is_batch(&bytes, &NoTables), Ok(is_batch));
        is_batch
    }

    #[test]
    fn a_batch_is_an_array_of_arrays_of_four() {
        let entry =
            |kind, time, correlation| Value::Array(vec![kind, time, correlation, Value::Null]);
        let good = entry(Value::Int(2), Value::big_int64(5), Value::Int(0));
        let batch = Value::Array(vec![
            good.clone(),
            entry(Value::Int(255), Value::big_int64(5), Value::big_int64(9)),
        ]);
        assert!(is_batch(&batch) && is_batch(&Value::Array(vec![])));
        let Some(Value::Object(parts)) = envelope(Value::Null, batch, true) else {
            panic!("an object");
        };
        let Value::Array(messages) = &parts[1].1 else {
            panic!("an array");
        };
        let header = object([
            ("type", Value::Int(2)),
            ("timestamp", Value::big_int64(5)),
            ("correlationId", Value::big_int64(0)),
        ]);
        assert_eq!(
            messages[0],
            object([("header", header), ("payload", Value::Null)])
        );
        for other in [
            Value::Null,
            entry(Value::Int(256), Value::big_int64(5), Value::Int(0)),
            entry(Value::Int(2), Value::Int(5), Value::Int(0)),
            entry(Value::Int(2), Value::big_int64(5), Value::Int(1)),
            Value::Array(vec![Value::Int(2)]),
            Value::Array(vec![
                Value::Int(2),
                Value::big_int64(5),
                Value::Int(0),
                Value::Hole,
            ]),
        ] {
            let batch = Value::Array(vec![good.clone(), other]);
            assert!(!is_batch(&batch));
            assert_eq!(envelope(Value::Null, batch, true), None);
        }
        assert_eq!(envelope(Value::Null, Value::Null, true), None);
    }
}
