//! Streams in SharedArrayBuffers. All threads of the process that attach to one share its core, found by its address.

use std::sync::LazyLock;

use crate::memory::maker::{self, OtherCopy};
use crate::memory::registry::Registry;
use crate::memory::{Memory, SharedBytes, WideMemory};

use super::byte_stream::{ByteStream, Core};
use super::layout::{
    HEADER_BYTES, IDENTITY_BYTES, IdentityError, MAKER_OFFSET, check_identity, identity,
};

/// The cores by address. Who holds one holds its memory too, so an address is not given again before its core is gone.
static CORES: LazyLock<Registry<usize, Core>> = LazyLock::new(Registry::default);

/// Why there is no stream.
#[derive(Debug)]
pub enum AttachError {
    /// The memory holds no stream.
    Identity(IdentityError),
    /// Another loaded copy of the addon made it.
    OtherCopy(OtherCopy),
}

impl From<IdentityError> for AttachError {
    fn from(error: IdentityError) -> Self {
        Self::Identity(error)
    }
}

impl From<OtherCopy> for AttachError {
    fn from(error: OtherCopy) -> Self {
        Self::OtherCopy(error)
    }
}

/// A new stream in zeroed memory of which the header takes its part.
pub fn create(memory: SharedBytes) -> Result<ByteStream<SharedBytes>, AttachError> {
    let Some(capacity) = memory
        .len()
        .checked_sub(HEADER_BYTES)
        .filter(|len| *len > 0)
    else {
        return Err(IdentityError::Foreign.into());
    };
    memory.copy_in(0, identity(capacity as u64)[..].into());
    maker::sign(&memory, MAKER_OFFSET);
    attach(memory)
}

/// The stream that lives in the memory. What the threads of this process know of it already is not read again.
pub fn attach(memory: SharedBytes) -> Result<ByteStream<SharedBytes>, AttachError> {
    let core = CORES.find_or_make(memory.address(), || {
        if memory.len() < HEADER_BYTES {
            return Err(IdentityError::Foreign.into());
        }
        let capacity = check_identity(&memory.read::<IDENTITY_BYTES>(0))?;
        if capacity != (memory.len() - HEADER_BYTES) as u64 {
            return Err(IdentityError::Foreign.into());
        }
        maker::check(&memory, MAKER_OFFSET)?;
        Ok::<_, AttachError>(Core::new(capacity))
    })?;
    if core.capacity() > memory.len().saturating_sub(HEADER_BYTES) as u64 {
        return Err(IdentityError::Foreign.into());
    }
    Ok(ByteStream::new(memory, core))
}
