//! Text to a value.
//!
//! Recursion ends at [`MAX_DEPTH`] values within one another; a tagged object nests deeper as text, by a fixed number of
//! brackets. Memory and time are linear in the text but for decimal digits of bigints, which are bounded.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::FromJsonOptions;
use super::error::{JsonError, JsonErrorKind};
use super::scan::Scan;
use super::tags::Tag;
use crate::codec::keys::are_distinct;
use crate::codec::layout::MAX_DEPTH;
use crate::codec::text::Text;
use crate::codec::value::Value;

pub(super) struct Reader<'a> {
    pub(super) scan: Scan<'a>,
    plain: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, options: FromJsonOptions) -> Reader<'a> {
        Reader {
            scan: Scan::new(text),
            plain: options.plain,
        }
    }

    /// The whole text as one value.
    pub(super) fn run(mut self) -> Result<Value, JsonError> {
        let value = self.value(0, false)?;
        self.scan.end()?;
        Ok(value)
    }

    /// One value within `depth` containers.
    pub(super) fn value(&mut self, depth: u32, hole_allowed: bool) -> Result<Value, JsonError> {
        match self.scan.peek() {
            b'{' => self.object(depth, hole_allowed),
            b'[' => {
                self.enter(self.scan.offset(), depth)?;
                let mut elements = Vec::new();
                self.list(|reader| {
                    elements.push(reader.value(depth + 1, true)?);
                    Ok(())
                })?;
                Ok(Value::Array(elements))
            }
            b'"' => self.scan.string("a string").map(Value::Text),
            b'-' | b'0'..=b'9' => self.scan.number(),
            b'n' => self.scan.literal("null").map(|()| Value::Null),
            b't' => self.scan.literal("true").map(|()| Value::Bool(true)),
            b'f' => self.scan.literal("false").map(|()| Value::Bool(false)),
            _ => Err(self.scan.unexpected("a value")),
        }
    }

    /// Takes on a container at this offset, within `depth` others.
    pub(super) fn enter(&self, offset: usize, depth: u32) -> Result<(), JsonError> {
        if depth < MAX_DEPTH {
            return Ok(());
        }
        Err(self.scan.error(offset, JsonErrorKind::TooDeep))
    }

    /// The items of a list in square brackets.
    pub(super) fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.scan.expect(b'[', "a list in square brackets")?;
        if self.scan.take(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.scan.take(b']') {
                return Ok(());
            }
            self.scan
                .expect(b',', "a comma or the end of the list, a ]")?;
        }
    }

    fn object(&mut self, depth: u32, hole_allowed: bool) -> Result<Value, JsonError> {
        let start = self.scan.offset();
        self.scan.expect(b'{', "an object")?;
        if self.scan.take(b'}') {
            self.enter(start, depth)?;
            return Ok(Value::Object(Vec::new()));
        }
        let mut key = self
            .scan
            .string("a key, which is a string, or the end of the object, a }")?;
        if let Some(tag) = Tag::of(key.units()).filter(|_| !self.plain) {
            self.scan.expect(b':', "a colon after the key")?;
            let value = self.tagged(tag, start, depth, hole_allowed)?;
            self.scan
                .expect(b'}', "the end of the tagged object, a }")?;
            return Ok(value);
        }
        self.enter(start, depth)?;
        let mut properties = Vec::new();
        loop {
            self.scan.expect(b':', "a colon after the key")?;
            properties.push((key, self.value(depth + 1, false)?));
            if self.scan.take(b'}') {
                return Ok(Value::Object(last_of_each(properties)));
            }
            self.scan
                .expect(b',', "a comma or the end of the object, a }")?;
            key = self.scan.string("a key, which is a string")?;
        }
    }
}

/// Of a key that comes again the last value counts, in the place of the first: as `JSON.parse` builds the object.
pub(super) fn last_of_each(properties: Vec<(Text, Value)>) -> Vec<(Text, Value)> {
    if are_distinct(properties.iter().map(|(key, _)| key)) {
        return properties;
    }
    let mut places: HashMap<Text, usize, RandomState> = HashMap::default();
    let mut kept: Vec<(Text, Value)> = Vec::new();
    for (key, value) in properties {
        match places.get(&key) {
            Some(&place) => kept[place].1 = value,
            None => {
                places.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
    }
    kept
}
