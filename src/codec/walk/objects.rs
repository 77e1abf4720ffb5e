//! The part of the walk that reads what has names: objects in their four forms, and messages.

use super::local_shapes::LocalShape;
use super::*;
use crate::codec::build::known;
use crate::codec::keys::Seen;
use crate::codec::text::Text;
use std::sync::Arc;

impl<'a> Walk<'a, '_> {
    pub(super) fn object<B: Build>(
        &mut self,
        offset: usize,
        count: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        self.owe(offset, count, 2)?;
        let mut properties = Vec::with_capacity(count);
        let mut seen = self.open_keys::<B>(count);
        for _ in 0..count {
            self.owed -= 1;
            let offset = self.cursor.offset();
            let wire = self.key::<B>()?;
            let key = B::key(&wire);
            self.check_new::<B>(&mut seen, wire, offset)?;
            self.owed -= 1;
            properties.push((key, self.value::<B>(depth, false)?));
        }
        self.keys.close(seen);
        Ok(B::object(properties))
    }

    /// The count of an object whose tag, at `offset`, has no room for it.
    pub(super) fn long_object_count(&mut self, offset: usize) -> Result<usize, DecodeError> {
        let count = self.cursor.length()?;
        if count >= usize::from(LONG_OBJECT_MIN) {
            return Ok(count);
        }
        Err(DecodeError::new(
            offset,
            DecodeErrorKind::ShortObjectCount { count },
        ))
    }

    pub(super) fn object_by_shape<B: Build>(
        &mut self,
        offset: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        let keys = self.shape(offset)?;
        let mut properties = Vec::with_capacity(keys.len());
        for key in keys.iter() {
            self.owed -= 1;
            let key = B::key(&WireText::Inline(key.units()));
            properties.push((key, self.value::<B>(depth, false)?));
        }
        Ok(B::object(properties))
    }

    /// The keys of a shape by id, taken on.
    pub(super) fn shape(&mut self, offset: usize) -> Result<Arc<[Text]>, DecodeError> {
        let id = self.cursor.varint()?;
        let Some(keys) = known(id).and_then(|id| self.tables.shape(id)) else {
            return Err(DecodeError::new(
                offset,
                DecodeErrorKind::UnknownShapeId { id },
            ));
        };
        self.owe(offset, keys.len(), 1)?;
        Ok(keys)
    }

    pub(super) fn object_with_shape<B: Build>(
        &mut self,
        offset: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        let shape = self.define_shape::<B>(offset)?;
        self.values_of_shape::<B>(shape, depth)
    }

    /// Reads the keys of a local shape, after which it is known and its values are still owed.
    pub(super) fn define_shape<B: Build>(
        &mut self,
        offset: usize,
    ) -> Result<LocalShape, DecodeError> {
        let count = self.local_shape_count(offset)?;
        let shape = LocalShape {
            keys: self.cursor.offset(),
            count,
        };
        let mut seen = self.open_keys::<B>(count);
        for _ in 0..count {
            self.owed -= 1;
            let offset = self.cursor.offset();
            let key = self.key::<B>()?;
            let length = key.units().len();
            if length > MAX_SHAPE_KEY_LENGTH {
                return Err(DecodeError::new(
                    offset,
                    DecodeErrorKind::ShapeKeyTooLong { length },
                ));
            }
            self.check_new::<B>(&mut seen, key, offset)?;
        }
        self.keys.close(seen);
        self.shapes.push(shape);
        Ok(shape)
    }

    /// How many keys a local shape is about to define, they and their values taken on.
    pub(super) fn local_shape_count(&mut self, offset: usize) -> Result<usize, DecodeError> {
        let count = self.cursor.length()?;
        if !(1..=MAX_SHAPE_KEYS).contains(&count) {
            return Err(DecodeError::new(
                offset,
                DecodeErrorKind::ShapeKeys { count },
            ));
        }
        self.owe(offset, count, 2)?;
        Ok(count)
    }

    pub(super) fn object_by_local_shape<B: Build>(
        &mut self,
        offset: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        let shape = self.local_shape(offset)?;
        self.values_of_shape::<B>(shape, depth)
    }

    /// A local shape that is known by now, its values taken on.
    pub(super) fn local_shape(&mut self, offset: usize) -> Result<LocalShape, DecodeError> {
        let number = self.cursor.varint()?;
        let Some(shape) = self.shapes.get(number) else {
            let known = self.shapes.len();
            return Err(DecodeError::new(
                offset,
                DecodeErrorKind::UnknownLocalShape { number, known },
            ));
        };
        self.owe(offset, shape.count, 1)?;
        Ok(shape)
    }

    /// The values for the keys of a local shape, which a second cursor reads beside them.
    fn values_of_shape<B: Build>(
        &mut self,
        shape: LocalShape,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        let mut keys = self.cursor.at(shape.keys);
        let mut properties = Vec::with_capacity(shape.count);
        for _ in 0..shape.count {
            let key = match B::KEYS {
                true => B::key(&WireText::read_key(&mut keys, self.tables, true)?),
                false => B::key(&WireText::UNREAD),
            };
            self.owed -= 1;
            properties.push((key, self.value::<B>(depth, false)?));
        }
        Ok(B::object(properties))
    }

    pub(super) fn message<B: Build>(
        &mut self,
        offset: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        let (fingerprint, version, count) = self.message_head(offset)?;
        let mut fields = Vec::with_capacity(count);
        let mut previous = 0;
        for _ in 0..count {
            previous = self.field_tag(previous)?;
            self.owed -= 1;
            let value = self.value::<B>(depth, false)?;
            fields.push(B::field(previous, value));
        }
        Ok(B::message(fingerprint, version, fields))
    }

    /// Fingerprint, version and count of fields of a message, its tags and values taken on.
    pub(super) fn message_head(&mut self, offset: usize) -> Result<(u32, u32, usize), DecodeError> {
        let fingerprint = self.cursor.varint()?;
        let version_offset = self.cursor.offset();
        let version = self.cursor.varint()?;
        if version == 0 {
            return Err(DecodeError::new(
                version_offset,
                DecodeErrorKind::MessageVersion,
            ));
        }
        let count = self.cursor.length()?;
        self.owe(offset, count, 2)?;
        Ok((fingerprint, version, count))
    }

    /// The tag of a message's next field.
    pub(super) fn field_tag(&mut self, previous: u32) -> Result<u32, DecodeError> {
        self.owed -= 1;
        let offset = self.cursor.offset();
        let tag = self.cursor.varint()?;
        if tag > previous {
            return Ok(tag);
        }
        Err(DecodeError::new(
            offset,
            DecodeErrorKind::FieldTag { tag, previous },
        ))
    }

    /// The key of an object.
    fn key<B: Build>(&mut self) -> Result<WireText<'a>, DecodeError> {
        if !B::CHECKS && self.cursor.pass(&sizes::OF_KEYS) {
            return Ok(WireText::UNREAD);
        }
        WireText::read_key(&mut self.cursor, self.tables, B::CHECKS)
    }

    /// Enters an object of so many keys that must be distinct.
    fn open_keys<B: Build>(&self, count: usize) -> Seen<WireText<'a>> {
        // Where nothing is compared, nothing is to be reserved.
        self.keys.open(if B::CHECKS { count } else { 0 })
    }

    /// Refuses a key that its object has had before.
    fn check_new<B: Build>(
        &mut self,
        seen: &mut Seen<WireText<'a>>,
        key: WireText<'a>,
        offset: usize,
    ) -> Result<(), DecodeError> {
        if !B::CHECKS || self.keys.add(seen, key) {
            return Ok(());
        }
        Err(DecodeError::new(offset, DecodeErrorKind::DuplicateKey))
    }
}
