//! Pools of strings that users intern: a table of its own for each pool, found by name from every thread of the process.
//!
//! A thread keeps what it learnt (`lib/intern/string-pool.ts`), so it comes here once for each string. The table has a
//! lock; a Bloom filter before it answers most questions for strings that are not there without taking it.

use std::sync::{Arc, LazyLock};

use super::table::{InternTable, Key, Limits};
use crate::bloom::{Bloom, Geometry};
use crate::codec::Text;
use crate::codec::dictionary::STRINGS;
use crate::memory::HeapBytes;
use crate::memory::registry::Registry;

/// Longest string of a pool, in code units.
pub const MAX_LENGTH: usize = 65_536;
/// How many strings a pool holds, the common ones included, and how many bytes of them.
pub const LIMITS: Limits = Limits {
    entries: 1 << 20,
    bytes: 128 << 20,
};
/// How many strings the Bloom filter is made for. With more it says "perhaps" more often, which costs a look at the table; a larger
/// one would cost every pool its memory.
const FILTERED: u32 = 1 << 16;
/// The filter's rate.
const FILTER_RATE: f64 = 0.01;

/// A string of a pool.
#[derive(PartialEq, Eq, Hash)]
pub struct Pooled(Text);

impl Key for Pooled {
    fn is_admissible(&self) -> bool {
        self.0.len() <= MAX_LENGTH
    }

    fn bytes(&self) -> usize {
        size_of::<Text>() + self.0.byte_len()
    }

    fn to_shared(&self) -> Arc<Self> {
        Arc::new(Self(self.0.units().to_text()))
    }
}

/// Strings with ids, dense from 1, that never change their meaning.
pub struct StringPool {
    table: InternTable<Pooled>,
    filter: Bloom<HeapBytes>,
}

/// Figures of a pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StringPoolStats {
    /// Strings, the common ones included.
    pub strings: usize,
    /// Code units of all strings together.
    pub units: usize,
    /// Memory of all strings together, in bytes.
    pub bytes: usize,
    /// The filter's sizes.
    pub filter: Geometry,
    /// How many bits of the filter are 1.
    pub bits_set: u32,
}

impl StringPool {
    /// A pool of its own, with the common strings.
    pub fn new() -> Self {
        Self::within(LIMITS)
    }

    fn within(limits: Limits) -> Self {
        let geometry = Geometry::new(FILTERED, FILTER_RATE).expect("sizes of a filter");
        let pool = Self {
            table: InternTable::new(limits),
            filter: Bloom::create(HeapBytes::new(geometry.total_bytes()), geometry)
                .expect("memory of that size"),
        };
        for text in STRINGS {
            pool.intern(&text.encode_utf16().collect::<Vec<u16>>());
        }
        pool
    }

    /// The pool of a name, which lives for as long as somebody holds it.
    pub fn shared(name: &str) -> Arc<Self> {
        static POOLS: LazyLock<Registry<String, StringPool>> = LazyLock::new(Registry::default);
        let Ok(pool) = POOLS.find_or_make(name.to_owned(), || {
            Ok::<_, std::convert::Infallible>(Self::new())
        });
        pool
    }

    /// The id of a string, which is given one if it has none; none when it is too long or the pool is full.
    pub fn intern(&self, units: &[u16]) -> Option<u32> {
        let id = self.table.intern(&Pooled(Text::from_units(units)))?;
        // Behind the table: whoever was told of the id finds the bits. Again and again for a known string, or a thread that was
        // overtaken by another one between the two would answer before they are there.
        self.filter.add(units);
        Some(id)
    }

    /// True when the string has an id.
    pub fn has(&self, units: &[u16]) -> bool {
        self.filter.might_contain(units)
            && self.table.find(&Pooled(Text::from_units(units))).is_some()
    }

    /// The code units of an id's string.
    pub fn units(&self, id: u32) -> Option<Vec<u16>> {
        Some(self.table.get(id)?.0.units().iter().collect())
    }

    /// Figures. Reads every string.
    pub fn stats(&self) -> StringPoolStats {
        StringPoolStats {
            strings: self.table.len(),
            units: self.table.sum(|Pooled(text)| text.len()),
            bytes: self.table.bytes(),
            filter: self.filter.geometry(),
            bits_set: self.filter.bits_set(),
        }
    }
}

impl Default for StringPool {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The first id behind the common strings.
    const FIRST: u32 = STRINGS.len() as u32 + 1;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn common_strings_have_the_first_ids() {
        assert_eq!(STRINGS.iter().collect::<HashSet<_>>().len(), STRINGS.len());
        let pool = StringPool::new();
        for (index, text) in STRINGS.iter().enumerate() {
            let id = index as u32 + 1;
            assert_eq!(pool.intern(&units(text)), Some(id));
            assert_eq!(pool.units(id), Some(units(text)));
            assert!(pool.has(&units(text)));
        }
        assert_eq!(pool.intern(&units("another")), Some(FIRST));
        assert_eq!(pool.stats().strings, STRINGS.len() + 1);
        assert_eq!((pool.units(0), pool.units(FIRST + 1)), (None, None));
    }

    #[test]
    fn any_units_come_back() {
        let pool = StringPool::new();
        let strings: [&[u16]; 6] = [
            &[],
            &[0],
            &[0, 0],
            &[0xD83D],
            &[0xDE00, 0xD83D],
            &[0x65E5; 300],
        ];
        for text in strings {
            assert!(!pool.has(text));
            let id = pool.intern(text).expect("room");
            assert_eq!(pool.intern(text), Some(id));
            assert_eq!(pool.units(id).as_deref(), Some(text));
            assert!(pool.has(text));
        }
    }

    #[test]
    fn a_full_pool_keeps_what_it_has() {
        let pool = StringPool::within(Limits {
            entries: FIRST + 1,
            bytes: 1 << 20,
        });
        assert_eq!(pool.intern(&units("a")), Some(FIRST));
        assert_eq!(pool.intern(&units("b")), Some(FIRST + 1));
        assert_eq!(pool.intern(&units("c")), None);
        assert!(!pool.has(&units("c")));
        assert_eq!(pool.intern(&units("a")), Some(FIRST));
        assert_eq!(pool.intern(&vec![0x61; MAX_LENGTH + 1]), None);
    }

    #[test]
    fn figures_count_units() {
        let pool = StringPool::new();
        let before = pool.stats();
        pool.intern(&units("日本"));
        let after = pool.stats();
        assert_eq!(after.units, before.units + 2);
        assert_eq!(after.bytes, before.bytes + size_of::<Text>() + 4);
        assert!(after.bits_set > before.bits_set);
    }

    #[test]
    fn a_name_is_one_pool_for_as_long_as_somebody_holds_it() {
        let first = StringPool::shared("one");
        assert_eq!(first.intern(&units("a")), Some(FIRST));
        assert!(Arc::ptr_eq(&first, &StringPool::shared("one")));
        assert!(!StringPool::shared("two").has(&units("a")));
        drop(first);
        assert!(!StringPool::shared("one").has(&units("a")));
    }

    #[test]
    fn threads_that_intern_at_once_agree() {
        let pool = StringPool::new();
        let all: Vec<Vec<Option<u32>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let pool = &pool;
                    scope.spawn(move || {
                        let mut ids = vec![None; 500];
                        for step in 0..500 {
                            let index = (step * 7 + thread * 125) % 500;
                            let text = units(&format!("text {index}"));
                            ids[index] = pool.intern(&text);
                            assert!(pool.has(&text));
                        }
                        ids
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        assert!(all.iter().all(|ids| ids == &all[0]));
        let distinct: HashSet<_> = all[0].iter().flatten().collect();
        assert_eq!(distinct.len(), 500);
        assert_eq!(pool.stats().strings, STRINGS.len() + 500);
    }
}
