//! The ring's algorithm: Vyukov's bounded queue of many producers and many consumers.
//!
//! Two positions say which slot the next producer and the next consumer claim, and each slot has a *turn* that says
//! what it is ready for: `2 * lap` for a producer on that lap, `2 * lap + 1` for a consumer. Whoever finds the
//! slot at his position ready claims it by moving the position on (one compare-and-swap), uses the slot
//! alone, and hands it over by storing the next turn.
//!
//! ```text
//!            free for lap L         written on lap L        free for lap L + 1
//!  turn          2 L        ----->      2 L + 1      ----->      2 L + 2
//!                  producer: claim, write      consumer: claim, read
//! ```
//!
//! Turns count laps and not positions, so that zeroed memory is an empty ring.
//!
//! **Threads that end.** A claim that lives within one call is never cut short: Node ends a thread between calls.
//! A claim that is held across calls ([`Ring::claim`], [`Ring::take`]) is ended by whoever owns it: a claim that is
//! given up is committed as [`ABANDONED`], and consumers pass over it.
//!
//! **Memory that anybody may write.** Nothing here believes the ring's words: an index without a slot, or a turn
//! that a correct ring never shows, is [`RingError::Damaged`]; a length out of bounds is an item that is passed
//! over and counted. Every loop is bounded.

use super::layout::{ABANDONED, BYTES, Geometry, GeometryError, HEAD, LENGTH, TAIL, TURN};
use super::position::Positions;
use crate::memory::{Source, Target, WideMemory};
use crate::sync::{Arc, AtomicU64, Ordering, fence, spin_hint};

/// Rounds of one call in which others were faster each time, before it gives up. Only words that somebody keeps
/// writing over get there.
const MOST_ROUNDS: u32 = if cfg!(model) { 100 } else { 1_000_000 };

/// Why a ring did not do what it was asked for. But for items passed over that are none, nothing was changed; a batch
/// that has begun ends well, with what it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingError {
    /// No slot is free at the moment.
    Full,
    /// No item is there at the moment.
    Empty,
    /// The item is longer than the ring's items, or than the memory that it should be copied to.
    TooLong {
        /// Bytes of the item.
        bytes: usize,
    },
    /// The ring's words are not those of a ring: somebody has written over them.
    Damaged,
}

/// A slot that a producer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    position: u64,
    slot: usize,
}

impl Claim {
    /// Offset of the item's bytes.
    pub fn bytes_at(self) -> usize {
        self.slot + BYTES
    }
}

/// An item that a consumer holds in its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    position: u64,
    slot: usize,
    /// The item's length.
    pub len: usize,
}

impl Held {
    /// Offset of the item's bytes.
    pub fn bytes_at(self) -> usize {
        self.slot + BYTES
    }
}

/// What a look at a consumer's next slot found.
pub(super) enum Front {
    Item(Held),
    /// Nothing to deliver: given up, or of a length that cannot be. To be passed over.
    Refuse {
        held: Held,
        damaged: bool,
    },
}

/// A ring over some memory. See the module's documentation.
pub struct Ring<M> {
    memory: M,
    geometry: Geometry,
    pub(super) positions: Positions,
    /// Items with an impossible length that were passed over, also by calls that ended without an item.
    damaged: Arc<AtomicU64>,
}

impl<M: WideMemory> Ring<M> {
    /// The ring in this memory, whose geometry the caller knows. Fails when the size is another.
    pub fn new(memory: M, geometry: Geometry) -> Result<Self, GeometryError> {
        geometry.check_size(memory.len())?;
        Ok(Self {
            memory,
            geometry,
            positions: Positions::new(geometry.slots),
            damaged: Arc::new(AtomicU64::new(0)),
        })
    }

    /// Counts the damaged items that are passed over where others count theirs.
    pub fn counting_damaged(mut self, damaged: &Arc<AtomicU64>) -> Self {
        self.damaged = Arc::clone(damaged);
        self
    }

    /// Items with an impossible length that were passed over.
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Slots and sizes.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The memory below.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Appends an item: its bytes are copied.
    #[inline]
    pub fn enqueue(&self, item: Source<'_>) -> Result<(), RingError> {
        self.check_length(item.len())?;
        let claim = self.claim()?;
        self.fill(claim, item);
        self.hand_over(claim);
        Ok(())
    }

    /// Claims the next free slot for a producer. It must be ended by [`Ring::commit`] or [`Ring::abandon`]: until then
    /// consumers wait behind it.
    #[inline]
    pub fn claim(&self) -> Result<Claim, RingError> {
        let mut stale = None;
        for _ in 0..MOST_ROUNDS {
            // Relaxed: a wrong guess is found out by the turn or by the compare-and-swap.
            let position = self.memory.load_u64(TAIL, Ordering::Relaxed);
            let slot = self.slot_at(position)?;
            // SYNC POINT free: Acquire pairs with the Release in `free`: the consumer is done with the slot.
            let turn = self.memory.load_u64(slot + TURN, Ordering::Acquire);
            let ahead = turn.wrapping_sub(self.positions.free_turn(position)) as i64;
            if ahead == 0 {
                if self.advance(TAIL, position, 1) {
                    return Ok(Claim { position, slot });
                }
                spin_hint();
            } else if ahead < 0 {
                // The item of the lap before is still there, or being read.
                return Err(RingError::Full);
            } else {
                // Another producer had the slot already, so it moved the tail before; and we see that, because
                // we have seen the turn that it stored afterwards.
                Self::note_stale(&mut stale, position)?;
            }
        }
        Err(RingError::Damaged)
    }

    /// Hands a claimed slot to consumers, whose item's first `len` bytes were written in place.
    pub fn commit(&self, claim: Claim, len: usize) -> Result<(), RingError> {
        self.check_length(len)?;
        self.set_length(claim, len as u32);
        self.hand_over(claim);
        Ok(())
    }

    /// Gives a claimed slot up. Consumers pass over it.
    pub fn abandon(&self, claim: Claim) {
        self.set_length(claim, ABANDONED);
        self.hand_over(claim);
    }

    /// Writes an item of a length that was checked into a claimed slot.
    #[inline]
    pub(super) fn fill(&self, claim: Claim, item: Source<'_>) {
        // SYNC POINT overwrite: pairs with the Acquire fence in `peek`: who sees one of the bytes below also sees
        // the turn that this producer saw.
        fence(Ordering::Release);
        self.memory.copy_in(claim.bytes_at(), item);
        self.set_length(claim, item.len() as u32);
    }

    fn set_length(&self, claim: Claim, len: u32) {
        self.memory
            .store(claim.slot + LENGTH, len, Ordering::Relaxed);
    }

    /// Hands a slot that was filled to consumers.
    #[inline]
    pub(super) fn hand_over(&self, claim: Claim) {
        let turn = self.positions.item_turn(claim.position);
        // SYNC POINT item: Release pairs with the Acquire in `look`; the item's bytes come before it.
        self.memory
            .store_u64(claim.slot + TURN, turn, Ordering::Release);
    }

    /// Takes the next item: a copy of its bytes, at the start of `target`. Its length. An item that is longer than the
    /// target stays.
    #[inline]
    pub fn dequeue(&self, mut target: Target<'_>) -> Result<usize, RingError> {
        let held = self.claim_front(target.len())?;
        self.memory
            .copy_out(held.bytes_at(), target.range(0, held.len));
        self.free(held);
        Ok(held.len)
    }

    /// Takes the next item and leaves its bytes where they are. It must be ended by [`Ring::free`]: until then
    /// producers that come around to its slot find the ring full.
    pub fn take(&self) -> Result<Held, RingError> {
        self.claim_front(usize::MAX)
    }

    /// Hands a slot back to producers.
    #[inline]
    pub fn free(&self, held: Held) {
        let turn = self.positions.item_turn(held.position).wrapping_add(1);
        // SYNC POINT free: Release pairs with the Acquire in `claim`; the reading comes before it.
        self.memory
            .store_u64(held.slot + TURN, turn, Ordering::Release);
    }

    /// Copies the next item without taking it. Another consumer may take it meanwhile; the copy is whole either
    /// way.
    pub fn peek(&self, mut target: Target<'_>) -> Result<usize, RingError> {
        for _ in 0..self.most_rounds_of_consumers() {
            let held = match self.front()? {
                Front::Item(held) => held,
                // Not to be seen by anybody, so it is taken out of the way.
                Front::Refuse { held, damaged } => {
                    if self.advance(HEAD, held.position, 1) {
                        self.pass_over(held, damaged);
                    }
                    continue;
                }
            };
            if held.len > target.len() {
                return Err(RingError::TooLong { bytes: held.len });
            }
            self.memory
                .copy_out_racing(held.bytes_at(), target.range(0, held.len));
            // SYNC POINT overwrite: pairs with the Release fence in `fill`.
            fence(Ordering::Acquire);
            let turn = self.memory.load_u64(held.slot + TURN, Ordering::Relaxed);
            if turn == self.positions.item_turn(held.position) {
                return Ok(held.len);
            }
            spin_hint();
        }
        Err(RingError::Damaged)
    }

    /// Items that are there, claimed slots included: a moment's figure while others use the ring.
    pub fn len(&self) -> usize {
        let head = self.memory.load_u64(HEAD, Ordering::Acquire);
        let tail = self.memory.load_u64(TAIL, Ordering::Acquire);
        let distance = self
            .positions
            .total(tail)
            .wrapping_sub(self.positions.total(head));
        // The tail was read later, so it may be further than a lap ahead; and in damaged memory anywhere.
        (distance as i64).clamp(0, i64::from(self.geometry.slots)) as usize
    }

    /// True when nothing is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when a consumer would find something at the front, if only a slot that was given up.
    pub fn has_item(&self) -> bool {
        !matches!(self.front(), Err(RingError::Empty))
    }

    /// Items that producers have claimed slots for, and that consumers have taken, since the ring was made.
    pub fn totals(&self) -> (u64, u64) {
        let total = |at| {
            self.positions
                .total(self.memory.load_u64(at, Ordering::Relaxed))
        };
        (total(TAIL), total(HEAD))
    }

    /// Takes out what is there at the moment of the call: how many slots, those included that were given up. Stops
    /// at one that a producer holds.
    pub fn clear(&self) -> Result<usize, RingError> {
        let mut dropped = 0;
        // What comes in meanwhile does not count, so the end is the number that is there now.
        for _ in 0..self.len() {
            match self.front() {
                Ok(Front::Item(held)) => {
                    if self.advance(HEAD, held.position, 1) {
                        self.free(held);
                        dropped += 1;
                    }
                }
                Ok(Front::Refuse { held, damaged }) => {
                    if self.advance(HEAD, held.position, 1) {
                        self.pass_over(held, damaged);
                        dropped += 1;
                    }
                }
                Err(RingError::Empty) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(dropped)
    }

    /// Claims the next item of at most `room` bytes for a consumer, past those that are none.
    #[inline]
    fn claim_front(&self, room: usize) -> Result<Held, RingError> {
        for _ in 0..self.most_rounds_of_consumers() {
            match self.front()? {
                Front::Item(held) => {
                    if held.len > room {
                        return Err(RingError::TooLong { bytes: held.len });
                    }
                    if self.advance(HEAD, held.position, 1) {
                        return Ok(held);
                    }
                }
                Front::Refuse { held, damaged } => {
                    if self.advance(HEAD, held.position, 1) {
                        self.pass_over(held, damaged);
                    }
                    continue;
                }
            }
            spin_hint();
        }
        Err(RingError::Damaged)
    }

    /// As [`MOST_ROUNDS`], and one for each slot: all of them may have been given up.
    fn most_rounds_of_consumers(&self) -> u32 {
        MOST_ROUNDS + self.geometry.slots
    }

    /// Hands the slot of a claimed non-item back to producers.
    #[cold]
    pub(super) fn pass_over(&self, held: Held, damaged: bool) {
        self.free(held);
        if damaged {
            self.damaged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Looks at the next item without claiming it.
    #[inline]
    pub(super) fn front(&self) -> Result<Front, RingError> {
        let mut stale = None;
        for _ in 0..MOST_ROUNDS {
            // Relaxed: as in `claim`.
            let position = self.memory.load_u64(HEAD, Ordering::Relaxed);
            match self.look(position)? {
                Look::Ready(front) => return Ok(front),
                Look::NotYet => return Err(RingError::Empty),
                // Another consumer had the slot already, so it moved the head before; as in `claim`.
                Look::Past => Self::note_stale(&mut stale, position)?,
            }
        }
        Err(RingError::Damaged)
    }

    /// What a consumer at this position finds in its slot.
    #[inline]
    pub(super) fn look(&self, position: u64) -> Result<Look, RingError> {
        let slot = self.slot_at(position)?;
        // SYNC POINT item: Acquire pairs with the Release in `hand_over`.
        let turn = self.memory.load_u64(slot + TURN, Ordering::Acquire);
        let ahead = turn.wrapping_sub(self.positions.item_turn(position)) as i64;
        if ahead < 0 {
            return Ok(Look::NotYet);
        }
        if ahead > 0 {
            return Ok(Look::Past);
        }
        // Read once: what is checked is what is used.
        let len = self.memory.load(slot + LENGTH, Ordering::Relaxed);
        let mut held = Held {
            position,
            slot,
            len: len as usize,
        };
        Ok(Look::Ready(if len <= self.geometry.most_bytes {
            Front::Item(held)
        } else {
            held.len = 0;
            Front::Refuse {
                held,
                damaged: len != ABANDONED,
            }
        }))
    }

    /// True when a producer at this position finds its slot free.
    #[inline]
    pub(super) fn claim_at(&self, position: u64) -> Result<Option<Claim>, RingError> {
        let slot = self.slot_at(position)?;
        // SYNC POINT free: as in `claim`.
        let turn = self.memory.load_u64(slot + TURN, Ordering::Acquire);
        Ok((turn == self.positions.free_turn(position)).then_some(Claim { position, slot }))
    }

    /// Moves a position on by so many slots, if nobody was faster.
    #[inline]
    pub(super) fn advance(&self, at: usize, position: u64, count: u32) -> bool {
        let next = self.positions.advance(position, count);
        // Relaxed: the turns hand the slots over; the position only says whose they are.
        self.memory
            .compare_exchange_u64(at, position, next, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    #[inline]
    fn slot_at(&self, position: u64) -> Result<usize, RingError> {
        match self.positions.index(position) {
            Some(index) => Ok(self.geometry.slot(index)),
            None => Err(RingError::Damaged),
        }
    }

    #[inline]
    pub(super) fn check_length(&self, bytes: usize) -> Result<(), RingError> {
        if bytes <= self.geometry.most_bytes as usize {
            Ok(())
        } else {
            Err(RingError::TooLong { bytes })
        }
    }

    /// A position whose slot is past it must have moved on by the next look.
    #[inline]
    fn note_stale(stale: &mut Option<u64>, position: u64) -> Result<(), RingError> {
        if stale.replace(position) == Some(position) {
            return Err(RingError::Damaged);
        }
        Ok(())
    }
}

/// What a consumer finds in a slot.
pub(super) enum Look {
    Ready(Front),
    /// No item yet.
    NotYet,
    /// A later lap: the position is old.
    Past,
}
