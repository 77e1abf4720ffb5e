//! Linker flags of an addon, and one name for "built to be modelled".

fn main() {
    // `cfg(model)`: loom or shuttle stands in for std's atomics (src/sync.rs).
    if ["CARGO_CFG_LOOM", "CARGO_CFG_SHUTTLE"]
        .iter()
        .any(|flag| std::env::var_os(flag).is_some())
    {
        println!("cargo::rustc-cfg=model");
    }
    // The timer's thread runs our code for as long as the process lives, also when the only worker that had loaded it has ended.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "node")]
    napi_build::setup();
}
