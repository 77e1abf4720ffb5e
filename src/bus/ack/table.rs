//! The acknowledgement table of one subscription: which messages its thread has and has not acknowledged, and which rest until
//! they are tried again.
//!
//! The subscriber's thread hands itself a message (`hand`), begins it when the handler is called (`begin`) and settles it when
//! the handler is done (`settle`). Meanwhile the timer's thread may take a begun message away because its time is over
//! (`due`), and the end of the subscription takes what is left (`clear`). Each of these takes the message out, under one lock,
//! by a handle with a generation: so exactly one of them has it, and who comes late is told so. `tests/loom_acks.rs` tries all
//! orders.
//!
//! A message's time begins with its handler, not when its thread was handed it: what waits behind a slow handler in
//! the same batch has not failed.

use std::collections::BinaryHeap;

use crate::sync::{AtomicU32, Mutex, Ordering};

/// The time of a timer that need not call.
const NEVER: u64 = u64::MAX;

/// No place, as the neighbour of a place in the list of begun messages.
const NONE: u32 = u32::MAX;

/// A place in the table. A handle is its generation, in the upper half, and its index.
struct Place<T> {
    generation: u32,
    message: Option<T>,
    /// Counts what was handed to the thread.
    order: u64,
    /// When its handler was called, if it was; then the place is in the list of those.
    begun_at: Option<u64>,
    previous: u32,
    next: u32,
}

/// A message between two attempts.
struct Resting<T> {
    until: u64,
    /// Of those with the same time the first that came.
    arrival: u64,
    message: T,
}

impl<T> PartialEq for Resting<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.until, self.arrival) == (other.until, other.arrival)
    }
}

impl<T> Eq for Resting<T> {}

impl<T> PartialOrd for Resting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Resting<T> {
    /// The greatest is the one that is due first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.until, other.arrival).cmp(&(self.until, self.arrival))
    }
}

struct State<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
    /// The begun messages, oldest first: the first and the last place of the list.
    oldest: u32,
    newest: u32,
    resting: BinaryHeap<Resting<T>>,
    arrivals: u64,
    /// The timer calls at this time or before.
    timer_at: u64,
    /// It calls at this time as well, which is later.
    then_at: u64,
    /// The subscription has ended: nothing rests any more.
    closed: bool,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            resting: BinaryHeap::new(),
            arrivals: 0,
            timer_at: NEVER,
            then_at: NEVER,
            closed: false,
        }
    }
}

impl<T> State<T> {
    /// The index of a handle whose message is still there.
    fn find(&self, handle: u64) -> Option<u32> {
        let index = handle as u32;
        let place = self.places.get(index as usize)?;
        let is_it = u64::from(place.generation) == handle >> 32 && place.message.is_some();
        is_it.then_some(index)
    }

    fn put(&mut self, message: T, generation: u32) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place {
                generation,
                message: None,
                order: 0,
                begun_at: None,
                previous: NONE,
                next: NONE,
            });
            self.places.len() as u32 - 1
        });
        self.arrivals += 1;
        let place = &mut self.places[index as usize];
        place.generation = generation;
        place.order = self.arrivals;
        place.message = Some(message);
        u64::from(generation) << 32 | u64::from(index)
    }

    fn begin(&mut self, index: u32, now: u64) {
        let previous = std::mem::replace(&mut self.newest, index);
        let place = &mut self.places[index as usize];
        place.begun_at = Some(now);
        place.previous = previous;
        match previous {
            NONE => self.oldest = index,
            _ => self.places[previous as usize].next = index,
        }
    }

    /// Empties a place: its message, and when it had begun.
    fn take(&mut self, index: u32) -> Option<(T, Option<u64>)> {
        let place = &mut self.places[index as usize];
        let message = place.message.take()?;
        let begun_at = place.begun_at.take();
        let previous = std::mem::replace(&mut place.previous, NONE);
        let next = std::mem::replace(&mut place.next, NONE);
        if begun_at.is_some() {
            match previous {
                NONE => self.oldest = next,
                _ => self.places[previous as usize].next = next,
            }
            match next {
                NONE => self.newest = previous,
                _ => self.places[next as usize].previous = previous,
            }
        }
        self.free.push(index);
        Some((message, begun_at))
    }

    /// When the oldest begun message began.
    fn oldest_begun_at(&self) -> Option<u64> {
        self.places.get(self.oldest as usize)?.begun_at
    }

    /// Asks for a call of the timer at `at`: the time, when it will not call by then anyway.
    fn ask_for(&mut self, at: u64) -> Option<u64> {
        if at >= self.timer_at {
            return None;
        }
        self.then_at = self.then_at.min(self.timer_at);
        self.timer_at = at;
        Some(at)
    }
}

/// What became of a message whose handler is about to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It is not there any more: it is another's by now, and the handler must not be called.
    Gone,
    /// Its time has begun. The timer is to call [`AckTable::due`] at this time, if there is one.
    Begun(Option<u64>),
}

/// What is due at a time.
pub struct Due<T> {
    /// Messages that were not acknowledged in time, oldest first, and when each had begun.
    pub timed_out: Vec<(T, u64)>,
    /// Messages whose rest is over.
    pub rested: Vec<T>,
    /// When the timer is to call again.
    pub next: Option<u64>,
}

/// What the end of a subscription leaves.
pub struct Left<T> {
    /// Messages whose handlers were called, and had not settled.
    pub begun: Vec<T>,
    /// Messages that no handler has seen in this attempt.
    pub waiting: Vec<T>,
}

/// See the module's documentation. It takes memory with the first message.
pub struct AckTable<T> {
    state: Mutex<State<T>>,
    /// How long a handler may take, nanoseconds.
    timeout: u64,
    /// Places that are taken.
    handed: AtomicU32,
}

impl<T> AckTable<T> {
    /// An empty table, of a subscription whose handlers have so many nanoseconds.
    pub fn new(timeout: u64) -> Self {
        Self {
            state: Mutex::new(State::default()),
            timeout,
            handed: AtomicU32::new(0),
        }
    }

    /// Messages that the thread has. As the thread itself sees it, it may be too many: the timer takes some away.
    #[inline]
    pub fn handed(&self) -> u32 {
        // Relaxed: only the subscriber's thread adds to it, and who sees too many is told when there is one less.
        self.handed.load(Ordering::Relaxed)
    }

    /// Files a message that the thread is handed: its handle. `generation` is one that the thread has given no other message of
    /// late, in this table or in another.
    pub fn hand(&self, message: T, generation: u32) -> u64 {
        let mut state = self.state.lock();
        self.handed.fetch_add(1, Ordering::Relaxed);
        state.put(message, generation)
    }

    /// A handler is about to be called with the message of this handle. Once for each handle.
    pub fn begin(&self, handle: u64, now: u64) -> Begin {
        let mut state = self.state.lock();
        let Some(index) = state.find(handle) else {
            return Begin::Gone;
        };
        if state.places[index as usize].begun_at.is_some() {
            return Begin::Gone;
        }
        state.begin(index, now);
        let deadline = now.saturating_add(self.timeout);
        Begin::Begun(state.ask_for(deadline))
    }

    /// Takes the message of a handle, which is settled: acknowledged or rejected. None when its time was over before, or the
    /// subscription's.
    pub fn settle(&self, handle: u64) -> Option<T> {
        let mut state = self.state.lock();
        let index = state.find(handle)?;
        let (message, _) = state.take(index)?;
        self.handed.fetch_sub(1, Ordering::Relaxed);
        Some(message)
    }

    /// Has a message wait until `until`, for its next attempt: the time at which the timer is to call, if it will not anyway.
    /// Err when the subscription has ended.
    pub fn rest(&self, message: T, until: u64) -> Result<Option<u64>, T> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(message);
        }
        state.arrivals += 1;
        let arrival = state.arrivals;
        state.resting.push(Resting {
            until,
            arrival,
            message,
        });
        Ok(state.ask_for(until))
    }

    /// Takes out what is due: called by the timer.
    pub fn due(&self, now: u64) -> Due<T> {
        let mut due = Due {
            timed_out: Vec::new(),
            rested: Vec::new(),
            next: None,
        };
        let mut state = self.state.lock();
        if state.timer_at > now {
            // Whoever made it later has asked for that time.
            return due;
        }
        while let Some(begun_at) = state.oldest_begun_at()
            && begun_at.saturating_add(self.timeout) <= now
        {
            let oldest = state.oldest;
            let (message, _) = state.take(oldest).expect("it is in the list");
            self.handed.fetch_sub(1, Ordering::Relaxed);
            due.timed_out.push((message, begun_at));
        }
        while state.resting.peek().is_some_and(|first| first.until <= now) {
            due.rested
                .extend(state.resting.pop().map(|resting| resting.message));
        }
        let deadline = state
            .oldest_begun_at()
            .map(|begun_at| begun_at.saturating_add(self.timeout));
        let rested = state.resting.peek().map(|first| first.until);
        let next = deadline.into_iter().chain(rested).min();
        let then_at = std::mem::replace(&mut state.then_at, NEVER);
        if then_at != NEVER && next.is_none_or(|next| then_at <= next) {
            // It was asked for before, and is still to come.
            state.timer_at = then_at;
        } else {
            state.timer_at = next.unwrap_or(NEVER);
            state.then_at = then_at;
            due.next = next;
        }
        due
    }

    /// Takes the messages that the thread was handed and has not begun: it is stuck in another's handler.
    pub fn take_waiting(&self) -> Vec<T> {
        let mut state = self.state.lock();
        self.take_all(&mut state, |place| place.begun_at.is_none())
    }

    /// The subscription has ended: takes what rests, and what the thread has; of that, unless `begun_too`, only what no
    /// handler was called with. Nothing rests from now on.
    pub fn clear(&self, begun_too: bool) -> Left<T> {
        let mut state = self.state.lock();
        state.closed = true;
        let begun = if begun_too {
            self.take_all(&mut state, |place| place.begun_at.is_some())
        } else {
            Vec::new()
        };
        let mut waiting = self.take_all(&mut state, |place| place.begun_at.is_none());
        let resting = std::mem::take(&mut state.resting).into_sorted_vec();
        // The greatest is the first.
        waiting.extend(resting.into_iter().rev().map(|resting| resting.message));
        Left { begun, waiting }
    }

    fn take_all(&self, state: &mut State<T>, which: impl Fn(&Place<T>) -> bool) -> Vec<T> {
        let places = state.places.iter().enumerate();
        let mut found: Vec<_> = places
            .filter(|(_, place)| place.message.is_some() && which(place))
            .map(|(index, place)| (place.order, index as u32))
            .collect();
        found.sort_unstable();
        self.handed.fetch_sub(found.len() as u32, Ordering::Relaxed);
        let taken = found.into_iter().filter_map(|(_, index)| state.take(index));
        taken.map(|(message, _)| message).collect()
    }

    /// Messages that rest.
    pub fn resting(&self) -> usize {
        self.state.lock().resting.len()
    }
}
