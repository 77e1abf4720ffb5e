//! The dead letters of a bus: messages that nobody could handle, kept to be looked at and tried again.
//!
//! A letter holds the message itself (the same counted bytes that waited, no copy), why it is here and where it comes from. There
//! are as many as fit, by number and by bytes; for a newer one the oldest go, counted. All buses together keep no more than a quarter
//! of the memory for messages, or letters of one would have publishers of all others refused. What was added = what is here + replayed
//! + purged + discarded.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::kept::Kept;
use super::layout::{DEFAULT_DEAD_LETTER_BYTES, DEFAULT_DEAD_LETTERS, LETTERS};
use super::receiver::Receiver;
use crate::pool::MAX_BYTES;
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// Why a message is a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// Its last handler threw or rejected.
    HandlerError,
    /// Its last handler was not done in time.
    Timeout,
    /// Its time was over before a handler was done with it.
    Expired,
    /// A full subscription gave it up, or did not take it; or there was no memory for it.
    Overflow,
    /// Its subscriber's thread ended, and there was nobody else.
    SubscriberDied,
    /// Its bytes were no value.
    Undecodable,
    /// No subscription matched it, or wanted it, and its publisher had asked for one.
    NoSubscriber,
    /// Its subscription was ended, and there was nobody else.
    Unsubscribed,
}

impl Reason {
    const ALL: [Self; REASONS] = [
        Self::HandlerError,
        Self::Timeout,
        Self::Expired,
        Self::Overflow,
        Self::SubscriberDied,
        Self::Undecodable,
        Self::NoSubscriber,
        Self::Unsubscribed,
    ];

    /// The reason of this number, which TypeScript knows.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }
}

/// Number of reasons.
pub const REASONS: usize = 8;

/// Whom a message was for when it died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// The subscription's process-wide id.
    pub subscription: u64,
    /// What it matches.
    pub pattern: Box<str>,
    /// The group whose member it is, where one member gets each message.
    pub group: Option<Box<str>>,
}

/// A dead letter.
pub struct Letter {
    /// Unique in its bus, from 1, in the order in which they came.
    pub id: u64,
    /// Why it is here.
    pub reason: Reason,
    /// The message.
    pub kept: Arc<Kept>,
    /// The name of its topic.
    pub topic: Box<str>,
    /// Whom it was for; nobody when there was no subscriber.
    pub addressee: Option<Addressee>,
    /// Handlers that have failed with it.
    pub attempts: u8,
    /// Times that it was taken from the dead letters before.
    pub replays: u16,
    /// What the last handler's error said; empty without one.
    pub error: Box<str>,
    /// When it came here: nanoseconds since the Unix epoch.
    pub died_at: u64,
}

impl Letter {
    fn bytes(&self) -> u64 {
        (self.kept.size() + self.error.len() + self.topic.len() + size_of::<Self>()) as u64
    }
}

/// How many letters there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most letters.
    pub letters: u32,
    /// Most bytes of them. A longer letter is kept alone.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            letters: DEFAULT_DEAD_LETTERS as u32,
            bytes: DEFAULT_DEAD_LETTER_BYTES as u64,
        }
    }
}

/// The figures of the dead letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetterCounts {
    /// Letters that came, by reason.
    pub added: [u64; REASONS],
    /// Letters that are here.
    pub held: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Letters that were taken out to be tried again.
    pub replayed: u64,
    /// Letters that somebody deleted.
    pub purged: u64,
    /// Letters that went for newer ones.
    pub discarded: u64,
}

/// Bytes of the letters of all buses.
static BYTES_OF_ALL: AtomicU64 = AtomicU64::new(0);
/// Most of them; but each bus may keep one letter.
const MOST_BYTES_OF_ALL: u64 = MAX_BYTES as u64 / 4;

#[derive(Default)]
struct State {
    letters: BTreeMap<u64, Arc<Letter>>,
    last_id: u64,
    limits: Option<Limits>,
    counts: LetterCounts,
}

impl State {
    fn limits(&self) -> Limits {
        self.limits.unwrap_or_default()
    }

    fn remove(&mut self, id: u64) -> Option<Arc<Letter>> {
        let letter = self.letters.remove(&id)?;
        self.counts.held -= 1;
        self.counts.bytes -= letter.bytes();
        BYTES_OF_ALL.fetch_sub(letter.bytes(), Ordering::Relaxed);
        Some(letter)
    }

    fn insert(&mut self, letter: Arc<Letter>) {
        self.counts.held += 1;
        self.counts.bytes += letter.bytes();
        BYTES_OF_ALL.fetch_add(letter.bytes(), Ordering::Relaxed);
        self.letters.insert(letter.id, letter);
    }

    /// Takes the oldest out while there are too many: for a newer one, which stays whatever its size.
    fn make_room(&mut self) -> Vec<Arc<Letter>> {
        let limits = self.limits();
        let mut discarded = Vec::new();
        let is_too_much = |state: &Self| {
            state.letters.len() > limits.letters as usize
                || state.counts.bytes > limits.bytes
                || BYTES_OF_ALL.load(Ordering::Relaxed) > MOST_BYTES_OF_ALL
        };
        while self.letters.len() > 1 && is_too_much(self) {
            let Some((&oldest, _)) = self.letters.first_key_value() else {
                break;
            };
            self.counts.discarded += 1;
            discarded.extend(self.remove(oldest));
        }
        discarded
    }
}

impl Drop for State {
    fn drop(&mut self) {
        BYTES_OF_ALL.fetch_sub(self.counts.bytes, Ordering::Relaxed);
    }
}

/// A thread that listens for letters.
struct Listener {
    receiver: Arc<Receiver>,
    /// It was told since it last looked.
    told: AtomicBool,
}

/// See the module's documentation.
#[derive(Default)]
pub struct DeadLetters {
    state: Mutex<State>,
    listeners: RwLock<Vec<Listener>>,
}

impl DeadLetters {
    /// Adds a letter, whose id it gives; the oldest go where there are too many.
    pub fn add(&self, mut letter: Letter) {
        // Declared first, so dropped last: after the lock.
        let _discarded;
        let mut state = self.state.lock();
        state.last_id += 1;
        letter.id = state.last_id;
        state.counts.added[letter.reason as usize] += 1;
        state.insert(Arc::new(letter));
        _discarded = state.make_room();
        drop(state);
        for listener in &*self.listeners.read() {
            // SYNC POINT told: pairs with the swap in `after`: who clears it and then looks finds this letter.
            if !listener.told.swap(true, Ordering::AcqRel) {
                listener.receiver.call(LETTERS as u32);
            }
        }
    }

    /// Counts a message that could not become a letter, for there was no memory.
    pub fn lose(&self, reason: Reason) {
        let mut state = self.state.lock();
        state.counts.added[reason as usize] += 1;
        state.counts.discarded += 1;
    }

    /// Says how many there may be. Err when somebody said otherwise before: what he said.
    pub fn limit(&self, wanted: Limits) -> Result<(), Limits> {
        let _discarded;
        let mut state = self.state.lock();
        match state.limits {
            Some(said) if said != wanted => Err(said),
            _ => {
                state.limits = Some(wanted);
                _discarded = state.make_room();
                Ok(())
            }
        }
    }

    /// The letters behind that one, at most so many, oldest first. A listening `receiver` is told of what comes after this.
    pub fn after(&self, id: u64, most: usize, receiver: Option<u32>) -> Vec<Arc<Letter>> {
        let listeners = self.listeners.read();
        let of_receiver = |listener: &&Listener| Some(listener.receiver.id) == receiver;
        if let Some(listener) = listeners.iter().find(of_receiver) {
            // SYNC POINT told: see `add`.
            listener.told.swap(false, Ordering::AcqRel);
        }
        drop(listeners);
        let state = self.state.lock();
        let behind = state.letters.range(id.saturating_add(1)..);
        behind
            .take(most)
            .map(|(_, letter)| Arc::clone(letter))
            .collect()
    }

    /// The letter of that id, if it is here.
    pub fn get(&self, id: u64) -> Option<Arc<Letter>> {
        self.state.lock().letters.get(&id).cloned()
    }

    /// Deletes a letter. False when it is not here.
    pub fn purge(&self, id: u64) -> bool {
        let mut state = self.state.lock();
        let removed = state.remove(id);
        state.counts.purged += u64::from(removed.is_some());
        drop(state);
        removed.is_some()
    }

    /// Takes a letter out, to be tried again. None when it is not here, or was tried too often.
    pub fn take(&self, id: u64) -> Option<Arc<Letter>> {
        let mut state = self.state.lock();
        let taken = state.remove(id)?;
        state.counts.replayed += 1;
        Some(taken)
    }

    /// Puts a letter back that was taken and found nobody.
    pub fn put_back(&self, letter: Arc<Letter>) {
        let _discarded;
        let mut state = self.state.lock();
        state.counts.replayed -= 1;
        state.insert(letter);
        _discarded = state.make_room();
    }

    /// The figures now.
    pub fn counts(&self) -> LetterCounts {
        self.state.lock().counts
    }

    /// The id of the newest letter there ever was.
    pub fn last_id(&self) -> u64 {
        self.state.lock().last_id
    }

    /// Has the LETTERS attention raised, and the thread called, when letters come, until [`DeadLetters::unlisten`].
    pub fn listen(&self, receiver: &Arc<Receiver>) {
        let mut listeners = self.listeners.write();
        let is_other = |listener: &Listener| listener.receiver.id != receiver.id;
        if listeners.iter().all(is_other) {
            listeners.push(Listener {
                receiver: Arc::clone(receiver),
                told: AtomicBool::new(false),
            });
        }
    }

    /// Ends [`DeadLetters::listen`].
    pub fn unlisten(&self, receiver: &Receiver) {
        let mut listeners = self.listeners.write();
        listeners.retain(|listener| listener.receiver.id != receiver.id);
    }
}
