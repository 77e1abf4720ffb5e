//! The pool of blocks against a plain model, and under a storm of threads.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use agentwire::pool::block_pool::{BlockPool, MemberId, ReleaseError};
use proptest::prelude::*;

/// What a member does; numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Act {
    Join,
    Leave(usize),
    Acquire(usize),
    Release(usize, usize),
    ReleaseCold(usize, usize),
    ReleaseAnything(usize, u32),
    Ticket(usize),
    Adopt(usize, usize),
    AdoptAnything(usize, u64),
}

fn act() -> impl Strategy<Value = Act> {
    let number = any::<usize>;
    prop_oneof![
        1 => Just(Act::Join),
        1 => number().prop_map(Act::Leave),
        12 => number().prop_map(Act::Acquire),
        8 => (number(), number()).prop_map(|(member, block)| Act::Release(member, block)),
        1 => (number(), number()).prop_map(|(member, block)| Act::ReleaseCold(member, block)),
        1 => (number(), 0u32..200).prop_map(|(member, index)| Act::ReleaseAnything(member, index)),
        2 => number().prop_map(Act::Ticket),
        2 => (number(), number()).prop_map(|(member, ticket)| Act::Adopt(member, ticket)),
        1 => (number(), any::<u64>()).prop_map(|(member, ticket)| Act::AdoptAnything(member, ticket)),
    ]
}

/// What the pool should be: who holds which block, and the number of each holding.
#[derive(Default)]
struct Model {
    held: HashMap<u32, (MemberId, u64)>,
    holdings: u64,
    /// Tickets, with the block and the holding that they are for.
    tickets: Vec<(u64, u32, u64)>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_does_what_a_set_does(
        blocks in 1u32..150,
        batch in 1u32..20,
        acts in prop::collection::vec(act(), 1..400),
    ) {
        let pool = BlockPool::with_batch(blocks, batch);
        let mut members = vec![MemberId::COMMON];
        let mut model = Model::default();
        for act in acts {
            let member = |number: usize| members[number % members.len()];
            let nth_held = |number: usize| {
                let mut held: Vec<u32> = model.held.keys().copied().collect();
                held.sort_unstable();
                (!held.is_empty()).then(|| held[number % held.len()])
            };
            match act {
                Act::Join => members.extend(pool.join()),
                Act::Leave(number) if members.len() > 1 => {
                    let member = members.remove(1 + number % (members.len() - 1));
                    pool.leave(member);
                    model.held.retain(|_, (owner, _)| *owner != member);
                }
                Act::Leave(_) => {}
                Act::Acquire(number) => match pool.acquire(member(number)) {
                    Some(index) => {
                        prop_assert!(index < blocks);
                        model.holdings += 1;
                        let before = model.held.insert(index, (member(number), model.holdings));
                        prop_assert_eq!(before, None, "held twice");
                    }
                    None => prop_assert_eq!(model.held.len(), blocks as usize, "dry too early"),
                },
                Act::Release(number, block) | Act::ReleaseCold(number, block) => {
                    if let Some(index) = nth_held(block) {
                        let released = match act {
                            Act::Release(..) => pool.release(member(number), index),
                            _ => pool.release_cold(member(number), index),
                        };
                        prop_assert_eq!(released, Ok(()));
                        model.held.remove(&index);
                    }
                }
                Act::ReleaseAnything(number, index) => {
                    let expected = match model.held.remove(&index) {
                        Some(_) => Ok(()),
                        None if index < blocks => Err(ReleaseError::AlreadyFree),
                        None => Err(ReleaseError::NoSuchBlock),
                    };
                    prop_assert_eq!(pool.release(member(number), index), expected);
                }
                Act::Ticket(block) => {
                    if let Some(index) = nth_held(block) {
                        let ticket = pool.ticket(index).expect("held");
                        model.tickets.push((ticket, index, model.held[&index].1));
                    }
                }
                Act::Adopt(number, which) => {
                    if !model.tickets.is_empty() {
                        let (ticket, index, holding) = model.tickets[which % model.tickets.len()];
                        let still = model.held.get(&index).is_some_and(|(_, now)| *now == holding);
                        let adopted = pool.adopt(member(number), ticket);
                        prop_assert_eq!(adopted, still.then_some(index));
                        if still {
                            model.held.insert(index, (member(number), holding));
                        }
                    }
                }
                Act::AdoptAnything(number, ticket) => {
                    // A guess may fit.
                    if let Some(index) = pool.adopt(member(number), ticket) {
                        let held = model.held.get_mut(&index).expect("adopted a free block");
                        held.0 = member(number);
                    }
                }
            }
            let stats = pool.stats();
            prop_assert_eq!(stats.in_use as usize, model.held.len());
            prop_assert_eq!(stats.in_use + stats.free, blocks);
            prop_assert_eq!(stats.members as usize, members.len() - 1);
        }
        for (index, _) in model.held {
            prop_assert_eq!(pool.release(MemberId::COMMON, index), Ok(()));
        }
        let mut all: Vec<u32> = std::iter::from_fn(|| pool.acquire(MemberId::COMMON)).collect();
        all.sort_unstable();
        prop_assert!(all.into_iter().eq(0..blocks), "a block was lost");
    }
}

/// Numbers that look random, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

const BLOCKS: u32 = 24;
const WORDS: usize = 8;
const THREADS: u64 = 4;

/// Under an emulator or a sanitizer a tenth will do.
fn scaled(count: u64) -> u64 {
    if std::env::var_os("AGENTWIRE_TEST_SLOW").is_some() {
        count / 10
    } else {
        count
    }
}

struct Storm {
    pool: BlockPool,
    /// The bytes of each block: its holder's pattern, in every word.
    bytes: Vec<[AtomicU64; WORDS]>,
    holders: Vec<AtomicU32>,
    /// Blocks on their way from thread to thread: who sent them, the ticket, and the pattern.
    on_the_way: Mutex<Vec<(u64, u64, u64)>>,
}

impl Storm {
    /// Takes a block: nobody else has it.
    fn take(&self, index: u32, pattern: u64) -> (u32, u64) {
        assert_eq!(
            self.holders[index as usize].fetch_add(1, Ordering::Relaxed),
            0,
            "held twice"
        );
        self.write(index, pattern);
        (index, pattern)
    }

    fn write(&self, index: u32, pattern: u64) {
        for word in &self.bytes[index as usize] {
            word.store(pattern, Ordering::Relaxed);
        }
    }

    fn check(&self, (index, pattern): (u32, u64)) {
        for word in &self.bytes[index as usize] {
            assert_eq!(
                word.load(Ordering::Relaxed),
                pattern,
                "somebody else wrote there"
            );
        }
    }

    fn put_down(&self, held: (u32, u64)) {
        self.check(held);
        assert_eq!(
            self.holders[held.0 as usize].fetch_sub(1, Ordering::Relaxed),
            1
        );
    }

    fn run(&self, thread: u64, rounds: u64) -> u64 {
        let mut random = Random(thread * 7919 + 1);
        let mut member = self.pool.join().expect("few members");
        let mut held: Vec<(u32, u64)> = Vec::new();
        let mut dry = 0;
        for round in 0..rounds {
            let pattern = thread << 56 | round;
            match random.below(100) {
                0..45 => match self.pool.acquire(member) {
                    Some(index) => held.push(self.take(index, pattern)),
                    None => dry += 1,
                },
                45..90 => {
                    if !held.is_empty() {
                        let mine = held.swap_remove(random.below(held.len() as u64) as usize);
                        self.put_down(mine);
                        assert_eq!(self.pool.release(member, mine.0), Ok(()));
                    }
                }
                90..94 => {
                    if let Some(mine) = held.pop() {
                        self.check(mine);
                        let ticket = self.pool.ticket(mine.0).expect("held");
                        let mut on_the_way = self.on_the_way.lock().unwrap();
                        on_the_way.push((thread, ticket, mine.1));
                    }
                }
                94..99 => {
                    // Under the lock, so that its sender does not leave meanwhile.
                    let mut on_the_way = self.on_the_way.lock().unwrap();
                    if let Some((_, ticket, pattern)) = on_the_way.pop() {
                        let index = self.pool.adopt(member, ticket);
                        held.push((index.expect("its sender has not left"), pattern));
                        self.check(held[held.len() - 1]);
                    }
                }
                _ => {
                    self.leave(thread, member, &mut held);
                    member = self.pool.join().expect("few members");
                }
            }
        }
        self.leave(thread, member, &mut held);
        dry
    }

    /// Ends a member with all that it holds, and what is on its way from it.
    fn leave(&self, thread: u64, member: MemberId, held: &mut Vec<(u32, u64)>) {
        held.drain(..).for_each(|mine| self.put_down(mine));
        let mut on_the_way = self.on_the_way.lock().unwrap();
        on_the_way.retain(|&(sender, ticket, pattern)| {
            if sender == thread {
                let index = (ticket % (1 << 24)) as u32;
                self.put_down((index, pattern));
            }
            sender != thread
        });
        self.pool.leave(member);
    }
}

#[test]
fn in_a_storm_no_block_is_held_twice_and_all_come_back() {
    let storm = Storm {
        pool: BlockPool::with_batch(BLOCKS, 4),
        bytes: (0..BLOCKS).map(|_| Default::default()).collect(),
        holders: (0..BLOCKS).map(|_| AtomicU32::new(0)).collect(),
        on_the_way: Mutex::default(),
    };
    let dry: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS)
            .map(|thread| {
                let storm = &storm;
                scope.spawn(move || storm.run(thread, scaled(300_000)))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    let stats = storm.pool.stats();
    assert_eq!(stats.exhausted, dry);
    assert_eq!((stats.in_use, stats.cached, stats.members), (0, 0, 0));
    let mut all: Vec<u32> = std::iter::from_fn(|| storm.pool.acquire(MemberId::COMMON)).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..BLOCKS), "a block was lost");
}

/// As many blocks as threads: nobody is ever told that the pool is dry, whoever has the others in a cache.
#[test]
fn a_pool_with_a_block_for_everybody_is_never_dry() {
    for batch in [1, 2, 16] {
        let pool = BlockPool::with_batch(THREADS as u32, batch);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let member = pool.join().expect("few members");
                    for round in 0..scaled(50_000) {
                        let index = pool.acquire(member);
                        let index = index.unwrap_or_else(|| panic!("dry in round {round}"));
                        assert_eq!(pool.release(member, index), Ok(()));
                    }
                    pool.leave(member);
                });
            }
        });
        assert_eq!((pool.stats().in_use, pool.stats().exhausted), (0, 0));
    }
}
