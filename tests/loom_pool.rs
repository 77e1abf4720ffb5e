//! The free list and the pool of blocks, explored by loom, as `loom_mailbox.rs` explains. Only for
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --no-default-features --test loom_pool
//! ```
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

use std::sync::Arc;

use agentwire::pool::block_pool::{BlockPool, MemberId, ReleaseError};
use agentwire::pool::free_list::{Chain, FreeList, Links};
use agentwire::sync::{AtomicBool, Ordering};
use exploration::model;
use loom::cell::UnsafeCell;
use loom::thread;

/// The bytes of blocks, which loom watches: two holders at a time fail the model, and so does a holder whom the last
/// one's writes have not reached.
struct Bytes(Vec<UnsafeCell<u32>>);

// SAFETY: loom checks the accesses.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

impl Bytes {
    fn new(blocks: u32) -> Self {
        Self((0..blocks).map(|_| UnsafeCell::new(0)).collect())
    }

    fn touch(&self, index: u32) {
        // SAFETY: checked by loom.
        self.0[index as usize].with_mut(|count| unsafe { *count += 1 });
    }
}

struct Lists {
    links: Links,
    list: FreeList,
    bytes: Bytes,
}

impl Lists {
    /// A list of that many blocks, the last one in front.
    fn new(blocks: u32) -> Arc<Self> {
        let this = Self {
            links: Links::new(blocks).expect("a model has memory"),
            list: FreeList::default(),
            bytes: Bytes::new(blocks),
        };
        (0..blocks).for_each(|index| this.push(index));
        Arc::new(this)
    }

    fn push(&self, index: u32) {
        self.bytes.touch(index);
        self.list.push(&self.links, index);
    }

    fn pop(&self) -> Option<u32> {
        let index = self.list.pop(&self.links)?;
        self.bytes.touch(index);
        Some(index)
    }

    /// Every block of a chain, as its holder finds them.
    fn blocks_of(&self, chain: Chain) -> Vec<u32> {
        let mut blocks = vec![chain.first];
        while blocks.len() < chain.count as usize {
            let last = blocks[blocks.len() - 1];
            blocks.push(self.links.behind(last).expect("a chain is whole"));
        }
        assert_eq!(blocks.last(), Some(&chain.last));
        blocks.iter().for_each(|&index| self.bytes.touch(index));
        blocks
    }

    /// All blocks are in the list or in these hands, each once.
    fn check(&self, held: Vec<u32>) {
        let mut all: Vec<u32> = std::iter::from_fn(|| self.pop()).chain(held).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..self.links.len()), "lost or doubled");
    }
}

/// One takes a block, while the other takes two and gives the first one back: the head is as it was, with another
/// successor.
#[test]
fn a_block_that_comes_again_is_not_mistaken() {
    model(|| {
        let lists = Lists::new(3);
        let other = {
            let lists = Arc::clone(&lists);
            thread::spawn(move || {
                let (first, second) = (lists.pop(), lists.pop());
                first.into_iter().for_each(|index| lists.push(index));
                second
            })
        };
        let mine = lists.pop();
        let second = other.join().expect("no panic");
        lists.check(mine.into_iter().chain(second).collect());
    });
}

#[test]
fn several_at_once_against_one_by_one() {
    model(|| {
        let lists = Lists::new(3);
        let other = {
            let lists = Arc::clone(&lists);
            thread::spawn(move || {
                let (first, second) = (lists.pop(), lists.pop());
                first.into_iter().for_each(|index| lists.push(index));
                second
            })
        };
        let chain = lists.list.pop_many(&lists.links, 2);
        let mut held = chain.map_or_else(Vec::new, |chain| lists.blocks_of(chain));
        assert!(held.len() <= 2 && !held.is_empty());
        held.extend(other.join().expect("no panic"));
        lists.check(held);
    });
}

#[test]
fn a_chain_that_is_put_back_against_who_takes_all() {
    model(|| {
        let lists = Lists::new(3);
        let mover = {
            let lists = Arc::clone(&lists);
            thread::spawn(move || {
                let chain = lists.list.pop_many(&lists.links, 2);
                chain.into_iter().for_each(|chain| {
                    lists.blocks_of(chain);
                    lists.list.push_chain(&lists.links, chain);
                });
            })
        };
        let taken = lists.list.take_all(&lists.links);
        let held = taken.map_or_else(Vec::new, |chain| lists.blocks_of(chain));
        mover.join().expect("no panic");
        lists.check(held);
    });
}

struct Pool {
    pool: BlockPool,
    bytes: Bytes,
}

impl Pool {
    fn new(blocks: u32, batch: u32) -> Arc<Self> {
        Arc::new(Self {
            pool: BlockPool::with_batch(blocks, batch),
            bytes: Bytes::new(blocks),
        })
    }

    fn join(&self) -> MemberId {
        self.pool.join().expect("few members")
    }

    fn acquire(&self, member: MemberId) -> Option<u32> {
        let index = self.pool.acquire(member)?;
        self.bytes.touch(index);
        Some(index)
    }

    fn release(&self, member: MemberId, index: u32) {
        self.bytes.touch(index);
        assert_eq!(self.pool.release(member, index), Ok(()));
    }

    /// Nothing is held, and every block is there once.
    fn check(&self) {
        let stats = self.pool.stats();
        assert_eq!((stats.in_use, stats.free), (0, self.pool.blocks()));
        let mut all: Vec<u32> = std::iter::from_fn(|| self.acquire(MemberId::COMMON)).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..self.pool.blocks()), "lost or doubled");
    }
}

/// As many blocks as members: whoever holds none gets one, be they all in the other's cache or on their way there.
fn a_block_for_everybody(batch: u32) {
    model(move || {
        let pool = Pool::new(2, batch);
        let (mine, others) = (pool.join(), pool.join());
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let index = pool.acquire(others).expect("there is one for everybody");
                pool.release(others, index);
            })
        };
        let index = pool.acquire(mine).expect("there is one for everybody");
        pool.release(mine, index);
        other.join().expect("no panic");
        pool.check();
    });
}

#[test]
fn who_finds_nothing_steals() {
    a_block_for_everybody(1);
}

#[test]
fn blocks_on_their_way_are_not_overlooked() {
    a_block_for_everybody(2);
}

/// One block goes back before the last one is taken: there is always one to be had, wherever one looks first.
#[test]
fn dry_is_said_only_where_it_was_dry() {
    model(|| {
        let pool = Pool::new(2, 1);
        let (mine, others, third) = (pool.join(), pool.join(), pool.join());
        let held = pool.acquire(others).expect("two");
        // In the cache of `third`.
        let cached = pool.acquire(third).expect("two");
        pool.release(third, cached);
        let given_back = Arc::new(AtomicBool::new(false));
        let giver = {
            let (pool, given_back) = (Arc::clone(&pool), Arc::clone(&given_back));
            thread::spawn(move || {
                pool.release(others, held);
                given_back.store(true, Ordering::Release);
            })
        };
        let taker = {
            let (pool, given_back) = (Arc::clone(&pool), Arc::clone(&given_back));
            thread::spawn(move || {
                // Takes one only when the other is back.
                given_back
                    .load(Ordering::Acquire)
                    .then(|| pool.pool.acquire(third).expect("both are free, or one"))
            })
        };
        let got = pool.pool.acquire(mine);
        giver.join().expect("no panic");
        let taken = taker.join().expect("no panic");
        let got = got.expect("there was a free block at every moment");
        pool.release(mine, got);
        taken
            .into_iter()
            .for_each(|index| pool.release(third, index));
        pool.check();
    });
}

/// Caches that overflow, on both sides.
#[test]
fn caches_that_are_full_go_to_the_global_list() {
    model(|| {
        let pool = Pool::new(4, 1);
        let (mine, others) = (pool.join(), pool.join());
        let held: Vec<u32> = (0..4).filter_map(|_| pool.acquire(others)).collect();
        assert_eq!(held.len(), 4);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                held.into_iter()
                    .for_each(|index| pool.release(others, index))
            })
        };
        let got = pool.acquire(mine);
        got.into_iter().for_each(|index| pool.release(mine, index));
        other.join().expect("no panic");
        pool.check();
    });
}

/// Of two that release the same block one succeeds.
#[test]
fn a_block_goes_back_once() {
    model(|| {
        let pool = Pool::new(1, 1);
        let (mine, others) = (pool.join(), pool.join());
        let index = pool.acquire(mine).expect("one");
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.pool.release(others, index))
        };
        let results = [
            pool.pool.release(mine, index),
            other.join().expect("no panic"),
        ];
        assert!(results.contains(&Ok(())));
        assert!(results.contains(&Err(ReleaseError::AlreadyFree)));
        pool.check();
    });
}

/// A member leaves while another one adopts what it held, and steals what it had in its cache.
#[test]
fn who_leaves_against_who_adopts_and_steals() {
    model(|| {
        let pool = Pool::new(2, 1);
        let (leaver, heir) = (pool.join(), pool.join());
        let held = pool.acquire(leaver).expect("two");
        let cached = pool.acquire(leaver).expect("two");
        pool.release(leaver, cached);
        let ticket = pool.pool.ticket(held).expect("held");
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let adopted = pool.pool.adopt(heir, ticket);
                let stolen = pool.acquire(heir).expect("one is free at every moment");
                adopted.into_iter().for_each(|index| {
                    assert_ne!(index, stolen, "held twice");
                    pool.release(heir, index);
                });
                pool.release(heir, stolen);
            })
        };
        pool.pool.leave(leaver);
        other.join().expect("no panic");
        pool.check();
    });
}

/// Someone releases what a member holds while that member leaves: it goes back once.
#[test]
fn who_leaves_against_who_releases() {
    model(|| {
        let pool = Pool::new(2, 2);
        let (leaver, other) = (pool.join(), pool.join());
        let held = pool.acquire(leaver).expect("two");
        let releaser = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || _ = pool.pool.release(other, held))
        };
        pool.pool.leave(leaver);
        releaser.join().expect("no panic");
        pool.check();
    });
}
