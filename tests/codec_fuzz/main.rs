//! Fuzzing of the value encoding where there is no nightly compiler: any bytes are a value or an error, in memory and steps that
//! are bounded by their number. `fuzz/` does the same guided by coverage, with the same oracle.
//!
//! `AGENTWIRE_FUZZ_INPUTS` is how many inputs, `AGENTWIRE_FUZZ_SEED` repeats a run: input N of a seed is always the same.

#[path = "../allocation/mod.rs"]
mod allocation;
mod generate;
mod mutate;
mod oracle;
mod random;

use std::sync::atomic::{AtomicUsize, Ordering};

use agentwire::codec::{decode, layout, validate};
use allocation::measure;
use oracle::CountingTables;
use random::Random;

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;

/// Inputs by default: some seconds of a debug build.
const INPUTS: usize = 100_000;
/// Inputs that the next one may be made of.
const KEPT: usize = 256;
/// Memory of a decoded value for each byte of input, and whatever the input. For one byte a shape may have a key of 64 code units
/// copied, and a place for it; a set of keys has room for twice as many.
const BYTES_PER_BYTE: usize = 256;
const BYTES_AT_LEAST: usize = 4096;

fn from_environment(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}")),
        Err(_) => default,
    }
}

/// Says how to come by the input again, should the thread panic.
struct Witness<'a> {
    seed: u64,
    input: usize,
    bytes: &'a [u8],
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let hex: String = self
                .bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            eprintln!(
                "AGENTWIRE_FUZZ_SEED={}, input {}: {hex}",
                self.seed, self.input
            );
        }
    }
}

/// Memory and steps of both readers, and what the oracle says. True for a value.
fn check(bytes: &[u8], tables: &CountingTables) -> bool {
    let (_, decoding) = measure(|| decode(bytes, tables).is_ok());
    let (_, validating) = measure(|| validate(bytes, tables).is_ok());
    let most = BYTES_PER_BYTE * bytes.len() + BYTES_AT_LEAST;
    for (what, cost) in [("decode", decoding), ("validate", validating)] {
        assert!(
            cost.peak <= most,
            "{what}: {} bytes for {} of input",
            cost.peak,
            bytes.len()
        );
        // A container, a string or a key takes an allocation or two each, and a byte at least.
        assert!(
            cost.calls <= 3 * bytes.len() + 16,
            "{what}: {} allocations for {} bytes",
            cost.calls,
            bytes.len()
        );
    }
    oracle::check(bytes, tables)
}

/// Inputs of a seed from `first` on, in steps: each is a few changes of a value or of one that came before.
fn fuzz(seed: u64, inputs: usize) -> usize {
    let tables = CountingTables::new();
    let mut kept: Vec<Vec<u8>> = vec![Vec::new(); KEPT];
    let mut accepted = 0;
    let mut random = Random::new(seed);
    for input in 0..inputs {
        let mut bytes = Vec::new();
        match random.below(4) {
            0 => generate::value(&mut random, &mut bytes),
            _ => bytes.clone_from(random.pick(&kept)),
        }
        if random.below(10) > 0 {
            let other = random.below(KEPT);
            for _ in 0..1 + random.below(4) {
                mutate::mutate(&mut bytes, &kept[other], &mut random);
            }
        }
        let witness = Witness {
            seed,
            input,
            bytes: &bytes,
        };
        let is_value = check(witness.bytes, &tables);
        drop(witness);
        accepted += usize::from(is_value);
        // Values are worth more as a beginning than what is refused.
        if is_value || random.once_in(8) {
            let place = random.below(KEPT);
            kept[place] = bytes;
        }
    }
    accepted
}

#[test]
fn mutated_values_are_values_or_errors() {
    let inputs = from_environment("AGENTWIRE_FUZZ_INPUTS", INPUTS as u64) as usize;
    let time = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos() as u64);
    let seed = from_environment("AGENTWIRE_FUZZ_SEED", time);
    println!("AGENTWIRE_FUZZ_SEED={seed}");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = inputs.div_ceil(threads);
    let accepted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let accepted = &accepted;
            // Thread 0 has the seed itself, so that a seed that is printed by a witness repeats its run.
            let seed = seed.wrapping_add(thread as u64);
            scope.spawn(move || accepted.fetch_add(fuzz(seed, share), Ordering::Relaxed));
        }
    });
    let accepted = accepted.into_inner();
    println!("{accepted} of {} inputs are values", share * threads);
    assert!(accepted > inputs / 20, "{accepted}");
    assert!(accepted < inputs - inputs / 20, "{accepted}");
}

#[test]
fn generated_values_are_mostly_values() {
    let tables = CountingTables::new();
    let mut random = Random::new(7);
    let mut accepted = 0;
    for _ in 0..4000 {
        let mut bytes = Vec::new();
        generate::value(&mut random, &mut bytes);
        accepted += usize::from(check(&bytes, &tables));
    }
    assert!(accepted > 1000, "{accepted}");
}

/// What costs a reader most for its size, each of a megabyte.
#[test]
fn the_worst_inputs_cost_no_more_than_their_size_allows() {
    const SIZE: usize = 1 << 20;
    let counted = |tag: u8, each: &[u8]| {
        let count = SIZE / each.len();
        let mut bytes = vec![tag];
        generate::varint(count as u32, &mut bytes);
        bytes.extend(each.repeat(count));
        bytes
    };
    let mut keys = vec![layout::OBJECT];
    generate::varint(SIZE as u32 / 5, &mut keys);
    for index in 0..SIZE as u32 / 5 {
        keys.extend([layout::FIX_STRING + 3, index as u8, (index >> 8) as u8]);
        keys.extend([(index >> 16) as u8, 0]);
    }
    let many_small_objects = [layout::FIX_OBJECT + 2, 0x80, 0, 0x81, 0x61, 0];
    let claims = [layout::ARRAY, 0x80, 0x80, 0x40].repeat(layout::MAX_DEPTH as usize);
    // The widest shape that there may be, and then objects that cost two bytes and one for each key. Every byte of these is a key
    // of 128 bytes, so there are fewer.
    let objects = SIZE / 16 / 130;
    let mut local = vec![layout::ARRAY];
    generate::varint(objects as u32, &mut local);
    local.extend([layout::DEFINE_SHAPE, 0x80, 0x01]);
    for index in 0..128u8 {
        local.extend([layout::TWO_BYTE_STRING, 64]);
        local.extend([index, 1].repeat(64));
    }
    local.extend([0; 128]);
    let again = [&[layout::LOCAL_SHAPE, 0][..], &[0; 128]].concat();
    local.extend(again.repeat(objects - 1));
    let inputs: [(&str, Vec<u8>); 10] = [
        ("an array of integers", counted(layout::ARRAY, &[0])),
        ("an array of strings", counted(layout::ARRAY, &[0x81, 0x61])),
        ("an array of empty arrays", counted(layout::ARRAY, &[0xA0])),
        (
            "an array of strings by id",
            counted(layout::ARRAY, &[layout::STRING_ID, 2]),
        ),
        (
            "an array of objects by shape",
            counted(layout::ARRAY, &[&[layout::SHAPE, 3][..], &[0; 20]].concat()),
        ),
        (
            "an array of small objects",
            counted(layout::ARRAY, &many_small_objects),
        ),
        ("an object of many keys", keys),
        ("objects of the widest local shape", local),
        ("a map", counted(layout::MAP, &[0, 0])),
        (
            "counts within one another",
            [claims, vec![0; SIZE]].concat(),
        ),
    ];
    let tables = CountingTables::new();
    for (name, bytes) in inputs {
        let is_value = check(&bytes, &tables);
        assert_eq!(is_value, name != "counts within one another", "{name}");
    }
}
