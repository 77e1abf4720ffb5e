//! Finding an object's key that it has already had, in time that grows with the keys and not with their
//! square: a few keys are compared with one another, many go through a hash set.

use std::collections::HashSet;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// As many keys as are compared with one another: 120 comparisons, most of them of lengths only.
const FEW: usize = 16;

/// The keys of the objects that a walk is within. Few keys share one vector, innermost object last, so
/// that a small object allocates nothing of its own; depth bounds that vector at `FEW * MAX_DEPTH`.
pub(super) struct OpenKeys<K> {
    few: Vec<K>,
}

/// The keys of one object.
pub(super) enum Seen<K> {
    /// The first index of its keys in the shared vector.
    Few(usize),
    /// All of its keys.
    Many(HashSet<K, RandomState>),
}

impl<K: Eq + Hash> OpenKeys<K> {
    pub(super) fn new() -> OpenKeys<K> {
        OpenKeys { few: Vec::new() }
    }

    /// Enters an object of so many keys.
    pub(super) fn open(&self, count: usize) -> Seen<K> {
        if count <= FEW {
            Seen::Few(self.few.len())
        } else {
            Seen::Many(HashSet::with_capacity_and_hasher(
                count,
                RandomState::default(),
            ))
        }
    }

    /// Adds a key to the innermost object; false if it has had it.
    pub(super) fn add(&mut self, seen: &mut Seen<K>, key: K) -> bool {
        match seen {
            Seen::Few(start) => {
                let new = !self.few[*start..].contains(&key);
                self.few.push(key);
                new
            }
            Seen::Many(keys) => keys.insert(key),
        }
    }

    /// Leaves the innermost object.
    pub(super) fn close(&mut self, seen: Seen<K>) {
        if let Seen::Few(start) = seen {
            self.few.truncate(start);
        }
    }
}

/// True when no two of the keys are equal.
pub(crate) fn are_distinct<K: Eq + Hash>(keys: impl ExactSizeIterator<Item = K> + Clone) -> bool {
    if keys.len() <= FEW {
        let is_new = |(index, key)| keys.clone().take(index).all(|before| before != key);
        return keys.clone().enumerate().all(is_new);
    }
    let mut seen = HashSet::with_capacity_and_hasher(keys.len(), RandomState::default());
    keys.into_iter().all(|key| seen.insert(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_found_on_both_sides_of_the_threshold() {
        for count in [2, 3, FEW - 1, FEW, FEW + 1, 500] {
            let distinct: Vec<usize> = (0..count).collect();
            assert!(are_distinct(distinct.iter()));
            for repeat in [1, count / 2, count - 1] {
                let mut keys = distinct.clone();
                keys[repeat] = 0;
                assert!(!are_distinct(keys.iter()));
            }
        }
        assert!(are_distinct([0u8; 0].iter()));
    }

    #[test]
    fn an_object_within_another_has_its_own_keys() {
        for counts in [(2, 2), (FEW + 1, 2), (2, FEW + 1)] {
            let mut open = OpenKeys::new();
            let mut outer = open.open(counts.0);
            assert!(open.add(&mut outer, "a"));
            let mut inner = open.open(counts.1);
            assert!(open.add(&mut inner, "a"));
            assert!(open.add(&mut inner, "b"));
            assert!(!open.add(&mut inner, "a"));
            open.close(inner);
            assert!(open.add(&mut outer, "b"));
            assert!(!open.add(&mut outer, "a"));
            open.close(outer);
            assert!(open.few.is_empty());
        }
    }
}
