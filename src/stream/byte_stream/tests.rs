use std::collections::VecDeque;
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::memory::{HeapBytes, Memory};

fn stream(capacity: u64) -> ByteStream<HeapBytes> {
    let memory = HeapBytes::new((HEADER_BYTES + capacity as usize).next_multiple_of(8));
    ByteStream::new(memory, Arc::new(Core::new(capacity)))
}

/// A stream that has carried so many bytes already.
fn stream_at(capacity: u64, position: u64) -> ByteStream<HeapBytes> {
    let stream = stream(capacity);
    stream
        .memory()
        .store_u64(WRITTEN, position, Ordering::Relaxed);
    stream.memory().store_u64(READ, position, Ordering::Relaxed);
    stream
}

fn write(stream: &ByteStream<HeapBytes>, bytes: &[u8]) -> Result<bool, Fault> {
    stream.write(bytes.into())
}

fn read(stream: &ByteStream<HeapBytes>, len: usize) -> Result<Option<Vec<u8>>, Fault> {
    let mut bytes = vec![0xEE; len];
    let was_read = stream.read(bytes.as_mut_slice().into())?;
    assert!(was_read || bytes.iter().all(|byte| *byte == 0xEE));
    Ok(was_read.then_some(bytes))
}

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<u8>),
    Read(usize),
    ReadSome(usize),
    Peek(usize),
    Clear,
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..=most).prop_map(Step::Write),
        2 => (0..=most).prop_map(Step::Read),
        1 => (0..=most).prop_map(Step::ReadSome),
        1 => (0..=most).prop_map(Step::Peek),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 1..200)
}

/// Does a step to both: they answer the same, and hold the same afterwards.
fn do_to_both(
    stream: &ByteStream<HeapBytes>,
    model: &mut VecDeque<u8>,
    step: Step,
) -> Result<(), TestCaseError> {
    let capacity = stream.capacity() as usize;
    let front =
        |model: &VecDeque<u8>, len: usize| model.iter().copied().take(len).collect::<Vec<_>>();
    let expected = |model: &VecDeque<u8>, len: usize| match len {
        _ if len > capacity => Err(Fault::TooLong),
        _ if len > model.len() => Ok(None),
        _ => Ok(Some(front(model, len))),
    };
    match step {
        Step::Write(bytes) => {
            let expected = match bytes.len() {
                len if len > capacity => Err(Fault::TooLong),
                len => Ok(len <= capacity - model.len()),
            };
            prop_assert_eq!(write(stream, &bytes), expected);
            if expected == Ok(true) {
                model.extend(bytes);
            }
        }
        Step::Read(len) => {
            let expected = expected(model, len);
            prop_assert_eq!(read(stream, len), expected.clone());
            if let Ok(Some(bytes)) = expected {
                model.drain(..bytes.len());
            }
        }
        Step::ReadSome(len) => {
            let expected = front(model, len);
            let mut target = vec![0; len];
            prop_assert_eq!(
                stream.read_some(target.as_mut_slice().into()),
                Ok(expected.len())
            );
            prop_assert_eq!(&target[..expected.len()], &expected[..]);
            model.drain(..expected.len());
        }
        Step::Peek(len) => {
            let mut target = vec![0; len];
            let was_there = stream.peek(target.as_mut_slice().into());
            prop_assert_eq!(
                was_there.map(|was_there| was_there.then_some(target)),
                expected(model, len)
            );
        }
        Step::Clear => {
            stream.clear();
            model.clear();
        }
    }
    prop_assert_eq!(stream.used(), Ok(model.len() as u64));
    Ok(())
}

proptest! {
    #[test]
    fn a_stream_is_a_queue_of_bytes(
        capacity in prop_oneof![Just(1), 2..40u64, Just(64)],
        // Also where positions do not fit 32 bits, and up to the last ones of 64 bits.
        start in prop_oneof![Just(0), 1..100u64, (u64::from(u32::MAX) - 50)..(u64::from(u32::MAX) + 50), Just(u64::MAX - 100_000)],
        steps in steps(70),
    ) {
        let stream = stream_at(capacity, start);
        let mut model = VecDeque::new();
        for step in steps {
            do_to_both(&stream, &mut model, step)?;
        }
        let positions = stream.positions().expect("sound");
        prop_assert_eq!(positions.written - positions.read, model.len() as u64);
    }

    /// Whatever the positions are, no call goes outside (the memory checks that), and a stream that was cleared works.
    #[test]
    fn positions_that_cannot_be_are_an_error(
        capacity in 1..100u64,
        written in prop_oneof![any::<u64>(), 0..200u64, (u64::MAX - 200)..=u64::MAX],
        read_position in prop_oneof![any::<u64>(), 0..200u64, (u64::MAX - 200)..=u64::MAX],
        len in 0..100usize,
    ) {
        let stream = stream(capacity);
        stream.memory().store_u64(WRITTEN, written, Ordering::Relaxed);
        stream.memory().store_u64(READ, read_position, Ordering::Relaxed);
        let len = len.min(capacity as usize);
        // At the very end of all positions each step may be the last.
        prop_assume!(!(u64::MAX - 3 * capacity..=u64::MAX - capacity).contains(&read_position));
        let can_be = written >= read_position
            && written - read_position <= capacity
            && read_position <= u64::MAX - capacity;
        let mut target = vec![0; len];
        prop_assert_eq!(stream.peek(target.as_mut_slice().into()).is_ok(), can_be);
        prop_assert_eq!(stream.used().is_ok(), can_be);
        prop_assert_eq!(stream.positions().is_ok(), can_be);
        prop_assert_eq!(write(&stream, &target).is_ok(), can_be);
        prop_assert_eq!(read(&stream, len).is_ok(), can_be);
        prop_assert_eq!(stream.read_some(target.as_mut_slice().into()).is_ok(), can_be);
        stream.clear();
        prop_assert_eq!(stream.used(), Ok(0));
        if stream.positions().expect("sound").written <= u64::MAX - 2 * capacity {
            prop_assert_eq!(write(&stream, &vec![7; capacity as usize]), Ok(true));
            prop_assert_eq!(read(&stream, capacity as usize), Ok(Some(vec![7; capacity as usize])));
        }
    }
}

#[test]
fn a_stream_of_one_byte_holds_one_byte() {
    let stream = stream(1);
    for byte in 0..=255 {
        assert_eq!(write(&stream, &[byte]), Ok(true));
        assert_eq!(write(&stream, &[byte]), Ok(false));
        assert_eq!(write(&stream, &[]), Ok(true), "nothing always fits");
        assert_eq!(read(&stream, 1), Ok(Some(vec![byte])));
        assert_eq!(read(&stream, 1), Ok(None));
    }
    assert_eq!(write(&stream, &[1, 2]), Err(Fault::TooLong));
    assert_eq!(read(&stream, 2), Err(Fault::TooLong));
}

/// The last position is where a full stream would end: there a stream stops for good, as one that is damaged.
#[test]
fn a_stream_ends_where_positions_do() {
    let stream = stream_at(10, u64::MAX - 10);
    assert_eq!(write(&stream, &[1; 10]), Ok(true));
    assert_eq!(read(&stream, 1), Ok(Some(vec![1])));
    assert_eq!(read(&stream, 1), Err(Fault::Damaged));
    assert_eq!(write(&stream, &[1]), Err(Fault::Damaged));
    stream.clear();
    assert_eq!(write(&stream, &[2; 10]), Ok(true));
    assert_eq!(read(&stream, 10), Ok(Some(vec![2; 10])));
}

/// The next number of a sequence that looks like noise (xorshift, Marsaglia 2003).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn storm(capacity: u64, total: usize, most: usize) {
    let stream = stream(capacity);
    let (sent, received) = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut sizes, mut bytes) = (1, 2);
            let (mut crc, mut left) = (crc32fast::Hasher::new(), total);
            while left > 0 {
                let len = (next(&mut sizes) as usize % most + 1).min(left);
                let piece: Vec<u8> = (0..len).map(|_| next(&mut bytes) as u8).collect();
                while !write(&stream, &piece).expect("sound") {
                    thread::yield_now();
                }
                crc.update(&piece);
                left -= len;
            }
            crc.finalize()
        });
        let reader = scope.spawn(|| {
            let mut sizes = 3;
            let (mut crc, mut left) = (crc32fast::Hasher::new(), total);
            let mut target = vec![0; most];
            while left > 0 {
                let len = (next(&mut sizes) as usize % most + 1).min(left);
                let count = if sizes & 64 == 0 {
                    stream
                        .read_some(target[..len].as_mut().into())
                        .expect("sound")
                } else {
                    let was_read = stream.read(target[..len].as_mut().into());
                    if was_read.expect("sound") { len } else { 0 }
                };
                if count == 0 {
                    thread::yield_now();
                }
                crc.update(&target[..count]);
                left -= count;
            }
            crc.finalize()
        });
        (writer.join(), reader.join())
    });
    assert_eq!(sent.expect("no panic"), received.expect("no panic"));
    assert_eq!(stream.used(), Ok(0));
    assert_eq!(stream.positions().expect("sound").written, total as u64);
}

#[test]
fn what_one_thread_writes_another_reads() {
    storm(64 << 10, 32 << 20, 5000);
}

#[test]
fn a_small_stream_goes_round_between_two_threads() {
    // A prime, and pieces of up to half of it, so that every piece comes to lie everywhere.
    storm(251, 2 << 20, 125);
}

/// Pieces of several writers are not mixed, and several readers do not get the same one.
#[test]
fn writers_take_turns_and_so_do_readers() {
    const PIECE: usize = 100;
    const PIECES: usize = 20_000;
    let stream = stream(16 * PIECE as u64 + 1);
    let taken = std::sync::atomic::AtomicUsize::new(0);
    let seen = thread::scope(|scope| {
        for writer in 0..2u8 {
            let stream = &stream;
            scope.spawn(move || {
                for index in 0..PIECES as u32 {
                    let mut piece = [writer; PIECE];
                    piece[1..5].copy_from_slice(&index.to_le_bytes());
                    while !write(stream, &piece).expect("sound") {
                        thread::yield_now();
                    }
                }
            });
        }
        let readers = [(), ()].map(|()| {
            scope.spawn(|| {
                let mut seen = Vec::new();
                while taken.load(Ordering::Relaxed) < 2 * PIECES {
                    let Some(piece) = read(&stream, PIECE).expect("sound") else {
                        thread::yield_now();
                        continue;
                    };
                    taken.fetch_add(1, Ordering::Relaxed);
                    assert!(piece[5..].iter().all(|byte| *byte == piece[0]), "mixed");
                    let index = u32::from_le_bytes(piece[1..5].try_into().expect("four"));
                    seen.push((piece[0], index));
                }
                seen
            })
        });
        readers.map(|reader| reader.join().expect("no panic"))
    });
    for reader in &seen {
        for writer in 0..2 {
            let mine = reader.iter().filter(|(from, _)| *from == writer);
            assert!(mine.is_sorted(), "out of order");
        }
    }
    let mut all = seen.concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 2 * PIECES, "lost or doubled");
}

#[test]
fn the_header_stays_as_it_was_whatever_is_written() {
    let stream = stream(100);
    let header = crate::stream::layout::identity(100);
    stream.memory().copy_in(0, header[..].into());
    for _ in 0..100 {
        assert_eq!(write(&stream, &[0xFF; 77]), Ok(true));
        assert_eq!(read(&stream, 77), Ok(Some(vec![0xFF; 77])));
    }
    let mut found = [0; HEADER_BYTES];
    stream.memory().copy_out(0, found[..].as_mut().into());
    found[WRITTEN..WRITTEN + 8].fill(0);
    found[READ..READ + 8].fill(0);
    assert_eq!(found[..header.len()], header);
    assert!(found[header.len()..].iter().all(|byte| *byte == 0));
    assert!(stream.memory().len() >= HEADER_BYTES + 100);
}
