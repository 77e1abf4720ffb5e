//! A lock-free queue of records: many producers, one consumer, made of linked segments.
//!
//! Producers claim bytes by one compare-and-swap on a position that only grows, write their record and
//! commit it by storing its length. The consumer reads committed records in order of claim, and gives a
//! segment back once all of it was read. The claim is that of a log buffer (Aeron), the hand-over from
//! segment to segment that of a list of blocks (crossbeam's `SegQueue`), with one consumer instead of many.
//!
//! ```text
//!  head (consumer)                                                tail (producers)
//!   |                                                               |
//!   v                                                               v
//!  [ read | record | record | pad ] -> [ record | record | claimed | free ... ]
//!   segment k                          segment k + 1
//! ```
//!
//! **Positions** count bytes since the queue was made, and segment `k` holds the positions from
//! `k * segment_bytes`. They are multiples of 8, so the low bits of the tail carry two flags:
//! [`INSTALLING`] while one producer links the next segment, [`CLOSED`] once nothing more may be claimed.
//! A position never comes back (2^64 bytes), so a producer whose compare-and-swap succeeds knows that the
//! segment it read just before is still the tail's: nobody could have finished it in between. That is why
//! segments need no epochs: a segment is touched by producers only between claim and commit, and the
//! consumer cannot pass a claimed record that is not committed.
//!
//! A commit word of zero means "not committed", so segments are zeroed before they are used again.

use std::cell::UnsafeCell;
use std::ptr;

use crossbeam_utils::CachePadded;

use crate::memory::Memory;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, spin_hint, yield_now};

/// Flag in the tail: one producer is linking the next segment, the others wait for it.
const INSTALLING: u64 = 1;
/// Flag in the tail: the queue takes nothing more.
const CLOSED: u64 = 2;
const FLAGS: u64 = 7;

/// Commit word that says "the rest of this segment is unused".
const PAD: u32 = u32::MAX;

/// How often a waiting producer spins before it gives its time slice away.
const SPINS_BEFORE_YIELD: u32 = 64;

/// A link of the queue.
#[derive(Debug)]
pub struct Segment<M> {
    next: AtomicPtr<Segment<M>>,
    memory: M,
}

impl<M: Memory> Segment<M> {
    /// Wraps zeroed memory.
    pub fn new(memory: M) -> Box<Self> {
        Box::new(Self {
            next: AtomicPtr::new(ptr::null_mut()),
            memory,
        })
    }

    /// Its memory.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Makes a used segment fit for use again. The caller alone owns it.
    pub fn reset(&mut self) {
        // Relaxed: exclusive access; whoever hands the segment on publishes it.
        self.next.store(ptr::null_mut(), Ordering::Relaxed);
        self.memory.clear();
    }
}

/// Where segments come from and go back to.
pub trait SegmentSource {
    /// The memory of a segment.
    type Memory: Memory;

    /// Bytes of a segment, a multiple of 8, the same for all.
    fn segment_bytes(&self) -> u64;

    /// A zeroed segment, or None when the bound on memory is reached.
    fn take(&self) -> Option<Box<Segment<Self::Memory>>>;

    /// Gives back a segment that nobody else refers to.
    fn give(&self, segment: Box<Segment<Self::Memory>>);
}

/// Why a record was not taken. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushError {
    /// No memory for another segment: try again after the consumer gave some back.
    Full,
    /// The consumer is gone for good.
    Closed,
}

struct Tail<M> {
    /// Next position to claim, with flags in the low bits.
    position: AtomicU64,
    /// The segment that holds the position. Null before the first push.
    segment: AtomicPtr<Segment<M>>,
}

/// What only the consumer touches.
struct Head<M> {
    segment: *mut Segment<M>,
    /// Position of the first byte of `segment`.
    segment_start: u64,
    /// Next position to read.
    position: u64,
}

/// The queue. See the module's documentation.
pub struct SegmentQueue<S: SegmentSource> {
    tail: CachePadded<Tail<S::Memory>>,
    head: CachePadded<UnsafeCell<Head<S::Memory>>>,
    /// The head's position as of the last [`SegmentQueue::publish_head`], for producers to see.
    consumed: CachePadded<AtomicU64>,
    /// The first segment ever, where the consumer begins.
    first: AtomicPtr<Segment<S::Memory>>,
    source: S,
}

// SAFETY: segments are handed between threads by Release stores and Acquire loads; the head is touched by
// one thread at a time (contract of the consumer's methods, all unsafe).
unsafe impl<S: SegmentSource + Send> Send for SegmentQueue<S> where S::Memory: Send {}
// SAFETY: as above.
unsafe impl<S: SegmentSource + Sync> Sync for SegmentQueue<S> where S::Memory: Send + Sync {}

/// A committed record, not yet consumed.
pub struct Committed<'a, M> {
    /// The segment's memory.
    pub memory: &'a M,
    /// Where the record starts in it, bytes.
    pub offset: usize,
    /// The record's length in bytes, a multiple of 8, within the memory.
    pub len: usize,
}

impl<S: SegmentSource> SegmentQueue<S> {
    /// An empty queue. Memory is taken at the first push.
    pub fn new(source: S) -> Self {
        Self {
            tail: CachePadded::new(Tail {
                position: AtomicU64::new(0),
                segment: AtomicPtr::new(ptr::null_mut()),
            }),
            head: CachePadded::new(UnsafeCell::new(Head {
                segment: ptr::null_mut(),
                segment_start: 0,
                position: 0,
            })),
            consumed: CachePadded::new(AtomicU64::new(0)),
            first: AtomicPtr::new(ptr::null_mut()),
            source,
        }
    }

    /// Bytes claimed and not yet consumed, as far as the consumer has said.
    pub fn backlog_bytes(&self) -> u64 {
        // Relaxed: a figure for admission, which tolerates that it is a little old.
        let tail = self.tail.position.load(Ordering::Relaxed) & !FLAGS;
        tail.saturating_sub(self.consumed.load(Ordering::Relaxed))
    }

    /// Appends a record of `len` bytes (a positive multiple of 8, at most a segment).
    ///
    /// `write` fills the record at the given offset, all but its first word, which the queue stores
    /// last: the commit. `write` must not panic: a claimed record that is never committed would stop the queue.
    pub fn push(&self, len: usize, write: impl FnOnce(&S::Memory, usize)) -> Result<(), PushError> {
        self.push_run(len, len, write)
    }

    /// As [`SegmentQueue::push`], for several records at once: `len` bytes in all, of which the first record
    /// has `first`. `write` fills the lengths of the others; the consumer sees all of them or none.
    pub fn push_run(
        &self,
        len: usize,
        first: usize,
        write: impl FnOnce(&S::Memory, usize),
    ) -> Result<(), PushError> {
        let (segment, offset) = self.reserve(len as u64)?;
        // SAFETY: the claim succeeded, so the segment is linked, and the consumer cannot pass this record,
        // let alone give the segment back, before the commit below.
        let memory = unsafe { &(*segment).memory };
        write(memory, offset);
        // SYNC POINT commit: Release pairs with the Acquire in `peek`; the records' bytes come before it.
        memory.store(offset, first as u32, Ordering::Release);
        Ok(())
    }

    /// Claims `size` bytes: the segment and the offset in it.
    fn reserve(&self, size: u64) -> Result<(*mut Segment<S::Memory>, usize), PushError> {
        let segment_bytes = self.source.segment_bytes();
        assert!(size > 0 && size.is_multiple_of(8) && size <= segment_bytes);
        let mut spins = 0;
        loop {
            // SYNC POINT tail: Acquire pairs with the Release in `install`, so the segment read below is
            // the one of this position or a later one (and then the compare-and-swap fails).
            let position = self.tail.position.load(Ordering::Acquire);
            if position & CLOSED != 0 {
                return Err(PushError::Closed);
            }
            if position & INSTALLING != 0 {
                wait(&mut spins);
                continue;
            }
            let offset = position % segment_bytes;
            // Offset zero: the segment of this position is not linked yet (its first record is claimed
            // together with the link), so it is the same case as a record that does not fit.
            if offset == 0 || offset + size > segment_bytes {
                // Taken before the flag is set: nobody waits for an allocation.
                let next = self.source.take().ok_or(PushError::Full)?;
                if self.claim(position, position | INSTALLING) {
                    return Ok((self.install(position, size, next), 0));
                }
                self.source.give(next);
                continue;
            }
            // SYNC POINT segment: Acquire pairs with the Release in `install`: should this be a segment later
            // than `position`, then the claim below sees the flag that its installer raised before, and fails.
            let segment = self.tail.segment.load(Ordering::Acquire);
            if self.claim(position, position + size) {
                return Ok((segment, offset as usize));
            }
        }
    }

    fn claim(&self, from: u64, to: u64) -> bool {
        // Relaxed: the position was acquired when it was read, and a claim publishes nothing: the commit does.
        // Who reads the new position still sees what `install` released: a claim continues that sequence.
        self.tail
            .position
            .compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Links `next` behind the tail's segment and claims the first `size` bytes of it. The caller holds
    /// the INSTALLING flag, so it alone writes the tail's segment.
    fn install(
        &self,
        position: u64,
        size: u64,
        next: Box<Segment<S::Memory>>,
    ) -> *mut Segment<S::Memory> {
        let segment_bytes = self.source.segment_bytes();
        let next = Box::into_raw(next);
        let offset = position % segment_bytes;
        let previous = self.tail.segment.load(Ordering::Relaxed);
        if previous.is_null() {
            // SYNC POINT first: Release pairs with the Acquire in `peek`.
            self.first.store(next, Ordering::Release);
        } else {
            // SAFETY: the consumer cannot leave `previous` before it sees `next`, stored below.
            let previous = unsafe { &*previous };
            // SYNC POINT next: Release pairs with the Acquire in `peek`.
            previous.next.store(next, Ordering::Release);
            if offset != 0 {
                // SYNC POINT commit: Release pairs with the Acquire in `peek`, which then finds `next`.
                previous
                    .memory
                    .store(offset as usize, PAD, Ordering::Release);
            }
        }
        // SYNC POINT segment: Release pairs with the Acquire in `reserve`.
        self.tail.segment.store(next, Ordering::Release);
        let start = if offset == 0 {
            position
        } else {
            position - offset + segment_bytes
        };
        let mut current = position | INSTALLING;
        loop {
            // `drain_closed` may have set its flag meanwhile: keep it. This record was claimed before.
            let done = (start + size) | (current & CLOSED);
            // SYNC POINT tail: Release pairs with the Acquire in `reserve` and `drain_closed`.
            match self.tail.position.compare_exchange(
                current,
                done,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return next,
                Err(seen) => current = seen,
            }
        }
    }

    /// The oldest record, when it is committed.
    ///
    /// # Safety
    /// One thread at a time calls the consumer's methods (`peek`, `advance`, `publish_head`, `drain_closed`),
    /// and a record is not used any more once it was advanced over: the next `peek` may give its segment back.
    pub unsafe fn peek(&self) -> Option<Committed<'_, S::Memory>> {
        let segment_bytes = self.source.segment_bytes();
        // SAFETY: one consumer (contract).
        let head = unsafe { &mut *self.head.get() };
        loop {
            if head.segment.is_null() {
                // SYNC POINT first: Acquire pairs with the Release in `install`.
                head.segment = self.first.load(Ordering::Acquire);
                if head.segment.is_null() {
                    return None;
                }
            }
            if head.position - head.segment_start == segment_bytes {
                // SAFETY: linked, and given back only below, by this thread.
                // SYNC POINT next: Acquire pairs with the Release in `install`.
                let next = unsafe { (*head.segment).next.load(Ordering::Acquire) };
                if next.is_null() {
                    return None;
                }
                // SAFETY: everything in it is consumed and the tail has moved on, so no producer can claim
                // in it any more, and none is between claim and commit: this thread alone holds it.
                self.source.give(unsafe { Box::from_raw(head.segment) });
                head.segment = next;
                head.segment_start += segment_bytes;
            }
            // SAFETY: linked and not given back.
            let memory = unsafe { &(*head.segment).memory };
            let offset = (head.position - head.segment_start) as usize;
            // SYNC POINT commit: Acquire pairs with the Release in `push`, and in `install` for a pad.
            match memory.load(offset, Ordering::Acquire) {
                0 => return None,
                PAD => head.position = head.segment_start + segment_bytes,
                len => {
                    return Some(Committed {
                        memory,
                        offset,
                        len: len as usize,
                    });
                }
            }
        }
    }

    /// Consumes the record of `len` bytes that `peek` returned.
    ///
    /// # Safety
    /// As `peek`; `len` is that record's.
    pub unsafe fn advance(&self, len: usize) {
        // SAFETY: one consumer (contract).
        unsafe { (*self.head.get()).position += len as u64 };
    }

    /// Lets producers see how far the consumer has come.
    ///
    /// # Safety
    /// As `peek`.
    pub unsafe fn publish_head(&self) {
        // SAFETY: one consumer (contract).
        let position = unsafe { (*self.head.get()).position };
        // Relaxed: only a figure (see `backlog_bytes`); the bytes themselves go back with the segment.
        self.consumed.store(position, Ordering::Relaxed);
    }

    /// Refuses every further push, waits for the claims that are under way, hands each remaining record
    /// to `each` and gives all segments back.
    ///
    /// # Safety
    /// As `peek`.
    pub unsafe fn drain_closed(&self, mut each: impl FnMut(Committed<'_, S::Memory>)) {
        let mut spins = 0;
        // SYNC POINT tail: Acquire pairs with the Release in `install`. In the order of the tail each claim is
        // either before this, and waited for below, or after, and fails by the flag.
        let mut end = self.tail.position.fetch_or(CLOSED, Ordering::Acquire);
        while end & INSTALLING != 0 {
            wait(&mut spins);
            end = self.tail.position.load(Ordering::Acquire);
        }
        let end = end & !FLAGS;
        loop {
            // SAFETY: the contract is passed on.
            match unsafe { self.peek() } {
                Some(record) => {
                    let len = record.len;
                    each(record);
                    // SAFETY: as above.
                    unsafe { self.advance(len) };
                }
                // SAFETY: one consumer (contract).
                None if unsafe { (*self.head.get()).position } < end => wait(&mut spins),
                None => break,
            }
        }
        // SAFETY: as above.
        unsafe { self.publish_head() };
        // SAFETY: one consumer (contract).
        let head = unsafe { &mut *self.head.get() };
        if !head.segment.is_null() {
            // SAFETY: closed and everything consumed: no producer can claim in it any more. The tail's
            // pointer is left dangling, but `reserve` follows it only after a claim, which CLOSED refuses.
            self.source.give(unsafe { Box::from_raw(head.segment) });
            head.segment = ptr::null_mut();
            self.first.store(ptr::null_mut(), Ordering::Relaxed);
        }
    }
}

impl<S: SegmentSource> Drop for SegmentQueue<S> {
    fn drop(&mut self) {
        // SAFETY: exclusive access.
        unsafe { self.drain_closed(|_| ()) };
    }
}

fn wait(spins: &mut u32) {
    *spins += 1;
    if spins.is_multiple_of(SPINS_BEFORE_YIELD) {
        yield_now()
    } else {
        spin_hint()
    }
}
