//! Work that recurses deeper than what a JavaScript thread may have left of its stack.

use std::thread;

use napi::Error;

use super::error::{Code, Result};

/// So deep the work may nest on any stack: V8 leaves native code some 190 KiB at worst, a level takes less than 2 KiB.
const HARMLESS_DEPTH: usize = 32;
/// Enough for the deepest value in a build without optimization.
const STACK_BYTES: usize = 4 << 20;

/// Does the work, on a stack of its own if it nests deep.
pub fn with_stack_for<T: Send>(depth: usize, work: impl FnOnce() -> T + Send) -> Result<T> {
    if depth <= HARMLESS_DEPTH {
        return Ok(work());
    }
    thread::scope(|scope| {
        let failed = |what: &str| Error::new(Code::NoMemory, format!("a thread {what}"));
        let started = thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        let thread = started.map_err(|_| failed("for a deep value could not be started"))?;
        thread.join().map_err(|_| failed("for a deep value failed"))
    })
}

/// How deep the brackets of a text are nested at most; more where there are some within strings.
pub fn depth_of_text(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
