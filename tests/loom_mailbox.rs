//! The lock-free parts of the bus, explored by loom: every interleaving of the threads of a model (with few
//! switches that no thread asked for), and every value that the orderings allow a load
//! to see. Only for
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --no-default-features --test loom_mailbox
//! ```
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

use std::sync::atomic::{AtomicU32 as PlainU32, Ordering as PlainOrdering};
use std::sync::{Arc, Mutex as PlainMutex};

use agentwire::bus::account::{Account, Outcome};
use agentwire::bus::backlog::{Backlog, Message, NEVER, Next};
use agentwire::bus::mailbox::{Mailbox, Turn};
use agentwire::bus::queue::{Committed, PushError, Segment, SegmentQueue, SegmentSource};
use agentwire::memory::Memory;
use agentwire::sync::{AtomicBool, AtomicU32, Mutex, Ordering};
use agentwire::wait::Waiter;
use exploration::model;
use loom::cell::UnsafeCell;
use loom::sync::Notify;
use loom::thread;

/// How often a consumer looks for records while producers push.
const LOOKS: usize = 3;

/// A segment's memory that loom watches: who touches it after it was given back, or before the clearing
/// reached him, fails the model.
struct ModelMemory {
    words: Vec<AtomicU32>,
    /// Read by every access, written by `clear`.
    life: UnsafeCell<()>,
    /// Stepped by every access: see tests/model_memory.
    steps: AtomicU32,
}

// SAFETY: the cell holds nothing; loom checks the accesses that it stands for.
unsafe impl Send for ModelMemory {}
// SAFETY: as above.
unsafe impl Sync for ModelMemory {}

impl ModelMemory {
    fn new(bytes: usize) -> Self {
        Self {
            words: (0..bytes / 4).map(|_| AtomicU32::new(0)).collect(),
            life: UnsafeCell::new(()),
            steps: AtomicU32::new(0),
        }
    }
}

impl Memory for ModelMemory {
    fn len(&self) -> usize {
        self.words.len() * 4
    }

    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.life.with(|_| ());
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.words[offset / 4].load(order)
    }

    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.life.with(|_| ());
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.words[offset / 4].store(value, order);
    }

    fn clear(&mut self) {
        self.life.with_mut(|_| ());
        self.words
            .iter()
            .for_each(|word| word.store(0, Ordering::Relaxed));
    }
}

/// What becomes of a segment that was given back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GivenBack {
    /// It is the next one to be taken: addresses come again.
    Serves,
    /// It rests. Then no lock of the source orders the threads, as it would by chance.
    Rests,
}

type Boxes = Vec<Box<Segment<ModelMemory>>>;

struct Segments {
    bytes: usize,
    given_back: GivenBack,
    serving: Mutex<Boxes>,
    // Not part of what is modelled.
    resting: PlainMutex<Boxes>,
    in_use: PlainU32,
}

#[derive(Clone)]
struct Source(Arc<Segments>);

impl Source {
    fn new(bytes: usize, given_back: GivenBack) -> Self {
        let (serving, resting, in_use) =
            (Mutex::default(), PlainMutex::default(), PlainU32::new(0));
        Self(Arc::new(Segments {
            bytes,
            given_back,
            serving,
            resting,
            in_use,
        }))
    }

    fn in_use(&self) -> u32 {
        self.0.in_use.load(PlainOrdering::Relaxed)
    }
}

impl SegmentSource for Source {
    type Memory = ModelMemory;

    fn segment_bytes(&self) -> u64 {
        self.0.bytes as u64
    }

    fn take(&self) -> Option<Box<Segment<ModelMemory>>> {
        self.0.in_use.fetch_add(1, PlainOrdering::Relaxed);
        let again = match self.0.given_back {
            GivenBack::Serves => self.0.serving.lock().pop(),
            GivenBack::Rests => None,
        };
        Some(again.unwrap_or_else(|| Segment::new(ModelMemory::new(self.0.bytes))))
    }

    fn give(&self, mut segment: Box<Segment<ModelMemory>>) {
        segment.reset();
        match self.0.given_back {
            GivenBack::Serves => self.0.serving.lock().push(segment),
            GivenBack::Rests => self.0.resting.lock().expect("no panic").push(segment),
        }
        self.0.in_use.fetch_sub(1, PlainOrdering::Relaxed);
    }
}

/// Fills a record with its tag: the number of its producer and its place among that one's records.
fn fill(memory: &ModelMemory, start: usize, len: usize, tag: u32) {
    for at in (4..len).step_by(4) {
        memory.store(start + at, tag, Ordering::Relaxed);
    }
}

fn tag_of(record: &Committed<'_, ModelMemory>) -> u32 {
    let word = |at: usize| record.memory.load(record.offset + at, Ordering::Relaxed);
    let tag = word(4);
    assert!(
        (4..record.len).step_by(4).all(|at| word(at) == tag),
        "a record came in parts"
    );
    tag
}

fn push(queue: &SegmentQueue<Source>, len: usize, tag: u32) -> Result<(), PushError> {
    queue.push(len, |memory, start| fill(memory, start, len, tag))
}

struct Consumer<'a> {
    queue: &'a SegmentQueue<Source>,
    /// The tag that each producer's next record must have.
    next: [u32; 2],
}

impl Consumer<'_> {
    /// Consumes the next record, if one is there.
    fn consume(&mut self) -> bool {
        // SAFETY: there is one consumer.
        let Some(record) = (unsafe { self.queue.peek() }) else {
            return false;
        };
        let tag = tag_of(&record);
        let next = &mut self.next[tag as usize / 16];
        assert_eq!(tag, *next, "lost, doubled or out of order");
        *next += 1;
        let len = record.len;
        // SAFETY: as above.
        unsafe { self.queue.advance(len) };
        true
    }
}

/// Two producers and a consumer; each producer pushes records of the given lengths. What arrives is what was
/// pushed: each record once, whole, and in its producer's order; and every segment comes back.
fn two_producers(segment_bytes: usize, given_back: GivenBack, lengths: [&'static [usize]; 2]) {
    model(move || {
        let source = Source::new(segment_bytes, given_back);
        let queue = Arc::new(SegmentQueue::new(source.clone()));
        let producers: Vec<_> = (0..2)
            .map(|producer| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    for (&len, tag) in lengths[producer].iter().zip(producer as u32 * 16 + 1..) {
                        assert_eq!(push(&queue, len, tag), Ok(()));
                    }
                })
            })
            .collect();
        let mut consumer = Consumer {
            queue: &queue,
            next: [1, 17],
        };
        // A few looks while they push; a loop until all is there would never end for loom.
        (0..LOOKS).for_each(|_| _ = consumer.consume());
        producers
            .into_iter()
            .for_each(|producer| producer.join().expect("no panic"));
        while consumer.consume() {}
        assert_eq!(
            consumer.next,
            [1 + lengths[0].len() as u32, 17 + lengths[1].len() as u32],
            "lost"
        );
        drop(queue);
        assert_eq!(source.in_use(), 0);
    });
}

#[test]
fn order_across_segments() {
    two_producers(16, GivenBack::Rests, [&[8, 8], &[8, 8]]);
}

/// With a record for each segment, a producer may wake up to a tail of the same address as before.
#[test]
fn order_across_segments_that_come_again() {
    two_producers(8, GivenBack::Serves, [&[8, 8], &[8]]);
}

#[test]
fn order_across_pads() {
    two_producers(24, GivenBack::Rests, [&[16, 16], &[8]]);
}

/// Records that are pushed at once are seen at once, also where another producer pushes.
#[test]
fn a_run_is_seen_whole() {
    model(|| {
        let source = Source::new(24, GivenBack::Rests);
        let queue = Arc::new(SegmentQueue::new(source.clone()));
        let runner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let pushed = queue.push_run(16, 8, |memory, start| {
                    fill(memory, start, 8, 1);
                    memory.store(start + 8, 8, Ordering::Relaxed);
                    fill(memory, start + 8, 8, 2);
                });
                assert_eq!(pushed, Ok(()));
            })
        };
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                assert_eq!([push(&queue, 8, 17), push(&queue, 8, 18)], [Ok(()); 2])
            })
        };
        let mut consumer = Consumer {
            queue: &queue,
            next: [1, 17],
        };
        (0..LOOKS).for_each(|_| _ = consumer.consume());
        if consumer.next[0] == 2 {
            assert!(
                consumer.consume() && consumer.next[0] == 3,
                "the second of two came later"
            );
        }
        runner.join().expect("no panic");
        other.join().expect("no panic");
        while consumer.consume() {}
        assert_eq!(consumer.next, [3, 19], "lost");
        drop(queue);
        assert_eq!(source.in_use(), 0);
    });
}

/// A queue that closes while two producers push: what was taken comes out, in order; the rest is refused, and
/// for good.
#[test]
fn close_against_push() {
    model(|| {
        let source = Source::new(16, GivenBack::Rests);
        let queue = Arc::new(SegmentQueue::new(source.clone()));
        let producers: Vec<_> = [1, 17]
            .into_iter()
            .map(|first| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    let taken: Vec<bool> = (first..first + 2)
                        .map(|tag| push(&queue, 8, tag).is_ok())
                        .collect();
                    assert!(taken[0] || !taken[1], "taken after a refusal");
                    taken.into_iter().filter(|taken| *taken).count() as u32
                })
            })
            .collect();
        let mut drained = Vec::new();
        // SAFETY: this thread is the consumer.
        unsafe { queue.drain_closed(|record| drained.push(tag_of(&record))) };
        for (first, producer) in [1, 17].into_iter().zip(producers) {
            let taken = producer.join().expect("no panic");
            let mine: Vec<u32> = drained
                .iter()
                .copied()
                .filter(|tag| tag / 16 == first / 16)
                .collect();
            assert_eq!(mine, (first..first + taken).collect::<Vec<_>>());
        }
        assert_eq!(push(&queue, 8, 99), Err(PushError::Closed));
        drop(queue);
        assert_eq!(source.in_use(), 0);
    });
}

/// A receiver that sleeps whenever it may. A record left behind a sleeping receiver shows as a deadlock.
fn parking(priorities: [&'static [usize]; 2]) {
    model(move || {
        let mailbox = Arc::new(Mailbox::new(Source::new(64, GivenBack::Rests)));
        let bell = Arc::new(Notify::new());
        let rings = Arc::new(PlainU32::new(0));
        let senders: Vec<_> = priorities
            .into_iter()
            .filter(|records| !records.is_empty())
            .map(|records| {
                let (mailbox, bell, rings) =
                    (Arc::clone(&mailbox), Arc::clone(&bell), Arc::clone(&rings));
                thread::spawn(move || {
                    for &priority in records {
                        let pushed =
                            mailbox.push(priority, 8, |memory, start| fill(memory, start, 8, 1));
                        assert_eq!(pushed, Ok(()));
                        if mailbox.wake() {
                            rings.fetch_add(1, PlainOrdering::Relaxed);
                            bell.notify();
                        }
                    }
                })
            })
            .collect();
        let expected = priorities.concat().len() as u32;
        let (mut taken, mut sleeps, mut turn) = (0, 0, Turn::default());
        loop {
            mailbox.unpark();
            // SAFETY: this thread is the receiver.
            taken += unsafe { mailbox.drain(&mut turn, |_| true) };
            if taken == expected {
                break;
            }
            sleeps += 1;
            // SAFETY: as above.
            if unsafe { mailbox.park() } {
                bell.wait();
            }
        }
        senders
            .into_iter()
            .for_each(|sender| sender.join().expect("no panic"));
        assert!(
            rings.load(PlainOrdering::Relaxed) <= sleeps,
            "rung more than once in a sleep"
        );
    });
}

#[test]
fn no_lost_ring() {
    parking([&[2, 2], &[]]);
}

#[test]
fn no_lost_ring_of_two_senders() {
    parking([&[2], &[0]]);
}

/// A publisher that is told of room by a notification.
struct Publisher(Notify);

impl Waiter for Publisher {
    fn id(&self) -> u32 {
        1
    }

    fn look_again(&self) {
        self.0.notify();
    }
}

/// Waits as `submit` does; never called shows as a deadlock.
fn wait_for_room(account: &Account) {
    let publisher = Arc::new(Publisher(Notify::new()));
    while account.room() == 0 && !account.has_drained() {
        account.waiters().file(&publisher);
        if !account.has_drained() {
            publisher.0.wait();
        }
    }
}

/// An account with this many messages in flight, and room for no more.
fn full_account(messages: u64) -> Arc<Account> {
    let account = Arc::new(Account::new(messages));
    assert!((0..messages).all(|_| account.admit()));
    account
}

#[test]
fn no_lost_room() {
    model(|| {
        let account = full_account(2);
        let subscriber = {
            let account = Arc::clone(&account);
            thread::spawn(move || (0..2).for_each(|_| account.end(Outcome::Handled, 1)))
        };
        wait_for_room(&account);
        subscriber.join().expect("no panic");
    });
}

#[test]
fn no_waiting_for_what_ended() {
    model(|| {
        let account = full_account(2);
        let subscriber = {
            let account = Arc::clone(&account);
            thread::spawn(move || account.close())
        };
        wait_for_room(&account);
        subscriber.join().expect("no panic");
    });
}

/// A slot is given away only while nothing is in flight to it.
///
/// One message is in flight or about to be; the subscription ends; a publisher with an old route comes by.
#[test]
fn a_slot_is_not_given_away_under_a_message() {
    model(|| {
        let account = Arc::new(Account::new(8));
        // Stands for the mailbox.
        let sent = Arc::new(AtomicBool::new(false));
        let publishers: Vec<_> = (0..2)
            .map(|publisher| {
                let (account, sent) = (Arc::clone(&account), Arc::clone(&sent));
                thread::spawn(move || {
                    let admitted = account.admit();
                    if admitted && publisher == 0 {
                        sent.store(true, Ordering::Release);
                    } else if admitted {
                        // A mailbox that takes nothing more.
                        account.end(Outcome::SubscriberDied, 1);
                    }
                    admitted
                })
            })
            .collect();
        account.close();
        // The slot: is the message of the first publisher handled before it is given away?
        let handled = sent.load(Ordering::Acquire);
        if handled {
            account.end(Outcome::Handled, 1);
        }
        let given_away = account.is_spent();
        let admitted: Vec<bool> = publishers
            .into_iter()
            .map(|publisher| publisher.join().expect("no panic"))
            .collect();
        assert!(
            !given_away || !admitted[0] || handled,
            "a message is in flight to a slot that was given away"
        );
        assert!(account.ledger().in_flight() == u64::from(admitted[0] && !handled));
    });
}

/// A message in flight and a publisher that counts itself in and out must not look like nothing in flight.
#[test]
fn a_passing_publisher_hides_no_message() {
    model(|| {
        let account = full_account(1);
        account.close();
        let publisher = {
            let account = Arc::clone(&account);
            thread::spawn(move || assert!(!account.admit()))
        };
        assert!(!account.is_spent(), "a message is in flight");
        publisher.join().expect("no panic");
        account.end(Outcome::Handled, 1);
        assert!(account.is_spent() && account.ledger().in_flight() == 0);
    });
}

/// No snapshot shows more messages ended than admitted.
#[test]
fn a_ledger_adds_up_while_messages_move() {
    model(|| {
        let account = Arc::new(Account::new(8));
        let sent = Arc::new(AtomicBool::new(false));
        let publisher = {
            let (account, sent) = (Arc::clone(&account), Arc::clone(&sent));
            thread::spawn(move || {
                assert!(account.admit());
                sent.store(true, Ordering::Release);
            })
        };
        let subscriber = {
            let (account, sent) = (Arc::clone(&account), Arc::clone(&sent));
            thread::spawn(move || {
                if sent.load(Ordering::Acquire) {
                    account.end(Outcome::Handled, 1);
                }
            })
        };
        let ledger = account.ledger();
        assert!(ledger.ended.iter().sum::<u64>() <= ledger.admitted);
        publisher.join().expect("no panic");
        subscriber.join().expect("no panic");
    });
}

/// A message of a backlog: its publisher, its place among that one's messages, and when it expires.
struct Numbered(usize, u32, u64);

impl Message for Numbered {
    fn kept_bytes(&self) -> u64 {
        8
    }

    fn expires_at(&self) -> u64 {
        self.2
    }
}

/// A backlog with its account and its mailbox, as a publisher and the drain see them.
struct Dropping {
    backlog: Backlog<Numbered>,
    account: Account,
    queue: SegmentQueue<Source>,
}

impl Dropping {
    fn new(queue_limit: u64) -> Arc<Self> {
        Arc::new(Self {
            backlog: Backlog::new(true),
            account: Account::new(queue_limit),
            queue: SegmentQueue::new(Source::new(64, GivenBack::Rests)),
        })
    }

    fn publish(&self, publisher: usize, number: u32) {
        let message = Numbered(publisher, number, NEVER);
        let announce = || push(&self.queue, 8, 1).map_err(|_| Outcome::SubscriberDied);
        self.backlog
            .keep_newest(0, message, &self.account, u64::MAX, announce);
    }

    /// Trades the next announcement for a message, if one is there; fails when messages come out of order.
    fn drain(&self, last: &mut [u32; 2]) -> bool {
        // SAFETY: there is one consumer.
        let Some(record) = (unsafe { self.queue.peek() }) else {
            return false;
        };
        let len = record.len;
        if let Next::Taken(message) = self.backlog.take(0, 0, &self.account, |_| true) {
            let Numbered(publisher, number, _) = message;
            assert!(number > last[publisher], "doubled or out of order");
            last[publisher] = number;
            self.account.end(Outcome::Handled, 1);
        }
        // SAFETY: as above.
        unsafe { self.queue.advance(len) };
        true
    }
}

/// Two publishers flood a backlog of one place while it is drained: no message stays without an announcement, the
/// last one of all arrives, and the ledger adds up.
#[test]
fn no_message_stays_behind_in_a_backlog() {
    model(|| {
        let dropping = Dropping::new(1);
        let publishers: Vec<_> = [2, 1]
            .into_iter()
            .enumerate()
            .map(|(publisher, count)| {
                let dropping = Arc::clone(&dropping);
                thread::spawn(move || {
                    (1..=count).for_each(|number| dropping.publish(publisher, number));
                })
            })
            .collect();
        let mut last = [0; 2];
        (0..2).for_each(|_| _ = dropping.drain(&mut last));
        publishers
            .into_iter()
            .for_each(|publisher| publisher.join().expect("no panic"));
        while dropping.drain(&mut last) {}
        assert!(dropping.backlog.is_empty(), "a message stayed behind");
        assert!(last[0] == 2 || last[1] == 1, "the newest did not arrive");
        let ledger = dropping.account.ledger();
        assert_eq!((ledger.admitted, ledger.in_flight()), (3, 0));
    });
}

/// A thread that ends while others publish to its backlog: every message is counted out once.
#[test]
fn the_end_of_a_backlog_against_its_publishers() {
    model(|| {
        let dropping = Dropping::new(2);
        let publisher = {
            let dropping = Arc::clone(&dropping);
            thread::spawn(move || (1..=3).for_each(|number| dropping.publish(0, number)))
        };
        dropping.account.close();
        // SAFETY: this thread is the consumer.
        unsafe { dropping.queue.drain_closed(|_| ()) };
        dropping
            .backlog
            .clear(&dropping.account, Outcome::SubscriberDied);
        publisher.join().expect("no panic");
        assert!(dropping.backlog.is_empty(), "a message stayed behind");
        let ledger = dropping.account.ledger();
        assert_eq!((ledger.admitted, ledger.in_flight()), (3, 0));
    });
}
