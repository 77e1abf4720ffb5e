//! Bytes that are a value, in any of the forms that the document has, the longer ones too; nearly always, for keys may repeat.

use agentwire::codec::layout::*;

use super::random::Random;

/// Writes values.
pub struct Generator<'a> {
    pub random: &'a mut Random,
    pub out: &'a mut Vec<u8>,
    /// How many keys each local shape has that was defined so far.
    locals: Vec<usize>,
    /// Values that may still be written, so that it ends.
    left: usize,
}

/// Appends a value.
pub fn value(random: &mut Random, out: &mut Vec<u8>) {
    let left = 1 + random.below(40);
    let mut generator = Generator {
        random,
        out,
        locals: Vec::new(),
        left,
    };
    generator.value(0, false);
}

pub fn varint(mut value: u32, out: &mut Vec<u8>) {
    while value > 0x7F {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl Generator<'_> {
    fn value(&mut self, depth: u32, hole_allowed: bool) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || depth >= 6 || self.random.below(5) < 2 {
            self.scalar(hole_allowed);
        } else {
            self.container(depth + 1);
        }
    }

    fn bytes(&mut self, count: usize) {
        for _ in 0..count {
            let byte = self.random.byte();
            self.out.push(byte);
        }
    }

    fn scalar(&mut self, hole_allowed: bool) {
        match self.random.below(16) {
            0 => {
                let tag = *self.random.pick(&[NULL, UNDEFINED, FALSE, TRUE]);
                self.out.push(tag);
            }
            1 if hole_allowed => self.out.push(HOLE),
            1..=3 => {
                let integer = self.random.byte();
                let is_small = integer <= FIX_INT_MAX || integer >= NEGATIVE_FIX_INT;
                self.out.push(if is_small { integer } else { 0 });
            }
            4 => self.number(INT8, 1),
            5 => self.number(INT16, 2),
            6 => self.number(INT32, 4),
            7 => self.number(FLOAT64, 8),
            8 => self.number(DATE, 8),
            9 => self.number(BIG_INT64, 8),
            10 => {
                let length = 1 + self.random.below(20);
                self.out.extend([BIG_INT, (length & 1) as u8]);
                varint(length as u32, self.out);
                self.bytes(length - 1);
                self.out.push(1);
            }
            11 => {
                let kind = self.random.below(BINARY_KIND_COUNT);
                let length = self.random.below(4) * usize::from(BINARY_ELEMENT_BYTES[kind]);
                self.out.extend([BINARY, kind as u8]);
                varint(length as u32, self.out);
                self.bytes(length);
            }
            _ => self.text(),
        }
    }

    fn number(&mut self, tag: u8, bytes: usize) {
        self.out.push(tag);
        self.bytes(bytes);
    }

    fn text(&mut self) {
        match self.random.below(8) {
            0 => {
                let length = self.random.below(80);
                self.out.push(ONE_BYTE_STRING);
                varint(length as u32, self.out);
                self.bytes(length);
            }
            1 => {
                let units = self.random.below(40);
                self.out.push(TWO_BYTE_STRING);
                varint(units as u32, self.out);
                self.bytes(2 * units);
            }
            2 => {
                let id = 1 + self.random.below(3) as u8;
                self.out.extend([STRING_ID, id]);
            }
            3 => {
                let number = self.random.byte();
                self.out.extend([STATIC_STRING, number]);
            }
            _ => {
                let length = self.random.below(usize::from(FIX_STRING_MAX) + 1) >> 2;
                self.out.push(FIX_STRING + length as u8);
                self.bytes(length);
            }
        }
    }

    fn key(&mut self) {
        if self.random.once_in(6) {
            let number = self.random.byte() & FIX_INT_MAX;
            self.out.push(number);
        } else {
            self.text();
        }
    }

    fn count(&mut self, fix: u8, fix_max: u8, long: u8) -> usize {
        if self.random.once_in(6) {
            let count = self.random.below(24);
            self.out.push(long);
            varint(count as u32, self.out);
            return count;
        }
        let count = self.random.below(usize::from(fix_max) + 1) >> self.random.below(3);
        self.out.push(fix + count as u8);
        count
    }

    fn values(&mut self, count: usize, depth: u32, hole_allowed: bool) {
        for _ in 0..count {
            self.value(depth, hole_allowed);
        }
    }

    fn container(&mut self, depth: u32) {
        match self.random.below(10) {
            0..=2 => {
                let count = self.count(FIX_ARRAY, FIX_ARRAY_MAX, ARRAY);
                self.values(count, depth, true);
            }
            3 | 4 => {
                let count = self.count(FIX_OBJECT, FIX_OBJECT_MAX, OBJECT);
                for _ in 0..count {
                    self.key();
                    self.value(depth, false);
                }
            }
            5 => {
                let (tag, each) = *self.random.pick(&[(MAP, 2), (SET, 1)]);
                let count = self.random.below(5);
                self.out.push(tag);
                varint(count as u32, self.out);
                self.values(count * each, depth, false);
            }
            6 => {
                let id = self.random.below(3);
                self.out.extend([SHAPE, id as u8 + 1]);
                self.values([1, 2, 20][id], depth, false);
            }
            7 => {
                let count = 1 + self.random.below(4);
                self.out.push(DEFINE_SHAPE);
                varint(count as u32, self.out);
                for _ in 0..count {
                    self.key();
                }
                self.locals.push(count);
                self.values(count, depth, false);
            }
            8 if !self.locals.is_empty() => {
                let number = self.random.below(self.locals.len());
                self.out.push(LOCAL_SHAPE);
                varint(number as u32, self.out);
                self.values(self.locals[number], depth, false);
            }
            _ => {
                let count = self.random.below(4);
                self.out.push(MESSAGE);
                let fingerprint = self.random.next() as u32;
                varint(fingerprint, self.out);
                varint(1 + self.random.below(3) as u32, self.out);
                varint(count as u32, self.out);
                for tag in 0..count {
                    varint(1 + 3 * tag as u32, self.out);
                    self.value(depth, false);
                }
            }
        }
    }
}
