//! Streams in files.
//!
//! A file is locked for as long as a thread of this process has it open, so one process at a time uses it; its
//! threads share one mapping, found by the file's identity. The lock goes with the process, however it ends.
//!
//! Making a file is safe against being killed: a header that says "unfinished" comes first, then the room on the disk, and
//! the real identity last. So a file is empty, unfinished (and made again), or complete.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use crate::memory::MappedBytes;
use crate::memory::registry::Registry;
use crate::sync::{AtomicU64, Ordering, yield_now};

use super::byte_stream::{ByteStream, Core, Fault};
use super::layout::{
    self, DEFAULT_CAPACITY, HEADER_BYTES, IDENTITY_BYTES, IdentityError, MAGIC_OFFSET, UNFINISHED,
    VERSION,
};
use super::reserve::reserve;

/// The files that threads of this process have open.
static FILES: LazyLock<Registry<Identity, StreamFile>> = LazyLock::new(Registry::default);

/// One file is opened at a time.
static DOOR: Mutex<()> = Mutex::new(());

/// Threads that have begun to close a file, and that are done. Who opens what another thread is just closing finds it locked,
/// and tries again; nobody who closes waits for anybody who opens, which may take as long as the disk does.
static CLOSING: (AtomicU64, AtomicU64) = (AtomicU64::new(0), AtomicU64::new(0));

/// How often a file is tried again that a thread of this process is closing.
const CLOSING_TRIES: usize = 10_000;

/// How often a file is opened again that was replaced meanwhile by another one of the same name.
const TRIES: usize = 16;

/// What makes a file the same, whatever it is called.
#[cfg(unix)]
type Identity = (u64, u64);
/// The standard library tells no file's identity here: the path without links.
#[cfg(not(unix))]
type Identity = std::path::PathBuf;

/// A stream in a file, locked until the drop.
struct StreamFile {
    stream: ByteStream<MappedBytes>,
    file: File,
}

impl Drop for StreamFile {
    fn drop(&mut self) {
        // Closing alone does not unlock while a child process that was forked at this moment has a copy of the
        // descriptor. Nobody uses the mapping any more, which goes next.
        let _ = self.file.unlock();
    }
}

/// A thread's hold on an open file. The file is closed with the last one.
pub struct OpenFile(Option<Arc<StreamFile>>);

impl Drop for OpenFile {
    fn drop(&mut self) {
        CLOSING.0.fetch_add(1, Ordering::SeqCst);
        self.0 = None;
        CLOSING.1.fetch_add(1, Ordering::SeqCst);
    }
}

impl Deref for OpenFile {
    type Target = ByteStream<MappedBytes>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        let file = self.0.as_ref().expect("held until the drop");
        &file.stream
    }
}

/// Why a file is not opened. It is as it was, and so is the folder.
#[derive(Debug)]
pub enum Refusal {
    /// A folder, a device or another thing that is not a regular file.
    NotAFile,
    /// There is no folder to make the file in.
    NoFolder,
    /// The file may not be read and written.
    Permission(io::Error),
    /// No stream begins like this file.
    Foreign,
    /// A stream that ends too early.
    Truncated {
        /// Bytes of the file.
        len: u64,
        /// Bytes that its header tells of.
        expected: u64,
    },
    /// A stream of a version that this code does not know.
    Version(u32),
    /// The header or the positions cannot be.
    Damaged(&'static str),
    /// Somebody else has the file open.
    InUse,
    /// There is a stream of another capacity.
    Capacity {
        /// Of the stream in the file.
        found: u64,
        /// That was asked for.
        asked: u64,
    },
    /// The disk has no room.
    DiskFull {
        /// Bytes that the file needs.
        needed: u64,
        /// What the system says.
        error: io::Error,
    },
    /// What the system says to anything else.
    System(io::Error),
}

impl Refusal {
    /// The stable code that users see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAFile => "ERR_AGENTWIRE_NOT_A_FILE",
            Self::NoFolder => "ERR_AGENTWIRE_NO_FOLDER",
            Self::Permission(_) => "ERR_AGENTWIRE_FILE_PERMISSION",
            Self::Foreign => "ERR_AGENTWIRE_FOREIGN_FILE",
            Self::Truncated { .. } => "ERR_AGENTWIRE_FILE_TRUNCATED",
            Self::Version(_) => "ERR_AGENTWIRE_FILE_VERSION",
            Self::Damaged(_) => "ERR_AGENTWIRE_DAMAGED",
            Self::InUse => "ERR_AGENTWIRE_FILE_IN_USE",
            Self::Capacity { .. } => "ERR_AGENTWIRE_FILE_CAPACITY",
            Self::DiskFull { .. } => "ERR_AGENTWIRE_DISK_FULL",
            Self::System(_) => "ERR_AGENTWIRE_FILE",
        }
    }

    fn from_system(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Permission(error),
            ErrorKind::IsADirectory => Self::NotAFile,
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::NoFolder,
            _ => Self::System(error),
        }
    }

    /// For an error of a call that takes room on the disk.
    fn from_growing(error: io::Error, needed: u64) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::DiskFull { needed, error }
            }
            _ => Self::from_system(error),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFile => f.write_str(
                "this is not a regular file but a folder, a device or the like; give the path of a file",
            ),
            Self::NoFolder => f.write_str(
                "the folder that the file would be in does not exist (or is no folder); create it first",
            ),
            Self::Permission(error) => write!(
                f,
                "the file cannot be opened for reading and writing ({error}); allow both, or give another path"
            ),
            Self::Foreign => f.write_str(
                "the file holds something else, not a stream of agentwire; it was left as it is; give another path",
            ),
            Self::Truncated { len, expected } => write!(
                f,
                "the file was cut: it has {len} bytes and its header tells of {expected}; restore it, or delete it to \
                 begin anew"
            ),
            Self::Version(version) => write!(
                f,
                "the stream has format version {version} and this agentwire knows version {VERSION}; open it with the \
                 agentwire that wrote it, or delete it to begin anew"
            ),
            Self::Damaged(what) => write!(
                f,
                "the file is damaged: {what}; restore it, or delete it to begin anew"
            ),
            Self::InUse => f.write_str(
                "another process has the file open (or a second copy of agentwire in this one), and one at a time may; \
                 close it there first",
            ),
            Self::Capacity { found, asked } => write!(
                f,
                "the stream in the file has a capacity of {found} bytes and {asked} were asked for; ask for {found} or \
                 for none, or delete the file to begin anew"
            ),
            Self::DiskFull { needed, error } => write!(
                f,
                "there is no room on the disk for the {needed} bytes of the file ({error}); free some, ask for a smaller \
                 capacity, or give a path on another disk"
            ),
            Self::System(error) => write!(f, "the file cannot be used: {error}"),
        }
    }
}

/// Opens the stream in a file, or makes one, of the given capacity or of [`DEFAULT_CAPACITY`].
pub fn open(path: &Path, capacity: Option<u64>) -> Result<OpenFile, Refusal> {
    let _door = DOOR.lock();
    for _ in 0..CLOSING_TRIES {
        let closed = CLOSING.1.load(Ordering::SeqCst);
        match try_open(path, capacity) {
            // Locked by a thread of this process that began to close it before we looked, and may be done by now.
            Err(Refusal::InUse) if CLOSING.0.load(Ordering::SeqCst) != closed => yield_now(),
            opened => return opened,
        }
    }
    Err(Refusal::InUse)
}

fn try_open(path: &Path, capacity: Option<u64>) -> Result<OpenFile, Refusal> {
    for _ in 0..TRIES {
        let (file, is_new) = open_file(path)?;
        let identity = identity_of(path, &file).map_err(Refusal::System)?;
        let opening = Opening { file, path, is_new };
        let found = FILES.find_or_make(Identity::clone(&identity), || {
            let stream = opening
                .stream(&identity, capacity)
                .inspect_err(|_| _ = opening.file.unlock())?;
            let file = opening.file;
            Ok(StreamFile { stream, file })
        });
        let found = match found {
            Ok(found) => found,
            Err(Unopened::Replaced) => continue,
            Err(Unopened::Refused(refusal)) => return Err(refusal),
        };
        let actual = found.stream.capacity();
        let open = OpenFile(Some(found));
        return match capacity.filter(|asked| *asked != actual) {
            Some(asked) => Err(Refusal::Capacity {
                found: actual,
                asked,
            }),
            None => Ok(open),
        };
    }
    Err(Refusal::InUse)
}

/// Why there is no stream.
enum Unopened {
    /// The name leads to another file meanwhile.
    Replaced,
    Refused(Refusal),
}

impl From<Refusal> for Unopened {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The file, open for both; made if there is none: then true.
fn open_file(path: &Path) -> Result<(File, bool), Refusal> {
    // Looked at first: opening some things has effects, or waits.
    let is_new = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(Refusal::NotAFile),
        Ok(_) => false,
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) => return Err(Refusal::from_system(error)),
    };
    let mut options = File::options();
    options.read(true).write(true).create(is_new);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let file = options
        .open(path)
        .map_err(|error| Refusal::from_growing(error, 0))?;
    if !file.metadata().map_err(Refusal::System)?.is_file() {
        return Err(Refusal::NotAFile);
    }
    Ok((file, is_new))
}

#[cfg(unix)]
fn identity_of(_path: &Path, file: &File) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity_of(path: &Path, _file: &File) -> io::Result<Identity> {
    path.canonicalize()
}

/// The identity of the file that the path leads to now, if there is one.
#[cfg(unix)]
fn identity_at(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity_at(path: &Path) -> Option<Identity> {
    path.canonicalize().ok()
}

/// A file that no thread of this process has open.
struct Opening<'a> {
    file: File,
    path: &'a Path,
    is_new: bool,
}

impl Opening<'_> {
    fn stream(
        &self,
        identity: &Identity,
        capacity: Option<u64>,
    ) -> Result<ByteStream<MappedBytes>, Unopened> {
        match self.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Refusal::InUse.into()),
            Err(TryLockError::Error(error)) => return Err(Refusal::System(error).into()),
        }
        // Locked too late? Then who had it before has removed it, or put another one in its place.
        if identity_at(self.path).as_ref() != Some(identity) {
            return Err(Unopened::Replaced);
        }
        let capacity = match self.header().map_err(Refusal::System)? {
            None => {
                let capacity = capacity.unwrap_or(DEFAULT_CAPACITY);
                self.create(capacity).inspect_err(|_| self.take_back())?;
                capacity
            }
            Some(header) => self.check(&header, capacity)?,
        };
        let stream = self.map(capacity)?;
        match stream.positions() {
            Ok(_) => Ok(stream),
            Err(Fault::Damaged | Fault::TooLong) => {
                Err(Refusal::Damaged("its positions cannot be").into())
            }
        }
    }

    /// What a stream's identity is read from, filled up by zeros when the file is shorter. Nothing for a file that is
    /// empty or unfinished.
    fn header(&self) -> io::Result<Option<[u8; IDENTITY_BYTES]>> {
        let mut header = Vec::with_capacity(IDENTITY_BYTES);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.take(IDENTITY_BYTES as u64).read_to_end(&mut header)?;
        let is_unfinished = header.get(MAGIC_OFFSET..8) == Some(&UNFINISHED.to_le_bytes());
        if header.is_empty() || is_unfinished {
            return Ok(None);
        }
        header.resize(IDENTITY_BYTES, 0);
        Ok(header.try_into().ok())
    }

    /// The capacity of a stream that is there.
    fn check(&self, header: &[u8; IDENTITY_BYTES], asked: Option<u64>) -> Result<u64, Refusal> {
        let len = self.file.metadata().map_err(Refusal::System)?.len();
        let capacity = match layout::check_identity(header) {
            Ok(capacity) => capacity,
            Err(IdentityError::Foreign) => return Err(Refusal::Foreign),
            Err(_) if len < HEADER_BYTES as u64 => {
                return Err(Refusal::Truncated {
                    len,
                    expected: HEADER_BYTES as u64,
                });
            }
            Err(IdentityError::Version(version)) => return Err(Refusal::Version(version)),
            Err(IdentityError::Damaged) => {
                return Err(Refusal::Damaged("its header was changed"));
            }
        };
        // What is behind the data is not ours, and does not matter.
        let expected = file_bytes(capacity);
        if len < expected {
            return Err(Refusal::Truncated { len, expected });
        }
        if let Some(asked) = asked.filter(|asked| *asked != capacity) {
            return Err(Refusal::Capacity {
                found: capacity,
                asked,
            });
        }
        // A copy may have lost the room that the original had.
        reserve(&self.file, expected).map_err(|error| Refusal::from_growing(error, expected))?;
        Ok(capacity)
    }

    /// Makes a stream in a file that is empty or unfinished.
    fn create(&self, capacity: u64) -> Result<(), Refusal> {
        let needed = file_bytes(capacity);
        let grown = |error| Refusal::from_growing(error, needed);
        self.file.set_len(0).map_err(grown)?;
        let mut page = [0; HEADER_BYTES];
        page[MAGIC_OFFSET..][..8].copy_from_slice(&UNFINISHED.to_le_bytes());
        self.write_at_start(&page).map_err(grown)?;
        reserve(&self.file, needed).map_err(grown)?;
        // From here on it is a stream.
        self.write_at_start(&layout::identity(capacity))
            .map_err(grown)
    }

    fn write_at_start(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(bytes)
    }

    /// After a creation that failed: what was not there goes, what was there is empty, as good as before.
    fn take_back(&self) {
        let _ = self.file.set_len(0);
        if self.is_new {
            let _ = fs::remove_file(self.path);
        }
    }

    fn map(&self, capacity: u64) -> Result<ByteStream<MappedBytes>, Refusal> {
        let len = usize::try_from(file_bytes(capacity))
            .map_err(|_| Refusal::System(ErrorKind::OutOfMemory.into()))?;
        let memory = MappedBytes::new(&self.file, len).map_err(Refusal::System)?;
        Ok(ByteStream::new(memory, Arc::new(Core::new(capacity))))
    }
}

fn file_bytes(capacity: u64) -> u64 {
    HEADER_BYTES as u64 + capacity
}

#[cfg(test)]
pub mod tests;
