use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::*;
use crate::stream::layout::{CAPACITY_OFFSET, CRC_OFFSET, MAGIC, READ, VERSION_OFFSET, WRITTEN};

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("agentwire-test-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).expect("a new folder");
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write(stream: &OpenFile, bytes: &[u8]) -> bool {
    stream.write(bytes.into()).expect("sound")
}

fn read(stream: &OpenFile, len: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; len];
    stream
        .read(bytes.as_mut_slice().into())
        .expect("sound")
        .then_some(bytes)
}

/// A file with a stream of 1,000 bytes that holds "left".
fn file_with_stream(folder: &Folder) -> PathBuf {
    let path = folder.path("stream");
    let stream = open(&path, Some(1000)).expect("made");
    assert!(write(&stream, b"gone left"));
    assert_eq!(read(&stream, 5).as_deref(), Some(&b"gone "[..]));
    path
}

fn refused(path: &Path, capacity: Option<u64>) -> Refusal {
    open(path, capacity).err().expect("refused")
}

/// Refused with that code, and the file is as it was.
fn assert_refused(path: &Path, capacity: Option<u64>, code: &str) -> String {
    let before = fs::read(path).expect("a file");
    let refusal = refused(path, capacity);
    assert_eq!(refusal.code(), code, "{refusal}");
    assert_eq!(fs::read(path).expect("a file"), before, "changed");
    refusal.to_string()
}

/// Writes over a part of a file.
fn patch(path: &Path, offset: usize, bytes: &[u8]) {
    let mut content = fs::read(path).expect("a file");
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
    fs::write(path, content).expect("written");
}

#[test]
fn a_stream_is_found_again_as_it_was_left() {
    let folder = Folder::new();
    let path = file_with_stream(&folder);
    for capacity in [None, Some(1000)] {
        let stream = open(&path, capacity).expect("opened");
        assert_eq!(stream.capacity(), 1000);
        assert_eq!(stream.used(), Ok(4));
    }
    let stream = open(&path, None).expect("opened");
    stream.memory().flush().expect("on the disk");
    assert_eq!(read(&stream, 4).as_deref(), Some(&b"left"[..]));
    assert_eq!(read(&stream, 1), None);
}

#[test]
fn who_opens_the_same_file_gets_the_same_stream() {
    let folder = Folder::new();
    let path = folder.path("stream");
    let link = folder.path("link");
    let first = open(&path, Some(100)).expect("made");
    fs::hard_link(&path, &link).expect("linked");
    thread::scope(|scope| {
        scope.spawn(|| {
            let second = open(&link, None).expect("opened");
            assert!(write(&second, b"hello"));
        });
    });
    assert_eq!(read(&first, 5).as_deref(), Some(&b"hello"[..]));
    let refusal = refused(&path, Some(101));
    assert_eq!(refusal.code(), "ERR_AGENTWIRE_FILE_CAPACITY");
    assert!(refusal.to_string().contains("100") && refusal.to_string().contains("101"));
}

/// Each thread opens, writes and closes; nobody finds the file locked by one of the others.
#[test]
fn threads_open_and_close_at_the_same_time() {
    let folder = Folder::new();
    let path = folder.path("stream");
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..300 {
                    let stream = open(&path, Some(4096)).expect("opened");
                    assert!(write(&stream, b"x"));
                }
            });
        }
    });
    assert_eq!(open(&path, None).expect("opened").used(), Ok(900));
}

#[test]
fn a_file_that_somebody_else_has_locked_is_in_use() {
    let folder = Folder::new();
    let path = file_with_stream(&folder);
    let other = File::open(&path).expect("opened");
    other.lock().expect("locked");
    assert_refused(&path, None, "ERR_AGENTWIRE_FILE_IN_USE");
    other.unlock().expect("unlocked");
    let stream = open(&path, None).expect("opened");
    assert!(other.try_lock().is_err(), "locked while it is open");
    drop(stream);
    other.try_lock().expect("unlocked when it is closed");
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = Folder::new();
    assert_eq!(
        refused(&folder.path("."), None).code(),
        "ERR_AGENTWIRE_NOT_A_FILE"
    );
    #[cfg(unix)]
    assert_eq!(
        refused(Path::new("/dev/null"), None).code(),
        "ERR_AGENTWIRE_NOT_A_FILE"
    );
    let missing = folder.path("missing/stream");
    assert_eq!(refused(&missing, None).code(), "ERR_AGENTWIRE_NO_FOLDER");
    fs::write(folder.path("file"), "text").expect("written");
    let below_a_file = folder.path("file/stream");
    assert_eq!(
        refused(&below_a_file, None).code(),
        "ERR_AGENTWIRE_NO_FOLDER"
    );
}

#[test]
fn a_file_with_something_else_is_refused() {
    let folder = Folder::new();
    let path = folder.path("text");
    for content in [
        b"x".to_vec(),
        vec![0; 10_000],
        vec![b'x'; 10_000],
        MAGIC.to_le_bytes()[..7].to_vec(),
    ] {
        fs::write(&path, content).expect("written");
        assert_refused(&path, None, "ERR_AGENTWIRE_FOREIGN_FILE");
    }
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let folder = Folder::new();
    let path = file_with_stream(&folder);
    let whole = fs::read(&path).expect("a file");
    assert_eq!(whole.len(), HEADER_BYTES + 1000);
    for len in [
        8,
        IDENTITY_BYTES - 1,
        IDENTITY_BYTES,
        HEADER_BYTES,
        whole.len() - 1,
    ] {
        fs::write(&path, &whole[..len]).expect("written");
        let message = assert_refused(&path, None, "ERR_AGENTWIRE_FILE_TRUNCATED");
        assert!(message.contains(&len.to_string()), "{message}");
    }
}

/// What is behind the data stays as it is, and does not matter.
#[test]
fn a_file_that_is_too_long_is_taken() {
    let folder = Folder::new();
    let path = file_with_stream(&folder);
    let mut content = fs::read(&path).expect("a file");
    content.extend(b"more");
    fs::write(&path, content).expect("written");
    let stream = open(&path, None).expect("opened");
    assert_eq!(read(&stream, 4).as_deref(), Some(&b"left"[..]));
    drop(stream);
    assert!(fs::read(&path).expect("a file").ends_with(b"more"));
}

#[test]
fn another_version_is_refused_by_its_number() {
    let folder = Folder::new();
    let path = file_with_stream(&folder);
    patch(&path, VERSION_OFFSET, &77u32.to_le_bytes());
    let message = assert_refused(&path, None, "ERR_AGENTWIRE_FILE_VERSION");
    assert!(message.contains("77"), "{message}");
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = Folder::new();
    let path = file_with_stream(&folder);
    let whole = fs::read(&path).expect("a file");
    let damages: [(usize, &[u8]); 5] = [
        (CAPACITY_OFFSET, &[1]),
        (CRC_OFFSET, &[0, 0, 0, 0]),
        // Read beyond written; more than the capacity between them; the end of all positions.
        (READ, &[200]),
        (WRITTEN, &[0, 0, 1]),
        (WRITTEN, &[0xFF; 8]),
    ];
    for (offset, bytes) in damages {
        fs::write(&path, &whole).expect("written");
        patch(&path, offset, bytes);
        assert_refused(&path, None, "ERR_AGENTWIRE_DAMAGED");
    }
}

/// However far a creation came before its process was killed, the next one makes the file.
#[test]
fn an_unfinished_file_is_made_again() {
    let folder = Folder::new();
    let path = folder.path("stream");
    let mut page = vec![0; HEADER_BYTES];
    page[..8].copy_from_slice(&UNFINISHED.to_le_bytes());
    let mut reserved = page.clone();
    reserved.resize(HEADER_BYTES + 1000, 0);
    for left in [vec![], page, reserved] {
        fs::write(&path, left).expect("written");
        let stream = open(&path, Some(500)).expect("made");
        assert_eq!((stream.capacity(), stream.used()), (500, Ok(0)));
        drop(stream);
        assert_eq!(
            fs::metadata(&path).expect("a file").len(),
            HEADER_BYTES as u64 + 500
        );
    }
}

/// No disk has 1 TiB to spare here, or else the test says so.
#[test]
fn a_disk_without_room_is_an_error_and_leaves_nothing() {
    use crate::stream::layout::MAX_CAPACITY;
    let folder = Folder::new();
    let path = folder.path("stream");
    match open(&path, Some(MAX_CAPACITY)) {
        Ok(_) => eprintln!("skipped: the disk has room for {MAX_CAPACITY} bytes"),
        Err(refusal) => {
            assert_eq!(refusal.code(), "ERR_AGENTWIRE_DISK_FULL", "{refusal}");
            assert!(!path.exists());
        }
    }
    fs::write(&path, "").expect("written");
    if open(&path, Some(MAX_CAPACITY)).is_err() {
        assert_eq!(fs::metadata(&path).expect("still there").len(), 0);
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_was_deleted_while_open_is_another_one() {
    let folder = Folder::new();
    let path = folder.path("stream");
    let old = open(&path, Some(100)).expect("made");
    fs::remove_file(&path).expect("removed");
    let new = open(&path, Some(200)).expect("made");
    assert!(write(&old, b"old") && write(&new, b"new"));
    assert_eq!(read(&old, 3).as_deref(), Some(&b"old"[..]));
    assert_eq!(read(&new, 3).as_deref(), Some(&b"new"[..]));
}

/// A copy of a file may have lost the room on the disk that the original had.
#[cfg(unix)]
#[test]
fn holes_are_filled_when_the_file_is_opened() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let path = folder.path("stream");
    let capacity = 1 << 20;
    fs::write(&path, layout::identity(capacity)).expect("written");
    let file = File::options().write(true).open(&path).expect("opened");
    file.set_len(file_bytes(capacity)).expect("grown");
    let blocks = || fs::metadata(&path).expect("a file").blocks() * 512;
    assert!(blocks() < capacity, "the file system makes holes");
    let stream = open(&path, None).expect("opened");
    assert!(blocks() >= file_bytes(capacity));
    assert_eq!(stream.used(), Ok(0));
}
