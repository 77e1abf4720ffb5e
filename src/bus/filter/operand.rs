//! What a field is compared with: a value that holds no others.

use std::cmp::Ordering;

use super::number::Number;
use super::text::{fold, folded};
use crate::codec::{Text, Value, View};

/// A scalar of a filter.
#[derive(Debug)]
pub(super) enum Operand {
    Null,
    Bool(bool),
    Double(f64),
    Small(i64),
    Large {
        negative: bool,
        magnitude: Box<[u8]>,
    },
    /// As it is, or with its case folded.
    Text {
        text: Text,
        folded: bool,
    },
}

impl Operand {
    /// None for what is no scalar, and for NaN and invalid dates, with which nothing compares.
    pub(super) fn new(value: &Value, folds: bool) -> Option<Operand> {
        Some(match value {
            Value::Null => Operand::Null,
            Value::Bool(value) => Operand::Bool(*value),
            Value::Int(integer) => Operand::Double(f64::from(*integer)),
            Value::Float(number) | Value::Date(number) if !number.is_nan() => {
                Operand::Double(*number)
            }
            Value::BigInt {
                negative,
                magnitude,
            } => big_int(*negative, magnitude),
            Value::Text(text) => Operand::Text {
                text: if folds {
                    folded(text.units())
                } else {
                    text.clone()
                },
                folded: folds,
            },
            _ => return None,
        })
    }

    fn number(&self) -> Option<Number<'_>> {
        Some(match self {
            Operand::Double(number) => Number::Double(*number),
            Operand::Small(integer) => Number::Small(*integer),
            Operand::Large {
                negative,
                magnitude,
            } => Number::Large {
                negative: *negative,
                magnitude,
            },
            _ => return None,
        })
    }

    /// True for strings, numbers, bigints and dates.
    pub(super) fn has_order(&self) -> bool {
        matches!(self, Operand::Text { .. }) || self.number().is_some()
    }

    pub(super) fn equals(&self, view: &View<'_>) -> bool {
        match (self, view) {
            (Operand::Null, View::Null) => true,
            (Operand::Bool(a), View::Bool(b)) => a == b,
            (
                Operand::Text {
                    text,
                    folded: false,
                },
                View::Text(found),
            ) => text.units() == found.units(),
            (Operand::Text { text, folded: true }, View::Text(found)) => {
                let (text, found) = (text.units(), found.units());
                text.len() == found.len() && found.iter().map(fold).eq(text.iter())
            }
            _ => match (self.number(), number_of(view)) {
                (Some(number), Some(found)) => found.compare(number) == Some(Ordering::Equal),
                _ => false,
            },
        }
    }

    /// How what was found compares with this; none where there is no order between them.
    pub(super) fn order_of(&self, view: &View<'_>) -> Option<Ordering> {
        match (self, view) {
            (Operand::Text { text, .. }, View::Text(found)) => {
                Some(found.units().iter().cmp(text.units().iter()))
            }
            _ => number_of(view)?.compare(self.number()?),
        }
    }
}

fn big_int(negative: bool, magnitude: &[u8]) -> Operand {
    let length = magnitude
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    let magnitude = &magnitude[..length];
    let mut bytes = [0; 16];
    if length <= 8 {
        bytes[..length].copy_from_slice(magnitude);
        let value = i128::from_le_bytes(bytes);
        if let Ok(small) = i64::try_from(if negative { -value } else { value }) {
            return Operand::Small(small);
        }
    }
    Operand::Large {
        negative,
        magnitude: magnitude.into(),
    }
}

fn number_of<'a>(view: &View<'a>) -> Option<Number<'a>> {
    Some(match view {
        View::Number(number) | View::Date(number) => Number::Double(*number),
        View::BigInt64(integer) => Number::Small(*integer),
        View::BigInt {
            negative,
            magnitude,
        } => Number::Large {
            negative: *negative,
            magnitude,
        },
        _ => return None,
    })
}
