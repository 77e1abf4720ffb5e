//! The operators: whether a condition holds for what is at its path.

use std::cmp::Ordering;

use regex::Regex;

use super::operand::Operand;
use super::text::{self, Needle};
use crate::codec::{DecodeError, Found, View};

/// A condition without its path.
#[derive(Debug)]
pub(super) enum Test {
    Equal(Operand),
    NotEqual(Operand),
    Order(Operand, fn(Ordering) -> bool),
    /// The second is what to look for in a string, where the first is a string.
    Contains(Operand, Option<Needle>),
    Matches(Box<Regex>),
    In(Box<[Operand]>),
    Exists(bool),
}

impl Test {
    /// A field that is undefined is as one that is missing.
    pub(super) fn holds(&self, found: Option<Found<'_>>) -> Result<bool, DecodeError> {
        let Some(found) = found.filter(|found| *found.view() != View::Undefined) else {
            return Ok(matches!(self, Test::NotEqual(_) | Test::Exists(false)));
        };
        let view = found.view();
        Ok(match self {
            Test::Equal(operand) => operand.equals(view),
            Test::NotEqual(operand) => !operand.equals(view),
            Test::Order(operand, accepts) => operand.order_of(view).is_some_and(accepts),
            Test::In(operands) => operands.iter().any(|operand| operand.equals(view)),
            Test::Exists(expected) => *expected,
            Test::Matches(expression) => match view {
                View::Text(text) => text::matches(expression, text.units()),
                _ => false,
            },
            Test::Contains(operand, needle) => match (view, needle) {
                (View::Text(text), Some(needle)) => needle.is_in(text.units()),
                (View::Array { .. } | View::Set { .. } | View::Map { .. }, _)
                | (View::Object { .. }, Some(_)) => {
                    return found.any(|view| operand.equals(view));
                }
                _ => false,
            },
        })
    }
}
