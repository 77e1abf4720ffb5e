//! The one timer of the process: a native thread that calls what is due, so that a thread that is stuck in a handler does not
//! hold up its own deadlines. It is started when it is first needed, and sleeps while nothing is due.
//!
//! Where the system gives no thread, whoever drains a mailbox does what is due ([`Timer::stand_in`]): late, and not while all threads are
//! stuck or asleep. Each deadline that is made tries to start the thread again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use super::clock::{instant_of, steady_now};
use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering};

/// Deadlines are met to this precision: what is due sooner than this after a call waits for the next one.
const GRAIN: Duration = Duration::from_millis(1);
/// A call that took some time is not repeated before this many times as long has passed: the timer takes a twentieth of a core at most.
const REST: u32 = 19;
/// Deadlines of things that are gone are let go when so many more have gathered than there were of others.
const FEWEST_TO_SWEEP: usize = 64;
/// How long a sleep without deadlines lasts; then the thread looks, and sleeps on.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// Something with deadlines.
pub trait Due: Send + Sync {
    /// Does what is due at `now`, in nanoseconds of the steady clock. The time at which it is to be called again, if any.
    fn due(self: Arc<Self>, now: u64) -> Option<u64>;
}

struct Deadline {
    at: u64,
    what: Weak<dyn Due>,
}

impl PartialEq for Deadline {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Deadline {}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Deadline {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[derive(Default)]
struct State {
    deadlines: BinaryHeap<Reverse<Deadline>>,
    /// How many deadlines there are when those are let go whose things are gone: a weak reference keeps their memory.
    sweep_at: usize,
    is_running: bool,
}

impl State {
    fn push(&mut self, deadline: Deadline) {
        if self.deadlines.len() >= self.sweep_at {
            self.deadlines
                .retain(|Reverse(deadline)| deadline.what.strong_count() > 0);
            self.sweep_at = 2 * self.deadlines.len() + FEWEST_TO_SWEEP;
            self.deadlines.shrink_to(self.sweep_at);
        }
        self.deadlines.push(Reverse(deadline));
    }
}

/// How the timer's thread is started.
type Spawn = fn(&'static Timer) -> std::io::Result<()>;

fn spawn_thread(timer: &'static Timer) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("agentwire timer".into())
        .spawn(|| timer.run())
        .map(|_| ())
}

/// See the module's documentation.
pub struct Timer {
    state: Mutex<State>,
    changed: Condvar,
    failed_starts: AtomicU64,
    /// There are deadlines, and no thread that meets them.
    is_missing: AtomicBool,
    spawn: Spawn,
}

impl Default for Timer {
    fn default() -> Self {
        Self::started_by(spawn_thread)
    }
}

impl Timer {
    fn started_by(spawn: Spawn) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::default(),
            failed_starts: AtomicU64::new(0),
            is_missing: AtomicBool::new(false),
            spawn,
        }
    }

    /// The timer of this process.
    pub fn global() -> &'static Self {
        static TIMER: OnceLock<Timer> = OnceLock::new();
        TIMER.get_or_init(Self::default)
    }

    /// Has `what` called at this time of the steady clock, unless it is gone by then.
    pub fn call_at<T: Due + 'static>(&'static self, at: u64, what: &Arc<T>) {
        let what: Weak<T> = Arc::downgrade(what);
        let mut state = self.state.lock();
        let was_first = state.deadlines.peek().is_none_or(|first| at < first.0.at);
        state.push(Deadline { at, what });
        if !state.is_running {
            state.is_running = (self.spawn)(self).is_ok();
            // Relaxed: who misses it finds it at the next drain.
            self.is_missing.store(!state.is_running, Ordering::Relaxed);
            if !state.is_running {
                self.failed_starts.fetch_add(1, Ordering::Relaxed);
            }
        } else if was_first {
            self.changed.notify_one();
        }
    }

    /// Times that the system gave no thread.
    pub fn failed_starts(&self) -> u64 {
        self.failed_starts.load(Ordering::Relaxed)
    }

    /// Does what is due, where the timer has no thread. Called now and then by threads that have time.
    #[inline]
    pub fn stand_in(&self) {
        if self.is_missing.load(Ordering::Relaxed) {
            self.call_what_is_due();
        }
    }

    #[cold]
    fn call_what_is_due(&self) {
        let now = steady_now();
        loop {
            let mut state = self.state.lock();
            let first = state.deadlines.peek();
            if state.is_running || first.is_none_or(|first| first.0.at > now) {
                return;
            }
            let Reverse(Deadline { what, .. }) = state.deadlines.pop().expect("peeked");
            drop(state);
            let again = call(&what, now);
            self.state.lock().deadlines.extend(again.map(Reverse));
        }
    }

    fn run(&self) -> ! {
        let mut state = self.state.lock();
        loop {
            let now = steady_now();
            let first = state.deadlines.peek().map(|first| first.0.at);
            match first {
                Some(at) if at <= now => {
                    let Reverse(Deadline { what, .. }) = state.deadlines.pop().expect("peeked");
                    drop(state);
                    let again = call(&what, now);
                    state = self.state.lock();
                    state.deadlines.extend(again.map(Reverse));
                }
                _ => {
                    let until = first.unwrap_or(now + LONG.as_nanos() as u64);
                    (state, _) = self.changed.wait_until(state, instant_of(until));
                }
            }
        }
    }
}

/// Calls what is due: its next deadline.
fn call(what: &Weak<dyn Due>, now: u64) -> Option<Deadline> {
    let due = what.upgrade()?;
    let next = due.due(now)?;
    let after = steady_now();
    let rest = (after - now).saturating_mul(u64::from(REST));
    let at = next.max(after + rest.max(GRAIN.as_nanos() as u64));
    Some(Deadline {
        at,
        what: Weak::clone(what),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Ticks {
        left: AtomicU64,
        sent: mpsc::SyncSender<u64>,
    }

    impl Due for Ticks {
        fn due(self: Arc<Self>, now: u64) -> Option<u64> {
            self.sent.send(now).expect("the test listens");
            (self.left.fetch_sub(1, Ordering::Relaxed) > 1).then_some(now)
        }
    }

    #[test]
    fn what_is_due_is_called_in_order_and_not_before_its_time() {
        let timer: &'static Timer = Box::leak(Box::default());
        let (sent, received) = mpsc::sync_channel(16);
        let ticks = |left| {
            let (left, sent) = (AtomicU64::new(left), sent.clone());
            Arc::new(Ticks { left, sent })
        };
        let (soon, late, never) = (ticks(3), ticks(1), ticks(1));
        let start = steady_now();
        let milliseconds = |count: u64| start + count * 1_000_000;
        timer.call_at(milliseconds(60), &late);
        timer.call_at(milliseconds(5), &soon);
        timer.call_at(milliseconds(10), &never);
        drop(never);
        let times: Vec<u64> = (0..4)
            .map(|_| {
                received
                    .recv_timeout(Duration::from_secs(60))
                    .expect("a call")
            })
            .collect();
        assert!(times[0] >= milliseconds(5) && times.is_sorted());
        assert!(times[3] >= milliseconds(60));
        assert!(received.recv_timeout(Duration::from_millis(20)).is_err());
        assert_eq!(timer.failed_starts(), 0);
    }

    #[test]
    fn without_a_thread_others_do_what_is_due() {
        static THREADS: AtomicU64 = AtomicU64::new(0);
        let spawn: Spawn = |timer| match THREADS.load(Ordering::Relaxed) {
            0 => Err(std::io::Error::other("no thread")),
            _ => spawn_thread(timer),
        };
        let timer: &'static Timer = Box::leak(Box::new(Timer::started_by(spawn)));
        let (sent, received) = mpsc::sync_channel(16);
        let left = AtomicU64::new(2);
        let ticks = Arc::new(Ticks { left, sent });
        timer.call_at(steady_now() + 2_000_000, &ticks);
        timer.stand_in();
        assert!(received.try_recv().is_err(), "before its time");
        let mut calls = 0;
        while calls < 2 {
            std::thread::sleep(Duration::from_millis(2));
            timer.stand_in();
            calls += received.try_iter().count();
        }
        assert_eq!(timer.failed_starts(), 1);
        // The next deadline finds a thread, which does it all from then on.
        THREADS.store(1, Ordering::Relaxed);
        ticks.left.store(1, Ordering::Relaxed);
        timer.call_at(steady_now() + 1_000_000, &ticks);
        assert!(received.recv_timeout(Duration::from_secs(60)).is_ok());
        assert!(!timer.is_missing.load(Ordering::Relaxed));
    }

    #[test]
    fn what_is_gone_is_not_kept_until_its_time() {
        let timer: &'static Timer = Box::leak(Box::default());
        let (sent, _received) = mpsc::sync_channel(1);
        let later = steady_now() + Duration::from_secs(3600).as_nanos() as u64;
        let kept: Vec<_> = (0..10_000)
            .filter_map(|round| {
                let (left, sent) = (AtomicU64::new(1), sent.clone());
                let ticks = Arc::new(Ticks { left, sent });
                timer.call_at(later, &ticks);
                (round % 100 == 0).then_some(ticks)
            })
            .collect();
        let known = timer.state.lock().deadlines.len();
        assert!(
            known >= kept.len() && known <= 3 * kept.len() + FEWEST_TO_SWEEP,
            "{known}"
        );
    }
}
