//! A table that gives equal keys the same small number, for as long as the process lives.
//!
//! Ids are dense from 1 and never change their meaning, because nothing is ever removed: so a thread may
//! cache what it learnt for good. What keeps an append-only table from growing without end is its
//! limits; a key that no longer fits is refused, and whoever asked does without an id.
//!
//! Every thread looks in its own cache first and comes here only on a miss, once for each key it meets.
//! So a lock for readers and a writer around a hash map and a vector is right for now; a hit here is not
//! a hot path.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use super::quota::{Accounts, Channel, Used};

/// What a table can hold.
pub trait Key: Hash + Eq {
    /// False for a key that no table takes, whatever room it has.
    fn is_admissible(&self) -> bool;

    /// Memory that the key takes, in bytes: what counts against [`Limits::bytes`].
    fn bytes(&self) -> usize;

    /// A copy to keep.
    fn to_shared(&self) -> Arc<Self>;
}

/// How much a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Keys, at most.
    pub entries: u32,
    /// Bytes of all keys together, at most.
    pub bytes: usize,
}

/// An append-only table of distinct keys. Any thread may use it.
pub struct InternTable<K: ?Sized> {
    limits: Limits,
    state: RwLock<State<K>>,
}

struct State<K: ?Sized> {
    /// The id of a key; each key is the same allocation as in `keys`.
    ids: HashMap<Arc<K>, u32, RandomState>,
    /// The key of id 1 is at 0.
    keys: Vec<Arc<K>>,
    /// In range 0 ..= limits.bytes.
    bytes: usize,
    /// What each channel brought in; empty in a table without quotas.
    accounts: Accounts,
}

impl<K: ?Sized> State<K> {
    fn total(&self) -> Used {
        // At most limits.entries, which is 32 bits wide.
        let entries = self.keys.len() as u32;
        Used {
            entries,
            bytes: self.bytes,
        }
    }
}

impl<K: Key + ?Sized> InternTable<K> {
    /// An empty table, which takes no memory yet.
    pub fn new(limits: Limits) -> InternTable<K> {
        let state = State {
            ids: HashMap::default(),
            keys: Vec::new(),
            bytes: 0,
            accounts: Accounts::default(),
        };
        InternTable {
            limits,
            state: RwLock::new(state),
        }
    }

    /// The id of a key, which is given one if it has none; none when the key is not admissible or the
    /// table is full.
    pub fn intern(&self, key: &K) -> Option<u32> {
        self.intern_within(key, None)
    }

    /// As [`InternTable::intern`], and none too when the channel has brought in as much as it may.
    pub fn intern_for(&self, channel: Channel, key: &K) -> Option<u32> {
        self.intern_within(key, Some(channel))
    }

    fn intern_within(&self, key: &K, channel: Option<Channel>) -> Option<u32> {
        let bytes = key.bytes();
        {
            // A refusal is final (`Accounts::has_room`), so who is refused again and again takes no turn of the writers'.
            let state = self.state.read();
            if let Some(id) = state.ids.get(key) {
                return Some(*id);
            }
            if !self.has_room(&state, channel, bytes) {
                return None;
            }
        }
        if !key.is_admissible() {
            return None;
        }
        let shared = key.to_shared();
        let mut state = self.state.write();
        // Another thread may have been first.
        if let Some(id) = state.ids.get(key) {
            return Some(*id);
        }
        if !self.has_room(&state, channel, bytes) {
            return None;
        }
        let id = u32::try_from(state.keys.len()).ok()?.checked_add(1)?;
        state.keys.push(Arc::clone(&shared));
        state.ids.insert(shared, id);
        state.bytes += bytes;
        if let Some(channel) = channel {
            state.accounts.add(channel, bytes);
        }
        Some(id)
    }

    fn has_room(&self, state: &State<K>, channel: Option<Channel>, bytes: usize) -> bool {
        let total = state.total();
        let fits = total.entries < self.limits.entries
            && total
                .bytes
                .checked_add(bytes)
                .is_some_and(|bytes| bytes <= self.limits.bytes);
        fits && channel
            .is_none_or(|channel| state.accounts.has_room(channel, bytes, total, self.limits))
    }

    /// A channel brings in at most so many keys, whatever its share would be.
    pub fn limit(&self, channel: Channel, entries: u32) {
        self.state.write().accounts.limit(channel, entries);
    }

    /// What a channel brought in.
    pub fn used(&self, channel: Channel) -> Used {
        self.state.read().accounts.used(channel)
    }

    /// The id of a key, if it has one.
    pub fn find(&self, key: &K) -> Option<u32> {
        self.state.read().ids.get(key).copied()
    }

    /// The key of an id; none for 0 and for ids not yet given.
    pub fn get(&self, id: u32) -> Option<Arc<K>> {
        let index = usize::try_from(id.checked_sub(1)?).ok()?;
        self.state.read().keys.get(index).cloned()
    }

    /// How many keys there are; also the highest id.
    pub fn len(&self) -> usize {
        self.state.read().keys.len()
    }

    /// True when there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all keys together.
    pub fn bytes(&self) -> usize {
        self.state.read().bytes
    }

    /// The sum of something over all keys. Reads every key, under the lock.
    pub fn sum(&self, of: impl Fn(&K) -> usize) -> usize {
        self.state.read().keys.iter().map(|key| of(key)).sum()
    }

    /// What is in it.
    pub fn total(&self) -> Used {
        self.state.read().total()
    }

    /// How much it holds at most.
    pub fn limits(&self) -> Limits {
        self.limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key as the tests need it: "!" is refused, and each byte of text counts as one.
    impl Key for str {
        fn is_admissible(&self) -> bool {
            self != "!"
        }

        fn bytes(&self) -> usize {
            self.len()
        }

        fn to_shared(&self) -> Arc<str> {
            self.into()
        }
    }

    fn table(entries: u32, bytes: usize) -> InternTable<str> {
        InternTable::new(Limits { entries, bytes })
    }

    #[test]
    fn ids_are_dense_from_one_and_stay() {
        let table = table(10, 100);
        assert!(table.is_empty());
        assert_eq!(table.find("a"), None);
        assert_eq!(table.intern("a"), Some(1));
        assert_eq!(table.intern("bc"), Some(2));
        assert_eq!(table.intern("a"), Some(1));
        assert_eq!(table.find("bc"), Some(2));
        assert_eq!(table.get(2).as_deref(), Some("bc"));
        assert_eq!(
            (table.get(0), table.get(3), table.get(u32::MAX)),
            (None, None, None)
        );
        assert_eq!((table.len(), table.bytes()), (2, 3));
        assert_eq!(table.sum(|key| 10 * key.len()), 30);
    }

    #[test]
    fn a_full_table_still_knows_what_it_has() {
        let by_entries = table(2, 100);
        assert_eq!(
            ["a", "b", "c", "a"].map(|key| by_entries.intern(key)),
            [Some(1), Some(2), None, Some(1)]
        );
        let by_bytes = table(10, 3);
        assert_eq!(
            ["ab", "cd", "e", "f"].map(|key| by_bytes.intern(key)),
            [Some(1), None, Some(2), None]
        );
        assert_eq!((by_bytes.len(), by_bytes.bytes()), (2, 3));
        assert_eq!(by_bytes.intern(""), Some(3));
        assert_eq!(table(0, 100).intern("a"), None);
    }

    #[test]
    fn what_is_not_admissible_gets_no_id() {
        let table = table(10, 100);
        assert_eq!(table.intern("!"), None);
        assert!(table.is_empty());
    }

    #[test]
    fn a_channel_is_refused_beyond_its_quota_but_for_what_is_there() {
        let table = table(100, 10_000);
        let key = |index: usize| format!("key {index}");
        let (greedy, other) = (Channel(2), Channel(3));
        let taken = (0..100)
            .filter(|&index| table.intern_for(greedy, &key(index)).is_some())
            .count();
        assert_eq!((taken, table.len()), (25, 25));
        // What somebody brought in is everybody's, and costs nobody else.
        assert_eq!(table.intern_for(other, &key(3)), Some(4));
        assert_eq!(table.used(other), Used::default());
        assert_eq!(table.intern_for(other, "its own"), Some(26));
        assert_eq!(
            table.intern_for(greedy, "its own"),
            Some(26),
            "although its quota is used up"
        );
        assert_eq!(table.intern_for(greedy, "no more"), None);
        let bytes = |range: std::ops::Range<usize>| range.map(|index| key(index).len()).sum();
        assert_eq!(
            table.used(greedy),
            Used {
                entries: 25,
                bytes: bytes(0..25)
            }
        );
        assert_eq!(
            table.used(other),
            Used {
                entries: 1,
                bytes: 7
            }
        );
    }

    #[test]
    fn accounts_are_exact_when_threads_bring_the_same_keys() {
        let table = table(4000, 1_000_000);
        let key = |index: usize| format!("key {index}");
        std::thread::scope(|scope| {
            for number in 0..4u32 {
                let (table, key) = (&table, &key);
                scope.spawn(move || {
                    for step in 0..1500usize {
                        table.intern_for(
                            Channel(2 + number % 2),
                            &key((step + 100 * number as usize) % 1500),
                        );
                    }
                });
            }
        });
        let (a, b) = (table.used(Channel(2)), table.used(Channel(3)));
        assert_eq!(
            (a.entries + b.entries, a.bytes + b.bytes),
            (table.len() as u32, table.bytes())
        );
        for used in [a, b] {
            assert!(used.entries <= 1000, "{used:?}");
        }
    }

    #[test]
    fn threads_agree_on_ids() {
        let table = table(1000, 100_000);
        let ids = |seed: usize| -> Vec<(String, u32)> {
            let key = |index: usize| format!("key {}", (index * 7 + seed * 131) % 1200);
            (0..1200)
                .filter_map(|index| Some((key(index), table.intern(&key(index))?)))
                .collect()
        };
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|seed| scope.spawn(move || ids(seed))).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(table.len(), 1000);
        for (key, id) in all {
            assert_eq!(table.get(id).as_deref(), Some(key.as_str()));
            assert_eq!(table.find(&key), Some(id));
        }
    }
}
