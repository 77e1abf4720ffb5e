//! A file as memory.

use std::fs::File;
use std::io;
use std::ptr::NonNull;

use memmap2::{MmapOptions, MmapRaw};

use super::{SharedBytes, Window};

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

impl Window for MappedBytes {
    #[inline]
    fn window(&self) -> &SharedBytes {
        &self.bytes
    }
}
