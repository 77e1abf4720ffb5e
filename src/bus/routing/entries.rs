//! What is filed under one pattern: nearly always one thing, now and then very many, in the order of their ids.

use std::collections::BTreeMap;

use super::trie::Payload;

/// A thing with an id, later things with higher ones.
pub trait Entry {
    /// Unique among all that is filed.
    fn id(&self) -> u64;
}

/// See the module's documentation. Two threads may file in another order than they were given their ids in, and whoever
/// leaves is found by its id: a tree does both in logarithmic time, however many there are.
#[derive(Debug, Default)]
pub enum Entries<T> {
    /// Nothing.
    #[default]
    None,
    /// One thing takes no memory of its own.
    One(T),
    /// Two or more, by id.
    Many(BTreeMap<u64, T>),
}

impl<T: Entry> Entries<T> {
    /// Files an entry.
    pub fn insert(&mut self, entry: T) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(entry),
            Self::One(first) => Self::Many([first, entry].map(|entry| (entry.id(), entry)).into()),
            Self::Many(mut all) => {
                all.insert(entry.id(), entry);
                Self::Many(all)
            }
        };
    }

    /// Takes the entry of that id out. False when it was not there.
    pub fn remove(&mut self, id: u64) -> bool {
        match self {
            Self::One(only) if only.id() == id => *self = Self::None,
            Self::None | Self::One(_) => return false,
            Self::Many(all) => {
                if all.remove(&id).is_none() {
                    return false;
                }
                if all.len() == 1
                    && let Some((_, last)) = all.pop_first()
                {
                    *self = Self::One(last);
                }
            }
        }
        true
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(all) => all.len(),
        }
    }

    /// Every entry, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(only) => (Some(only), None),
            Self::Many(all) => (None, Some(all.values())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

impl<T> Payload for Entries<T> {
    fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }
}
