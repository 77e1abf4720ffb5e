//! Changes of bytes that leave most of them what they were: what is near a value is read furthest.

use agentwire::codec::layout::*;

use super::generate;
use super::random::Random;

/// Longer inputs are cut: many short ones find more than few long ones.
pub const LONGEST: usize = 2048;

/// Varints at the edges, of which a count may be made; some are none.
const COUNTS: &[&[u8]] = &[
    &[0],
    &[1],
    &[0x0F],
    &[0x10],
    &[0x7F],
    &[0x80, 0x01],
    &[0x81, 0x01],
    &[0x80, 0x00],
    &[0xFF, 0xFF, 0x03],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0x07],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0x10],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
];

/// What one container of one value begins with, up to that value.
const HEADS: &[&[u8]] = &[
    &[FIX_ARRAY + 1],
    &[FIX_OBJECT + 1, FIX_STRING],
    &[SET, 1],
    &[MAP, 1, NULL],
    &[SHAPE, 1],
];

/// A byte that means something: a tag, mostly.
fn likely(random: &mut Random) -> u8 {
    match random.below(6) {
        0 => random.byte(),
        1 => random.below(4) as u8,
        2 => *random.pick(&[FIX_STRING, FIX_ARRAY, FIX_OBJECT]) + random.below(4) as u8,
        3 => MESSAGE - random.below(4) as u8,
        _ => NULL + random.below(usize::from(NEGATIVE_FIX_INT - NULL)) as u8,
    }
}

fn range(random: &mut Random, length: usize) -> std::ops::Range<usize> {
    let start = random.below(length + 1);
    let end = (start + random.below(17)).min(length);
    start..end
}

/// Changes bytes once, with another input at hand.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let last = bytes.len().saturating_sub(1);
    match random.below(12) {
        0 if !bytes.is_empty() => bytes[at.min(last)] ^= 1 << random.below(8),
        1 if !bytes.is_empty() => bytes[at.min(last)] = likely(random),
        2 => bytes.insert(at, likely(random)),
        3 => drop(bytes.drain(range(random, bytes.len()))),
        4 => bytes.truncate(at),
        // A piece once more, next to itself or elsewhere.
        5 => {
            let piece = bytes[range(random, bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        6 => {
            let piece = other[range(random, other.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        // The beginning of this and the end of the other.
        7 => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        8 => {
            let end = (at + 1).min(bytes.len());
            bytes.splice(at..end, random.pick(COUNTS).iter().copied());
        }
        9 => {
            let end = (at + random.below(3)).min(bytes.len());
            let mut value = Vec::new();
            generate::value(random, &mut value);
            bytes.splice(at..end, value);
        }
        // Within containers of one, up to one more than are allowed.
        10 => {
            let levels = match random.below(3) {
                0 => MAX_DEPTH as usize + 1 - random.below(8),
                _ => 1 + random.below(4),
            };
            let head = random.pick(HEADS);
            bytes.splice(0..0, head.repeat(levels));
        }
        _ => {
            let piece: Vec<u8> = (0..random.below(9)).map(|_| likely(random)).collect();
            bytes.splice(at..at, piece);
        }
    }
    bytes.truncate(LONGEST);
}
