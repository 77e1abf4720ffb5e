//! The CPU time of a thread, asked by any thread of the process.

/// A thread's CPU clock. On Linux; elsewhere there is none that another thread may read without holding the thread itself.
#[derive(Debug, Clone, Copy)]
pub struct ThreadClock {
    #[cfg(target_os = "linux")]
    clock: libc::clockid_t,
}

#[cfg(target_os = "linux")]
impl ThreadClock {
    /// The clock of the thread that calls.
    pub fn of_this_thread() -> Option<Self> {
        let mut clock = 0;
        // SAFETY: the calling thread is alive, and the out-pointer is valid.
        let failed = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock) };
        (failed == 0).then_some(Self { clock })
    }

    /// CPU time that the thread has used, ns. None once it has ended: the clock is a number that names the thread, not a pointer to it.
    pub fn used(&self) -> Option<u64> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the out-pointer is valid; a clock of a thread that is gone is refused.
        let failed = unsafe { libc::clock_gettime(self.clock, &mut time) };
        (failed == 0).then_some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }
}

#[cfg(not(target_os = "linux"))]
impl ThreadClock {
    /// The clock of the thread that calls.
    pub fn of_this_thread() -> Option<Self> {
        None
    }

    /// CPU time that the thread has used, ns.
    pub fn used(&self) -> Option<u64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn one_thread_sees_what_another_has_used() {
        let (clock_of, clocks) = channel();
        let (go, wait) = channel::<()>();
        let worker = std::thread::spawn(move || {
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(20) {}
            clock_of
                .send(ThreadClock::of_this_thread().unwrap())
                .unwrap();
            let _ = wait.recv();
        });
        let clock = clocks.recv().unwrap();
        assert!(clock.used().unwrap() > 0);
        drop(go);
        worker.join().unwrap();
        // Until its number is another thread's; this process makes none meanwhile that outlives this line by chance alone.
        let _ = clock.used();
    }
}
