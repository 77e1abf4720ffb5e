//! A filter from its encoded form. TypeScript has checked its shape; everything is checked here again, and the values only
//! here.

use std::fmt::Display;

use regex::{Regex, RegexBuilder};

use super::operand::Operand;
use super::test::Test;
use super::text::Needle;
use super::*;
use crate::codec::{NoTables, Text, Value, decode};

type Result<T> = std::result::Result<T, FilterError>;

pub(super) fn filter(encoded: &[u8]) -> Result<Node> {
    let value = decode(encoded, &NoTables)
        .map_err(|error| FilterError::new("filter", format!("cannot be read: {error}")))?;
    let mut parser = Parser { conditions: 0 };
    parser.group(&value, "filter", 1)
}

struct Parser {
    /// Seen so far.
    conditions: usize,
}

impl Parser {
    fn group(&mut self, value: &Value, at: &str, depth: usize) -> Result<Node> {
        if depth > MAX_GROUP_DEPTH {
            let problem =
                format!("is the {depth}th group within another; the most are {MAX_GROUP_DEPTH}");
            return Err(FilterError::new(at, problem));
        }
        let Some(Value::Array(conditions)) = property(value, "conditions") else {
            let found = property(value, "conditions");
            return Err(wrong(
                format!("{at}.conditions"),
                "an array of conditions",
                found,
            ));
        };
        let make = match property(value, "operator") {
            Some(Value::Text(operator)) if *operator == *"AND" => Node::All,
            Some(Value::Text(operator)) if *operator == *"OR" => Node::Any,
            found => return Err(wrong(format!("{at}.operator"), "\"AND\" or \"OR\"", found)),
        };
        if conditions.is_empty() {
            let problem =
                "must have a condition or more; leave the filter out to get every message";
            return Err(FilterError::new(format!("{at}.conditions"), problem));
        }
        let nodes = conditions.iter().enumerate().map(|(index, condition)| {
            let at = format!("{at}.conditions[{index}]");
            match property(condition, "conditions") {
                Some(_) => self.group(condition, &at, depth + 1),
                None => self.condition(condition, &at),
            }
        });
        Ok(make(nodes.collect::<Result<_>>()?))
    }

    fn condition(&mut self, value: &Value, at: &str) -> Result<Node> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            let problem =
                format!("is one condition too many; the most of a filter are {MAX_CONDITIONS}");
            return Err(FilterError::new(at, problem));
        }
        let path = match property(value, "field") {
            Some(Value::Text(field)) => Path::parse(&field.to_string()).map_err(|error| {
                FilterError::new(format!("{at}.field"), format!("is no field path: {error}"))
            })?,
            found => {
                let expected = "a field path, such as \"data.items[0].name\"";
                return Err(wrong(format!("{at}.field"), expected, found));
            }
        };
        let folds = match property(value, "caseSensitive") {
            None | Some(Value::Undefined | Value::Bool(true)) => false,
            Some(Value::Bool(false)) => true,
            found => return Err(wrong(format!("{at}.caseSensitive"), "a boolean", found)),
        };
        let operator = match property(value, "operator") {
            Some(Value::Text(operator)) => operator.to_string(),
            _ => String::new(),
        };
        let operand = Given {
            value: property(value, "value"),
            at: format!("{at}.value"),
            folds,
        };
        let test = match operator.as_str() {
            "eq" => Test::Equal(operand.scalar()?),
            "ne" => Test::NotEqual(operand.scalar()?),
            "gt" => Test::Order(operand.ordered(at)?, |order| order.is_gt()),
            "lt" => Test::Order(operand.ordered(at)?, |order| order.is_lt()),
            "gte" => Test::Order(operand.ordered(at)?, |order| order.is_ge()),
            "lte" => Test::Order(operand.ordered(at)?, |order| order.is_le()),
            "contains" => {
                let needle = match operand.value {
                    Some(Value::Text(text)) => Some(Needle::new(text, folds)),
                    _ => None,
                };
                Test::Contains(operand.scalar()?, needle)
            }
            "matches" => Test::Matches(Box::new(operand.expression()?)),
            "in" => Test::In(operand.scalars()?),
            "exists" => Test::Exists(operand.boolean()?),
            _ => {
                let expected = "one of eq, ne, gt, lt, gte, lte, contains, matches, in, exists";
                let found = property(value, "operator");
                return Err(wrong(format!("{at}.operator"), expected, found));
            }
        };
        Ok(Node::Field(path, test))
    }
}

/// The value of a condition.
struct Given<'a> {
    value: Option<&'a Value>,
    at: String,
    folds: bool,
}

const SCALAR: &str = "a string, a number other than NaN, a bigint, a boolean, null or a valid Date";

impl Given<'_> {
    fn scalar(&self) -> Result<Operand> {
        let operand = self.value.and_then(|value| Operand::new(value, self.folds));
        operand.ok_or_else(|| wrong(&self.at, SCALAR, self.value))
    }

    fn ordered(&self, at: &str) -> Result<Operand> {
        if self.folds {
            let problem = "must be left out: gt, lt, gte and lte always regard the case";
            return Err(FilterError::new(format!("{at}.caseSensitive"), problem));
        }
        let operand = self.value.and_then(|value| Operand::new(value, false));
        let expected = "a string, a number other than NaN, a bigint or a valid Date";
        let operand = operand.filter(Operand::has_order);
        operand.ok_or_else(|| wrong(&self.at, expected, self.value))
    }

    fn scalars(&self) -> Result<Box<[Operand]>> {
        let (Some(Value::Array(values)) | Some(Value::Set(values))) = self.value else {
            return Err(wrong(&self.at, "an array or a Set of values", self.value));
        };
        if values.len() > MAX_IN_VALUES {
            let problem = format!("has {} values; the most are {MAX_IN_VALUES}", values.len());
            return Err(FilterError::new(&self.at, problem));
        }
        let operands = values.iter().enumerate().map(|(index, value)| {
            Operand::new(value, self.folds)
                .ok_or_else(|| wrong(format!("{}[{index}]", self.at), SCALAR, Some(value)))
        });
        operands.collect()
    }

    fn boolean(&self) -> Result<bool> {
        match self.value {
            None | Some(Value::Undefined) => Ok(true),
            Some(Value::Bool(value)) => Ok(*value),
            found => Err(wrong(&self.at, "true or false", found)),
        }
    }

    fn expression(&self) -> Result<Regex> {
        let Some(Value::Text(text)) = self.value else {
            return Err(wrong(&self.at, "a regular expression", self.value));
        };
        let source = text.to_string();
        if source.len() > MAX_EXPRESSION_BYTES {
            let problem = format!(
                "has {} bytes of UTF-8; the most are {MAX_EXPRESSION_BYTES}",
                source.len()
            );
            return Err(FilterError::new(&self.at, problem));
        }
        RegexBuilder::new(&source)
            .case_insensitive(self.folds)
            .size_limit(MAX_EXPRESSION_SIZE)
            .dfa_size_limit(MAX_EXPRESSION_SIZE)
            .build()
            .map_err(|error| {
                let problem = match error {
                    regex::Error::CompiledTooBig(limit) => {
                        format!("is an expression that takes more than {limit} bytes compiled; repeat less in it")
                    }
                    error => format!("is no expression that runs in linear time: {error}"),
                };
                FilterError::new(&self.at, problem)
            })
    }
}

/// A property of an object.
fn property<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(properties) => {
            let found = properties.iter().find(|(key, _)| *key == *name);
            found.map(|(_, value)| value)
        }
        _ => None,
    }
}

fn wrong(at: impl Into<String>, expected: impl Display, found: Option<&Value>) -> FilterError {
    let given = match found {
        None | Some(Value::Undefined) => "nothing".to_owned(),
        Some(Value::Text(text)) => format!("{:?}", short(text)),
        Some(Value::Float(number)) if number.is_nan() => "NaN".to_owned(),
        Some(Value::Date(number)) if number.is_nan() => "an invalid Date".to_owned(),
        Some(value @ (Value::Array(_) | Value::Object(_))) => format!("an {}", value.type_name()),
        Some(Value::Null) => "null".to_owned(),
        Some(value) => format!("a {}", value.type_name()),
    };
    FilterError::new(at, format!("must be {expected}; {given} was given"))
}

fn short(text: &Text) -> String {
    let text = text.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
