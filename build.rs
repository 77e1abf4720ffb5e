//! Linker flags of an addon, and one name for "built to be modelled".

fn main() {
    // `cfg(model)`: loom or shuttle stands in for std's atomics (src/sync.rs).
    if ["CARGO_CFG_LOOM", "CARGO_CFG_SHUTTLE"]
        .iter()
        .any(|flag| std::env::var_os(flag).is_some())
    {
        println!("cargo::rustc-cfg=model");
    }
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "node")]
    napi_build::setup();
}
