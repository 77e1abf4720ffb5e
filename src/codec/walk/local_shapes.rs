//! The shapes that a value's own bytes define (`D6`), by number.

use crate::codec::layout::MAX_SHAPE_KEYS;

/// Where the keys of a local shape stand.
#[derive(Clone, Copy)]
pub(super) struct LocalShape {
    /// Offset of the first key.
    pub(super) keys: usize,
    /// How many there are, 1 to 128.
    pub(super) count: usize,
}

impl LocalShape {
    /// Both in one word, because what is found at a path carries the shapes along.
    fn pack(self) -> u64 {
        (self.keys as u64) << 8 | self.count as u64
    }

    fn unpack(packed: u64) -> LocalShape {
        LocalShape {
            keys: (packed >> 8) as usize,
            count: (packed & 0xFF) as usize,
        }
    }
}

// No bytes in memory are 2^56 long, and the counts fit into eight bits.
const _: () = assert!(usize::BITS <= 64 && MAX_SHAPE_KEYS <= 0xFF);

/// As many as most messages have: so many cost no allocation.
const FEW: usize = 6;

/// Local shapes in the order of their numbers.
pub(super) struct LocalShapes {
    few: [u64; FEW],
    more: Vec<u64>,
    count: usize,
}

impl LocalShapes {
    pub(super) fn new() -> LocalShapes {
        LocalShapes {
            few: [0; FEW],
            more: Vec::new(),
            count: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, number: u32) -> Option<LocalShape> {
        let number = usize::try_from(number).ok()?;
        if number >= self.count {
            return None;
        }
        let packed = match number.checked_sub(FEW) {
            None => self.few[number],
            Some(index) => *self.more.get(index)?,
        };
        Some(LocalShape::unpack(packed))
    }

    pub(super) fn push(&mut self, shape: LocalShape) {
        match self.few.get_mut(self.count) {
            Some(place) => *place = shape.pack(),
            None => self.more.push(shape.pack()),
        }
        self.count += 1;
    }

    /// Forgets those that came after the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        self.more.truncate(count.saturating_sub(FEW));
        self.count = self.count.min(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_holds_both() {
        for keys in [0, 1, 0xFF, 0x100, (1 << 40) + 7] {
            for count in [1, 2, MAX_SHAPE_KEYS] {
                let shape = LocalShape::unpack(LocalShape { keys, count }.pack());
                assert_eq!((shape.keys, shape.count), (keys, count));
            }
        }
    }

    #[test]
    fn numbers_are_those_of_a_list() {
        let mut shapes = LocalShapes::new();
        let mut list = Vec::new();
        let push = |shapes: &mut LocalShapes, list: &mut Vec<usize>, keys| {
            shapes.push(LocalShape { keys, count: 1 });
            list.push(keys);
            for number in 0..=list.len() {
                let found = shapes.get(number as u32).map(|shape| shape.keys);
                assert_eq!(found, list.get(number).copied());
            }
        };
        (0..FEW * 2).for_each(|keys| push(&mut shapes, &mut list, keys));
        for left in [FEW + 3, FEW + 1, FEW, FEW - 1, 2, 0] {
            shapes.truncate(left);
            list.truncate(left);
            assert_eq!(shapes.len(), left);
            push(&mut shapes, &mut list, 100 + left);
        }
        shapes.truncate(50);
        assert_eq!(shapes.len(), list.len());
    }
}
