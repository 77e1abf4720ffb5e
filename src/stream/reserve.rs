//! Room on the disk. A store into a mapped page that the disk has no room for ends the process (SIGBUS), so the room is
//! taken when the file is opened, where it can be an error.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Bytes that are written at once where the file system cannot be asked.
const CHUNK: usize = 64 << 10;

/// Sees to it that the file has room on the disk for its first `len` bytes. It grows to that length if it is shorter,
/// by zeros; what is in it stays. The caller is the only one who uses it.
pub fn reserve(file: &File, len: u64) -> io::Result<()> {
    // Asking for too much would fill the disk, for everybody, before it fails.
    #[cfg(unix)]
    if lacks_room(file, len)? {
        return Err(io::ErrorKind::StorageFull.into());
    }
    #[cfg(target_os = "linux")]
    if let Some(answer) = ask_file_system(file, len) {
        return answer;
    }
    let metadata = file.metadata()?;
    if metadata.len() >= len && !may_have_holes(&metadata) {
        return Ok(());
    }
    write_over(file, len)
}

/// Nothing when the file system does not know how.
#[cfg(target_os = "linux")]
fn ask_file_system(file: &File, len: u64) -> Option<io::Result<()>> {
    use std::os::fd::AsRawFd;

    /// A signal may interrupt the call; so many in a row do not come by chance.
    const TRIES: usize = 1000;

    let Ok(len) = libc::off_t::try_from(len) else {
        return Some(Err(io::ErrorKind::FileTooLarge.into()));
    };
    let mut error = libc::EINTR;
    for _ in 0..TRIES {
        // SAFETY: the descriptor is open for as long as the file is borrowed. The call returns its error.
        error = unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, len) };
        if error != libc::EINTR {
            break;
        }
    }
    match error {
        0 => Some(Ok(())),
        libc::EOPNOTSUPP | libc::EINVAL | libc::ENOSYS => None,
        _ => Some(Err(io::Error::from_raw_os_error(error))),
    }
}

/// True when there is certainly no room for what the file lacks of `len` bytes.
#[cfg(unix)]
fn lacks_room(file: &File, len: u64) -> io::Result<bool> {
    use std::os::fd::AsRawFd;

    let mut room = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the descriptor is open for as long as the file is borrowed; the pointer is to enough memory.
    if unsafe { libc::fstatvfs(file.as_raw_fd(), room.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has filled it in.
    let room = unsafe { room.assume_init() };
    let lacking = len.saturating_sub(given(&file.metadata()?));
    // The types of the fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    let (all, free, unit) = (
        room.f_blocks as u64,
        room.f_bfree as u64,
        room.f_frsize as u64,
    );
    // A file system without a limit says that it has no blocks at all.
    Ok(all > 0 && lacking > free.saturating_mul(unit))
}

/// Bytes that a file has on the disk. File systems count them in blocks of 512.
#[cfg(unix)]
fn given(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks().saturating_mul(512)
}

#[cfg(unix)]
fn may_have_holes(metadata: &Metadata) -> bool {
    given(metadata) < metadata.len()
}

/// Other systems make holes only where they are asked to.
#[cfg(not(unix))]
fn may_have_holes(_metadata: &Metadata) -> bool {
    false
}

/// Writes the first `len` bytes over with themselves: what was a hole gets its place on the disk.
fn write_over(mut file: &File, len: u64) -> io::Result<()> {
    if file.metadata()?.len() < len {
        file.set_len(len)?;
    }
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    while at < len {
        let bytes = &mut chunk[..(len - at).min(CHUNK as u64) as usize];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(bytes)?;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        at += bytes.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_over_keeps_what_is_there_and_fills_holes() {
        let folder = crate::stream::file::tests::Folder::new();
        let path = folder.path("holes");
        let mut file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)
            .expect("created");
        let len = 3 * CHUNK as u64 + 5;
        file.set_len(len - 1).expect("grown");
        file.seek(SeekFrom::Start(CHUNK as u64 - 2))
            .expect("sought");
        file.write_all(b"across").expect("written");
        write_over(&file, len).expect("room");
        let content = std::fs::read(&path).expect("read");
        assert_eq!(content.len() as u64, len);
        assert_eq!(&content[CHUNK - 2..][..6], b"across");
        assert_eq!(content.iter().filter(|byte| **byte != 0).count(), 6);
        assert!(!may_have_holes(&file.metadata().expect("metadata")));
    }

    #[test]
    fn room_is_taken_at_once() {
        let folder = crate::stream::file::tests::Folder::new();
        let file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(folder.path("new"))
            .expect("created");
        reserve(&file, 1 << 20).expect("room");
        let metadata = file.metadata().expect("metadata");
        assert_eq!(metadata.len(), 1 << 20);
        assert!(!may_have_holes(&metadata));
    }
}
