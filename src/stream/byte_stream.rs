//! The stream's algorithm: Lamport's ring of one producer and one consumer ("Proving the correctness of multiprocess
//! programs", 1977), with positions that never come back, so that full and empty differ.
//!
//! A write copies its bytes in and then stores the new position, which is the commit: before it the write did not
//! happen, after it all of it did, also for who opens the file after this process was killed between two instructions.

use crate::memory::{Source, Target, WideMemory};
use crate::sync::{Arc, Mutex, MutexGuard, Ordering};

use super::layout::{HEADER_BYTES, READ, WRITTEN};

/// Why a call could not be done. Nothing was read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More bytes than the stream can ever hold.
    TooLong,
    /// The positions cannot be: somebody has written over them.
    Damaged,
}

/// How many bytes were ever written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positions {
    /// Bytes ever written.
    pub written: u64,
    /// Bytes ever read.
    pub read: u64,
}

impl Positions {
    /// Bytes that wait for the reader. Positions of 64 bits last for 58 years at 10 GB/s: those that would go
    /// round are no stream's.
    fn used(self, capacity: u64) -> Result<u64, Fault> {
        self.written
            .checked_sub(self.read)
            .filter(|used| *used <= capacity && self.read.checked_add(capacity).is_some())
            .ok_or(Fault::Damaged)
    }
}

/// A byte stream in some memory, for callers who see to it that one thread at a time writes and one at a time reads.
/// ([`ByteStream`] does.) Where they do not, bytes are spoilt, and nothing worse.
#[derive(Debug)]
pub struct Ring<M: ?Sized> {
    capacity: u64,
    memory: M,
}

impl<M: WideMemory> Ring<M> {
    /// The stream in that memory, whose identity the caller has written or checked.
    pub fn new(memory: M, capacity: u64) -> Self {
        assert!(capacity > 0, "a stream holds at least one byte");
        assert!(
            memory.len() as u64 >= HEADER_BYTES as u64 + capacity,
            "the memory has room for the data"
        );
        Self { capacity, memory }
    }
}

impl<M: WideMemory + ?Sized> Ring<M> {
    /// The writer: appends all the bytes, or none. False when there is no room at this moment.
    pub fn write(&self, source: Source<'_>) -> Result<bool, Fault> {
        let len = source.len() as u64;
        // SYNC POINT (room): with the store in `read`: what the reader has copied out is not read any more.
        let read = self.memory.load_u64(READ, Ordering::Acquire);
        let written = self.memory.load_u64(WRITTEN, Ordering::Relaxed);
        let used = Positions { written, read }.used(self.capacity)?;
        if len > self.capacity - used {
            return Ok(false);
        }
        let (at, first) = self.place(written, source.len());
        self.memory.copy_in(at, source.range(0, first));
        self.memory
            .copy_in(HEADER_BYTES, source.range(first, source.len()));
        // SYNC POINT (commit): with the load in `readable`: who sees the position sees the bytes.
        self.memory
            .store_u64(WRITTEN, written + len, Ordering::Release);
        Ok(true)
    }

    /// The reader: how many bytes were copied out; none is there when there are too few of them.
    pub fn read(&self, mut target: Target<'_>, take: Take) -> Result<Option<usize>, Fault> {
        let wanted = target.len() as u64;
        let (read, used) = self.readable()?;
        if used < wanted && take != Take::Some {
            return Ok(None);
        }
        let count = used.min(wanted) as usize;
        let (at, first) = self.place(read, count);
        self.memory.copy_out(at, target.range(0, first));
        self.memory
            .copy_out(HEADER_BYTES, target.range(first, count));
        if take != Take::Look {
            // SYNC POINT (room): with the load in `write`: the writer may now write over what was copied out.
            self.memory
                .store_u64(READ, read + count as u64, Ordering::Release);
        }
        Ok(Some(count))
    }

    /// The reader: bytes that it finds at this moment, or more.
    pub fn used(&self) -> Result<u64, Fault> {
        Ok(self.readable()?.1)
    }

    /// Both at once: nobody else writes or reads.
    fn positions(&self) -> Positions {
        Positions {
            written: self.memory.load_u64(WRITTEN, Ordering::Relaxed),
            read: self.memory.load_u64(READ, Ordering::Relaxed),
        }
    }

    /// Both at once: forgets what was not read. Positions that cannot be begin anew.
    fn clear(&self) {
        let positions = self.positions();
        let position = match positions.used(self.capacity) {
            Ok(_) => positions.written,
            Err(_) => 0,
        };
        // Both locks are held, so the locks order these.
        self.memory.store_u64(WRITTEN, position, Ordering::Relaxed);
        self.memory.store_u64(READ, position, Ordering::Relaxed);
    }

    /// Where the reader's next byte is, and how many there are.
    fn readable(&self) -> Result<(u64, u64), Fault> {
        // SYNC POINT (commit): with the store in `write`.
        let written = self.memory.load_u64(WRITTEN, Ordering::Acquire);
        let read = self.memory.load_u64(READ, Ordering::Relaxed);
        let used = Positions { written, read }.used(self.capacity)?;
        Ok((read, used))
    }

    /// Where `len` bytes from that position on lie: the offset of the first, and how many come before the data's end.
    /// The rest is at its beginning.
    fn place(&self, position: u64, len: usize) -> (usize, usize) {
        let offset = position % self.capacity;
        let before_end = (self.capacity - offset) as usize;
        (HEADER_BYTES + offset as usize, len.min(before_end))
    }
}

/// What a read does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Takes all that is wanted, or nothing.
    All,
    /// Takes what there is.
    Some,
    /// As `All`, but the bytes stay.
    Look,
}

/// What the threads of this process share about one stream: its geometry, and who may write and who may read.
#[derive(Debug)]
pub struct Core {
    capacity: u64,
    writer: Mutex<()>,
    reader: Mutex<()>,
}

impl Core {
    /// Of a stream of that many bytes.
    pub fn new(capacity: u64) -> Self {
        assert!(capacity > 0, "a stream holds at least one byte");
        Self {
            capacity,
            writer: Mutex::new(()),
            reader: Mutex::new(()),
        }
    }

    /// Bytes that the stream holds when it is full.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }
}

/// A byte stream that any threads of the process may write and read: they take turns.
#[derive(Debug)]
pub struct ByteStream<M: ?Sized> {
    core: Arc<Core>,
    ring: Ring<M>,
}

impl<M: WideMemory> ByteStream<M> {
    /// The stream in that memory, whose identity the caller has written or checked.
    pub fn new(memory: M, core: Arc<Core>) -> Self {
        let ring = Ring::new(memory, core.capacity);
        Self { core, ring }
    }
}

impl<M: WideMemory + ?Sized> ByteStream<M> {
    /// The memory.
    pub fn memory(&self) -> &M {
        &self.ring.memory
    }

    /// Bytes that the stream holds when it is full.
    pub fn capacity(&self) -> u64 {
        self.core.capacity
    }

    /// Appends all the bytes, or none: false when there is no room at this moment.
    pub fn write(&self, source: Source<'_>) -> Result<bool, Fault> {
        self.check_length(source.len())?;
        let _writer = self.core.writer.lock();
        self.ring.write(source)
    }

    /// Takes exactly as many bytes as the target has: false when there are fewer at this moment.
    pub fn read(&self, target: Target<'_>) -> Result<bool, Fault> {
        self.check_length(target.len())?;
        let _reader = self.core.reader.lock();
        Ok(self.ring.read(target, Take::All)?.is_some())
    }

    /// Takes as many bytes as there are and the target has room for: how many.
    pub fn read_some(&self, target: Target<'_>) -> Result<usize, Fault> {
        let _reader = self.core.reader.lock();
        Ok(self.ring.read(target, Take::Some)?.unwrap_or(0))
    }

    /// As [`ByteStream::read`], but the bytes stay.
    pub fn peek(&self, target: Target<'_>) -> Result<bool, Fault> {
        self.check_length(target.len())?;
        let _reader = self.core.reader.lock();
        Ok(self.ring.read(target, Take::Look)?.is_some())
    }

    /// Bytes that a reader finds at this moment, or more.
    pub fn used(&self) -> Result<u64, Fault> {
        let _reader = self.core.reader.lock();
        self.ring.used()
    }

    /// Both positions, of one moment.
    pub fn positions(&self) -> Result<Positions, Fault> {
        let _both = self.lock_both();
        let positions = self.ring.positions();
        positions.used(self.core.capacity).map(|_| positions)
    }

    /// Forgets what was not read. A damaged stream is empty and sound afterwards.
    pub fn clear(&self) {
        let _both = self.lock_both();
        self.ring.clear();
    }

    fn check_length(&self, len: usize) -> Result<(), Fault> {
        if len as u64 > self.core.capacity {
            return Err(Fault::TooLong);
        }
        Ok(())
    }

    /// Who takes both locks takes the writer's first.
    fn lock_both(&self) -> (MutexGuard<'_, ()>, MutexGuard<'_, ()>) {
        (self.core.writer.lock(), self.core.reader.lock())
    }
}

#[cfg(all(test, not(model)))]
mod tests;
