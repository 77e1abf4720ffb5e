//! A lock-free list of free blocks, last in, first out: a Treiber stack (R. K. Treiber, "Systems programming:
//! coping with parallelism", 1986) of indices instead of addresses.
//!
//! ```text
//!  head (one word of 64 bits)          links (one word of 32 bits for each block)
//!  +----------------+----------+       +-------+-------+-------+-------+-----
//!  | changes so far | place ---|--+    |  ...  | place |   0   |  ...  |
//!  +----------------+----------+  |    +-------+---|---+---^---+-------+-----
//!                                 +----------------^   +---+
//! ```
//!
//! A **place** is an index plus one; zero is the end. Several lists share the links, because a block is in one
//! of them at most: so a chain of blocks moves from list to list by two compare-and-swaps, however long it is.
//!
//! **A block that comes again.** Between reading the head and swapping it, the first block may be taken, others
//! too, and the first be given back: the same place, with another successor. Every change counts the head's upper
//! half up, so that such a swap fails. It would succeed wrongly after exactly 2^32 changes within one call of
//! `pop`, during all of which its thread would have to stand still.
//!
//! **What a walk may believe.** A walk reads links that others may be changing. It is bounded, every place is
//! checked, and what it found counts only when the swap succeeds: then the head, and with it the list, is as it was.

use super::words::Words;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The successors of all blocks of a pool, for all its lists.
pub struct Links(Words<AtomicU32>);

impl Links {
    /// Links for that many blocks; None when the system has no memory for them.
    pub fn new(blocks: u32) -> Option<Self> {
        Words::new(blocks as usize).map(Self)
    }

    /// How many blocks there are.
    pub fn len(&self) -> u32 {
        self.0.len() as u32
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place behind a block; the end for an index that is none, and in place of a place that cannot be.
    #[inline]
    fn place_behind(&self, index: u32) -> u32 {
        // Relaxed: the head's Acquire came before, and its Release after the store.
        let place = self
            .0
            .get(index as usize)
            .map_or(0, |link| link.load(Ordering::Relaxed));
        if place <= self.len() { place } else { 0 }
    }

    #[inline]
    fn set_place_behind(&self, index: u32, place: u32) {
        // Relaxed: as above.
        self.0[index as usize].store(place, Ordering::Relaxed);
    }

    /// The block behind one that the caller holds as part of a chain.
    pub fn behind(&self, index: u32) -> Option<u32> {
        self.place_behind(index).checked_sub(1)
    }

    /// Puts `next` behind a block of a chain; the caller holds both.
    pub fn link(&self, index: u32, next: u32) {
        self.set_place_behind(index, next + 1);
    }
}

/// Blocks that are linked one to the next, held by whoever has the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The first block.
    pub first: u32,
    /// The last one.
    pub last: u32,
    /// How many there are, at least one.
    pub count: u32,
}

/// See the module's documentation. Every method is given the links of the one pool that the list belongs to.
#[derive(Default)]
pub struct FreeList {
    head: AtomicU64,
}

/// The place of the first block.
#[inline]
fn place(head: u64) -> u32 {
    head as u32
}

/// The head after a change.
#[inline]
fn changed(head: u64, place: u32) -> u64 {
    ((head >> 32).wrapping_add(1) << 32) | u64::from(place)
}

impl FreeList {
    /// Puts one block in front.
    #[inline]
    pub fn push(&self, links: &Links, index: u32) {
        self.push_chain(
            links,
            Chain {
                first: index,
                last: index,
                count: 1,
            },
        );
    }

    /// Puts a chain in front, with one swap.
    #[inline]
    pub fn push_chain(&self, links: &Links, chain: Chain) {
        debug_assert!(chain.first < links.len() && chain.last < links.len());
        // Relaxed: only its value is needed; the swap below fails when it is old.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            links.set_place_behind(chain.last, place(head));
            // SYNC POINT list: Release pairs with the Acquires in `pop`, `pop_many` and `look`. The links, and what the
            // last user wrote into the blocks, come before it. All changes of a head are swaps, so whoever acquires a
            // later head acquires this one too.
            match self.head.compare_exchange_weak(
                head,
                changed(head, chain.first + 1),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes the first block.
    #[inline]
    pub fn pop(&self, links: &Links) -> Option<u32> {
        // SYNC POINT list: Acquire pairs with the Release in `push_chain`.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let index = place(head).checked_sub(1)?;
            let next = links.place_behind(index);
            // SYNC POINT taken: the Release of AcqRel pairs with the Acquire in `look`: who sees the list without this block
            // sees every block that was given back before this one was taken.
            match self.head.compare_exchange_weak(
                head,
                changed(head, next),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(index),
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes the first blocks, at most `most`, with one swap.
    pub fn pop_many(&self, links: &Links, most: u32) -> Option<Chain> {
        // SYNC POINT list: Acquire pairs with the Release in `push_chain`.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let first = place(head).checked_sub(1)?;
            let (mut last, mut count) = (first, 1);
            let mut next = links.place_behind(first);
            while next != 0 && count < most {
                last = next - 1;
                next = links.place_behind(last);
                count += 1;
            }
            // SYNC POINT taken: as in `pop`; and he sees that somebody is moving these.
            match self.head.compare_exchange_weak(
                head,
                changed(head, next),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(Chain { first, last, count }),
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes all blocks.
    pub fn take_all(&self, links: &Links) -> Option<Chain> {
        self.pop_many(links, links.len())
    }

    /// How often the list was changed (modulo 2^32), when it is empty. None when it is not.
    #[inline]
    pub fn look(&self) -> Option<u32> {
        // SYNC POINT list, taken: Acquire pairs with the Releases in `push_chain`, `pop` and `pop_many`.
        let head = self.head.load(Ordering::Acquire);
        (place(head) == 0).then_some((head >> 32) as u32)
    }

    /// Blocks in the list: exact while nobody changes it, else a figure between zero and `most`.
    pub fn count(&self, links: &Links, most: u32) -> u32 {
        // SYNC POINT list: Acquire pairs with the Release in `push_chain`.
        let mut next = place(self.head.load(Ordering::Acquire));
        let mut count = 0;
        while next != 0 && count < most {
            next = links.place_behind(next - 1);
            count += 1;
        }
        count
    }
}

#[cfg(all(test, not(model)))]
mod tests {
    use super::*;

    #[test]
    fn last_in_first_out() {
        let (links, list) = (Links::new(8).expect("a little memory"), FreeList::default());
        assert_eq!(list.pop(&links), None);
        (0..8).for_each(|index| list.push(&links, index));
        for index in (0..8).rev() {
            assert_eq!(list.pop(&links), Some(index));
        }
        assert_eq!((list.pop(&links), list.look()), (None, Some(16)));
    }

    #[test]
    fn chains_move_from_list_to_list() {
        let links = Links::new(8).expect("a little memory");
        let (from, to) = (FreeList::default(), FreeList::default());
        (0..5).for_each(|index| from.push(&links, index));
        to.push(&links, 7);
        let chain = from.pop_many(&links, 3).expect("there are five");
        assert_eq!((chain.first, chain.last, chain.count), (4, 2, 3));
        to.push_chain(&links, chain);
        assert_eq!((from.count(&links, 8), to.count(&links, 8)), (2, 4));
        let all = to.take_all(&links).expect("there are four");
        assert_eq!((all.first, all.last, all.count), (4, 7, 4));
        assert_eq!(
            [4, 3, 2].map(|index| links.behind(index)),
            [Some(3), Some(2), Some(7)]
        );
        assert_eq!((to.take_all(&links), to.pop_many(&links, 1)), (None, None));
        assert_eq!(
            from.pop_many(&links, 8).map(|chain| chain.count),
            Some(2),
            "as many as there are"
        );
    }

    #[test]
    fn a_link_that_cannot_be_ends_the_walk() {
        let (links, list) = (Links::new(4).expect("a little memory"), FreeList::default());
        (0..3).for_each(|index| list.push(&links, index));
        links.set_place_behind(1, u32::MAX);
        assert_eq!(list.count(&links, 100), 2);
        let chain = list.take_all(&links).expect("two");
        assert_eq!((chain.first, chain.last, chain.count), (2, 1, 2));
        // A circle: as many steps as there are blocks.
        (0..3).for_each(|index| list.push(&links, index));
        links.set_place_behind(0, 3);
        assert_eq!(list.take_all(&links).expect("some").count, 4);
    }
}
