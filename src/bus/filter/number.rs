//! Numbers of all kinds by their mathematical value, as JavaScript's `<` and `==` compare a number with a bigint.

use std::cmp::Ordering;

/// 2^63, the first double that no i64 reaches.
const I64_END: f64 = 9_223_372_036_854_775_808.0;

/// A number, or a Date as its milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number<'a> {
    Double(f64),
    /// A bigint of 64 bits.
    Small(i64),
    /// A bigint beyond; the magnitude is little-endian, its last byte not zero.
    Large {
        negative: bool,
        magnitude: &'a [u8],
    },
}

use Number::{Double, Large, Small};

impl Number<'_> {
    /// None where one of them is NaN.
    pub(super) fn compare(self, other: Number<'_>) -> Option<Ordering> {
        match (self, other) {
            (Double(a), Double(b)) => a.partial_cmp(&b),
            (Small(a), Small(b)) => Some(a.cmp(&b)),
            (Double(a), Small(b)) => double_with_small(a, b),
            (
                Double(a),
                Large {
                    negative,
                    magnitude,
                },
            ) => double_with_large(a, negative, magnitude),
            (Small(_), Large { negative, .. }) => Some(sign(negative).reverse()),
            (
                Large {
                    negative,
                    magnitude: a,
                },
                Large {
                    negative: other_negative,
                    magnitude: b,
                },
            ) => Some(match (negative, other_negative) {
                (false, false) => magnitudes(a, b),
                (true, true) => magnitudes(b, a),
                _ => sign(negative),
            }),
            (Small(_) | Large { .. }, _) => other.compare(self).map(Ordering::reverse),
        }
    }
}

/// How what is beyond all others compares with them.
fn sign(negative: bool) -> Ordering {
    if negative {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

fn double_with_small(a: f64, b: i64) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    if a >= I64_END {
        return Some(Ordering::Greater);
    }
    if a < -I64_END {
        return Some(Ordering::Less);
    }
    // Exact: a whole number within the range.
    let whole = a.trunc();
    let by_whole = (whole as i64).cmp(&b);
    Some(by_whole.then(a.partial_cmp(&whole)?))
}

fn double_with_large(a: f64, negative: bool, magnitude: &[u8]) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    if a.is_infinite() {
        return Some(sign(a < 0.0));
    }
    if a.abs() < I64_END || (a < 0.0) != negative {
        return Some(sign(negative).reverse());
    }
    // A whole number: 53 bits, and 11 to 971 zeros behind them.
    let bits = a.abs().to_bits();
    let zeros = (bits >> 52) as usize - 1075;
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let mut bytes = [0; 136];
    bytes[zeros / 8..][..8].copy_from_slice(&(mantissa << (zeros % 8)).to_le_bytes());
    let length = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    let by_size = magnitudes(&bytes[..length], magnitude);
    Some(if negative { by_size.reverse() } else { by_size })
}

/// Little-endian, the last byte not zero.
fn magnitudes(a: &[u8], b: &[u8]) -> Ordering {
    let by_length = a.len().cmp(&b.len());
    by_length.then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2^bits + more.
    fn large(negative: bool, magnitude: &[u8]) -> Number<'_> {
        Large {
            negative,
            magnitude,
        }
    }

    #[test]
    fn numbers_compare_by_value() {
        let two_64 = [0, 0, 0, 0, 0, 0, 0, 0, 1];
        let two_64_and_1 = [1, 0, 0, 0, 0, 0, 0, 0, 1];
        let two_1024: Vec<u8> = (0..129).map(|at| u8::from(at == 128)).collect();
        let ascending = [
            Double(f64::NEG_INFINITY),
            large(true, &two_1024),
            Double(-f64::MAX),
            large(true, &two_64_and_1),
            large(true, &two_64),
            Small(i64::MIN),
            Double(-1.5),
            Small(-1),
            Double(-0.5),
            Small(0),
            Double(f64::MIN_POSITIVE),
            Small(9_007_199_254_740_992),
            // The doubles on both sides of this one are two apart.
            Small(9_007_199_254_740_993),
            Double(9_007_199_254_740_994.0),
            Small(i64::MAX),
            Double(I64_END),
            large(false, &two_64),
            large(false, &two_64_and_1),
            Double(f64::MAX),
            large(false, &two_1024),
            Double(f64::INFINITY),
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(a.compare(*b), Some(i.cmp(&j)), "{a:?} {b:?}");
            }
            assert_eq!(a.compare(Double(f64::NAN)), None);
            assert_eq!(Double(f64::NAN).compare(*a), None);
        }
        for (a, b) in [
            (Double(0.0), Double(-0.0)),
            (Double(-0.0), Small(0)),
            (Double(5.0), Small(5)),
            (Double(-I64_END), Small(i64::MIN)),
            (Double(2f64.powi(64)), large(false, &two_64)),
            (Double(-(2f64.powi(64))), large(true, &two_64)),
        ] {
            assert_eq!(a.compare(b), Some(Ordering::Equal), "{a:?} {b:?}");
            assert_eq!(b.compare(a), Some(Ordering::Equal), "{a:?} {b:?}");
        }
    }
}
