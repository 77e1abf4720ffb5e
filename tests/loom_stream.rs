//! The byte stream, explored by loom: every interleaving of a writer and a reader (with few switches that no thread asked
//! for), and every value that the orderings allow a load to see. Only for
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --no-default-features --test loom_stream
//! ```
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

use agentwire::memory::{Memory, Source, Target, WideMemory};
use agentwire::stream::layout::{HEADER_BYTES, READ, WRITTEN};
use agentwire::stream::{ByteStream, Core, Ring, Take};
use agentwire::sync::{Arc, AtomicU64, Ordering};
use exploration::model;
use loom::cell::UnsafeCell;
use loom::thread;

/// Bytes of a word: what is written and read comes in these.
const WORD: usize = 8;

/// The two positions, and data of whole words that loom watches: a copy that may run beside another one of the same
/// word, of which one writes, fails the model.
struct ModelMemory {
    written: AtomicU64,
    read: AtomicU64,
    data: Vec<UnsafeCell<u64>>,
}

// SAFETY: loom checks the accesses to the cells.
unsafe impl Send for ModelMemory {}
// SAFETY: as above.
unsafe impl Sync for ModelMemory {}

impl ModelMemory {
    fn new(words: usize) -> Self {
        Self {
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            data: (0..words).map(|_| UnsafeCell::new(0)).collect(),
        }
    }

    fn position(&self, offset: usize) -> &AtomicU64 {
        match offset {
            WRITTEN => &self.written,
            READ => &self.read,
            _ => panic!("no position at {offset}"),
        }
    }

    /// The words from that offset on.
    fn words(&self, offset: usize, len: usize) -> &[UnsafeCell<u64>] {
        assert!(offset.is_multiple_of(WORD) && len.is_multiple_of(WORD));
        &self.data[(offset - HEADER_BYTES) / WORD..][..len / WORD]
    }
}

impl Memory for ModelMemory {
    fn len(&self) -> usize {
        HEADER_BYTES + self.data.len() * WORD
    }

    fn load(&self, _offset: usize, _order: Ordering) -> u32 {
        unimplemented!("the stream has no words of 32 bits")
    }

    fn store(&self, _offset: usize, _value: u32, _order: Ordering) {
        unimplemented!("the stream has no words of 32 bits")
    }

    fn clear(&mut self) {
        unimplemented!("the stream does not clear its memory")
    }
}

impl WideMemory for ModelMemory {
    fn load_u64(&self, offset: usize, order: Ordering) -> u64 {
        self.position(offset).load(order)
    }

    fn store_u64(&self, offset: usize, value: u64, order: Ordering) {
        self.position(offset).store(value, order);
    }

    fn compare_exchange_u64(
        &self,
        offset: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.position(offset)
            .compare_exchange(current, new, success, failure)
    }

    fn copy_in(&self, offset: usize, source: Source<'_>) {
        let from = source.start().cast::<u64>();
        for (index, word) in self.words(offset, source.len()).iter().enumerate() {
            // SAFETY: within the source, which is of whole words; loom checks that nobody else is at the cell.
            word.with_mut(|word| unsafe { *word = from.add(index).read_unaligned() });
        }
    }

    fn copy_out(&self, offset: usize, target: Target<'_>) {
        let to = target.start().cast::<u64>();
        for (index, word) in self.words(offset, target.len()).iter().enumerate() {
            // SAFETY: as above.
            word.with(|word| unsafe { to.add(index).write_unaligned(*word) });
        }
    }

    fn copy_out_racing(&self, _offset: usize, _target: Target<'_>) {
        unimplemented!("the stream's copies never race")
    }
}

fn bytes_of(numbers: &[u64]) -> Vec<u8> {
    let bytes = numbers.iter().flat_map(|number| number.to_ne_bytes());
    bytes.collect()
}

fn numbers_of(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks(WORD);
    words
        .map(|word| u64::from_ne_bytes(word.try_into().expect("a word")))
        .collect()
}

/// Writes numbers, all or none of them.
fn write(ring: &Ring<ModelMemory>, numbers: &[u64]) -> bool {
    ring.write(bytes_of(numbers).as_slice().into())
        .expect("sound")
}

/// Reads that many numbers, if they are there.
fn read(ring: &Ring<ModelMemory>, count: usize) -> Option<Vec<u64>> {
    let mut bytes = vec![0; count * WORD];
    let found = ring.read(bytes.as_mut_slice().into(), Take::All);
    found.expect("sound").map(|_| numbers_of(&bytes))
}

/// Which thread loom runs first. Of a word's accesses loom keeps the last one alone, so a store right after a load by the
/// same thread would hide the other thread's load, and the other order would not be tried. Who stores first is seen.
#[derive(Clone, Copy)]
enum First {
    Writer,
    Reader,
}

/// A writer that writes the pieces that fit, and a reader that reads as often, of a stream with something in it; what was
/// read and what is left is what was written. Without the locks of a `ByteStream`, which for loom order everything.
fn writer_and_reader(
    first: First,
    words: usize,
    before: &'static [u64],
    pieces: &'static [&'static [u64]],
    reads: &'static [usize],
) {
    model(move || {
        let ring = Arc::new(Ring::new(ModelMemory::new(words), (words * WORD) as u64));
        assert!(write(&ring, before));
        let writer = |ring: &Ring<ModelMemory>| {
            let fitted = pieces.iter().filter(|piece| write(ring, piece));
            fitted.flat_map(|piece| piece.to_vec()).collect::<Vec<_>>()
        };
        let reader = |ring: &Ring<ModelMemory>| {
            let found = reads.iter().filter_map(|&count| read(ring, count));
            found.flatten().collect::<Vec<_>>()
        };
        let other = Arc::clone(&ring);
        let (written, mut found) = match first {
            First::Writer => {
                let other = thread::spawn(move || reader(&other));
                let written = writer(&ring);
                (written, other.join().expect("no panic"))
            }
            First::Reader => {
                let other = thread::spawn(move || writer(&other));
                let found = reader(&ring);
                (other.join().expect("no panic"), found)
            }
        };
        let left = ring.used().expect("sound") as usize / WORD;
        found.extend(read(&ring, left).expect("as many as are used"));
        assert_eq!(found, [before, &written].concat());
    });
}

/// The reader sees bytes only when they are there.
#[test]
fn what_is_committed_is_there() {
    writer_and_reader(First::Writer, 4, &[], &[&[1], &[2, 3]], &[1, 1, 1]);
}

/// The writer comes round to what the reader is reading.
#[test]
fn what_is_not_read_is_not_written_over() {
    writer_and_reader(First::Reader, 1, &[1], &[&[2], &[3]], &[1, 1, 1]);
}

#[test]
fn pieces_across_the_end() {
    writer_and_reader(First::Writer, 3, &[1], &[&[2, 3], &[4, 5]], &[2, 2]);
    writer_and_reader(First::Reader, 3, &[1, 2], &[&[3, 4], &[5]], &[1, 2]);
}

type Stream = Arc<ByteStream<ModelMemory>>;

fn stream(words: usize) -> Stream {
    let core = Core::new((words * WORD) as u64);
    Arc::new(ByteStream::new(ModelMemory::new(words), Arc::new(core)))
}

fn write_locked(stream: &Stream, numbers: &[u64]) -> bool {
    stream
        .write(bytes_of(numbers).as_slice().into())
        .expect("sound")
}

fn read_locked(stream: &Stream, count: usize) -> Option<Vec<u64>> {
    let mut bytes = vec![0; count * WORD];
    let was_read = stream.read(bytes.as_mut_slice().into()).expect("sound");
    was_read.then(|| numbers_of(&bytes))
}

/// Another thread forgets what is there, while one writes: what is read then is in order, and none of it is torn.
#[test]
fn clearing_beside_a_writer() {
    model(|| {
        let stream = stream(2);
        let writer = {
            let stream = Arc::clone(&stream);
            thread::spawn(move || {
                (1..=3).for_each(|number| _ = write_locked(&stream, &[number, number]))
            })
        };
        stream.clear();
        if let Some(numbers) = read_locked(&stream, 2) {
            assert_eq!(numbers[0], numbers[1], "torn");
        }
        writer.join().expect("no panic");
        let positions = stream.positions().expect("sound");
        assert!(positions.written - positions.read <= 16);
    });
}

/// Two writers take turns: neither piece is torn, lost or doubled.
#[test]
fn two_writers() {
    model(|| {
        let stream = stream(4);
        let other = {
            let stream = Arc::clone(&stream);
            thread::spawn(move || assert!(write_locked(&stream, &[1, 1])))
        };
        assert!(write_locked(&stream, &[2, 2]));
        other.join().expect("no panic");
        let mut found = [(); 2].map(|()| read_locked(&stream, 2).expect("two"));
        found.sort_unstable();
        assert_eq!(found, [[1, 1], [2, 2]]);
    });
}
