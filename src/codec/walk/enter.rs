//! The part of the walk that goes to one place of a value and no further: what field paths are found with.

use super::local_shapes::LocalShape;
use super::*;
use crate::codec::decode::Pass;
use crate::codec::dictionary;
use crate::codec::find::View;
use crate::codec::path::Segment;
use crate::codec::text::Units;

/// A walk that gets past values. It knows all rules of a reader but two, which would cost memory or locks:
/// it does not see keys that repeat, and strings by id that are in none of the tables.
type Skip = Pass<false>;

/// Most Maps within one another that a path leads through. Each is read to its end before the next, so that time would
/// otherwise grow with the square of a few bytes.
const MAX_MAPS: u32 = 8;

impl<'a> Walk<'a, '_> {
    /// From a value within `depth` containers to the part of it that a segment names. False when there
    /// is none; the walk ends then.
    pub(in crate::codec) fn enter(
        &mut self,
        segment: &Segment,
        depth: u32,
    ) -> Result<bool, DecodeError> {
        let offset = self.cursor.offset();
        let tag = self.cursor.byte()?;
        if !is_container(tag) || tag == SET {
            // Nothing is in it that has a name; but it may be no value.
            self.cursor = self.cursor.at(offset);
            self.value::<Skip>(depth, false)?;
            return Ok(false);
        }
        self.check_depth(offset, depth)?;
        let depth = depth + 1;
        match tag {
            FIX_ARRAY..FIX_OBJECT => {
                self.enter_array(offset, usize::from(tag - FIX_ARRAY), segment, depth)
            }
            ARRAY => {
                let count = self.cursor.length()?;
                self.enter_array(offset, count, segment, depth)
            }
            FIX_OBJECT..NULL => {
                self.enter_object(offset, usize::from(tag - FIX_OBJECT), segment, depth)
            }
            OBJECT => {
                let count = self.long_object_count(offset)?;
                self.enter_object(offset, count, segment, depth)
            }
            SHAPE => {
                let keys = self.shape(offset)?;
                let key = segment.key.units();
                let index = keys.iter().position(|other| other.units() == key);
                self.skip_to(index, depth)
            }
            DEFINE_SHAPE => {
                let shape = self.define_shape::<Skip>(offset)?;
                let index = self.index_of(shape, segment)?;
                self.skip_to(index, depth)
            }
            LOCAL_SHAPE => {
                let shape = self.local_shape(offset)?;
                let index = self.index_of(shape, segment)?;
                self.skip_to(index, depth)
            }
            MESSAGE => self.enter_message(offset, segment, depth),
            _ => self.enter_map(offset, segment, depth),
        }
    }

    /// A hole is nothing: an array does not have its index.
    fn enter_array(
        &mut self,
        offset: usize,
        count: usize,
        segment: &Segment,
        depth: u32,
    ) -> Result<bool, DecodeError> {
        self.owe(offset, count, 1)?;
        let index = segment.number.and_then(|index| usize::try_from(index).ok());
        let Some(index) = index.filter(|&index| index < count) else {
            return Ok(false);
        };
        for _ in 0..index {
            self.owed -= 1;
            self.value::<Skip>(depth, true)?;
        }
        self.owed -= 1;
        let is_hole = self.cursor.at(self.cursor.offset()).byte()? == HOLE;
        Ok(!is_hole)
    }

    fn enter_object(
        &mut self,
        offset: usize,
        count: usize,
        segment: &Segment,
        depth: u32,
    ) -> Result<bool, DecodeError> {
        self.owe(offset, count, 2)?;
        for _ in 0..count {
            let is_it = is_key(&mut self.cursor, self.tables, segment)?;
            self.owed -= 2;
            if is_it {
                return Ok(true);
            }
            self.value::<Skip>(depth, false)?;
        }
        Ok(false)
    }

    /// Goes past the values before that of an index of a shape, all of them taken on.
    fn skip_to(&mut self, index: Option<usize>, depth: u32) -> Result<bool, DecodeError> {
        let Some(index) = index else {
            return Ok(false);
        };
        for _ in 0..index {
            self.owed -= 1;
            self.value::<Skip>(depth, false)?;
        }
        self.owed -= 1;
        Ok(true)
    }

    fn index_of(&self, shape: LocalShape, segment: &Segment) -> Result<Option<usize>, DecodeError> {
        let mut keys = self.cursor.at(shape.keys);
        for index in 0..shape.count {
            if is_key(&mut keys, self.tables, segment)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn enter_message(
        &mut self,
        offset: usize,
        segment: &Segment,
        depth: u32,
    ) -> Result<bool, DecodeError> {
        let (_, _, count) = self.message_head(offset)?;
        let Some(tag) = segment.number else {
            return Ok(false);
        };
        let mut previous = 0;
        for _ in 0..count {
            previous = self.field_tag(previous)?;
            self.owed -= 1;
            // Tags ascend.
            if previous >= tag {
                return Ok(previous == tag);
            }
            self.value::<Skip>(depth, false)?;
        }
        Ok(false)
    }

    /// Of entries of the same key the last one counts, so a Map is read to its end.
    fn enter_map(
        &mut self,
        offset: usize,
        segment: &Segment,
        depth: u32,
    ) -> Result<bool, DecodeError> {
        self.maps_entered += 1;
        if self.maps_entered > MAX_MAPS {
            return Err(DecodeError::new(offset, DecodeErrorKind::TooManyMaps));
        }
        let count = self.cursor.length()?;
        self.owe(offset, count, 2)?;
        let mut found = None;
        for _ in 0..count {
            self.owed -= 1;
            let is_it = self.is_map_key(segment, depth)?;
            self.owed -= 1;
            if is_it {
                found = Some((self.cursor.offset(), self.owed, self.shapes.len()));
            }
            self.value::<Skip>(depth, false)?;
        }
        let Some((offset, owed, shapes)) = found else {
            return Ok(false);
        };
        self.cursor = self.cursor.at(offset);
        self.owed = owed;
        self.shapes.truncate(shapes);
        Ok(true)
    }

    /// Goes past a key of a Map, any value; true when it is the string of a segment.
    fn is_map_key(&mut self, segment: &Segment, depth: u32) -> Result<bool, DecodeError> {
        let offset = self.cursor.offset();
        let mut cursor = self.cursor.at(offset);
        let tag = cursor.byte()?;
        match WireText::read(tag, offset, &mut cursor, self.tables, true)? {
            Some(text) => {
                self.cursor = cursor;
                Ok(text.units() == segment.key.units())
            }
            None => self.value::<Skip>(depth, false).map(|()| false),
        }
    }

    /// A look at the value here, within `depth` containers, after which the walk is still before it.
    pub(in crate::codec) fn view(&mut self, depth: u32) -> Result<View<'a>, DecodeError> {
        let offset = self.cursor.offset();
        let owed = self.owed;
        let tag = self.cursor.byte()?;
        let view = if is_container(tag) {
            self.check_depth(offset, depth)?;
            self.view_container(tag, offset)?
        } else {
            View::of_atom(self.atom(tag, offset, false, true)?)
        };
        self.cursor = self.cursor.at(offset);
        self.owed = owed;
        Ok(view)
    }

    /// What a container says of itself at its front.
    fn view_container(&mut self, tag: u8, offset: usize) -> Result<View<'a>, DecodeError> {
        let (count, each) = match tag {
            FIX_ARRAY..FIX_OBJECT => (usize::from(tag - FIX_ARRAY), 1),
            FIX_OBJECT..NULL => (usize::from(tag - FIX_OBJECT), 2),
            OBJECT => (self.long_object_count(offset)?, 2),
            SHAPE => {
                let count = self.shape(offset)?.len();
                return Ok(View::Object { count });
            }
            DEFINE_SHAPE => {
                let count = self.local_shape_count(offset)?;
                return Ok(View::Object { count });
            }
            LOCAL_SHAPE => {
                let count = self.local_shape(offset)?.count;
                return Ok(View::Object { count });
            }
            MESSAGE => {
                let (fingerprint, version, count) = self.message_head(offset)?;
                return Ok(View::Message {
                    fingerprint,
                    version,
                    count,
                });
            }
            MAP => (self.cursor.length()?, 2),
            _ => (self.cursor.length()?, 1),
        };
        self.owe(offset, count, each)?;
        Ok(match tag {
            FIX_ARRAY..FIX_OBJECT | ARRAY => View::Array { count },
            FIX_OBJECT..NULL | OBJECT => View::Object { count },
            MAP => View::Map { count },
            _ => View::Set { count },
        })
    }
}

/// Goes past the key of an object; true when it is that of a segment. Numbers of the dictionary are
/// compared as such.
fn is_key(
    cursor: &mut Cursor<'_>,
    tables: &dyn Tables,
    segment: &Segment,
) -> Result<bool, DecodeError> {
    let mut ahead = cursor.at(cursor.offset());
    let number = match ahead.byte()? {
        tag @ ..dictionary::SHORT_KEYS => tag,
        STATIC_STRING => ahead.byte()?,
        tag @ FIX_STRING..FIX_ARRAY => {
            let key = Units::One(ahead.take(usize::from(tag - FIX_STRING))?);
            *cursor = ahead;
            return Ok(key == segment.key.units());
        }
        _ => {
            let key = WireText::read_key(cursor, tables, true)?;
            return Ok(key.units() == segment.key.units());
        }
    };
    *cursor = ahead;
    Ok(segment.in_dictionary == Some(number))
}
