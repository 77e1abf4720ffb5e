//! Offsets and constants as TypeScript source, so that there is one copy of them: the Rust one.

use std::fmt::Write;
use std::hash::BuildHasher;

use napi_derive::napi;

use crate::bus::layout::{
    ANSWER_KIND, ATTENTION_BIT, BALANCING, BUS, CONTROL, DELIVERY_MODE, Exported, FLAG, GATE,
    LETTER_REASON, OUTCOME, OVERFLOW, RECORD, TARGET_LIST,
};
use crate::codec;
use crate::codec::layout::{BINARY_KINDS, LIMITS, TAGS};

const ENUMS: &[(&str, &[Exported])] = &[
    ("Record", RECORD),
    ("Flag", FLAG),
    ("Control", CONTROL),
    ("Attention", ATTENTION_BIT),
    ("Outcome", OUTCOME),
    ("Gate", GATE),
    ("Overflow", OVERFLOW),
    ("Balancing", BALANCING),
    ("DeliveryMode", DELIVERY_MODE),
    ("AnswerKind", ANSWER_KIND),
    ("LetterReason", LETTER_REASON),
    ("Bus", BUS),
    ("HistogramCell", crate::monitor::layout::CELLS),
    ("Tag", TAGS),
    ("BinaryKind", BINARY_KINDS),
    ("CodecLimit", LIMITS),
    ("MessageHeader", codec::frame::layout::HEADER),
    ("Frame", codec::frame::layout::FRAME),
    ("BloomLayout", crate::bloom::layout::LIMITS),
    ("BufferPoolLimit", crate::pool::layout::LIMITS),
    ("InternLimit", crate::intern::LIMITS),
    ("RingLimit", crate::ring::layout::LIMITS),
    ("Stream", crate::stream::layout::STREAM),
];

/// Results of raw callbacks that are not counts, and other signed constants.
const RESULTS: &[(&str, &[(&str, i32)])] = &[
    ("RingResult", super::fast::ring::RESULT),
    ("BloomHash", crate::bloom::hash::CONSTANTS),
];

/// The source of `lib/generated/layout.ts`. Constant enums, which the compiler replaces by their values.
#[napi(catch_unwind)]
pub fn layout_typescript() -> String {
    let mut source = String::from("// Written by the build from the Rust layouts. Do not edit.\n");
    ENUMS.iter().for_each(|list| write_enum(&mut source, list));
    RESULTS
        .iter()
        .for_each(|list| write_enum(&mut source, list));
    let _ = writeln!(
        source,
        "\n/** `target` of a record whose targets are listed. */\nexport const TARGET_LIST = {TARGET_LIST};"
    );
    let _ = writeln!(
        source,
        "\n/** The dictionary of the wire format: strings by number. */\nexport const STATIC_STRINGS: readonly string[] = {:?};",
        codec::dictionary::STRINGS
    );
    let _ = writeln!(
        source,
        "\n/** Names this layout. */\nexport const LAYOUT_FINGERPRINT = '{}';",
        layout_fingerprint()
    );
    source
}

fn write_enum<T: std::fmt::Display>(source: &mut String, (name, constants): &(&str, &[(&str, T)])) {
    let _ = writeln!(source, "\nexport const enum {name} {{");
    for (constant, value) in *constants {
        let _ = writeln!(source, "  {constant} = {value},");
    }
    source.push_str("}\n");
}

/// Names the layout that this binary was built with, so that a facade compiled for another one refuses it.
#[napi(catch_unwind)]
pub fn layout_fingerprint() -> String {
    let hash = foldhash::fast::FixedState::with_seed(0).hash_one((
        env!("CARGO_PKG_VERSION"),
        ENUMS,
        RESULTS,
        TARGET_LIST,
        codec::dictionary::STRINGS,
    ));
    format!("{hash:016x}")
}
