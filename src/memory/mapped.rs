//! A file as memory.

use std::fs::File;
use std::io;
use std::ptr::NonNull;

use memmap2::{MmapOptions, MmapRaw};

use super::{Memory, SharedBytes, Source, Target, WideMemory};
use crate::sync::Ordering;

/// The first bytes of a file, mapped for reading and writing. What is stored is in the file at once for every process
/// that looks, also when this one dies; [`MappedBytes::flush`] has it written to the disk.
///
/// Another process may write the file at any time, so no reference to the bytes is ever made. Who truncates
/// the file below what is mapped has the kernel end (SIGBUS) every process that touches what is gone; no code in
/// that process can turn that into an error.
#[derive(Debug)]
pub struct MappedBytes {
    bytes: SharedBytes,
    map: MmapRaw,
}

// SAFETY: plain memory, as `HeapBytes`; the mapping may be used and undone by any thread.
unsafe impl Send for MappedBytes {}
// SAFETY: as above.
unsafe impl Sync for MappedBytes {}

impl MappedBytes {
    /// Maps the first `len` bytes, above zero; the file has that many.
    pub fn new(file: &File, len: usize) -> io::Result<Self> {
        let map = MmapOptions::new().len(len).map_raw(file)?;
        let start = NonNull::new(map.as_mut_ptr()).expect("a mapping is somewhere");
        // SAFETY: mapped until the drop, at the beginning of a page.
        let bytes = unsafe { SharedBytes::new(start, len) };
        Ok(Self { bytes, map })
    }

    /// Waits until everything that was stored before is on the disk.
    pub fn flush(&self) -> io::Result<()> {
        self.map.flush()
    }
}

impl Memory for MappedBytes {
    fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.bytes.load(offset, order)
    }

    #[inline]
    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.bytes.store(offset, value, order);
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}

impl WideMemory for MappedBytes {
    #[inline]
    fn load_u64(&self, offset: usize, order: Ordering) -> u64 {
        self.bytes.load_u64(offset, order)
    }

    #[inline]
    fn store_u64(&self, offset: usize, value: u64, order: Ordering) {
        self.bytes.store_u64(offset, value, order);
    }

    #[inline]
    fn compare_exchange_u64(
        &self,
        offset: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.bytes
            .compare_exchange_u64(offset, current, new, success, failure)
    }

    #[inline]
    fn copy_in(&self, offset: usize, source: Source<'_>) {
        self.bytes.copy_in(offset, source);
    }

    #[inline]
    fn copy_out(&self, offset: usize, target: Target<'_>) {
        self.bytes.copy_out(offset, target);
    }

    fn copy_out_racing(&self, offset: usize, target: Target<'_>) {
        self.bytes.copy_out_racing(offset, target);
    }
}
