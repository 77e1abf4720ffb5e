//! Errors with the codes that users see.

use napi::Error;

use crate::bus::endpoint::EndpointError;
use crate::bus::filter::FilterError;
use crate::codec::compress::DecompressError;
use crate::codec::frame::{FrameError, FrameErrorKind};
use crate::codec::{DecodeError, EncodeError};
use crate::pool::buffers::AttachError;

/// A stable code; it becomes the `code` of the JavaScript error.
#[derive(Debug, Clone, Copy)]
pub enum Code {
    /// The bus was closed.
    Closed,
    /// The name of a topic or a pattern is wrong.
    Topic,
    /// A filter that cannot be.
    Filter,
    /// Memory shared with JavaScript must grow first; the facade grows it and tries again.
    Outgrown,
    /// A channel has as much as it may have.
    Quota,
    /// Opened with other limits before.
    Limits,
    /// Another copy of the addon has the bus.
    DuplicateCopy,
    /// Bytes that are no value.
    Undecodable,
    /// A message whose bytes are not those that were written.
    Checksum,
    /// A message with ids of another process's tables.
    ForeignTables,
    /// A message larger than the reader takes, or a result that is longer than can be handed over.
    TooLarge,
    /// A message compressed by what is not supported.
    UnsupportedCompression,
    /// Memory that was given to attach to holds no such structure, or one of another version or size.
    ForeignMemory,
    /// As many handles on one structure as there may be.
    TooManyHandles,
    /// The system has no memory.
    NoMemory,
    /// Words of shared memory that cannot be: somebody has written over them.
    Damaged,
    /// A file that cannot be opened, with the code of the reason.
    File(&'static str),
    /// A wrong argument, which the facade should have caught.
    Argument,
    /// A bug of agentwire.
    Internal,
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        match self {
            Self::Closed => "ERR_AGENTWIRE_CLOSED",
            Self::Topic => "ERR_AGENTWIRE_TOPIC",
            Self::Filter => "ERR_AGENTWIRE_FILTER",
            Self::Outgrown => "OUTGROWN",
            Self::Quota => "ERR_AGENTWIRE_QUOTA",
            Self::Limits => "ERR_AGENTWIRE_LIMITS",
            Self::DuplicateCopy => "ERR_AGENTWIRE_DUPLICATE_COPY",
            Self::Undecodable => "ERR_AGENTWIRE_UNDECODABLE",
            Self::Checksum => "ERR_AGENTWIRE_CHECKSUM",
            Self::ForeignTables => "ERR_AGENTWIRE_FOREIGN_TABLES",
            Self::TooLarge => "ERR_AGENTWIRE_TOO_LARGE",
            Self::UnsupportedCompression => "ERR_AGENTWIRE_UNSUPPORTED_COMPRESSION",
            Self::ForeignMemory => "ERR_AGENTWIRE_FOREIGN_MEMORY",
            Self::TooManyHandles => "ERR_AGENTWIRE_TOO_MANY_HANDLES",
            Self::NoMemory => "ERR_AGENTWIRE_OUT_OF_MEMORY",
            Self::Damaged => "ERR_AGENTWIRE_DAMAGED",
            Self::File(code) => code,
            Self::Argument => "ERR_AGENTWIRE_ARGUMENT",
            Self::Internal => "ERR_AGENTWIRE_INTERNAL",
        }
    }
}

/// The result of a binding.
pub type Result<T> = std::result::Result<T, Error<Code>>;

impl From<EndpointError> for Error<Code> {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Closed => Self::new(Code::Closed, "the bus is closed"),
            EndpointError::Name(name) => Self::new(Code::Topic, name.to_string()),
            EndpointError::Quota(most) => Self::new(
                Code::Quota,
                format!("the channel has {most} subscriptions, as many as its quota allows"),
            ),
            EndpointError::Outgrown => Self::new(Code::Outgrown, "shared memory must grow"),
        }
    }
}

impl From<FilterError> for Error<Code> {
    fn from(error: FilterError) -> Self {
        Self::new(Code::Filter, error.to_string())
    }
}

impl From<AttachError> for Error<Code> {
    fn from(error: AttachError) -> Self {
        let code = match error {
            AttachError::Foreign(_) => Code::ForeignMemory,
            AttachError::OtherCopy(_) => Code::DuplicateCopy,
            AttachError::TooManyHandles => Code::TooManyHandles,
            AttachError::NoMemory => Code::NoMemory,
        };
        Self::new(code, error.to_string())
    }
}

impl From<DecodeError> for Error<Code> {
    fn from(error: DecodeError) -> Self {
        Self::new(Code::Undecodable, error.to_string())
    }
}

impl From<FrameError> for Error<Code> {
    fn from(error: FrameError) -> Self {
        let code = match error.kind {
            FrameErrorKind::Checksum { .. } => Code::Checksum,
            FrameErrorKind::ForeignTables { .. } => Code::ForeignTables,
            FrameErrorKind::TooLarge { .. } => Code::TooLarge,
            FrameErrorKind::UnsupportedCompression => Code::UnsupportedCompression,
            FrameErrorKind::Compressed(DecompressError::NoMemory { .. }) => Code::NoMemory,
            _ => Code::Undecodable,
        };
        Self::new(code, error.to_string())
    }
}

impl From<EncodeError> for Error<Code> {
    fn from(error: EncodeError) -> Self {
        Self::new(Code::Argument, error.to_string())
    }
}
