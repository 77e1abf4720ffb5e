//! A clock for deadlines: it starts at the Unix time at which the process first asked and never jumps, whatever is done to the
//! system's clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch by the system's clock, which may jump.
pub fn system_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_nanos() as u64)
}

fn start() -> (Instant, u64) {
    static START: OnceLock<(Instant, u64)> = OnceLock::new();
    *START.get_or_init(|| (Instant::now(), system_now()))
}

/// Nanoseconds of the steady clock.
pub fn steady_now() -> u64 {
    let (began, epoch) = start();
    epoch + began.elapsed().as_nanos() as u64
}

/// When a time of the steady clock comes, for functions that sleep.
pub fn instant_of(steady: u64) -> Instant {
    let (began, epoch) = start();
    began + Duration::from_nanos(steady.saturating_sub(epoch))
}
