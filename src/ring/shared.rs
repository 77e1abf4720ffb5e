//! One thread's handle on a ring that lies in memory which other threads attach to as well.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use super::batch::Drained;
use super::layout::{Geometry, GeometryError, MAKER_AT};
use super::ring::{Claim, Held, Ring, RingError};
use crate::memory::maker::{self, OtherCopy};
use crate::memory::registry::Registry;
use crate::memory::{Memory, SharedBytes, Source, Target};
use crate::sync::{AtomicU64, Ordering, fence, spin_hint};
use crate::wait::{Parking, Waiter};

/// Looks at an empty ring before a consumer goes to sleep: some 20 us, which is what a wake-up costs.
const SPINS_BEFORE_SLEEP: u32 = 500;

/// What the threads of this process share about a ring, besides its memory.
struct Core {
    geometry: Geometry,
    parking: Parking,
    /// Items with an impossible length that were passed over.
    damaged: Arc<AtomicU64>,
}

/// By the address of the memory, which is the same in every thread.
static CORES: LazyLock<Registry<usize, Core>> = LazyLock::new(Registry::default);

/// Spinning helps only where the producer can run meanwhile.
static MAY_SPIN: LazyLock<bool> =
    LazyLock::new(|| std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1));

/// Why there is no handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachError {
    /// The memory holds no ring, or cannot.
    Geometry(GeometryError),
    /// Another loaded copy of the addon made the ring.
    OtherCopy(OtherCopy),
}

impl From<GeometryError> for AttachError {
    fn from(error: GeometryError) -> Self {
        Self::Geometry(error)
    }
}

impl From<OtherCopy> for AttachError {
    fn from(error: OtherCopy) -> Self {
        Self::OtherCopy(error)
    }
}

/// A ring as one thread has it. What it holds open, it ends when it is dropped.
pub struct RingHandle {
    ring: Ring<SharedBytes>,
    core: Arc<Core>,
    /// Slots that this thread claimed and has neither committed nor abandoned.
    claims: RefCell<HashMap<u32, Claim>>,
    /// Items that this thread reads in place.
    held: RefCell<HashMap<u32, Held>>,
    last_id: Cell<u32>,
}

/// Figures of a ring at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingStats {
    /// Items that are there, claimed slots included.
    pub items: usize,
    /// Slots that producers have claimed since the ring was made.
    pub enqueued: u64,
    /// Slots that consumers have taken since the ring was made.
    pub dequeued: u64,
    /// Items with an impossible length that were passed over.
    pub damaged: u64,
    /// Threads that sleep until an item comes.
    pub sleepers: u32,
}

impl RingHandle {
    /// Makes a ring of zeroed memory.
    pub fn create(memory: SharedBytes, geometry: Geometry) -> Result<Self, AttachError> {
        geometry.check_size(memory.len())?;
        maker::sign(&memory, MAKER_AT);
        geometry.write_identity(&memory)?;
        Self::attach(memory)
    }

    /// Attaches to the ring in this memory.
    pub fn attach(memory: SharedBytes) -> Result<Self, AttachError> {
        let core = CORES.find_or_make(memory.address(), || {
            let geometry = Geometry::read_identity(&memory)?;
            maker::check(&memory, MAKER_AT)?;
            Ok::<_, AttachError>(Core {
                geometry,
                parking: Parking::default(),
                damaged: Arc::new(AtomicU64::new(0)),
            })
        })?;
        // Once a thread has attached, the geometry is what it read then, whatever the memory says now.
        Ok(Self {
            ring: Ring::new(memory, core.geometry)?.counting_damaged(&core.damaged),
            core,
            claims: RefCell::default(),
            held: RefCell::default(),
            last_id: Cell::new(0),
        })
    }

    /// Slots and sizes.
    pub fn geometry(&self) -> Geometry {
        self.core.geometry
    }

    /// The ring's memory.
    pub fn memory(&self) -> &SharedBytes {
        self.ring.memory()
    }

    /// Appends an item, and wakes who waits for one.
    #[inline]
    pub fn enqueue(&self, item: Source<'_>) -> Result<(), RingError> {
        self.ring.enqueue(item)?;
        self.core.parking.notify(1);
        Ok(())
    }

    /// See [`Ring::enqueue_batch`].
    pub fn enqueue_batch(
        &self,
        items: Source<'_>,
        count: usize,
        length: impl Fn(usize) -> usize,
    ) -> Result<usize, RingError> {
        let done = self.ring.enqueue_batch(items, count, length);
        // Also after an error: items before it may be in.
        self.core.parking.notify(count);
        done
    }

    /// Takes the next item: its length.
    #[inline]
    pub fn dequeue(&self, target: Target<'_>) -> Result<usize, RingError> {
        self.ring.dequeue(target)
    }

    /// As [`RingHandle::dequeue`]; waits for an item until the deadline.
    pub fn dequeue_until(
        &self,
        mut target: Target<'_>,
        deadline: Instant,
    ) -> Result<usize, RingError> {
        let room = target.len();
        let mut attempt = || match self.dequeue(target.range(0, room)) {
            Err(RingError::Empty) => None,
            ended => Some(ended),
        };
        if *MAY_SPIN {
            for _ in 0..SPINS_BEFORE_SLEEP {
                if let Some(ended) = attempt() {
                    return ended;
                }
                spin_hint();
            }
        }
        let ended = self
            .core
            .parking
            .wait_until(deadline, attempt)
            .unwrap_or(Err(RingError::Empty));
        // Items that were ready behind a slot that was not come to the front all at once, when that one is ready. Its
        // producer wakes one sleeper, so each wakes the next.
        if ended.is_ok() && self.core.parking.sleepers() != 0 && self.ring.has_item() {
            self.core.parking.notify(1);
        }
        ended
    }

    /// See [`Ring::dequeue_batch`].
    pub fn dequeue_batch(
        &self,
        target: &mut Target<'_>,
        most: usize,
        note: impl FnMut(usize, usize),
    ) -> Result<Drained, RingError> {
        self.ring.dequeue_batch(target, most, note)
    }

    /// See [`Ring::peek`].
    pub fn peek(&self, target: Target<'_>) -> Result<usize, RingError> {
        self.ring.peek(target)
    }

    /// See [`Ring::len`].
    #[inline]
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// True when nothing is there.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// See [`Ring::clear`].
    pub fn clear(&self) -> Result<usize, RingError> {
        self.ring.clear()
    }

    /// Figures.
    pub fn stats(&self) -> RingStats {
        let (enqueued, dequeued) = self.ring.totals();
        RingStats {
            items: self.ring.len(),
            enqueued,
            dequeued,
            damaged: self.ring.damaged(),
            sleepers: self.core.parking.sleepers(),
        }
    }

    /// Claims a slot to write an item in place: its number, and the offset of its bytes.
    pub fn claim(&self) -> Result<(u32, usize), RingError> {
        let claim = self.ring.claim()?;
        // SYNC POINT overwrite: as in `Ring::fill`, for the bytes that are now written in place.
        fence(Ordering::Release);
        let id = self.next_id();
        self.claims.borrow_mut().insert(id, claim);
        Ok((id, claim.bytes_at()))
    }

    /// Hands the claimed slot on, with `len` bytes of item. False when there is no such claim (any more).
    pub fn commit(&self, id: u32, len: usize) -> Result<bool, RingError> {
        let mut claims = self.claims.borrow_mut();
        let Some(&claim) = claims.get(&id) else {
            return Ok(false);
        };
        self.ring.commit(claim, len)?;
        claims.remove(&id);
        self.core.parking.notify(1);
        Ok(true)
    }

    /// Gives the claimed slot up. False when there is no such claim (any more).
    pub fn abandon(&self, id: u32) -> bool {
        let Some(claim) = self.claims.borrow_mut().remove(&id) else {
            return false;
        };
        self.ring.abandon(claim);
        // Items behind it come to the front.
        self.core.parking.notify(usize::MAX);
        true
    }

    /// Takes the next item to read it in place: its number, the offset of its bytes and their count.
    pub fn take(&self) -> Result<(u32, usize, usize), RingError> {
        let held = self.ring.take()?;
        let id = self.next_id();
        self.held.borrow_mut().insert(id, held);
        Ok((id, held.bytes_at(), held.len))
    }

    /// Ends reading in place. False when there is no such item (any more).
    pub fn release(&self, id: u32) -> bool {
        let Some(held) = self.held.borrow_mut().remove(&id) else {
            return false;
        };
        self.ring.free(held);
        true
    }

    /// Has `waiter` called when the next item comes. True when there may be one already; then it may not be called.
    pub fn call_for_item<W: Waiter + 'static>(&self, waiter: &Arc<W>) -> bool {
        self.core.parking.waiters().file(waiter);
        self.ring.has_item()
    }

    fn next_id(&self) -> u32 {
        // 31 bits, so that it is no negative number for JavaScript. 2^31 slots later a number comes again; nobody
        // holds one open that long.
        let id = self.last_id.get().wrapping_add(1) & (i32::MAX as u32);
        self.last_id.set(id);
        id
    }
}

impl Drop for RingHandle {
    /// The thread ends, or has lost the ring: slots that it holds must not stop the others.
    fn drop(&mut self) {
        let claims = std::mem::take(self.claims.get_mut());
        let held = std::mem::take(self.held.get_mut());
        held.into_values().for_each(|held| self.ring.free(held));
        if !claims.is_empty() {
            claims
                .into_values()
                .for_each(|claim| self.ring.abandon(claim));
            self.core.parking.notify(usize::MAX);
        }
    }
}
