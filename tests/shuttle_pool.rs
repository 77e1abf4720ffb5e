//! The pool of blocks with more members than loom can explore, under random
//! schedules. Only for
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test --release --no-default-features --test shuttle_pool
//! ```
#![cfg(shuttle)]

#[path = "exploration/mod.rs"]
mod exploration;

use std::sync::atomic::{AtomicU32 as PlainU32, Ordering as PlainOrdering};

use agentwire::pool::block_pool::{BlockPool, MemberId};
use agentwire::sync::{Arc, Mutex};
use exploration::model;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

const MEMBERS: usize = 4;
const BLOCKS: u32 = 8;
const STEPS: usize = 12;

struct Model {
    pool: BlockPool,
    /// Whoever holds a block counts here; not part of what is modelled.
    holders: Vec<PlainU32>,
    /// Tickets on their way, with their sender.
    tickets: Mutex<Vec<(usize, u64)>>,
}

impl Model {
    fn new(batch: u32) -> Arc<Self> {
        Arc::new(Self {
            pool: BlockPool::with_batch(BLOCKS, batch),
            holders: (0..BLOCKS).map(|_| PlainU32::new(0)).collect(),
            tickets: Mutex::default(),
        })
    }

    fn take(&self, index: u32) -> u32 {
        let before = self.holders[index as usize].fetch_add(1, PlainOrdering::Relaxed);
        assert_eq!(before, 0, "held twice");
        index
    }

    fn put_down(&self, index: u32) {
        let before = self.holders[index as usize].fetch_sub(1, PlainOrdering::Relaxed);
        assert_eq!(before, 1, "held by somebody else too");
    }

    fn run(&self, thread: usize) {
        let mut member = self.pool.join().expect("few members");
        let mut held = Vec::new();
        for _ in 0..STEPS {
            match thread_rng().gen_range(0..10) {
                0..4 => held.extend(self.pool.acquire(member).map(|index| self.take(index))),
                4..7 => {
                    if let Some(index) = held.pop() {
                        self.put_down(index);
                        assert_eq!(self.pool.release(member, index), Ok(()));
                    }
                }
                7 => {
                    if let Some(index) = held.pop() {
                        let ticket = self.pool.ticket(index).expect("held");
                        self.tickets.lock().push((thread, ticket));
                    }
                }
                8 => {
                    let mut tickets = self.tickets.lock();
                    if let Some((_, ticket)) = tickets.pop() {
                        let adopted = self.pool.adopt(member, ticket);
                        held.push(adopted.expect("its sender has not left"));
                    }
                }
                _ => {
                    self.leave(thread, member, &mut held);
                    member = self.pool.join().expect("few members");
                }
            }
        }
        self.leave(thread, member, &mut held);
    }

    fn leave(&self, thread: usize, member: MemberId, held: &mut Vec<u32>) {
        held.drain(..).for_each(|index| self.put_down(index));
        let mut tickets = self.tickets.lock();
        tickets.retain(|&(sender, ticket)| {
            if sender == thread {
                self.put_down((ticket % (1 << 24)) as u32);
            }
            sender != thread
        });
        self.pool.leave(member);
    }

    fn check(&self) {
        let stats = self.pool.stats();
        assert_eq!((stats.in_use, stats.cached, stats.members), (0, 0, 0));
        let mut all: Vec<u32> =
            std::iter::from_fn(|| self.pool.acquire(MemberId::COMMON)).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..BLOCKS), "lost or doubled");
    }
}

fn storm(batch: u32) {
    model(move || {
        let model = Model::new(batch);
        let threads: Vec<_> = (0..MEMBERS)
            .map(|thread| {
                let model = Arc::clone(&model);
                thread::spawn(move || model.run(thread))
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("no panic"));
        model.check();
    });
}

#[test]
fn four_members_that_do_everything() {
    storm(1);
}

#[test]
fn four_members_whose_caches_are_filled_at_once() {
    storm(4);
}

/// As many blocks as members, each holding one at most: nobody is told that the pool is dry.
#[test]
fn a_block_for_everybody() {
    model(|| {
        let pool = Arc::new(BlockPool::with_batch(MEMBERS as u32, 2));
        let threads: Vec<_> = (0..MEMBERS)
            .map(|_| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || {
                    let member = pool.join().expect("few members");
                    for _ in 0..3 {
                        let index = pool.acquire(member).expect("there is one for everybody");
                        assert_eq!(pool.release(member, index), Ok(()));
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(pool.stats().exhausted, 0);
    });
}
