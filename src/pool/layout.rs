//! Where the blocks of a shared buffer pool lie. TypeScript gets the constants from here, and offsets of blocks from
//! the pool itself.
//!
//! ```text
//!  byte 0        8        12       16       20       24       32         128       128 + stride      128 + blocks * stride
//!      +--------+--------+--------+--------+--------+--------+- unused -+---------+---------+- - - -+
//!      | magic  |version |block   |blocks  |   0    | copy   |          | block 0 | block 1 |       |
//!      |        |        |bytes   |        |        |        |          |         |         |       |
//!      +--------+--------+--------+--------+--------+--------+----------+---------+---------+- - - -+
//! ```
//!
//! Little-endian. A block's **stride** is its size rounded up to [`BLOCK_ALIGN`], so that two blocks never share a cache
//! line. The header says to a thread that is given the memory what it is, once; afterwards nothing of the pool is
//! read from shared memory. **copy** names the loaded copy of the addon that made the pool: another copy has statics of
//! its own, and would give the same blocks out a second time.

use crate::bus::layout::Exported;
use crate::memory::{Memory, SharedBytes};
use crate::pool::block_pool::MAX_BLOCKS;

/// The first bytes of a pool's memory: `agwrPOOL`.
const MAGIC: [u8; 8] = *b"agwrPOOL";
const VERSION: u32 = 1;

/// Byte offsets in the header.
const VERSION_AT: usize = 8;
const BLOCK_BYTES_AT: usize = 12;
const BLOCKS_AT: usize = 16;
/// The number that names the copy of agentwire which made the pool.
pub const MAKER_AT: usize = 24;

/// Bytes before the first block.
pub const HEADER_BYTES: usize = 128;
/// Blocks begin at multiples of this, counted from the first one.
pub const BLOCK_ALIGN: usize = 64;
/// Largest block.
pub const MAX_BLOCK_BYTES: u32 = 1 << 30;

/// Bounds that TypeScript checks arguments with.
pub const LIMITS: &[Exported] = &[("BlockBytes", MAX_BLOCK_BYTES), ("Blocks", MAX_BLOCKS)];

const _: () = {
    assert!(BLOCKS_AT + 4 <= MAKER_AT && MAKER_AT + 8 <= HEADER_BYTES);
    assert!(HEADER_BYTES.is_multiple_of(BLOCK_ALIGN));
    assert!(VERSION_AT == MAGIC.len() && BLOCK_BYTES_AT.is_multiple_of(4));
    // The last offset is below 2^53, and the stride of the largest block is no overflow.
    assert!((MAX_BLOCK_BYTES as u64) * (MAX_BLOCKS as u64) < 1 << 55);
    assert!((MAX_BLOCK_BYTES as usize).is_multiple_of(BLOCK_ALIGN));
};

/// A pool's shape, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferLayout {
    /// Bytes of a block.
    pub block_bytes: u32,
    /// How many there are.
    pub blocks: u32,
}

impl BufferLayout {
    /// A shape within the bounds; None outside.
    pub fn new(block_bytes: u32, blocks: u32) -> Option<Self> {
        let possible =
            (1..=MAX_BLOCK_BYTES).contains(&block_bytes) && (1..=MAX_BLOCKS).contains(&blocks);
        possible.then_some(Self {
            block_bytes,
            blocks,
        })
    }

    /// Bytes from one block to the next.
    pub fn stride(self) -> u64 {
        u64::from(self.block_bytes).next_multiple_of(BLOCK_ALIGN as u64)
    }

    /// Bytes of the whole pool.
    pub fn bytes(self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.blocks) * self.stride()
    }

    /// The block that begins at this offset.
    pub fn index_at(self, offset: u64) -> Option<u32> {
        let from_first = offset.checked_sub(HEADER_BYTES as u64)?;
        let index = from_first / self.stride();
        (from_first.is_multiple_of(self.stride()) && index < u64::from(self.blocks))
            .then_some(index as u32)
    }

    /// Writes the header into zeroed memory of the right size.
    pub fn write(self, memory: &SharedBytes) {
        let set = |at: usize, bytes: &[u8]| {
            bytes
                .iter()
                .zip(at..)
                .for_each(|(&byte, at)| memory.set_byte(at, byte));
        };
        set(VERSION_AT, &VERSION.to_le_bytes());
        set(BLOCK_BYTES_AT, &self.block_bytes.to_le_bytes());
        set(BLOCKS_AT, &self.blocks.to_le_bytes());
        set(0, &MAGIC);
    }

    /// Reads the header of memory that somebody says is a pool: its shape.
    pub fn read(memory: &SharedBytes) -> Result<Self, String> {
        let len = memory.len() as u64;
        if len < HEADER_BYTES as u64 || memory.read::<8>(0) != MAGIC {
            return Err(format!(
                "these {len} bytes are no buffer pool; attach the .buffer of one"
            ));
        }
        let word = |at: usize| u32::from_le_bytes(memory.read(at));
        let version = word(VERSION_AT);
        if version != VERSION {
            return Err(format!(
                "this buffer pool has layout version {version}, and this copy of agentwire knows version {VERSION}; use the same version of agentwire in all threads"
            ));
        }
        let (block_bytes, blocks) = (word(BLOCK_BYTES_AT), word(BLOCKS_AT));
        Self::new(block_bytes, blocks)
            .filter(|layout| layout.bytes() == len)
            .ok_or_else(|| {
                format!(
                    "the header says {blocks} blocks of {block_bytes} bytes, which does not fit the {len} bytes that there are; something has written over it"
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::HeapBytes;

    fn memory(len: usize) -> (HeapBytes, SharedBytes) {
        let bytes = HeapBytes::new(len);
        // SAFETY: both are returned together, and dropped together by the tests.
        let window = unsafe { SharedBytes::new(bytes.span(0, len), len) };
        (bytes, window)
    }

    #[test]
    fn a_header_reads_as_it_was_written() {
        for (block_bytes, blocks) in [(1, 1), (64, 3), (65, 2), (4096, 10)] {
            let layout = BufferLayout::new(block_bytes, blocks).expect("within the bounds");
            let (_bytes, window) = memory(layout.bytes() as usize);
            layout.write(&window);
            assert_eq!(BufferLayout::read(&window), Ok(layout));
        }
    }

    #[test]
    fn what_is_no_pool_is_refused() {
        let layout = BufferLayout::new(100, 4).expect("within the bounds");
        let refused = |len: usize, spoil: &dyn Fn(&SharedBytes)| {
            let (_bytes, window) = memory(len);
            layout.write(&window);
            spoil(&window);
            BufferLayout::read(&window).expect_err("refused")
        };
        let len = layout.bytes() as usize;
        assert!(refused(len, &|memory| memory.set_byte(0, 0)).contains("no buffer pool"));
        assert!(refused(len, &|memory| memory.set_byte(8, 9)).contains("version 9"));
        assert!(refused(len, &|memory| memory.set_byte(BLOCKS_AT, 5)).contains("written over"));
        assert!(
            refused(len, &|memory| memory.set_byte(BLOCK_BYTES_AT + 3, 255))
                .contains("written over")
        );
        assert!(refused(len + 64, &|_| ()).contains("does not fit"));
        let (_bytes, window) = memory(64);
        assert!(BufferLayout::read(&window).is_err());
    }

    #[test]
    fn blocks_begin_where_they_should_and_nowhere_else() {
        let layout = BufferLayout::new(100, 4).expect("within the bounds");
        let found: Vec<u64> = (0..layout.bytes() + 256)
            .filter(|&offset| layout.index_at(offset).is_some())
            .collect();
        assert_eq!(found, [128, 256, 384, 512]);
        assert_eq!(layout.index_at(512), Some(3));
        for (block_bytes, blocks) in [(0, 1), (1, 0), (u32::MAX, 1), (1, u32::MAX)] {
            assert_eq!(BufferLayout::new(block_bytes, blocks), None);
        }
    }
}
