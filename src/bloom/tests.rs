//! Sizes, headers, the hash's quality, and rates as they are measured.

use std::collections::HashSet;

use super::hash::{lanes, positions};
use super::layout::{LEAST_BITS, MOST_BITS, MOST_HASHES, WORDS};
use super::*;
use crate::memory::{BitMemory, HeapBytes, Memory};
use crate::sync::Ordering;

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn filter(expected_items: u32, rate: f64) -> Bloom<HeapBytes> {
    let geometry = Geometry::new(expected_items, rate).expect("sizes of a filter");
    Bloom::create(HeapBytes::new(geometry.total_bytes()), geometry).expect("a filter")
}

/// Numbers that look random (Steele, Lea and Flood's SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ word >> 31
    }
}

mod sizes {
    use super::*;

    #[test]
    fn grow_with_the_items_and_with_the_rarity() {
        for (rate, hash_count, bits_per_item) in
            [(0.1, 4, 5.40), (0.01, 7, 10.19), (0.001, 10, 14.97)]
        {
            let geometry = Geometry::new(100_000, rate).expect("sizes of a filter");
            let found = f64::from(geometry.bits()) / 100_000.0;
            assert!((found - bits_per_item).abs() < 0.02, "{rate}: {found}");
            assert_eq!(geometry.hash_count(), hash_count);
            assert_eq!(
                (geometry.expected_items(), geometry.rate()),
                (100_000, rate)
            );
            assert_eq!(geometry.total_bytes(), WORDS + geometry.bits() as usize / 8);
        }
    }

    #[test]
    fn have_bounds() {
        for rate in [1e-9, 1e-6, 0.01, 0.5, 0.999_999] {
            let most = Geometry::most_items(rate).expect("a rate");
            for items in [1, 2, most / 2, most - 1, most] {
                let geometry = Geometry::new(items, rate).expect("sizes of a filter");
                assert!((LEAST_BITS..=MOST_BITS).contains(&geometry.bits()));
                assert!(geometry.bits().is_multiple_of(64));
                assert!((1..=MOST_HASHES).contains(&geometry.hash_count()));
            }
            for given in [0, most + 1] {
                assert_eq!(
                    Geometry::new(given, rate),
                    Err(GeometryError::ExpectedItems { given, most })
                );
            }
        }
    }

    #[test]
    fn want_a_rate_that_can_be() {
        for rate in [
            0.0,
            -0.1,
            1.0,
            1.5,
            9e-10,
            f64::MIN_POSITIVE,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert_eq!(Geometry::new(10, rate), Err(GeometryError::Rate(rate)));
        }
        assert!(matches!(
            Geometry::new(10, f64::NAN),
            Err(GeometryError::Rate(rate)) if rate.is_nan()
        ));
    }
}

mod headers {
    use super::*;

    fn header() -> HeapBytes {
        let geometry = Geometry::new(1000, 0.01).expect("sizes of a filter");
        let memory = HeapBytes::new(geometry.total_bytes());
        geometry.write_identity(&memory).expect("as large");
        memory
    }

    #[test]
    fn are_read_as_they_were_written() {
        assert_eq!(
            Geometry::read_identity(&header()),
            Geometry::new(1000, 0.01)
        );
    }

    #[test]
    fn that_are_none_are_refused() {
        let cases = [
            (0, 0, GeometryError::Foreign),
            (4, 2, GeometryError::Version(2)),
            (8, 0, GeometryError::Damaged),
            (8, LEAST_BITS + 1, GeometryError::Damaged),
            (8, u32::MAX, GeometryError::Damaged),
            (12, 0, GeometryError::Damaged),
            (12, MOST_HASHES + 1, GeometryError::Damaged),
            (16, 0, GeometryError::Damaged),
            (28, 0, GeometryError::Damaged),
            (28, u32::MAX, GeometryError::Damaged),
        ];
        for (offset, value, error) in cases {
            let memory = header();
            memory.store(offset, value, Ordering::Relaxed);
            assert_eq!(
                Geometry::read_identity(&memory),
                Err(error),
                "{value} at {offset}"
            );
        }
    }

    #[test]
    fn fit_the_memory() {
        let memory = header();
        memory.store(8, LEAST_BITS, Ordering::Relaxed);
        assert_eq!(
            Geometry::read_identity(&memory),
            Err(GeometryError::Size {
                expected: WORDS + LEAST_BITS as usize / 8,
                found: memory.len()
            })
        );
        assert_eq!(
            Geometry::read_identity(&HeapBytes::new(WORDS - 8)),
            Err(GeometryError::Foreign)
        );
        let geometry = Geometry::new(1000, 0.01).expect("sizes of a filter");
        assert!(geometry.write_identity(&HeapBytes::new(WORDS)).is_err());
    }
}

mod hashing {
    use super::*;

    #[test]
    fn never_changes_within_a_version() {
        let cases: &[(&[u16], [u32; 2], [u32; 3])] = &GOLDEN;
        for (units, expected, first_positions) in cases {
            assert_eq!(lanes(units), *expected, "{units:x?}");
            let found: Vec<u32> = positions(units, 100_032).take(3).collect();
            assert_eq!(found, first_positions, "{units:x?}");
        }
    }

    #[test]
    fn tells_strings_apart_that_are_nearly_the_same() {
        let strings = [
            "", "\0", "\0\0", "\0\0\0", "a", "a\0", "\0a", "aa", "ab", "ba", "aab", "aba", "baa",
            "abab", "aabb", "\u{100}", "\u{1}", "\u{6100}", "😀", "😁",
        ];
        let seen: HashSet<[u32; 2]> = strings.iter().map(|text| lanes(&units(text))).collect();
        assert_eq!(seen.len(), strings.len());
        // Halves of a pair that stand alone are units as others.
        assert_ne!(lanes(&[0xD83D]), lanes(&[0xDE00]));
        assert_ne!(lanes(&[0xD83D, 0xDE00]), lanes(&[0xDE00, 0xD83D]));
    }

    #[test]
    fn gives_a_million_keys_of_a_kind_different_hashes() {
        let keys = (0..500_000).flat_map(|index| [format!("agent-{index}"), format!("{index:x}")]);
        let mut seen = HashSet::new();
        for key in keys {
            assert!(seen.insert(lanes(&units(&key))), "{key}");
        }
    }

    #[test]
    fn changes_half_of_the_bits_when_one_of_the_string_does() {
        let mut random = Random(1);
        for length in [1, 2, 3, 8, 15] {
            let rounds = 400;
            let mut flips = [0_u32; 64];
            for _ in 0..rounds {
                let mut text: Vec<u16> = (0..length).map(|_| random.next() as u16 & 0x7F).collect();
                let before = joined(&text);
                let bit = random.next() as usize;
                text[bit / 16 % length] ^= 1 << (bit % 16);
                let changed = before ^ joined(&text);
                for (index, count) in flips.iter_mut().enumerate() {
                    *count += (changed >> index & 1) as u32;
                }
            }
            for (index, count) in flips.into_iter().enumerate() {
                // A fair coin is within 5 standard deviations of 10 each.
                assert!(
                    count.abs_diff(rounds / 2) < 50,
                    "bit {index} of strings of {length}: {count} of {rounds}"
                );
            }
        }
    }

    fn joined(text: &[u16]) -> u64 {
        let [first, second] = lanes(text);
        u64::from(first) << 32 | u64::from(second)
    }

    #[test]
    fn gives_positions_that_say_nothing_about_each_other() {
        // Any two of the first eight probes, in 16 x 16 cells. By chance the sum has a mean of 255 and a deviation of 22.6.
        let bits = 100_032;
        let keys: Vec<Vec<u32>> = (0..100_000)
            .map(|index| {
                positions(&units(&format!("agent-{index}")), bits)
                    .take(8)
                    .map(|position| (u64::from(position) * 16 / u64::from(bits)) as u32)
                    .collect()
            })
            .collect();
        for left in 0..8 {
            for right in 0..left {
                let mut cells = [0_u32; 256];
                for key in &keys {
                    cells[(key[left] * 16 + key[right]) as usize] += 1;
                }
                let expected = keys.len() as f64 / 256.0;
                let sum: f64 = cells
                    .iter()
                    .map(|count| (f64::from(*count) - expected).powi(2) / expected)
                    .sum();
                assert!(sum < 370.0, "probes {right} and {left}: {sum}");
            }
        }
    }

    #[test]
    fn stays_below_the_number_of_bits() {
        let mut random = Random(7);
        for bits in [LEAST_BITS, 100_032, MOST_BITS - 64, MOST_BITS] {
            for _ in 0..10_000 {
                let text = [random.next() as u16, random.next() as u16];
                assert!(
                    positions(&text, bits)
                        .take(MOST_HASHES as usize)
                        .all(|position| position < bits)
                );
            }
        }
    }
}

/// How many of so many strings that were not added are taken for known, as a fraction.
fn measure(
    items: u32,
    rate: f64,
    asked: u32,
    mut known: impl FnMut(u32) -> Vec<u16>,
    mut other: impl FnMut(u32) -> Vec<u16>,
) -> f64 {
    let filter = filter(items, rate);
    let added: Vec<Vec<u16>> = (0..items).map(&mut known).collect();
    added.iter().for_each(|text| filter.add(text));
    for text in &added {
        assert!(filter.might_contain(text), "a string was lost: {text:x?}");
    }
    let taken = (0..asked)
        .filter(|index| filter.might_contain(&other(*index)))
        .count();
    taken as f64 / f64::from(asked)
}

#[test]
fn the_rate_of_a_full_filter_is_at_most_the_one_asked_for() {
    for rate in [0.1, 0.01, 0.001] {
        for items in [1, 10, 100, 1000, 10_000, 50_000] {
            let agent = |index: u32| units(&format!("agent-{index}"));
            let sequential = measure(items, rate, 100_000, agent, |index| agent(items + index));
            assert!(
                sequential <= rate,
                "{items} strings in sequence at {rate}: {sequential}"
            );
            // Random text of 1 to 20 units of all kinds. With the first unit odd or even, no string is of both kinds.
            let mut random = Random(u64::from(items));
            let mut text = |kind: u16| -> Vec<u16> {
                let length = 4 + random.next() % 17;
                let mut text: Vec<u16> = (0..length).map(|_| random.next() as u16).collect();
                text[0] = text[0] & !1 | kind;
                text
            };
            let added: Vec<Vec<u16>> = (0..items).map(|_| text(0)).collect();
            let found = measure(
                items,
                rate,
                100_000,
                |index| added[index as usize].clone(),
                |_| text(1),
            );
            assert!(found <= rate, "{items} random strings at {rate}: {found}");
        }
    }
}

#[test]
fn a_rare_rate_is_as_rare_as_asked_for() {
    // Where positions of a string depend on each other, low rates suffer first, and small filters most.
    let agent = |index: u32| units(&format!("agent-{index}"));
    for (items, rate) in [(100, 1e-5), (1000, 1e-5), (1000, 1e-9)] {
        let found = measure(items, rate, 1_000_000, agent, |index| agent(items + index));
        assert!(found <= 1.5 * rate, "{items} strings at {rate}: {found}");
    }
}

#[test]
fn a_full_filter_has_half_of_its_bits_set_and_a_cleared_one_none() {
    let filter = filter(10_000, 0.01);
    assert_eq!(filter.bits_set(), 0);
    assert!(!filter.might_contain(&units("agent-1")));
    for index in 0..10_000 {
        filter.add(&units(&format!("agent-{index}")));
    }
    let utilization = f64::from(filter.bits_set()) / f64::from(filter.geometry().bits());
    assert!((0.45..0.55).contains(&utilization), "{utilization}");
    let set = filter.bits_set();
    filter.add(&units("agent-1"));
    assert_eq!(filter.bits_set(), set);
    filter.clear();
    assert_eq!(filter.bits_set(), 0);
    assert!(!filter.might_contain(&units("agent-1")));
    filter.add(&[]);
    assert!(filter.might_contain(&[]));
}

#[test]
fn setting_bits_says_what_was_there() {
    let memory = HeapBytes::new(64);
    assert_eq!(memory.fetch_or(8, 0b101, Ordering::Relaxed), 0);
    assert_eq!(memory.fetch_or(8, 0b110, Ordering::Relaxed), 0b101);
    assert_eq!(memory.load(8, Ordering::Relaxed), 0b111);
    assert_eq!(memory.load(12, Ordering::Relaxed), 0);
}

#[test]
fn threads_that_add_at_once_lose_nothing() {
    // Few bits, so that words are shared all the time.
    let filter = filter(2000, 0.1);
    let key = |thread: usize, index: usize| units(&format!("thread {thread}, string {index}"));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let filter = &filter;
            scope.spawn(move || {
                for index in 0..500 {
                    filter.add(&key(thread, index));
                    assert!(filter.might_contain(&key(thread, index)));
                }
            });
        }
    });
    for thread in 0..4 {
        for index in 0..500 {
            assert!(filter.might_contain(&key(thread, index)));
        }
    }
}

#[test]
fn handles_on_one_memory_are_one_filter() {
    let filter = filter(100, 0.01);
    let window = || {
        let memory = filter.memory();
        // SAFETY: the filter outlives the windows that are made here; heap memory is aligned to 128.
        unsafe { crate::memory::SharedBytes::new(memory.span(0, memory.len()), memory.len()) }
    };
    let other = Bloom::attach(window()).expect("a filter");
    assert_eq!(other.geometry(), filter.geometry());
    other.add(&units("one"));
    assert!(filter.might_contain(&units("one")));
    // Once attached, the header does not matter.
    for offset in (0..WORDS).step_by(4) {
        filter.memory().store(offset, u32::MAX, Ordering::Relaxed);
    }
    assert!(other.might_contain(&units("one")));
    assert!(Bloom::attach(window()).is_err());
}

/// Strings, their lanes, and their first positions among 100,032. Worked out by a third program, in numbers of any length.
const GOLDEN: [(&[u16], [u32; 2], [u32; 3]); 7] = [
    (&[], [0x8D44_E10B, 0xD51E_23C4], [55200, 81906, 16342]),
    (&[0x0], [0x893F_ED93, 0x6F5C_3ED5], [53630, 6803, 98009]),
    (&[0x61], [0x0EEA_90E5, 0xAD74_2F90], [5828, 10502, 54635]),
    (
        &[0x61, 0x62],
        [0xFD7B_D6E4, 0xA500_159A],
        [99048, 37887, 84999],
    ),
    (
        &[0x61, 0x67, 0x65, 0x6E, 0x74, 0x2D, 0x31, 0x32, 0x33],
        [0xA3A8_6C88, 0x1C04_E9F1],
        [63949, 30187, 23150],
    ),
    (&[0xD83D], [0xD01B_12AF, 0x4B8C_D16A], [81317, 11885, 38782]),
    (
        &[0xFFFF, 0x0, 0x65E5],
        [0x07C4_B30D, 0x716A_29D3],
        [3035, 64907, 82516],
    ),
];
