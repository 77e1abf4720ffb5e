//! A thread's mailbox: one queue per priority, and the parking protocol between senders and receiver.
//!
//! **Parking.** The receiver raises `parked`, then looks once more whether a record is waiting; a sender
//! commits its record, then looks whether `parked` is raised, and whoever takes it down rings the bell.
//! Both put a sequentially consistent fence between their write and their read (Dekker's pattern), so at
//! least one sees the other: no record is left behind a sleeping receiver, and a bell rings once per sleep.

use crate::sync::{AtomicBool, Ordering, fence};

use super::queue::{Committed, PushError, SegmentQueue, SegmentSource};

/// Number of priorities: CRITICAL, HIGH, NORMAL, LOW.
pub const PRIORITIES: usize = 4;

/// Records that each priority may take before the lower ones have had their turn. A flood of CRITICAL leaves the others a
/// fifth; one of HIGH leaves LOW at least one record in eleven.
const SHARE: [u32; PRIORITIES] = [440, 60, 40, 10];

/// The receiver's place in the round of shares. It outlives a drain, so that small batches do not begin
/// with HIGH every time.
#[derive(Debug)]
pub struct Turn {
    left: [u32; PRIORITIES],
}

impl Default for Turn {
    fn default() -> Self {
        Self { left: SHARE }
    }
}

impl Turn {
    /// The priority whose turn it is among those with something to take: one record of its share is used up. None when
    /// nobody has anything.
    pub fn next(&mut self, has_some: impl Fn(usize) -> bool) -> Option<usize> {
        let of_those_left = |left: &[u32; PRIORITIES]| {
            (0..PRIORITIES).find(|&priority| left[priority] != 0 && has_some(priority))
        };
        let priority = of_those_left(&self.left).or_else(|| {
            *self = Self::default();
            of_those_left(&self.left)
        })?;
        self.left[priority] -= 1;
        Some(priority)
    }
}

/// A thread's incoming messages.
pub struct Mailbox<S: SegmentSource> {
    queues: [SegmentQueue<S>; PRIORITIES],
    /// The receiver sleeps. Written by swaps only, also where the answer is of no use: loom takes a store for
    /// able to slip under a swap that went before it, and sees lost wake-ups that cannot be.
    parked: AtomicBool,
}

impl<S: SegmentSource + Clone> Mailbox<S> {
    /// An empty mailbox; its receiver is awake.
    pub fn new(source: S) -> Self {
        Self {
            queues: std::array::from_fn(|_| SegmentQueue::new(source.clone())),
            parked: AtomicBool::new(false),
        }
    }

    /// Appends a record. See [`SegmentQueue::push`]. The sender calls [`Mailbox::wake`] after its batch.
    #[inline]
    pub fn push(
        &self,
        priority: usize,
        len: usize,
        write: impl FnOnce(&S::Memory, usize),
    ) -> Result<(), PushError> {
        self.queues[priority].push(len, write)
    }

    /// Appends several records at once. See [`SegmentQueue::push_run`].
    #[inline]
    pub fn push_run(
        &self,
        priority: usize,
        len: usize,
        first: usize,
        write: impl FnOnce(&S::Memory, usize),
    ) -> Result<(), PushError> {
        self.queues[priority].push_run(len, first, write)
    }

    /// Bytes waiting at one priority.
    pub fn backlog_bytes(&self, priority: usize) -> u64 {
        self.queues[priority].backlog_bytes()
    }

    /// True when the receiver sleeps and the caller is the one who must ring its bell.
    #[inline]
    pub fn wake(&self) -> bool {
        // SYNC POINT park: pairs with the fence in `park`.
        fence(Ordering::SeqCst);
        self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::AcqRel)
    }

    /// Declares that the receiver goes to sleep. False when a record is waiting: then it stays awake.
    ///
    /// # Safety
    /// One thread at a time calls the receiver's methods.
    pub unsafe fn park(&self) -> bool {
        self.parked.swap(true, Ordering::Relaxed);
        // SYNC POINT park: pairs with the fence in `wake`.
        fence(Ordering::SeqCst);
        // SAFETY: the contract is passed on.
        if unsafe { self.has_waiting() } {
            self.unpark();
            return false;
        }
        true
    }

    /// True while the receiver sleeps.
    pub fn is_parked(&self) -> bool {
        self.parked.load(Ordering::Relaxed)
    }

    /// Declares that the receiver is awake: nobody need ring.
    pub fn unpark(&self) {
        // Looked at first: senders read the flag after every batch, and a write would take its line from them.
        if self.parked.load(Ordering::Relaxed) {
            self.parked.swap(false, Ordering::Relaxed);
        }
    }

    /// True when a committed record waits.
    ///
    /// # Safety
    /// As [`Mailbox::park`].
    #[inline]
    pub unsafe fn has_waiting(&self) -> bool {
        // SAFETY: the contract is passed on.
        self.queues
            .iter()
            .any(|queue| unsafe { queue.peek() }.is_some())
    }

    /// Hands committed records to `each`, CRITICAL first and the others by their share, until `each`
    /// returns false (that record stays) or nothing waits. Returns how many were taken.
    ///
    /// # Safety
    /// As [`Mailbox::park`].
    pub unsafe fn drain(
        &self,
        turn: &mut Turn,
        mut each: impl FnMut(&Committed<'_, S::Memory>) -> bool,
    ) -> u32 {
        let mut total = 0;
        loop {
            let mut in_round = 0;
            for (queue, left) in self.queues.iter().zip(&mut turn.left) {
                // SAFETY: the contract is passed on.
                let (taken, more) = unsafe { Self::drain_queue(queue, *left, &mut each) };
                *left -= taken;
                in_round += taken;
                if !more {
                    // SAFETY: as above.
                    unsafe { self.publish_heads() };
                    return total + in_round;
                }
            }
            total += in_round;
            let round_used_up = turn.left != SHARE;
            *turn = Turn::default();
            if in_round == 0 && !round_used_up {
                break;
            }
        }
        // SAFETY: as above.
        unsafe { self.publish_heads() };
        total
    }

    /// Lets senders see how much was taken.
    unsafe fn publish_heads(&self) {
        // SAFETY: the caller is the one receiver.
        self.queues
            .iter()
            .for_each(|queue| unsafe { queue.publish_head() });
    }

    /// As [`Mailbox::drain`], CRITICAL only.
    ///
    /// # Safety
    /// As [`Mailbox::park`].
    pub unsafe fn drain_critical(
        &self,
        mut each: impl FnMut(&Committed<'_, S::Memory>) -> bool,
    ) -> u32 {
        // SAFETY: the contract is passed on.
        let (taken, _) = unsafe { Self::drain_queue(&self.queues[0], u32::MAX, &mut each) };
        // SAFETY: as above.
        unsafe { self.queues[0].publish_head() };
        taken
    }

    /// Takes at most `most` records of one queue; the flag is false when `each` wanted no more.
    unsafe fn drain_queue(
        queue: &SegmentQueue<S>,
        most: u32,
        each: &mut impl FnMut(&Committed<'_, S::Memory>) -> bool,
    ) -> (u32, bool) {
        let mut taken = 0;
        while taken < most {
            // SAFETY: the contract is passed on.
            let Some(record) = (unsafe { queue.peek() }) else {
                break;
            };
            if !each(&record) {
                return (taken, false);
            }
            let len = record.len;
            // SAFETY: as above; the length is that of the record just read.
            unsafe { queue.advance(len) };
            taken += 1;
        }
        (taken, true)
    }

    /// Closes for good: refuses further pushes, waits for those under way, hands what is left to `each`.
    ///
    /// # Safety
    /// As [`Mailbox::park`].
    pub unsafe fn close(&self, mut each: impl FnMut(Committed<'_, S::Memory>)) {
        for queue in &self.queues {
            // SAFETY: the contract is passed on.
            unsafe { queue.drain_closed(&mut each) };
        }
    }
}
