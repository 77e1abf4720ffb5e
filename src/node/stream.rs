//! The class `NativeStream`: opening, closing and flushing a byte stream.

use std::path::Path;
use std::rc::Rc;

use napi::bindgen_prelude::{Env, Error, Object};
use napi_derive::napi;

use super::error::{Code, Result};
use super::fast::stream::{self as fast, Backing, LocalStream};
use super::memory::Pinned;
use crate::memory::{Memory, SharedBytes};
use crate::stream::layout::{IdentityError, MAX_CAPACITY, SCRATCH_BYTES, VERSION};
use crate::stream::{self, AttachError, ByteStream, Refusal};

impl From<Refusal> for Error<Code> {
    fn from(refusal: Refusal) -> Self {
        Self::new(Code::File(refusal.code()), refusal.to_string())
    }
}

/// A thread's handle of a byte stream.
#[napi]
pub struct NativeStream {
    stream: Rc<LocalStream>,
}

#[napi]
impl NativeStream {
    /// Makes a stream in new shared memory.
    #[napi(factory, catch_unwind)]
    pub fn create(
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] memory: Object<'_>,
        #[napi(ts_arg_type = "Uint8Array")] scratch: Object<'_>,
    ) -> Result<Self> {
        Self::in_shared_memory(env, &memory, &scratch, stream::create)
    }

    /// The stream that lives in shared memory.
    #[napi(factory, catch_unwind)]
    pub fn attach(
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] memory: Object<'_>,
        #[napi(ts_arg_type = "Uint8Array")] scratch: Object<'_>,
    ) -> Result<Self> {
        Self::in_shared_memory(env, &memory, &scratch, stream::attach)
    }

    /// Opens the stream in a file, or makes one.
    #[napi(factory, catch_unwind)]
    pub fn open(
        env: Env,
        path: String,
        capacity: Option<f64>,
        #[napi(ts_arg_type = "Uint8Array")] scratch: Object<'_>,
    ) -> Result<Self> {
        let capacity = capacity.map(|capacity| capacity as u64);
        if capacity.is_some_and(|capacity| !(1..=MAX_CAPACITY).contains(&capacity)) {
            return Err(Error::new(Code::Argument, "a capacity out of range"));
        }
        let file = stream::open(Path::new(&path), capacity)?;
        Self::over(env, Backing::File(file), &scratch)
    }

    /// The hot functions: see `fast/stream.rs`.
    #[napi(
        catch_unwind,
        ts_return_type = "{ write(data: Uint8Array): number; writeShort(length: number): number; read(target: Uint8Array): number; readShort(length: number): number; readSome(target: Uint8Array): number; peek(target: Uint8Array): number; peekShort(length: number): number; used(): number; positions(): number; clear(): number }"
    )]
    pub fn functions<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        fast::functions(env, &self.stream)
    }

    /// Bytes that the stream holds when it is full.
    #[napi(getter)]
    pub fn capacity(&self) -> Result<f64> {
        match self.stream.backing.borrow().stream() {
            Some(stream) => Ok(stream.capacity() as f64),
            None => Err(Error::new(Code::Closed, "the stream is closed")),
        }
    }

    /// Has everything that was written before on the disk, if the stream is in a file.
    #[napi(catch_unwind)]
    pub fn flush(&self) -> Result<()> {
        match &*self.stream.backing.borrow() {
            Backing::Shared { .. } => Ok(()),
            Backing::File(stream) => Ok(stream.memory().flush().map_err(Refusal::System)?),
            Backing::Closed => Err(Error::new(Code::Closed, "the stream is closed")),
        }
    }

    /// Lets the memory or the file go. Every later call answers that the handle is closed.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.stream.backing.replace(Backing::Closed);
    }

    fn in_shared_memory(
        env: Env,
        memory: &Object<'_>,
        scratch: &Object<'_>,
        open: impl FnOnce(SharedBytes) -> std::result::Result<ByteStream<SharedBytes>, AttachError>,
    ) -> Result<Self> {
        let (pin, bytes) = Pinned::new(env.raw(), memory)?;
        let pin = pin.until_drop(env.raw());
        let stream = open(bytes).map_err(|error| {
            let identity = match error {
                AttachError::Identity(identity) => identity,
                AttachError::OtherCopy(copy) => {
                    return Error::new(Code::DuplicateCopy, copy.to_string());
                }
            };
            let what = match identity {
                IdentityError::Foreign => {
                    "the memory holds no stream, or not all of one".to_string()
                }
                IdentityError::Damaged => {
                    "the header of the stream in the memory was changed".to_string()
                }
                IdentityError::Version(found) => format!(
                    "the stream in the memory has version {found}, and this agentwire knows version {VERSION}"
                ),
            };
            Error::new(Code::ForeignMemory, what)
        })?;
        Self::over(env, Backing::Shared { stream, _pin: pin }, scratch)
    }

    fn over(env: Env, backing: Backing, scratch: &Object<'_>) -> Result<Self> {
        let (pin, bytes) = Pinned::new(env.raw(), scratch)?;
        let pin = pin.until_drop(env.raw());
        if bytes.len() != SCRATCH_BYTES {
            return Err(Error::new(Code::Argument, "scratch memory of another size"));
        }
        Ok(Self {
            stream: Rc::new(LocalStream::new(backing, bytes, pin)),
        })
    }
}
