//! The messages that wait for a subscription that drops its oldest.
//!
//! The queues of a mailbox are shared by all subscriptions of a thread, and only the thread takes anything out of them.
//! A message that may still be given up can therefore not lie there: it would keep its memory until the drain, and a
//! thread that is stuck under a flood would grow its mailbox without end. It lies here, and the mailbox holds an
//! **announcement** in its place, a few bytes, which the drain trades for the oldest message here at that priority.
//!
//! Giving a message up leaves its announcement where it is, and the next message is announced by it. So there are never
//! more announcements of a priority than messages of it waited here at one time: what a stuck thread holds is bounded
//! by the limits of the subscription, whatever is published, and what is left in the end are the newest messages.
//!
//! All of this happens under one lock for each subscription, which the drain holds for one message and a publisher for
//! an announcement: nothing else needs ordering. The invariant, at every release of the lock and for each priority:
//! *messages here <= announcements in the mailbox*, so no message stays behind.

use std::collections::VecDeque;

use super::account::{Account, Outcome};
use super::mailbox::PRIORITIES;
use crate::sync::{Arc, Mutex};

/// Bytes that an entry takes beside its message: its place here, its announcement, and the heads of allocations.
const ENTRY_BYTES: u64 = 128;

/// What waits in a backlog.
pub trait Message {
    /// Bytes that it keeps.
    fn kept_bytes(&self) -> u64;

    /// Most bytes that a backlog of these holds, unless it holds only one.
    const MOST_BYTES: u64;
}

struct Entry<T> {
    /// In the order of all priorities.
    arrival: u64,
    message: Arc<T>,
}

struct State<T> {
    queues: [VecDeque<Entry<T>>; PRIORITIES],
    /// Announcements in the mailbox.
    announced: [usize; PRIORITIES],
    arrivals: u64,
    bytes: u64,
}

impl<T: Message> State<T> {
    fn put(&mut self, priority: usize, message: Arc<T>) {
        self.bytes += message.kept_bytes() + ENTRY_BYTES;
        self.arrivals += 1;
        let arrival = self.arrivals;
        self.queues[priority].push_back(Entry { arrival, message });
    }

    fn count_out(&mut self, entry: Entry<T>) -> Arc<T> {
        self.bytes -= entry.message.kept_bytes() + ENTRY_BYTES;
        entry.message
    }

    fn take_oldest(&mut self) -> Option<Arc<T>> {
        let with_oldest = self
            .queues
            .iter_mut()
            .filter(|queue| !queue.is_empty())
            .min_by_key(|queue| queue.front().map(|entry| entry.arrival))?;
        let entry = with_oldest.pop_front()?;
        Some(self.count_out(entry))
    }

    fn len(&self) -> u64 {
        self.queues.iter().map(VecDeque::len).sum::<usize>() as u64
    }
}

/// What an announcement was traded for.
pub enum Next<T> {
    /// The oldest message.
    Taken(Arc<T>),
    /// It did not fit, and waits on; so does the announcement.
    TooLong,
    /// Nothing: what it had announced was given up.
    GivenUp,
}

/// See the module's documentation.
pub struct Backlog<T>(Mutex<State<T>>);

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self(Mutex::new(State {
            queues: std::array::from_fn(|_| VecDeque::new()),
            announced: [0; PRIORITIES],
            arrivals: 0,
            bytes: 0,
        }))
    }
}

impl<T: Message> Backlog<T> {
    /// Takes a message, giving up the oldest ones while there is no room for it, and has `announce` put an announcement
    /// into the mailbox where one is needed. Every message is counted in `account`, whose limit is that of messages that wait
    /// here: what handlers have in hand takes no place, or a burst that ends while they work would lose its end.
    pub fn keep(
        &self,
        priority: usize,
        message: Arc<T>,
        account: &Account,
        announce: impl FnOnce() -> Result<(), Outcome>,
    ) {
        // Freed after the lock.
        let mut given_up = Vec::new();
        let mut state = self.0.lock();
        let bytes = message.kept_bytes() + ENTRY_BYTES;
        while state.len() >= account.queue_limit() || state.bytes + bytes > T::MOST_BYTES {
            let Some(oldest) = state.take_oldest() else {
                break;
            };
            account.end(Outcome::Oldest, 1);
            given_up.push(oldest);
        }
        if !account.admit() {
            return;
        }
        state.put(priority, message);
        if state.announced[priority] >= state.queues[priority].len() {
            return;
        }
        match announce() {
            Ok(()) => state.announced[priority] += 1,
            Err(outcome) => {
                let newest = state.queues[priority].pop_back();
                given_up.extend(newest.map(|entry| state.count_out(entry)));
                account.end(outcome, 1);
            }
        }
    }

    /// Trades an announcement for the oldest message of its priority, if that `fits`.
    pub fn take(&self, priority: usize, fits: impl FnOnce(&T) -> bool) -> Next<T> {
        let mut state = self.0.lock();
        let oldest = state.queues[priority].front();
        if oldest.is_some_and(|entry| !fits(&entry.message)) {
            return Next::TooLong;
        }
        state.announced[priority] = state.announced[priority].saturating_sub(1);
        match state.queues[priority].pop_front() {
            Some(entry) => Next::Taken(state.count_out(entry)),
            None => Next::GivenUp,
        }
    }

    /// The thread ends, and its mailbox is closed: counts out what still waits. The account was closed before, so nothing
    /// comes after it.
    pub fn close(&self, account: &Account) {
        // Freed after the lock.
        let mut given_up = Vec::new();
        let mut state = self.0.lock();
        while let Some(message) = state.take_oldest() {
            account.end(Outcome::SubscriberDied, 1);
            given_up.push(message);
        }
        state.announced = [0; PRIORITIES];
    }

    /// Bytes that it keeps.
    pub fn bytes(&self) -> u64 {
        self.0.lock().bytes
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.lock().len() == 0
    }
}
