//! The messages that wait for one subscription apart from the mailbox: those that may still be given up, and those that may
//! not be handed over yet.
//!
//! The queues of a mailbox are shared by all subscriptions of a thread, and only the thread takes anything out of them, in
//! order. So a message cannot lie there that may be given up for a newer one (`drop-oldest`), that waits for a handler to
//! settle (`maxInFlight`) while its neighbours go on, or whose time may run out while the thread is stuck. It lies here, and
//! the mailbox holds an **announcement** in its place, a few bytes, which the drain trades for the oldest message here at that
//! priority.
//!
//! Three things may happen to a message before its announcement is met:
//!
//! - It is **given up**. Its announcement stays, and the next message is announced by it. So there are never more announcements
//!   of a priority than messages of it waited here at one time: what a stuck thread holds is bounded by the limits of the
//!   subscription, whatever is published.
//! - Its time is over ([`Backlog::expire`], called by the timer): it is counted out, and its memory goes. Where all messages of
//!   the subscription lie here it leaves as one that is given up does; otherwise its place stays, empty, so that its announcement
//!   does not fetch a later message ahead of those that went through the mailbox.
//! - The drain meets the announcement while the handlers have as many messages as they may: the announcement is **deferred**
//!   ([`Backlog::defer`]) and traded when one of them has settled ([`Backlog::take_deferred`]).
//!
//! All of this happens under one lock for each subscription, which the drain holds for one message and a publisher for
//! an announcement: nothing else needs ordering. The invariant, at every release of the lock and for each priority:
//! *places here <= announcements in the mailbox + deferred ones*, so no message stays behind.

use std::collections::VecDeque;

use super::account::{Account, Outcome};
use super::mailbox::{PRIORITIES, Turn};
use crate::sync::Mutex;

/// Bytes that an entry takes beside its message: its place here, its announcement, and the heads of allocations.
const ENTRY_BYTES: u64 = 128;

/// The time of a message that never expires.
pub const NEVER: u64 = u64::MAX;

/// What waits in a backlog.
pub trait Message {
    /// Bytes that it keeps.
    fn kept_bytes(&self) -> u64;

    /// When it expires, in nanoseconds of the steady clock; [`NEVER`] for most.
    fn expires_at(&self) -> u64;
}

/// A place in the line; empty once its message expired.
struct Entry<T> {
    /// In the order of all priorities.
    arrival: u64,
    message: Option<T>,
}

struct State<T> {
    queues: [VecDeque<Entry<T>>; PRIORITIES],
    /// Announcements in the mailbox.
    announced: [usize; PRIORITIES],
    /// Announcements that the drain met, and that wait for a handler to settle.
    deferred: [usize; PRIORITIES],
    /// Whose turn it is among the deferred.
    turn: Turn,
    arrivals: u64,
    /// Messages, empty places not counted.
    live: u64,
    bytes: u64,
    /// The timer calls at this time or before; [`NEVER`] when no message expires.
    timer_at: u64,
    /// The subscription has ended: nothing comes again.
    is_cleared: bool,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            queues: std::array::from_fn(|_| VecDeque::new()),
            announced: [0; PRIORITIES],
            deferred: [0; PRIORITIES],
            turn: Turn::default(),
            arrivals: 0,
            live: 0,
            bytes: 0,
            timer_at: NEVER,
            is_cleared: false,
        }
    }
}

impl<T: Message> State<T> {
    fn put(&mut self, priority: usize, message: T) {
        self.bytes += weight(&message);
        self.live += 1;
        self.arrivals += 1;
        self.queues[priority].push_back(Entry {
            arrival: self.arrivals,
            message: Some(message),
        });
    }

    /// Counts the message of a place out that has left the line, if it has one.
    fn count_out(&mut self, place: Entry<T>, account: &Account) -> Option<T> {
        let message = place.message?;
        self.let_go(&message, account);
        Some(message)
    }

    fn let_go(&mut self, message: &T, account: &Account) {
        self.bytes -= weight(message);
        self.live -= 1;
        account.remove_bytes(weight(message));
    }

    /// Takes the oldest message of all priorities out, and empty places before it.
    fn take_oldest(&mut self, account: &Account) -> Option<T> {
        loop {
            let with_oldest = self
                .queues
                .iter_mut()
                .filter(|queue| !queue.is_empty())
                .min_by_key(|queue| queue.front().map(|entry| entry.arrival))?;
            let place = with_oldest.pop_front()?;
            if let Some(message) = self.count_out(place, account) {
                return Some(message);
            }
        }
    }

    /// Takes the message out that an announcement of this priority stands for.
    fn take(
        &mut self,
        priority: usize,
        now: u64,
        account: &Account,
        fits: impl FnOnce(&T) -> bool,
    ) -> Next<T> {
        let front = self.queues[priority].front();
        let message = front.and_then(|entry| entry.message.as_ref());
        let is_over = message.is_some_and(|message| message.expires_at() <= now);
        if !is_over && message.is_some_and(|message| !fits(message)) {
            return Next::TooLong;
        }
        let place = self.queues[priority].pop_front();
        match place.and_then(|place| self.count_out(place, account)) {
            Some(message) if is_over => Next::Expired(message),
            Some(message) => Next::Taken(message),
            None => Next::Nothing,
        }
    }
}

fn weight<T: Message>(message: &T) -> u64 {
    message.kept_bytes() + ENTRY_BYTES
}

/// What an announcement was traded for.
pub enum Next<T> {
    /// The oldest message.
    Taken(T),
    /// It did not fit, and waits on; so does the announcement.
    TooLong,
    /// A message whose time was over.
    Expired(T),
    /// Nothing: what it had announced was given up before.
    Nothing,
}

/// Whether a message is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coming {
    /// It is new, and is counted in the account.
    New,
    /// The same, past all limits: it comes from another subscription, which had admitted it.
    Forced,
    /// It was counted in before: it comes for another attempt.
    Again,
}

/// What became of a message that was to be kept, and of others that went for it.
pub struct Put<T> {
    /// The timer must call [`Backlog::expire`] then, and will not anyway.
    pub timer_at: Option<u64>,
    /// Messages that are not kept, or not any more, and why. Dropped by the caller, without a lock.
    pub ended: Vec<(T, Outcome)>,
}

/// See the module's documentation. It takes memory with the first message.
pub struct Backlog<T> {
    state: Mutex<Option<Box<State<T>>>>,
    /// All messages of the subscription lie here.
    holds_all: bool,
    /// How messages end is counted by who is given them, for they may go on elsewhere.
    leaves_ends: bool,
}

impl<T: Message> Backlog<T> {
    /// An empty backlog: of a subscription all of whose messages lie in it, or of one with some that expire.
    pub fn new(holds_all: bool) -> Self {
        Self {
            state: Mutex::new(None),
            holds_all,
            leaves_ends: false,
        }
    }

    /// The same, where every message that leaves other than to a handler is still counted in: whoever is given it counts it out.
    pub fn leaving_ends(mut self) -> Self {
        self.leaves_ends = true;
        self
    }

    fn end(&self, account: &Account, outcome: Outcome) {
        if !self.leaves_ends {
            account.end(outcome, 1);
        }
    }

    /// Takes a message that was asked for, and has `announce` put an announcement into the mailbox where one is needed.
    /// It is counted in `account`, if it is new.
    pub fn keep(
        &self,
        priority: usize,
        message: T,
        coming: Coming,
        account: &Account,
        announce: impl FnOnce() -> Result<(), Outcome>,
    ) -> Put<T> {
        self.put(priority, message, coming, account, announce, |_, _| {
            Vec::new()
        })
    }

    /// As [`Backlog::keep`], giving up the oldest messages while there is no room for it: so many may wait, and so many bytes.
    /// What handlers have in hand takes no place, or a burst that ends while they work would lose its end.
    pub fn keep_newest(
        &self,
        priority: usize,
        message: T,
        coming: Coming,
        account: &Account,
        (most, most_bytes): (u64, u64),
        announce: impl FnOnce() -> Result<(), Outcome>,
    ) -> Put<T> {
        self.put(
            priority,
            message,
            coming,
            account,
            announce,
            |state, bytes| {
                let mut given_up = Vec::new();
                while state.live >= most || state.bytes + bytes > most_bytes {
                    let Some(oldest) = state.take_oldest(account) else {
                        break;
                    };
                    self.end(account, Outcome::Oldest);
                    given_up.push((oldest, Outcome::Oldest));
                }
                given_up
            },
        )
    }

    fn put(
        &self,
        priority: usize,
        message: T,
        coming: Coming,
        account: &Account,
        announce: impl FnOnce() -> Result<(), Outcome>,
        make_room: impl FnOnce(&mut State<T>, u64) -> Vec<(T, Outcome)>,
    ) -> Put<T> {
        let mut guard = self.state.lock();
        let state = &mut **guard.get_or_insert_default();
        let mut put = Put {
            timer_at: None,
            ended: make_room(state, weight(&message)),
        };
        // Of a subscription that ends, either this sees that it has, or `clear`, which comes later, finds the message.
        let is_in = match coming {
            Coming::New | Coming::Forced => account.count_in(),
            Coming::Again => !state.is_cleared,
        };
        if !is_in {
            self.end(account, Outcome::Unsubscribed);
            put.ended.push((message, Outcome::Unsubscribed));
            return put;
        }
        account.add_bytes(weight(&message));
        let expires_at = message.expires_at();
        state.put(priority, message);
        if state.announced[priority] + state.deferred[priority] < state.queues[priority].len() {
            match announce() {
                Ok(()) => state.announced[priority] += 1,
                Err(outcome) => {
                    let newest = state.queues[priority].pop_back();
                    let message = newest.and_then(|place| state.count_out(place, account));
                    put.ended.extend(message.map(|message| (message, outcome)));
                    self.end(account, outcome);
                    return put;
                }
            }
        }
        if expires_at < state.timer_at {
            state.timer_at = expires_at;
            put.timer_at = Some(expires_at);
        }
        put
    }

    /// Trades an announcement for the oldest message of its priority, if that `fits`.
    pub fn take(
        &self,
        priority: usize,
        now: u64,
        account: &Account,
        fits: impl FnOnce(&T) -> bool,
    ) -> Next<T> {
        let mut guard = self.state.lock();
        let Some(state) = guard.as_deref_mut() else {
            return Next::Nothing;
        };
        let next = state.take(priority, now, account, fits);
        if !matches!(next, Next::TooLong) {
            state.announced[priority] = state.announced[priority].saturating_sub(1);
        }
        self.note_expired(&next, account);
        next
    }

    /// Keeps an announcement that was met until a handler has settled. True when it stands for a message.
    pub fn defer(&self, priority: usize) -> bool {
        let mut guard = self.state.lock();
        let Some(state) = guard.as_deref_mut() else {
            return false;
        };
        state.announced[priority] = state.announced[priority].saturating_sub(1);
        let others = state.announced[priority] + state.deferred[priority];
        if state.queues[priority].len() <= others {
            return false;
        }
        state.deferred[priority] += 1;
        true
    }

    /// Trades a deferred announcement for its message, if that `fits`: of the priority whose turn it is. None when there is no
    /// deferred announcement left.
    pub fn take_deferred(
        &self,
        now: u64,
        account: &Account,
        fits: impl FnOnce(&T) -> bool,
    ) -> Option<Next<T>> {
        let mut guard = self.state.lock();
        let state = guard.as_deref_mut()?;
        let deferred = state.deferred;
        let priority = state.turn.next(|priority| deferred[priority] != 0)?;
        let next = state.take(priority, now, account, fits);
        if !matches!(next, Next::TooLong) {
            state.deferred[priority] -= 1;
        }
        self.note_expired(&next, account);
        Some(next)
    }

    fn note_expired(&self, next: &Next<T>, account: &Account) {
        if matches!(next, Next::Expired(_)) {
            self.end(account, Outcome::Expired);
        }
    }

    /// Takes out what has expired. With it the time at which the next message does, if any will.
    pub fn expire(&self, now: u64, account: &Account) -> (Vec<T>, Option<u64>) {
        let mut gone = Vec::new();
        let mut guard = self.state.lock();
        let Some(state) = guard.as_deref_mut() else {
            return (gone, None);
        };
        if state.timer_at > now {
            // Whoever made it later has asked the timer for that time.
            return (gone, None);
        }
        let mut next = NEVER;
        for priority in 0..PRIORITIES {
            let mut queue = std::mem::take(&mut state.queues[priority]);
            for entry in &mut queue {
                let expires_at = entry.message.as_ref().map_or(NEVER, Message::expires_at);
                if expires_at <= now {
                    let message = entry.message.take().expect("it expires");
                    state.let_go(&message, account);
                    self.end(account, Outcome::Expired);
                    gone.push(message);
                } else {
                    next = next.min(expires_at);
                }
            }
            if self.holds_all {
                queue.retain(|entry| entry.message.is_some());
            }
            state.queues[priority] = queue;
        }
        state.timer_at = next;
        (gone, (next != NEVER).then_some(next))
    }

    /// The subscription has ended, and its account was closed before, so nothing comes after it: takes out what still waits,
    /// oldest first. Its announcements find nothing.
    pub fn clear(&self, account: &Account, outcome: Outcome) -> Vec<T> {
        if self.leaves_ends {
            self.state.lock().get_or_insert_default().is_cleared = true;
        }
        let given_up = self.take_all(account);
        given_up.iter().for_each(|_| self.end(account, outcome));
        given_up
    }

    /// Takes out what waits, oldest first, for others to have. It is still counted in.
    pub fn take_all(&self, account: &Account) -> Vec<T> {
        let mut taken = Vec::new();
        let mut guard = self.state.lock();
        if let Some(state) = guard.as_deref_mut() {
            while let Some(message) = state.take_oldest(account) {
                taken.push(message);
            }
            state.deferred = [0; PRIORITIES];
        }
        taken
    }

    /// Messages that wait.
    pub fn len(&self) -> u64 {
        self.state.lock().as_deref().map_or(0, |state| state.live)
    }

    /// Bytes that it keeps.
    pub fn bytes(&self) -> u64 {
        self.state.lock().as_deref().map_or(0, |state| state.bytes)
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
