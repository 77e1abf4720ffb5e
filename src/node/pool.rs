//! The class `NativeBufferPool`: everything of a buffer pool that is not done per block.

use std::rc::Rc;

use napi::bindgen_prelude::{Env, Error, Object};
use napi_derive::napi;

use super::error::{Code, Result};
use super::fast::pool::{self as fast, LocalPool};
use super::memory::Pinned;
use crate::memory::Memory;
use crate::pool::block_pool::PoolStats;
use crate::pool::buffers::{self, BufferPool};
use crate::pool::layout::{BufferLayout, HEADER_BYTES};

/// The figures of a pool, of all its threads together. Exact while nobody uses it.
#[napi(object)]
pub struct NativePoolStats {
    /// Blocks that are held.
    pub in_use: u32,
    /// Blocks that are not.
    pub free: u32,
    /// Of the free ones, those in caches of threads.
    pub cached: u32,
    /// Of the free ones, those that were never used.
    pub fresh: u32,
    /// How often there was no block to be had.
    pub exhausted: f64,
    /// Handles at this moment.
    pub handles: u32,
}

impl From<PoolStats> for NativePoolStats {
    fn from(stats: PoolStats) -> Self {
        Self {
            in_use: stats.in_use,
            free: stats.free,
            cached: stats.cached,
            fresh: stats.fresh,
            exhausted: stats.exhausted as f64,
            handles: stats.members,
        }
    }
}

/// A thread's handle on a pool of blocks in shared memory.
#[napi]
pub struct NativeBufferPool {
    pool: Rc<LocalPool>,
}

#[napi]
impl NativeBufferPool {
    /// Finds the pool in a Uint8Array over its whole SharedArrayBuffer.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, #[napi(ts_arg_type = "Uint8Array")] memory: Object<'_>) -> Result<Self> {
        let (pin, bytes) = Pinned::new(env.raw(), &memory)?;
        let memory = pin.until_drop(env.raw());
        let pool = BufferPool::attach(bytes)?;
        Ok(Self {
            pool: Rc::new(LocalPool {
                pool,
                _memory: memory,
            }),
        })
    }

    /// Bytes of shared memory that a pool takes. The facade has checked the bounds.
    #[napi(catch_unwind)]
    pub fn bytes_for(block_bytes: u32, blocks: u32) -> Result<f64> {
        Ok(layout(block_bytes, blocks)?.bytes() as f64)
    }

    /// Makes zeroed memory of that size a pool, with all blocks free.
    #[napi(catch_unwind)]
    pub fn format(
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] memory: Object<'_>,
        block_bytes: u32,
        blocks: u32,
    ) -> Result<()> {
        let layout = layout(block_bytes, blocks)?;
        let (pin, bytes) = Pinned::new(env.raw(), &memory)?;
        let fits = bytes.len() as u64 == layout.bytes();
        if fits {
            buffers::format(layout, &bytes);
        }
        pin.release(env.raw());
        fits.then_some(())
            .ok_or_else(|| Error::new(Code::Argument, "memory of another size than the pool's"))
    }

    /// The hot functions: see `fast/pool.rs`.
    #[napi(
        catch_unwind,
        ts_return_type = "{ acquire(): number; release(index: number): number | undefined; indexOf(block: Uint8Array): number; ticket(index: number): number; adopt(ticket: number): number }"
    )]
    pub fn functions<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        fast::functions(env, &self.pool)
    }

    /// Bytes of a block.
    #[napi(getter)]
    pub fn block_bytes(&self) -> u32 {
        self.pool.pool.layout().block_bytes
    }

    /// How many blocks there are.
    #[napi(getter)]
    pub fn blocks(&self) -> u32 {
        self.pool.pool.layout().blocks
    }

    /// Bytes from one block to the next.
    #[napi(getter)]
    pub fn stride(&self) -> u32 {
        // At most MAX_BLOCK_BYTES, a multiple of the alignment.
        self.pool.pool.layout().stride() as u32
    }

    /// Bytes before the first block.
    #[napi(getter)]
    pub fn first_block(&self) -> u32 {
        HEADER_BYTES as u32
    }

    /// The figures now.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativePoolStats {
        self.pool.pool.stats().into()
    }
}

fn layout(block_bytes: u32, blocks: u32) -> Result<BufferLayout> {
    BufferLayout::new(block_bytes, blocks).ok_or_else(|| {
        Error::new(
            Code::Argument,
            "blocks of a size or a number that cannot be",
        )
    })
}
