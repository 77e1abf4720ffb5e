//! The hash of a string's UTF-16 code units, and the positions that follow from it.
//!
//! Two lanes of 32 bits take two code units at a time, each with one multiplication and one rotation a step as in
//! MurmurHash3 (Austin Appleby, public domain), whose multipliers and final mixing they have: 64 bits in all, by operations that
//! JavaScript does on integers of 32 bits (`Math.imul`). The lanes rotate by different amounts, so that a change which one of
//! them undoes in the next step is none that the other does.
//!
//! The positions are made of the two lanes alone, as Kirsch and Mitzenmacher have it ("Less hashing, same performance", 2006), but not
//! on a straight line: the first lane is multiplied before the second is added. Multiplying for each probe is Peter Dillinger's way
//! in RocksDB's filters. With it, two strings have the same positions only if they have the same 64 bits; on a line it is enough that both
//! lanes are *near* each other, which a filter of a low rate would notice (Dillinger and Manolios, "Bloom filters in probabilistic
//! verification", 2004).
//!
//! A state becomes a position by multiplying instead of dividing: `state * bits / 2^32`, rounded down, so the bits need not be a power of
//! two. In doubles, because these JavaScript multiplies: what they round is the same on both sides.

/// A change of any of these makes another version of the layout.
const MULTIPLIERS: [u32; 2] = [0xCC9E_2D51, 0x239B_961B];
/// By how much the first and the second lane rotate.
const ROTATIONS: [u32; 2] = [15, 13];
/// What the lanes begin with, besides the length.
const SEEDS: [u32; 2] = [0x9E37_79B9, 0x38B3_4AE5];
/// The multipliers of the final mixing.
const FINAL: [u32; 2] = [0x85EB_CA6B, 0xC2B2_AE35];
/// The multiplier from probe to probe.
const NEXT: u32 = 0xA1E3_8B93;

/// Exported to TypeScript, signed as its integers are.
pub const CONSTANTS: &[(&str, i32)] = &[
    ("FirstMultiplier", MULTIPLIERS[0] as i32),
    ("SecondMultiplier", MULTIPLIERS[1] as i32),
    ("FirstRotation", ROTATIONS[0] as i32),
    ("SecondRotation", ROTATIONS[1] as i32),
    ("FirstSeed", SEEDS[0] as i32),
    ("SecondSeed", SEEDS[1] as i32),
    ("FinalMultiplier1", FINAL[0] as i32),
    ("FinalMultiplier2", FINAL[1] as i32),
    ("NextMultiplier", NEXT as i32),
];

/// The two lanes of a string.
pub fn lanes(units: &[u16]) -> [u32; 2] {
    // The last pair may lack a unit; the length tells it from one with a unit of zero.
    let length = units.len() as u32;
    let mut lanes = SEEDS.map(|seed| seed ^ length);
    for pair in units.chunks(2) {
        let word = u32::from(pair[0]) | u32::from(pair.get(1).copied().unwrap_or(0)) << 16;
        for (lane, (multiplier, rotation)) in
            lanes.iter_mut().zip(MULTIPLIERS.into_iter().zip(ROTATIONS))
        {
            *lane = (*lane ^ word)
                .wrapping_mul(multiplier)
                .rotate_left(rotation);
        }
    }
    let [mut first, mut second] = lanes;
    first = first.wrapping_add(second);
    second = second.wrapping_add(first);
    first = mix(first);
    second = mix(second);
    first = first.wrapping_add(second);
    [first, second.wrapping_add(first)]
}

/// MurmurHash3's final mixing.
fn mix(mut lane: u32) -> u32 {
    lane ^= lane >> 16;
    lane = lane.wrapping_mul(FINAL[0]);
    lane ^= lane >> 13;
    lane = lane.wrapping_mul(FINAL[1]);
    lane ^ lane >> 16
}

/// The positions of a string among `bits` bits, without end.
pub fn positions(units: &[u16], bits: u32) -> impl Iterator<Item = u32> + use<> {
    let [first, second] = lanes(units);
    let scale = f64::from(bits) / 4_294_967_296.0;
    std::iter::successors(Some(first), move |state| {
        Some(state.wrapping_mul(NEXT).wrapping_add(second))
    })
    .map(move |state| (f64::from(state) * scale) as u32)
}
