//! The part of an endpoint that other threads hold: its mailbox and its bell.

use std::sync::Arc;
use std::time::Instant;

use super::layout::{MAILBOX_BYTES, WRITABLE};
use super::mailbox::{Mailbox, PRIORITIES};
use crate::monitor::cpu::ThreadClock;
use crate::pool::SegmentPool;
use crate::sync::{AtomicU32, AtomicU64, Condvar, Mutex, Ordering};
use crate::wait::timer::Due;
use crate::wait::{Waiter, Waiters};

/// Wakes a thread that sleeps in its event loop. Every method may be called from any thread and does
/// nothing once the thread is gone.
pub trait Doorbell: Send + Sync {
    /// Has the thread drain its mailbox soon.
    fn ring(&self);

    /// Sets bits of the thread's attention word.
    fn raise(&self, attention: u32);

    /// True when the thread is gone.
    fn is_down(&self) -> bool {
        false
    }
}

/// What senders see of an endpoint.
pub struct Receiver {
    /// Process-wide endpoint id, from 1.
    pub id: u32,
    /// Its incoming messages.
    pub mailbox: Mailbox<&'static SegmentPool>,
    /// Publishers that wait for the mailbox to shrink.
    pub space: Waiters,
    block_bytes: AtomicU64,
    /// When the handler was called that the thread is in, by the steady clock; 0 when it has come back since. Kept for handlers
    /// that acknowledge.
    in_handler_since: AtomicU64,
    /// What its thread has sent and taken.
    pub traffic: Traffic,
    /// Where its thread is.
    pub host: Host,
    nap: Nap,
    bell: Box<dyn Doorbell>,
}

/// Which thread an endpoint is of.
#[derive(Debug, Default)]
pub struct Host {
    /// `threadId` of node:worker_threads, once it has said so; 0 is the main thread.
    pub thread_number: AtomicU32,
    /// Its CPU time.
    pub cpu: Option<ThreadClock>,
}

/// What an endpoint has sent and taken. Its own thread counts, anybody reads.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Submits that took a message.
    pub submits: AtomicU64,
    /// Messages that they took.
    pub submitted: AtomicU64,
    /// Bytes of those, headers of records included.
    pub submitted_bytes: AtomicU64,
    /// Records that drains took to the thread's handlers; one may have several targets.
    pub drained: AtomicU64,
}

/// A short sleep of a publisher that waits for room.
#[derive(Default)]
struct Nap {
    /// Somebody said that there may be room since the last look.
    called: Mutex<bool>,
    changed: Condvar,
}

impl Receiver {
    /// An endpoint's shared part, with an empty mailbox. Made on its own thread.
    pub fn new(id: u32, bell: Box<dyn Doorbell>) -> Self {
        Self {
            id,
            mailbox: Mailbox::new(SegmentPool::global()),
            space: Waiters::default(),
            block_bytes: AtomicU64::new(0),
            in_handler_since: AtomicU64::new(0),
            traffic: Traffic::default(),
            host: Host {
                thread_number: AtomicU32::new(0),
                cpu: ThreadClock::of_this_thread(),
            },
            nap: Nap::default(),
            bell,
        }
    }

    /// Bytes that wait at this priority, and in out-of-line blocks of all priorities.
    #[inline]
    pub fn backlog_bytes(&self, priority: usize) -> u64 {
        // Relaxed: a figure for admission.
        self.mailbox.backlog_bytes(priority) + self.block_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that wait, of all priorities.
    pub fn waiting_bytes(&self) -> u64 {
        let inline: u64 = (0..PRIORITIES)
            .map(|priority| self.mailbox.backlog_bytes(priority))
            .sum();
        inline + self.block_bytes.load(Ordering::Relaxed)
    }

    /// True when the mailbox takes no more at this priority.
    #[inline]
    pub fn is_full(&self, priority: usize) -> bool {
        self.backlog_bytes(priority) >= MAILBOX_BYTES
    }

    /// True when it is more than half full at some priority: those who wait for room wait on.
    pub fn is_crowded(&self) -> bool {
        (0..PRIORITIES).any(|priority| self.backlog_bytes(priority) > MAILBOX_BYTES / 2)
    }

    /// Counts the bytes of a block that was put into the mailbox.
    pub fn add_block_bytes(&self, bytes: usize) {
        self.block_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts the bytes of a block that was taken out, or that the mailbox did not take.
    pub fn remove_block_bytes(&self, bytes: usize) {
        self.block_bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// The thread calls a handler, at this time.
    #[inline]
    pub fn enter_handler(&self, now: u64) {
        // Relaxed: the timer looks at it long after.
        self.in_handler_since.store(now, Ordering::Relaxed);
    }

    /// The thread has come back from its handlers.
    #[inline]
    pub fn leave_handler(&self) {
        self.in_handler_since.store(0, Ordering::Relaxed);
    }

    /// True when the thread has not come back from the handler that it called at that time.
    pub fn is_in_handler_since(&self, begun_at: u64) -> bool {
        self.in_handler_since.load(Ordering::Relaxed) == begun_at
    }

    /// Tells those who wait for space, when there is some. Called after the mailbox shrank.
    pub fn offer_space(&self) {
        if self.space.anybody() && !self.is_crowded() {
            self.space.wake_all();
        }
    }

    /// Rings when the thread sleeps. Senders call it once after a batch.
    #[inline]
    pub fn wake(&self) {
        if self.mailbox.wake() {
            self.bell.ring();
        }
    }

    /// Sleeps until `has_room`, which files this receiver where it finds none, or until the deadline. On the receiver's own thread.
    pub fn nap_until(&self, deadline: Instant, mut has_room: impl FnMut() -> bool) -> bool {
        loop {
            *self.nap.called.lock() = false;
            if has_room() {
                return true;
            }
            let mut called = self.nap.called.lock();
            while !*called {
                let in_time;
                (called, in_time) = self.nap.changed.wait_until(called, deadline);
                if !in_time {
                    return false;
                }
            }
        }
    }

    /// Sets bits of the attention word, without waking.
    pub fn raise(&self, attention: u32) {
        self.bell.raise(attention);
    }

    /// Sets bits of the attention word and rings, whether the thread sleeps or not.
    pub fn call(&self, attention: u32) {
        self.bell.raise(attention);
        self.bell.ring();
    }
}

impl Waiter for Receiver {
    fn id(&self) -> u32 {
        self.id
    }

    fn is_gone(&self) -> bool {
        self.bell.is_down()
    }

    fn look_again(&self) {
        *self.nap.called.lock() = true;
        self.nap.changed.notify_one();
        self.call(WRITABLE as u32);
    }
}

impl Due for Receiver {
    /// A message that its endpoint left in its outbox has expired.
    fn due(self: Arc<Self>, _now: u64) -> Option<u64> {
        self.look_again();
        None
    }
}
