//! What the threads of this process share about one piece of memory, found by its place.
//!
//! A SharedArrayBuffer is at the same address in every thread that has it, and a mapped file has an identity
//! of its own. So the first thread that attaches makes what all of them share (geometry, parking, a free
//! list), and the others find it. It goes with the last one who holds it; what is kept here is weak.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// Entries at which the first sweep of forgotten ones is worth its time.
const FIRST_SWEEP: usize = 64;

/// Shared things by key.
pub struct Registry<K, T> {
    inner: Mutex<Inner<K, T>>,
}

struct Inner<K, T> {
    entries: HashMap<K, Weak<T>, foldhash::fast::RandomState>,
    sweep_at: usize,
}

impl<K, T> Default for Registry<K, T> {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                entries: HashMap::default(),
                sweep_at: FIRST_SWEEP,
            }),
        }
    }
}

impl<K: Eq + Hash, T> Registry<K, T> {
    /// What lives under the key; made by `make` when nothing does. Others wait meanwhile.
    pub fn find_or_make<E>(
        &self,
        key: K,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let inner = &mut *self.inner.lock();
        if let Some(found) = inner.entries.get(&key).and_then(Weak::upgrade) {
            return Ok(found);
        }
        if inner.entries.len() >= inner.sweep_at {
            inner.entries.retain(|_, entry| entry.strong_count() > 0);
            inner.sweep_at = (2 * inner.entries.len()).max(FIRST_SWEEP);
        }
        let made = Arc::new(make()?);
        inner.entries.insert(key, Arc::downgrade(&made));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_for_each_key_for_as_long_as_somebody_holds_it() {
        let registry = Registry::<usize, u32>::default();
        let made = |value| {
            registry
                .find_or_make(7, || Ok::<_, ()>(value))
                .expect("made")
        };
        let first = made(1);
        assert!(Arc::ptr_eq(&first, &made(2)));
        assert!(registry.find_or_make(8, || Err("no")).is_err());
        drop(first);
        assert_eq!(*made(3), 3);
    }

    #[test]
    fn what_nobody_holds_is_swept() {
        let registry = Registry::<usize, usize>::default();
        for key in 0..10 * FIRST_SWEEP {
            registry
                .find_or_make(key, || Ok::<_, ()>(key))
                .expect("made");
        }
        assert!(registry.inner.lock().entries.len() <= FIRST_SWEEP);
    }
}
