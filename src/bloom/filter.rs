//! Adding strings and asking for them.

use super::hash::positions;
use super::layout::{Geometry, GeometryError, WORDS};
use crate::memory::BitMemory;
use crate::sync::Ordering;

/// A Bloom filter. Any number of threads may use it at once.
///
/// All accesses are relaxed: a bit says nothing about other memory, and whoever is told that a string was added is by that
/// ordered behind the adding.
pub struct Bloom<M> {
    memory: M,
    geometry: Geometry,
}

impl<M: BitMemory> Bloom<M> {
    /// Makes an empty filter of zeroed memory.
    pub fn create(memory: M, geometry: Geometry) -> Result<Self, GeometryError> {
        geometry.write_identity(&memory)?;
        Ok(Self { memory, geometry })
    }

    /// The filter in this memory.
    pub fn attach(memory: M) -> Result<Self, GeometryError> {
        let geometry = Geometry::read_identity(&memory)?;
        Ok(Self { memory, geometry })
    }

    /// Where its bits are.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Its sizes.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Adds a string, given as its UTF-16 code units.
    pub fn add(&self, units: &[u16]) {
        for (offset, mask) in self.probes(units) {
            // Most bits of a filter in use are set, and reading leaves the cache line to everybody.
            if self.memory.load(offset, Ordering::Relaxed) & mask == 0 {
                self.memory.fetch_or(offset, mask, Ordering::Relaxed);
            }
        }
    }

    /// False only when the string was never added.
    pub fn might_contain(&self, units: &[u16]) -> bool {
        self.probes(units)
            .all(|(offset, mask)| self.memory.load(offset, Ordering::Relaxed) & mask != 0)
    }

    /// How many bits are 1.
    pub fn bits_set(&self) -> u32 {
        let word = |offset| self.memory.load(offset, Ordering::Relaxed);
        self.geometry
            .words()
            .map(|offset| word(offset).count_ones())
            .sum()
    }

    /// Forgets all strings. Of those that other threads add meanwhile, some may be forgotten too.
    pub fn clear(&self) {
        for offset in self.geometry.words() {
            self.memory.store(offset, 0, Ordering::Relaxed);
        }
    }

    /// Where the string's bits are: offsets of words, and the bit in each.
    fn probes(&self, units: &[u16]) -> impl Iterator<Item = (usize, u32)> + use<M> {
        positions(units, self.geometry.bits())
            .take(self.geometry.hash_count() as usize)
            .map(|position| (WORDS + position as usize / 32 * 4, 1 << (position % 32)))
    }
}
