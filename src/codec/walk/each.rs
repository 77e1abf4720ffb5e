//! The part of the walk that goes over what a container holds, one by one, without making any of it: what a filter
//! that asks whether a container has something is made of.

use super::*;
use crate::codec::decode::Pass;
use crate::codec::find::View;

type Skip = Pass<false>;

impl<'a> Walk<'a, '_> {
    /// True as soon as `test` is for an element of the array or Set here (holes left out), or for a key of the Map or
    /// object. False for anything else. `depth` is that of the containers around it.
    pub(in crate::codec) fn any(
        &mut self,
        depth: u32,
        test: &mut dyn FnMut(&View<'_>) -> bool,
    ) -> Result<bool, DecodeError> {
        let offset = self.cursor.offset();
        let tag = self.cursor.byte()?;
        if !is_container(tag) || tag == MESSAGE {
            return Ok(false);
        }
        self.check_depth(offset, depth)?;
        let depth = depth + 1;
        match tag {
            FIX_ARRAY..FIX_OBJECT => {
                self.any_element(offset, usize::from(tag - FIX_ARRAY), depth, test)
            }
            ARRAY | SET => {
                let count = self.cursor.length()?;
                self.any_element(offset, count, depth, test)
            }
            MAP => self.any_map_key(offset, depth, test),
            FIX_OBJECT..NULL => self.any_key(offset, usize::from(tag - FIX_OBJECT), depth, test),
            OBJECT => {
                let count = self.long_object_count(offset)?;
                self.any_key(offset, count, depth, test)
            }
            SHAPE => {
                let keys = self.shape(offset)?;
                let mut views = keys
                    .iter()
                    .map(|key| View::of_text(WireText::Inline(key.units())));
                Ok(views.any(|view| test(&view)))
            }
            _ => {
                let shape = match tag {
                    DEFINE_SHAPE => self.define_shape::<Skip>(offset)?,
                    _ => self.local_shape(offset)?,
                };
                let mut keys = self.cursor.at(shape.keys);
                for _ in 0..shape.count {
                    let key = WireText::read_key(&mut keys, self.tables, true)?;
                    if test(&View::of_text(key)) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    fn any_element(
        &mut self,
        offset: usize,
        count: usize,
        depth: u32,
        test: &mut dyn FnMut(&View<'_>) -> bool,
    ) -> Result<bool, DecodeError> {
        self.owe(offset, count, 1)?;
        for _ in 0..count {
            self.owed -= 1;
            let is_hole = self.cursor.at(self.cursor.offset()).byte()? == HOLE;
            if !is_hole && test(&self.view(depth)?) {
                return Ok(true);
            }
            self.value::<Skip>(depth, is_hole)?;
        }
        Ok(false)
    }

    fn any_map_key(
        &mut self,
        offset: usize,
        depth: u32,
        test: &mut dyn FnMut(&View<'_>) -> bool,
    ) -> Result<bool, DecodeError> {
        let count = self.cursor.length()?;
        self.owe(offset, count, 2)?;
        for _ in 0..count {
            self.owed -= 1;
            if test(&self.view(depth)?) {
                return Ok(true);
            }
            self.value::<Skip>(depth, false)?;
            self.owed -= 1;
            self.value::<Skip>(depth, false)?;
        }
        Ok(false)
    }

    fn any_key(
        &mut self,
        offset: usize,
        count: usize,
        depth: u32,
        test: &mut dyn FnMut(&View<'_>) -> bool,
    ) -> Result<bool, DecodeError> {
        self.owe(offset, count, 2)?;
        for _ in 0..count {
            self.owed -= 1;
            let key = WireText::read_key(&mut self.cursor, self.tables, true)?;
            if test(&View::of_text(key)) {
                return Ok(true);
            }
            self.owed -= 1;
            self.value::<Skip>(depth, false)?;
        }
        Ok(false)
    }
}
