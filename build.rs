//! Lets napi-build set the linker flags of a Node addon; the pure Rust build needs nothing.
fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
}
