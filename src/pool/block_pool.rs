//! Which of a number of blocks are free, and who holds the others, wherever their bytes are.
//!
//! ```text
//!   acquire                                   release
//!      ^   1. own cache                          |  own cache; over its limit, half of it goes
//!      |  +---------------------------------+    v  to the global list with one swap
//!      +--| cache of member A | B | C | ... |<---+
//!      |  +---------------------------------+--------------+
//!      |   4. another member's cache                       v
//!      |  +---------------------------------+  2. the global list, several blocks with one swap
//!      +--| free                            |
//!      |  +---------------------------------+  blocks whose memory the pool's user gave back to the system
//!      +--| cold                            |
//!      |  +---------------------------------+  3. a counter: a large pool builds no list at its start
//!      +--| fresh: never used               |
//!         +---------------------------------+
//! ```
//!
//! **Members.** A member is one thread's handle on the pool, with a cache of its own, so that what threads do at
//! the same time is done on different cache lines (the magazines of J. Bonwick and J. Adams, "Magazines and
//! Vmem", 2001). A cache is a [`FreeList`] like any other: whoever finds nothing elsewhere takes from it. So a
//! thread that sleeps upon a full cache keeps nobody waiting. [`MemberId::COMMON`] is for callers that need a
//! block so seldom that a cache would serve nobody; any number of threads use it at once, straight on the global list.
//!
//! **None means dry.** `acquire` gives None when all blocks were held at some moment of the call. It has looked at
//! every list twice: all were empty, none was changed in between (each counts its changes), and nobody was moving
//! several blocks at once from one list to another. Whoever finds others at work looks again, and gives up after
//! [`MOST_LOOKS`]: a thread that stands still in the midst of moving its cache stops nobody for ever.
//!
//! **State.** One word for each block: its generation (how often it was acquired) and its owner. A free block's
//! word is written by nobody but the one who takes it from its list. A held block's word is changed by
//! compare-and-swap: to another owner by `adopt`, to nobody by `release` and `leave`. So of two that release
//! the same block one succeeds, and only he puts it into a list.

use crossbeam_utils::CachePadded;
use std::sync::OnceLock;

use super::free_list::{Chain, FreeList, Links};
use super::words::Words;
use crate::sync::{AtomicU32, AtomicU64, Mutex, Ordering, spin_hint, yield_now};

/// Most blocks of a pool, so that a ticket is an integer that JavaScript's numbers hold exactly.
pub const MAX_BLOCKS: u32 = 1 << INDEX_BITS;

/// Bits of a ticket (53) that are the index, and those that are the generation. After 2^29 turns of the same block
/// a ticket fits again.
const INDEX_BITS: u32 = 24;
const TICKET_GENERATIONS: u64 = 1 << (53 - INDEX_BITS);

/// Blocks that a cache of a large pool is filled with at once; it holds at most twice as many.
const MOST_BATCH: u32 = 16;
/// Of a small pool no cache takes more than this part at once.
const BATCH_PART: u32 = 16;

/// Members at a time, [`MemberId::COMMON`] included.
pub const MAX_MEMBERS: usize = CHUNKS * CHUNK;
/// Members are made in chunks, when they join.
const CHUNKS: usize = 32;
const CHUNK: usize = if cfg!(model) { 4 } else { 32 };

/// How often `acquire` looks for a free block while others move blocks about. The first looks spin, the others yield.
const MOST_LOOKS: u32 = if cfg!(model) { 8 } else { 256 };
const SPINNING_LOOKS: u32 = 32;

/// The owner of a free block.
const NOBODY: u32 = 0;

/// A member of a pool, as [`BlockPool::join`] gave it. One thread at a time uses it, except for `COMMON`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberId(u32);

impl MemberId {
    /// Everybody who has not joined.
    pub const COMMON: Self = Self(0);

    fn owner(self) -> u32 {
        self.0 + 1
    }
}

/// Why a block was not given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseError {
    /// The pool has no such block.
    NoSuchBlock,
    /// It is free: it was given back before, or its owner ended.
    AlreadyFree,
}

/// Figures of a pool. Exact while nobody uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStats {
    /// Blocks that are held.
    pub in_use: u32,
    /// Blocks that are not.
    pub free: u32,
    /// Of the free ones, those in caches.
    pub cached: u32,
    /// Of the free ones, those that were never used.
    pub fresh: u32,
    /// How often there was no block to be had.
    pub exhausted: u64,
    /// Members at this moment.
    pub members: u32,
}

/// A member's place.
#[derive(Default)]
struct Slot {
    cache: FreeList,
    /// Blocks in the cache as its owner counts them: too many, once somebody has stolen from it. Like the words
    /// below, written by the owner alone.
    cached: AtomicU32,
    /// 1 while the owner has several blocks in hand, on their way from one list to another.
    moving: AtomicU32,
    /// Blocks that this member took, and gave back, ever.
    acquired: AtomicU64,
    released: AtomicU64,
}

/// See the module's documentation.
pub struct BlockPool {
    free: CachePadded<FreeList>,
    cold: CachePadded<FreeList>,
    /// How many blocks were ever used: those from here on are fresh.
    used: CachePadded<AtomicU32>,
    links: Links,
    states: Words<AtomicU64>,
    batch: u32,
    chunks: [OnceLock<Box<[CachePadded<Slot>]>>; CHUNKS],
    /// How many members there have been at a time: the slots below this exist.
    made: AtomicU32,
    /// Members that left: their ids serve again.
    left: Mutex<Vec<u32>>,
    exhausted: AtomicU64,
}

impl BlockPool {
    /// A pool of that many blocks, all free. Panics when the system has no memory for its bookkeeping.
    pub fn new(blocks: u32) -> Self {
        Self::try_new(blocks).expect("memory for the bookkeeping of a pool")
    }

    /// As [`BlockPool::new`]; None when the system has no memory for the bookkeeping.
    pub fn try_new(blocks: u32) -> Option<Self> {
        Self::try_with_batch(blocks, (blocks / BATCH_PART).clamp(1, MOST_BATCH))
    }

    /// As [`BlockPool::new`], with caches that are filled with `batch` blocks at once and hold twice as many.
    pub fn with_batch(blocks: u32, batch: u32) -> Self {
        Self::try_with_batch(blocks, batch).expect("memory for the bookkeeping of a pool")
    }

    fn try_with_batch(blocks: u32, batch: u32) -> Option<Self> {
        assert!(
            (1..=MAX_BLOCKS).contains(&blocks) && batch > 0,
            "a pool has 1 to {MAX_BLOCKS} blocks"
        );
        let pool = Self {
            free: CachePadded::default(),
            cold: CachePadded::default(),
            used: CachePadded::default(),
            links: Links::new(blocks)?,
            states: Words::new(blocks as usize)?,
            batch,
            chunks: std::array::from_fn(|_| OnceLock::new()),
            made: AtomicU32::new(0),
            left: Mutex::new(Vec::new()),
            exhausted: AtomicU64::new(0),
        };
        let common = pool.join();
        assert_eq!(common, Some(MemberId::COMMON));
        Some(pool)
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> u32 {
        self.links.len()
    }

    /// A new member; None when there are [`MAX_MEMBERS`].
    pub fn join(&self) -> Option<MemberId> {
        let mut left = self.left.lock();
        if let Some(id) = left.pop() {
            return Some(MemberId(id));
        }
        // Relaxed: written under the lock only.
        let id = self.made.load(Ordering::Relaxed);
        let chunk = self.chunks.get(id as usize / CHUNK)?;
        chunk.get_or_init(|| (0..CHUNK).map(|_| CachePadded::default()).collect());
        // SYNC POINT members: Release pairs with the Acquire in `slots`: the chunk comes before.
        self.made.store(id + 1, Ordering::Release);
        Some(MemberId(id))
    }

    /// Ends a member: its cache and every block that it owns are free for the others.
    pub fn leave(&self, member: MemberId) {
        if member == MemberId::COMMON {
            return;
        }
        let slot = self.slot(member);
        self.moving(slot, || {
            if let Some(chain) = slot.cache.take_all(&self.links) {
                self.free.push_chain(&self.links, chain);
            }
            slot.cached.store(0, Ordering::Relaxed);
            let mut chain = None;
            // Relaxed: whatever this member owns it acquired itself, or adopted, and the counter came before.
            let used = self.used.load(Ordering::Relaxed);
            for index in 0..used {
                if self.take_from(index, member) {
                    self.prepend(&mut chain, index);
                }
            }
            if let Some(chain) = chain {
                self.free.push_chain(&self.links, chain);
                add(&slot.released, member, u64::from(chain.count));
            }
        });
        self.left.lock().push(member.0);
    }

    /// A free block: its index. None when all are held.
    #[inline]
    pub fn acquire(&self, member: MemberId) -> Option<u32> {
        let slot = self.slot(member);
        let index = match slot.cache.pop(&self.links) {
            Some(index) => {
                // Relaxed: a count of its writer's own.
                let cached = slot.cached.load(Ordering::Relaxed);
                slot.cached
                    .store(cached.saturating_sub(1), Ordering::Relaxed);
                index
            }
            None => self.acquire_elsewhere(member, slot)?,
        };
        let state = &self.states[index as usize];
        // Relaxed: a free block's word is touched by nobody but who took it from its list, whose Acquire came before.
        let generation = generation(state.load(Ordering::Relaxed)).wrapping_add(1);
        // SYNC POINT state: Release pairs with the Acquires in `adopt` and `ticket`.
        state.store(word(generation, member.owner()), Ordering::Release);
        add(&slot.acquired, member, 1);
        Some(index)
    }

    /// Gives a block back, whoever acquired it.
    #[inline]
    pub fn release(&self, member: MemberId, index: u32) -> Result<(), ReleaseError> {
        self.let_go(index)?;
        let slot = self.slot(member);
        add(&slot.released, member, 1);
        if member == MemberId::COMMON {
            self.free.push(&self.links, index);
            return Ok(());
        }
        slot.cache.push(&self.links, index);
        // Relaxed: a count of its writer's own.
        let cached = slot.cached.load(Ordering::Relaxed) + 1;
        slot.cached.store(cached, Ordering::Relaxed);
        if cached > 2 * self.batch {
            self.spill(slot, cached);
        }
        Ok(())
    }

    /// As [`BlockPool::release`], for a block whose memory was given back to the system: it serves after those that
    /// have memory.
    pub fn release_cold(&self, member: MemberId, index: u32) -> Result<(), ReleaseError> {
        self.let_go(index)?;
        add(&self.slot(member).released, member, 1);
        self.cold.push(&self.links, index);
        Ok(())
    }

    /// Names this holding of a block: its generation (of which 29 bits) and its index, an integer below 2^53. None for a
    /// block that is free, or none.
    pub fn ticket(&self, index: u32) -> Option<u64> {
        // SYNC POINT state: Acquire pairs with the Release in `acquire`.
        let word = self.states.get(index as usize)?.load(Ordering::Acquire);
        (owner(word) != NOBODY).then(|| {
            (u64::from(generation(word)) % TICKET_GENERATIONS) << INDEX_BITS | u64::from(index)
        })
    }

    /// Makes the member the owner of the block that a ticket names: its index. None when the block was given back
    /// since, by its owner's end too, or the ticket is none.
    pub fn adopt(&self, member: MemberId, ticket: u64) -> Option<u32> {
        let index = (ticket % u64::from(MAX_BLOCKS)) as u32;
        let state = self.states.get(index as usize)?;
        let wanted = ticket >> INDEX_BITS;
        // SYNC POINT state: Acquire pairs with the Release in `acquire`, so that `leave` finds what was adopted.
        let mut now = state.load(Ordering::Acquire);
        loop {
            let generation = generation(now);
            if owner(now) == NOBODY || u64::from(generation) % TICKET_GENERATIONS != wanted {
                return None;
            }
            // SYNC POINT state: as above; the swaps of other adopters continue what `acquire` released.
            match state.compare_exchange(
                now,
                word(generation, member.owner()),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(index),
                Err(seen) => now = seen,
            }
        }
    }

    /// The figures now.
    pub fn stats(&self) -> PoolStats {
        let blocks = self.blocks();
        // What was given back first, so that no block counts as given back before it was acquired.
        let released: u64 = self.sum(|slot| slot.released.load(Ordering::Relaxed));
        let acquired: u64 = self.sum(|slot| slot.acquired.load(Ordering::Relaxed));
        let in_use = acquired.saturating_sub(released).min(u64::from(blocks)) as u32;
        let most = 2 * self.batch;
        let left = self.left.lock().len() as u32;
        PoolStats {
            in_use,
            free: blocks - in_use,
            cached: self.sum(|slot| u64::from(slot.cache.count(&self.links, most))) as u32,
            fresh: blocks - self.used.load(Ordering::Relaxed),
            exhausted: self.exhausted.load(Ordering::Relaxed),
            members: (self.made.load(Ordering::Relaxed) - 1).saturating_sub(left),
        }
    }

    fn sum(&self, of: impl Fn(&Slot) -> u64) -> u64 {
        self.slots().map(of).sum()
    }

    /// Every member's place, of those who left too.
    fn slots(&self) -> impl Iterator<Item = &Slot> {
        // SYNC POINT members: Acquire pairs with the Release in `join`.
        let made = self.made.load(Ordering::Acquire);
        (0..made).map(|id| self.slot(MemberId(id)))
    }

    #[inline]
    fn slot(&self, member: MemberId) -> &Slot {
        let id = member.0 as usize;
        let chunk = self.chunks[id / CHUNK].get();
        &chunk.expect("a member has joined")[id % CHUNK]
    }

    /// Takes a block from whoever has one.
    #[cold]
    fn acquire_elsewhere(&self, member: MemberId, slot: &Slot) -> Option<u32> {
        if member != MemberId::COMMON {
            // Relaxed: a count of its writer's own. What it says beyond this was stolen.
            slot.cached.store(0, Ordering::Relaxed);
        }
        for look in 0..MOST_LOOKS {
            if let Some(index) = self.take_somewhere(member, slot) {
                return Some(index);
            }
            // Twice the same: between the two nothing changed, and nothing was on its way.
            let before = self.look();
            if before.is_some() && before == self.look() {
                break;
            }
            if look < SPINNING_LOOKS {
                spin_hint();
            } else {
                yield_now();
            }
        }
        self.exhausted.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// One look at every list: None when a block is free, or on its way from one list to another; else how many
    /// changes there have been to all lists (each counts up only, so equal sums are equal counts).
    ///
    /// Let nothing change between two looks. A member that had blocks in hand then had taken them from a list before
    /// the first look saw that list empty, and raised its flag before that; it would put them into a list, and lower its
    /// flag, after the second. So the first look found its flag raised.
    fn look(&self) -> Option<u64> {
        // SYNC POINT moving: Acquire pairs with the AcqRel in `take_fresh`.
        let used = self.used.load(Ordering::Acquire);
        if used != self.blocks() {
            return None;
        }
        let mut changes = u64::from(self.free.look()?) + u64::from(self.cold.look()?);
        for slot in self.slots() {
            changes += u64::from(slot.cache.look()?);
        }
        // SYNC POINT moving: Acquire pairs with the Release in `moving`: who sees the flag lowered sees the blocks.
        let moving = self
            .slots()
            .any(|slot| slot.moving.load(Ordering::Acquire) != 0);
        (!moving).then_some(changes)
    }

    /// Takes blocks wherever there are some: one for the caller, the others for its cache.
    fn take_somewhere(&self, member: MemberId, slot: &Slot) -> Option<u32> {
        if member == MemberId::COMMON || self.batch == 1 {
            return self.take_many(slot, 1).map(|chain| chain.first);
        }
        self.moving(slot, || {
            let chain = self.take_many(slot, self.batch)?;
            let rest = chain.count - 1;
            if rest > 0 {
                let first = self.links.behind(chain.first);
                let first = first.expect("a chain is linked from its first block to its last");
                slot.cache.push_chain(
                    &self.links,
                    Chain {
                        first,
                        last: chain.last,
                        count: rest,
                    },
                );
            }
            // Relaxed: as above. The cache was empty.
            slot.cached.store(rest, Ordering::Relaxed);
            Some(chain.first)
        })
    }

    fn take_many(&self, slot: &Slot, most: u32) -> Option<Chain> {
        let take = |list: &FreeList| list.pop_many(&self.links, most);
        take(&self.free)
            .or_else(|| take(&self.cold))
            .or_else(|| self.take_fresh(most))
            .or_else(|| {
                let mut others = self.slots().filter(|other| !std::ptr::eq(*other, slot));
                others.find_map(|other| take(&other.cache))
            })
    }

    /// Takes blocks that were never used.
    fn take_fresh(&self, most: u32) -> Option<Chain> {
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let count = most.min(self.blocks() - used);
            if count == 0 {
                return None;
            }
            // SYNC POINT moving: the Release of AcqRel pairs with the Acquire in `look`.
            match self.used.compare_exchange(
                used,
                used + count,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    let last = used + count - 1;
                    (used..last).for_each(|index| self.links.link(index, index + 1));
                    return Some(Chain {
                        first: used,
                        last,
                        count,
                    });
                }
                Err(seen) => used = seen,
            }
        }
    }

    /// Moves half of a cache that is full to the global list.
    #[cold]
    fn spill(&self, slot: &Slot, cached: u32) {
        self.moving(slot, || {
            let moved = slot.cache.pop_many(&self.links, self.batch);
            let count = moved.map_or(0, |chain| chain.count);
            if let Some(chain) = moved {
                self.free.push_chain(&self.links, chain);
            }
            // Fewer than asked for: others have stolen, and nothing is left.
            let left = if count < self.batch {
                0
            } else {
                cached - count
            };
            slot.cached.store(left, Ordering::Relaxed);
        });
    }

    /// Runs what moves several blocks from list to list, with the member's flag raised.
    fn moving<T>(&self, slot: &Slot, run: impl FnOnce() -> T) -> T {
        // Relaxed: the Release of the swap that takes blocks from a list comes behind it.
        slot.moving.store(1, Ordering::Relaxed);
        let result = run();
        // SYNC POINT moving: Release pairs with the Acquire in `look`; the blocks are in their list before.
        slot.moving.store(0, Ordering::Release);
        result
    }

    /// Ends the holding of a block, whoever owns it.
    #[inline]
    fn let_go(&self, index: u32) -> Result<(), ReleaseError> {
        let state = self.states.get(index as usize);
        let state = state.ok_or(ReleaseError::NoSuchBlock)?;
        // Relaxed, here and below: the word says who gives the block back, and nothing else; what was written into the
        // block is handed on by the list that it goes to.
        let mut now = state.load(Ordering::Relaxed);
        let held = generation(now);
        // Adopted meanwhile: it is still the same holding. Another generation: somebody else gave it back.
        while owner(now) != NOBODY && generation(now) == held {
            match state.compare_exchange_weak(
                now,
                word(held, NOBODY),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(seen) => now = seen,
            }
        }
        Err(ReleaseError::AlreadyFree)
    }

    /// Ends the holding of a block if this member owns it.
    fn take_from(&self, index: u32, member: MemberId) -> bool {
        let state = &self.states[index as usize];
        // Relaxed: as in `let_go`; what this member owns it has made its own on this thread.
        let now = state.load(Ordering::Relaxed);
        owner(now) == member.owner()
            && state
                .compare_exchange(
                    now,
                    word(generation(now), NOBODY),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Puts a block in front of a chain that the caller holds.
    fn prepend(&self, chain: &mut Option<Chain>, index: u32) {
        *chain = Some(match *chain {
            None => Chain {
                first: index,
                last: index,
                count: 1,
            },
            Some(behind) => {
                self.links.link(index, behind.first);
                Chain {
                    first: index,
                    count: behind.count + 1,
                    ..behind
                }
            }
        });
    }
}

#[inline]
fn word(generation: u32, owner: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(owner)
}

#[inline]
fn generation(word: u64) -> u32 {
    (word >> 32) as u32
}

#[inline]
fn owner(word: u64) -> u32 {
    word as u32
}

/// Counts up a word of a member's. Only `COMMON` is several threads at once.
#[inline]
fn add(count: &AtomicU64, member: MemberId, by: u64) {
    if member == MemberId::COMMON {
        count.fetch_add(by, Ordering::Relaxed);
    } else {
        count.store(count.load(Ordering::Relaxed) + by, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(model)))]
mod tests {
    use super::*;

    fn join(pool: &BlockPool) -> MemberId {
        pool.join().expect("room for a member")
    }

    #[test]
    fn every_block_is_given_once_and_dry_is_dry() {
        for blocks in [1, 2, 15, 100, 1000] {
            let pool = BlockPool::new(blocks);
            let members = [join(&pool), MemberId::COMMON, join(&pool)];
            let mut taken: Vec<u32> = (0..blocks as usize)
                .map(|turn| pool.acquire(members[turn % 3]).expect("not dry"))
                .collect();
            taken.sort_unstable();
            assert!(taken.iter().copied().eq(0..blocks));
            for member in members {
                assert_eq!(pool.acquire(member), None);
            }
            let stats = pool.stats();
            assert_eq!(
                (stats.in_use, stats.free, stats.cached, stats.exhausted),
                (blocks, 0, 0, 3)
            );
            for (index, member) in taken.into_iter().zip(members.iter().cycle()) {
                assert_eq!(pool.release(*member, index), Ok(()));
            }
            assert_eq!((pool.stats().in_use, pool.stats().fresh), (0, 0));
        }
    }

    #[test]
    fn what_lies_in_the_cache_of_an_idle_member_is_stolen() {
        let pool = BlockPool::new(256);
        let (idle, busy) = (join(&pool), join(&pool));
        let taken: Vec<u32> = (0..256).filter_map(|_| pool.acquire(idle)).collect();
        for &index in &taken[..20] {
            pool.release(idle, index).expect("held");
        }
        assert_eq!(pool.stats().cached, 20);
        assert_eq!((0..256).filter_map(|_| pool.acquire(busy)).count(), 20);
        assert_eq!(pool.acquire(idle), None);
        for index in taken {
            pool.release(idle, index).expect("held");
        }
        assert_eq!((pool.stats().in_use, pool.stats().cached <= 32), (0, true));
    }

    #[test]
    fn a_block_is_given_back_once() {
        let pool = BlockPool::new(10);
        let (first, second) = (join(&pool), join(&pool));
        let index = pool.acquire(first).expect("ten");
        assert_eq!(pool.release(second, index), Ok(()));
        for member in [first, second] {
            assert_eq!(pool.release(member, index), Err(ReleaseError::AlreadyFree));
        }
        for index in [10, 11, u32::MAX] {
            assert_eq!(pool.release(first, index), Err(ReleaseError::NoSuchBlock));
        }
        assert_eq!((0..20).filter_map(|_| pool.acquire(first)).count(), 10);
    }

    #[test]
    fn who_leaves_leaves_nothing_behind() {
        let pool = BlockPool::new(300);
        let (leaver, other) = (join(&pool), join(&pool));
        let taken: Vec<u32> = (0..100).filter_map(|_| pool.acquire(leaver)).collect();
        for &index in &taken[..30] {
            pool.release(leaver, index).expect("held");
        }
        let adopted = pool.ticket(taken[99]).expect("held");
        assert_eq!(pool.adopt(other, adopted), Some(taken[99]));
        pool.leave(leaver);
        let stats = pool.stats();
        assert_eq!((stats.in_use, stats.cached, stats.members), (1, 0, 1));
        assert_eq!(
            pool.release(other, taken[98]),
            Err(ReleaseError::AlreadyFree)
        );
        assert_eq!(pool.release(other, taken[99]), Ok(()));
        assert_eq!(join(&pool), leaver, "ids serve again");
        assert_eq!((0..400).filter_map(|_| pool.acquire(leaver)).count(), 300);
    }

    #[test]
    fn a_ticket_is_good_for_one_holding() {
        let pool = BlockPool::new(4);
        let (first, second) = (join(&pool), join(&pool));
        let index = pool.acquire(first).expect("four");
        let ticket = pool.ticket(index).expect("held");
        assert!(ticket < 1 << 53);
        assert_eq!(pool.adopt(second, ticket), Some(index));
        assert_eq!(pool.adopt(first, ticket), Some(index), "back again");
        pool.release(first, index).expect("held");
        assert_eq!(
            (pool.ticket(index), pool.adopt(second, ticket)),
            (None, None)
        );
        assert_eq!(pool.acquire(first), Some(index));
        assert_eq!(pool.adopt(second, ticket), None, "another holding");
        for forged in [0, 1, 4, 1 << 24, u64::MAX, (1 << 53) - 1] {
            assert_eq!(pool.adopt(second, forged), None);
        }
    }

    #[test]
    fn a_ticket_outlives_the_turn_of_its_generations() {
        let pool = BlockPool::new(1);
        // As after 2^29 - 1 and after 2^32 - 1 turns.
        for turns in [(1 << 29) - 1, u32::MAX] {
            pool.states[0].store(word(turns, NOBODY), Ordering::Relaxed);
            let index = pool.acquire(MemberId::COMMON).expect("one");
            let ticket = pool.ticket(index).expect("held");
            assert_eq!(pool.adopt(MemberId::COMMON, ticket), Some(index));
            pool.release(MemberId::COMMON, index).expect("held");
        }
    }

    #[test]
    fn there_are_so_many_members_and_no_more() {
        let pool = BlockPool::new(1);
        let members: Vec<MemberId> = std::iter::from_fn(|| pool.join()).collect();
        assert_eq!(members.len(), MAX_MEMBERS - 1);
        assert_eq!(pool.stats().members as usize, MAX_MEMBERS - 1);
        let last = *members.last().expect("many");
        assert_eq!(pool.acquire(last), Some(0));
        members.into_iter().for_each(|member| pool.leave(member));
        assert_eq!((pool.stats().members, pool.stats().in_use), (0, 0));
        assert!(pool.join().is_some());
    }
}
