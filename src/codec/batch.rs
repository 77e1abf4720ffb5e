//! The value of a batch (docs/wire-format.md, section 4): whether a value is one, told from its bytes.

use super::build::{Atom, Build, WireText};
use super::error::DecodeError;
use super::tables::Tables;
use super::value::as_i32;
use super::walk::Walk;

/// Whether the bytes are the value of a batch: an array of [type, time, correlation id, payload]. Checks all of them as
/// [`validate`](super::validate) does, and keeps a byte for each element of the arrays that are open.
pub fn is_batch(bytes: &[u8], tables: &dyn Tables) -> Result<bool, DecodeError> {
    let outline = Walk::new(bytes, tables).run::<Outline>()?;
    Ok(outline & BATCH != 0)
}

/// What a value may be in a batch: some of these.
type Parts = u8;
/// A type, 0 to 255.
const TYPE: Parts = 1;
/// The integer 0, which stands for no correlation id.
const ZERO: Parts = 2;
/// A bigint of 64 bits without a sign.
const U64: Parts = 4;
/// Not there.
const HOLE: Parts = 8;
/// A message.
const MESSAGE: Parts = 16;
/// A batch.
const BATCH: Parts = 32;

struct Outline;

impl Build for Outline {
    type Value = Parts;
    type Key = ();
    type Field = ();
    const CHECKS: bool = true;
    const KEYS: bool = false;

    fn atom(atom: Atom<'_>) -> Parts {
        let integer = match atom {
            Atom::Int(integer) => Some(integer),
            Atom::Float(number) => as_i32(number),
            Atom::BigInt64(0..) => return U64,
            Atom::BigInt {
                negative: false,
                magnitude,
            } if magnitude.len() <= size_of::<u64>() => return U64,
            Atom::Hole => return HOLE,
            _ => None,
        };
        match integer {
            Some(0) => TYPE | ZERO,
            Some(1..=255) => TYPE,
            _ => 0,
        }
    }

    fn array(elements: Vec<Parts>) -> Parts {
        let is_message = matches!(elements[..], [kind, time, correlation, payload]
            if kind & TYPE != 0
                && time & U64 != 0
                && correlation & (U64 | ZERO) != 0
                && payload & HOLE == 0);
        let is_batch = elements.iter().all(|element| element & MESSAGE != 0);
        let message = if is_message { MESSAGE } else { 0 };
        message | if is_batch { BATCH } else { 0 }
    }

    fn key(_: &WireText<'_>) {}
    fn object(_: Vec<((), Parts)>) -> Parts {
        0
    }
    fn map(_: Vec<(Parts, Parts)>) -> Parts {
        0
    }
    fn set(_: Vec<Parts>) -> Parts {
        0
    }
    fn field(_: u32, _: Parts) {}
    fn message(_: u32, _: u32, _: Vec<()>) -> Parts {
        0
    }
}
