//! Where the parts of a ring are. All words are little-endian; offsets are in bytes.
//!
//! ```text
//! byte 0         128        256        384           384 + stride
//!      +----------+----------+----------+-------------+-------------+ ... +-----------------+
//!      | identity | tail     | head     | slot 0      | slot 1      |     | slot n - 1      |
//!      +----------+----------+----------+-------------+-------------+ ... +-----------------+
//!       written    producers  consumers
//!       once                                                          n = capacity - 1
//!
//! slot +0          +8        +12                      12 + item size - 4        stride
//!      +-----------+---------+------------------------+------------------------+
//!      | turn      | length  | the item's bytes       | up to 7 bytes unused   |
//!      +-----------+---------+------------------------+------------------------+
//!       64 bits     32 bits
//! ```
//!
//! A ring of zeroed memory is an empty ring but for its identity, so nothing but the first page is touched when
//! it is made: memory is committed as items come.
//!
//! Only positions, turns and lengths of this memory steer the algorithm, and each is checked before it is
//! used. The geometry is checked once, when a thread attaches, and kept in native memory.

use crate::memory::Memory;
use crate::sync::Ordering;

/// "AWRG" in the order of the bytes.
pub const MAGIC: u32 = u32::from_le_bytes(*b"AWRG");
/// Version of this layout.
pub const VERSION: u32 = 1;

/// Offset of the magic number, which is written last.
const MAGIC_AT: usize = 0;
/// Offset of the layout's version.
const VERSION_AT: usize = 4;
/// Offset of the capacity that was asked for, one more than there are slots.
const CAPACITY_AT: usize = 8;
/// Offset of the item size that was asked for: the largest item's bytes and four for its length.
const ITEM_SIZE_AT: usize = 12;

/// Offset of the number that names the copy of agentwire which made the ring.
pub const MAKER_AT: usize = 16;

/// Offset of the position of the next claim by a producer.
pub const TAIL: usize = 128;
/// Offset of the position of the next claim by a consumer.
pub const HEAD: usize = 256;
/// Offset of the first slot.
pub const SLOTS: usize = 384;

/// Offset in a slot of its turn: twice the lap, plus one while there is an item.
pub const TURN: usize = 0;
/// Offset in a slot of the item's length.
pub const LENGTH: usize = 8;
/// Offset in a slot of the item's bytes.
pub const BYTES: usize = 12;

/// Length of an item that was given up before it was committed: consumers pass over it.
pub const ABANDONED: u32 = u32::MAX;

/// Least capacity: one slot.
pub const LEAST_CAPACITY: u32 = 2;
/// Largest capacity. What the machine's memory allows is usually less.
pub const MOST_CAPACITY: u32 = 1 << 28;
/// Least item size: items of up to four bytes.
pub const LEAST_ITEM_SIZE: u32 = 8;
/// Largest item size: 1 GiB.
pub const MOST_ITEM_SIZE: u32 = 1 << 30;

/// Bytes of an item's size that its length takes.
pub const LENGTH_BYTES: u32 = 4;

const _: () = {
    // Lines of producers and consumers are 128 bytes apart, and words of 64 bits are aligned.
    assert!(
        MAKER_AT == ITEM_SIZE_AT + 4
            && MAKER_AT.is_multiple_of(8)
            && TAIL - MAKER_AT >= 8
            && HEAD - TAIL >= 128
            && SLOTS - HEAD >= 128
    );
    assert!(TAIL.is_multiple_of(128) && HEAD.is_multiple_of(128) && SLOTS.is_multiple_of(8));
    assert!(TURN.is_multiple_of(8) && LENGTH == TURN + 8 && BYTES == LENGTH + 4);
    assert!(MOST_ITEM_SIZE < ABANDONED);
};

/// Exported to TypeScript.
pub const LIMITS: &[(&str, u32)] = &[
    ("LeastCapacity", LEAST_CAPACITY),
    ("MostCapacity", MOST_CAPACITY),
    ("LeastItemSize", LEAST_ITEM_SIZE),
    ("MostItemSize", MOST_ITEM_SIZE),
    ("LengthBytes", LENGTH_BYTES),
];

/// A capacity and an item size that fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Slots, one fewer than the capacity.
    pub slots: u32,
    /// Most bytes of an item.
    pub most_bytes: u32,
    /// Bytes from slot to slot, a multiple of 8.
    pub stride: usize,
}

/// Why memory is no ring, or cannot be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GeometryError {
    /// The capacity is out of bounds.
    Capacity(u32),
    /// The item size is out of bounds or no multiple of four.
    ItemSize(u32),
    /// The memory does not begin as a ring does.
    Foreign,
    /// The ring was made by a version that lays it out differently.
    Version(u32),
    /// The memory's size is not that of the ring that it says it holds.
    Size {
        /// Bytes that there should be.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
}

impl Geometry {
    /// Checks a capacity and an item size.
    pub fn new(capacity: u32, item_size: u32) -> Result<Self, GeometryError> {
        if !(LEAST_CAPACITY..=MOST_CAPACITY).contains(&capacity) {
            return Err(GeometryError::Capacity(capacity));
        }
        if !(LEAST_ITEM_SIZE..=MOST_ITEM_SIZE).contains(&item_size) || !item_size.is_multiple_of(4)
        {
            return Err(GeometryError::ItemSize(item_size));
        }
        Ok(Self {
            slots: capacity - 1,
            most_bytes: item_size - LENGTH_BYTES,
            stride: TURN + 8 + (item_size as usize).next_multiple_of(8),
        })
    }

    /// The capacity that was asked for.
    pub fn capacity(&self) -> u32 {
        self.slots + 1
    }

    /// The item size that was asked for.
    pub fn item_size(&self) -> u32 {
        self.most_bytes + LENGTH_BYTES
    }

    /// Bytes of the whole ring. At most 2^58, so it does not overflow.
    pub fn total_bytes(&self) -> usize {
        SLOTS + self.slots as usize * self.stride
    }

    /// Offset of a slot.
    #[inline]
    pub fn slot(&self, index: u32) -> usize {
        debug_assert!(index < self.slots);
        SLOTS + index as usize * self.stride
    }

    /// Makes zeroed memory an empty ring.
    pub fn write_identity(&self, memory: &impl Memory) -> Result<(), GeometryError> {
        self.check_size(memory.len())?;
        memory.store(VERSION_AT, VERSION, Ordering::Relaxed);
        memory.store(CAPACITY_AT, self.capacity(), Ordering::Relaxed);
        memory.store(ITEM_SIZE_AT, self.item_size(), Ordering::Relaxed);
        // SYNC POINT identity: Release pairs with the Acquire in `read_identity`.
        memory.store(MAGIC_AT, MAGIC, Ordering::Release);
        Ok(())
    }

    /// Checks that memory holds a ring.
    pub fn read_identity(memory: &impl Memory) -> Result<Self, GeometryError> {
        // SYNC POINT identity: Acquire pairs with the Release in `write_identity`.
        if memory.len() < SLOTS || memory.load(MAGIC_AT, Ordering::Acquire) != MAGIC {
            return Err(GeometryError::Foreign);
        }
        let version = memory.load(VERSION_AT, Ordering::Relaxed);
        if version != VERSION {
            return Err(GeometryError::Version(version));
        }
        let geometry = Self::new(
            memory.load(CAPACITY_AT, Ordering::Relaxed),
            memory.load(ITEM_SIZE_AT, Ordering::Relaxed),
        )?;
        geometry.check_size(memory.len())?;
        Ok(geometry)
    }

    /// Checks that memory has exactly the ring's size.
    pub fn check_size(&self, found: usize) -> Result<(), GeometryError> {
        let expected = self.total_bytes();
        if expected == found {
            Ok(())
        } else {
            Err(GeometryError::Size { expected, found })
        }
    }
}

impl std::fmt::Display for GeometryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Capacity(given) => write!(
                f,
                "a capacity is {LEAST_CAPACITY} to {MOST_CAPACITY}; this one is {given}"
            ),
            Self::ItemSize(given) => write!(
                f,
                "an item size is a multiple of four from {LEAST_ITEM_SIZE} to {MOST_ITEM_SIZE}; this one is {given}"
            ),
            Self::Foreign => {
                f.write_str("the memory does not hold a ring; give the .buffer of one")
            }
            Self::Version(found) => write!(
                f,
                "the ring has layout version {found}, and this version of agentwire knows {VERSION}; use the same version of agentwire in all threads"
            ),
            Self::Size { expected, found } => write!(
                f,
                "the ring in this memory takes {expected} bytes, and the memory has {found}"
            ),
        }
    }
}

impl std::error::Error for GeometryError {}
