//! The CPU's invariant counter as a clock: the time stamp counter of x86, the virtual counter of ARM, calibrated against the system's steady
//! clock by the crate quanta; where there is none, that clock itself.

use std::sync::OnceLock;

use quanta::Clock;

/// See the module's documentation.
pub struct Counter {
    clock: Clock,
    /// The counter when the process first asked, and the time that this clock says for it.
    began: u64,
}

/// What the clock says at its beginning, ns: no two times of a process have a negative number or 0 between them.
const BEGIN_NS: u64 = 1_000_000_000;

impl Counter {
    /// The clock of this process. The first call calibrates it, which takes about a millisecond.
    pub fn global() -> &'static Self {
        static COUNTER: OnceLock<Counter> = OnceLock::new();
        COUNTER.get_or_init(|| {
            let clock = Clock::new();
            let began = clock.raw();
            Self { clock, began }
        })
    }

    /// The counter as it is.
    ///
    /// What the program did before has been done when it is read: without that, a thread that has just seen another's write could
    /// read a counter from before the other one wrote.
    #[inline]
    pub fn ticks(&self) -> u64 {
        order();
        self.clock.raw()
    }

    /// Nanoseconds: the same clock for every thread.
    #[inline]
    pub fn now(&self) -> u64 {
        BEGIN_NS + self.clock.delta_as_nanos(self.began, self.ticks())
    }

    /// Ticks a second: 1,000,000,000 where it is the system's clock.
    pub fn frequency(&self) -> f64 {
        const MANY: u64 = 1 << 40;
        MANY as f64 / self.clock.delta_as_nanos(0, MANY) as f64 * 1e9
    }
}

/// Has earlier instructions done before the counter is read, as Linux does where it reads it for its clocks.
#[inline]
fn order() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has this instruction, and it touches nothing.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a barrier, which touches nothing.
    unsafe {
        std::arch::asm!("isb", options(nostack, preserves_flags));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn it_goes_as_fast_as_the_systems_clock() {
        let counter = Counter::global();
        // The two are read one after the other: a thread that loses its core in between sees them apart, but not each time.
        let ratios: Vec<f64> = (0..20)
            .map(|_| {
                let (began, system) = (counter.now(), Instant::now());
                while system.elapsed() < Duration::from_millis(10) {}
                (counter.now() - began) as f64 / system.elapsed().as_nanos() as f64
            })
            .collect();
        let is_close = |ratio: &f64| (ratio - 1.0).abs() < 0.001;
        assert!(ratios.iter().any(is_close), "{ratios:?}");
        assert!(counter.frequency() > 1e6);
    }

    #[test]
    fn no_thread_sees_a_time_before_that_of_another_which_it_has_seen() {
        let last = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        let mut last = last.lock().unwrap();
                        let now = Counter::global().now();
                        assert!(now >= *last, "{now} after {last}");
                        *last = now;
                    }
                });
            }
        });
    }
}
