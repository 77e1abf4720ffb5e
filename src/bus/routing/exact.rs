//! The subscriptions whose pattern has no wildcard, by hash.
//!
//! Several maps with a lock each: threads that subscribe at the same time seldom meet, and a map that grows, for which it
//! moves all that is in it, is never more than a small part of the whole.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::entries::{Entries, Entry};
use super::shrink;
use super::trie::Payload;
use crate::sync::{RwLock, RwLockReadGuard};

/// How many maps there are.
const SHARDS: usize = 64;

/// The patterns of one shard.
pub type Shard<T> = HashMap<Box<str>, Entries<T>, RandomState>;

/// See the module's documentation.
pub struct Exact<T> {
    hasher: RandomState,
    shards: Box<[RwLock<Shard<T>>]>,
}

impl<T> Default for Exact<T> {
    fn default() -> Self {
        Self {
            hasher: RandomState::default(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
        }
    }
}

impl<T: Entry> Exact<T> {
    fn shard(&self, pattern: &str) -> &RwLock<Shard<T>> {
        &self.shards[self.hasher.hash_one(pattern) as usize % SHARDS]
    }

    /// Files an entry.
    pub fn insert(&self, pattern: &str, entry: T) {
        let mut shard = self.shard(pattern).write();
        match shard.get_mut(pattern) {
            Some(entries) => entries.insert(entry),
            None => _ = shard.insert(pattern.into(), Entries::One(entry)),
        }
    }

    /// Takes the entry of that id out, and its pattern with the last one. False when it was not there.
    pub fn remove(&self, pattern: &str, id: u64) -> bool {
        let mut shard = self.shard(pattern).write();
        let Some(entries) = shard.get_mut(pattern) else {
            return false;
        };
        let removed = entries.remove(id);
        if entries.is_empty() {
            shard.remove(pattern);
            shrink(&mut shard);
        }
        removed
    }

    /// The shard that has the pattern, if any has. Nothing changes in it while this is held.
    pub fn read(&self, pattern: &str) -> RwLockReadGuard<'_, Shard<T>> {
        self.shard(pattern).read()
    }

    /// Patterns that something is filed under.
    pub fn patterns(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }
}
