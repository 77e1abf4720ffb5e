//! How many bytes a value or a key has, tag included, where its tag alone says so; else 0. With them a
//! walk gets past most of what it meets in one step.

use super::*;
use crate::codec::dictionary::SHORT_KEYS;

/// Of values that hold no other. A hole is left out: it may be out of place.
pub(super) static OF_VALUES: [u8; 256] = {
    let mut sizes = strings();
    let mut tag = 0;
    while tag < sizes.len() {
        if tag <= FIX_INT_MAX as usize || tag >= NEGATIVE_FIX_INT as usize {
            sizes[tag] = 1;
        }
        tag += 1;
    }
    sizes[NULL as usize] = 1;
    sizes[UNDEFINED as usize] = 1;
    sizes[FALSE as usize] = 1;
    sizes[TRUE as usize] = 1;
    sizes[INT8 as usize] = 2;
    sizes[INT16 as usize] = 3;
    sizes[INT32 as usize] = 5;
    sizes[FLOAT64 as usize] = 9;
    sizes[DATE as usize] = 9;
    sizes[BIG_INT64 as usize] = 9;
    sizes
};

/// Of keys of objects; all of them are short enough for a local shape.
pub(super) static OF_KEYS: [u8; 256] = {
    let mut sizes = strings();
    let mut tag = 0;
    while tag < SHORT_KEYS as usize {
        sizes[tag] = 1;
        tag += 1;
    }
    sizes
};

const fn strings() -> [u8; 256] {
    let mut sizes = [0; 256];
    let mut length = 0;
    while length <= FIX_STRING_MAX {
        sizes[(FIX_STRING + length) as usize] = 1 + length;
        length += 1;
    }
    sizes[STATIC_STRING as usize] = 2;
    sizes
}

const _: () = assert!(FIX_STRING_MAX as usize <= MAX_SHAPE_KEY_LENGTH);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode::Pass;
    use crate::codec::tables::NoTables;

    /// A walk that knows no sizes needs as many bytes, for every tag.
    #[test]
    fn sizes_are_what_a_reader_reads() {
        for tag in 0..=u8::MAX {
            let mut bytes = [0; 64];
            bytes[0] = tag;
            for (sizes, is_key) in [(&OF_VALUES, false), (&OF_KEYS, true)] {
                let size = usize::from(sizes[usize::from(tag)]);
                if size == 0 {
                    continue;
                }
                let mut walk = Walk::new(&bytes[..size], &NoTables);
                let read = match is_key {
                    true => WireText::read_key(&mut walk.cursor, &NoTables, true).map(|_| ()),
                    false => walk.value::<Pass<true>>(0, false),
                };
                assert_eq!(read, Ok(()), "{tag:02X}");
                assert_eq!(walk.cursor.left(), 0, "{tag:02X}");
            }
        }
    }
}
