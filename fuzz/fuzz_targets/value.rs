//! Any bytes as a value: decoded, validated, encoded again.

#![no_main]

#[path = "../../tests/codec_fuzz/oracle.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;
use oracle::CountingTables;

thread_local! {
    static TABLES: CountingTables = CountingTables::new();
}

fuzz_target!(|bytes: &[u8]| {
    TABLES.with(|tables| oracle::check(bytes, tables));
});
