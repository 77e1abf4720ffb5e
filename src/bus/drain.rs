//! From the mailbox to the inbox: take a batch, note who it is for, or spin a little, or park.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::block::Block;
use super::endpoint::Endpoint;
use super::layout::*;
use super::mailbox::Mailbox;
use super::tally::count_up;
use crate::memory::Memory;
use crate::pool::SegmentPool;
use crate::sync::{AtomicUsize, Ordering, spin_hint, yield_now};
use crate::wait::timer::Timer;

/// How long a drain that finds nothing looks again before it parks, while traffic is hot.
const SPIN: Duration = Duration::from_micros(50);
/// Traffic is hot when a message came this soon after the thread had parked.
const HOT_GAP: Duration = Duration::from_micros(200);
/// A yield that takes longer than this let another thread run: the core is wanted.
const CONTENDED_YIELD: Duration = Duration::from_micros(5);
/// Looks between two yields.
const LOOKS_PER_YIELD: u32 = 256;

/// Threads of the process that spin now.
static SPINNING: AtomicUsize = AtomicUsize::new(0);

/// What decides whether a spin is worth its time.
#[derive(Debug)]
pub(super) struct SpinState {
    hot: bool,
    parked_at: Option<Instant>,
    cores: usize,
}

impl Default for SpinState {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            hot: true,
            parked_at: None,
            cores,
        }
    }
}

impl Endpoint {
    /// Fills the inbox with the next batch: at most the records that the control block asks for. Finding
    /// nothing, it spins for a bounded time where that pays, then parks. What JavaScript reported of
    /// earlier batches is folded into the ledgers; blocks of the earlier batch that nobody took are freed.
    pub fn drain(&mut self) {
        self.receiver.leave_handler();
        Timer::global().stand_in();
        self.fold_outcomes();
        self.blocks.clear();
        let control = &self.memory.control;
        // Relaxed: the words of this block are written on this same thread.
        let most = control
            .load(DRAIN_RECORDS, Ordering::Relaxed)
            .clamp(1, MAX_DRAIN_RECORDS as u32);
        let may_spin = control.load(MAY_SPIN, Ordering::Relaxed) != 0;
        self.receiver.mailbox.unpark();
        if let Some(parked_at) = self.spin.parked_at.take() {
            self.spin.hot = parked_at.elapsed() < HOT_GAP;
        }
        let mut records = self.fill_inbox(most);
        if records == 0 && may_spin && self.spin() {
            records = self.fill_inbox(most);
        }
        let mut parked = false;
        if records == 0 {
            // SAFETY: this is the receiver's thread.
            parked = unsafe { self.receiver.mailbox.park() };
            if parked {
                self.spin.parked_at = Some(Instant::now());
            } else {
                records = self.fill_inbox(most);
            }
        }
        self.receiver.offer_space();
        count_up(&self.receiver.traffic.drained, u64::from(records));
        let control = &self.memory.control;
        control.store(INBOX_RECORDS, records, Ordering::Relaxed);
        control.store(PARKED, u32::from(parked), Ordering::Relaxed);
    }

    /// Fills the part behind the inbox with waiting CRITICAL records, between two handlers of a batch.
    /// Writes their number to the control block.
    pub fn drain_critical(&mut self) {
        let space = (INBOX_BYTES, CRITICAL_INBOX_BYTES);
        let (mailbox, mut batch) = self.batch(space, MAX_DRAIN_RECORDS as u32);
        batch.shares.begin();
        // SAFETY: this is the receiver's thread.
        unsafe { mailbox.drain_critical(|record| batch.take(record)) };
        let taken = batch.taken;
        count_up(&self.receiver.traffic.drained, u64::from(taken));
        self.memory
            .control
            .store(INBOX_RECORDS, taken, Ordering::Relaxed);
    }

    /// Takes a block of the batch in the inbox, by the handle in its record. None when it was taken before.
    pub fn take_block(&mut self, handle: u64) -> Option<Arc<Block>> {
        self.blocks.take(handle)
    }

    fn fill_inbox(&mut self, most: u32) -> u32 {
        let mut turn = std::mem::take(&mut self.turn);
        let (mailbox, mut batch) = self.batch((0, INBOX_BYTES), most);
        batch.shares.begin();
        // They came before what is in the mailbox; but those of channels leave half to what is there.
        batch.take_deferred(most / 2);
        // SAFETY: this is the receiver's thread.
        unsafe { mailbox.drain(&mut turn, |record| batch.take(record)) };
        batch.take_all_deferred();
        // Not as many as the mailbox gave: an announcement of a message that was given up since brings none.
        let taken = batch.taken;
        self.turn = turn;
        taken
    }

    /// The mailbox, and a part of the inbox to be filled from it: start and bytes.
    fn batch(
        &mut self,
        (start, bytes): (usize, usize),
        records: u32,
    ) -> (&Mailbox<&'static SegmentPool>, Batch<'_>) {
        let batch = Batch {
            inbox: &self.memory.inbox,
            next: start,
            end: start + bytes,
            left: records,
            taken: 0,
            slots: &mut self.slots,
            blocks: &mut self.blocks,
            owed: &mut self.owed,
            generation: &mut self.generation,
            shares: &mut self.shares,
            receiver: &self.receiver,
        };
        (&self.receiver.mailbox, batch)
    }

    /// Looks for a record for a bounded time. True when one came.
    ///
    /// A spin pays where messages come closer together than a sleep and a wake take, and where the core
    /// would idle otherwise: not for more threads than there are other cores, and no longer than until a
    /// yield shows that somebody else wants this core.
    fn spin(&mut self) -> bool {
        if !self.spin.hot {
            return false;
        }
        if SPINNING.fetch_add(1, Ordering::Relaxed) + 1 >= self.spin.cores {
            SPINNING.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let found = spin_for_record(&self.receiver.mailbox);
        SPINNING.fetch_sub(1, Ordering::Relaxed);
        self.spin.hot = found;
        found
    }
}

fn spin_for_record(mailbox: &Mailbox<&'static SegmentPool>) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..LOOKS_PER_YIELD {
            // SAFETY: only called on the receiver's thread.
            if unsafe { mailbox.has_waiting() } {
                return true;
            }
            spin_hint();
        }
        let before = Instant::now();
        if before - start > SPIN {
            return false;
        }
        yield_now();
        if before.elapsed() > CONTENDED_YIELD {
            // SAFETY: as above.
            return unsafe { mailbox.has_waiting() };
        }
    }
}
