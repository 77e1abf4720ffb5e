//! Backlogs, explored by loom: publishers, the drain, the timer and the end of the thread at once. How to run it:
//! tests/loom_mailbox.rs.
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;
#[path = "model_segments/mod.rs"]
mod model_segments;

use std::sync::Arc;

use agentwire::bus::account::{Account, Outcome};
use agentwire::bus::backlog::{Backlog, Coming, Message, NEVER, Next};
use agentwire::bus::queue::SegmentQueue;
use exploration::model;
use loom::thread;
use model_segments::{GivenBack, Source, push};

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
        Self::with(Account::new(queue_limit), true)
    }

    fn with(account: Account, holds_all: bool) -> Arc<Self> {
        Arc::new(Self {
            backlog: Backlog::new(holds_all),
            account,
            queue: SegmentQueue::new(Source::new(64, GivenBack::Rests)),
        })
    }

    fn publish(&self, publisher: usize, number: u32) {
        self.publish_until(publisher, number, NEVER);
    }

    fn publish_until(&self, publisher: usize, number: u32, expires_at: u64) {
        let message = Numbered(publisher, number, expires_at);
        let announce = || push(&self.queue, 8, 1).map_err(|_| Outcome::SubscriberDied);
        let most = (self.account.queue_limit(), u64::MAX);
        self.backlog
            .keep_newest(0, message, Coming::New, &self.account, most, announce);
    }

    fn has_record(&self) -> bool {
        // SAFETY: there is one consumer.
        unsafe { self.queue.peek() }.is_some()
    }

    /// Defers the next announcement, if one is there: true when it stands for a message.
    fn defer_next(&self) -> bool {
        // SAFETY: there is one consumer.
        let Some(record) = (unsafe { self.queue.peek() }) else {
            return false;
        };
        let len = record.len;
        let deferred = self.backlog.defer(0);
        // SAFETY: as above.
        unsafe { self.queue.advance(len) };
        deferred
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

/// The timer gives up what has expired while its announcement is met: the message ends once, and the one behind it, which does
/// not expire, arrives.
#[test]
fn the_timer_against_the_drain() {
    for holds_all in [true, false] {
        model(move || {
            let dropping = Dropping::with(Account::new(4), holds_all);
            dropping.publish_until(0, 1, 5);
            dropping.publish(0, 2);
            let timer = {
                let dropping = Arc::clone(&dropping);
                thread::spawn(move || {
                    assert_eq!(dropping.backlog.expire(5, &dropping.account).1, None);
                })
            };
            let mut last = [0; 2];
            while dropping.drain(&mut last) {}
            timer.join().expect("no panic");
            while dropping.drain(&mut last) {}
            assert_eq!(last[0], 2, "the second stayed behind");
            assert!(dropping.backlog.is_empty());
            let ledger = dropping.account.ledger();
            assert_eq!((ledger.admitted, ledger.in_flight()), (2, 0));
        });
    }
}

/// A handler has as many as it may: announcements are deferred, and traded one by one as it settles, while others publish and the
/// oldest is given up. Nothing stays behind, and the newest arrives.
#[test]
fn deferred_announcements_against_publishers() {
    model(|| {
        let dropping = Dropping::new(1);
        let publisher = {
            let dropping = Arc::clone(&dropping);
            thread::spawn(move || (1..=3).for_each(|number| dropping.publish(0, number)))
        };
        // Whether the drain believes that somebody may be served later.
        let mut starved = false;
        let mut last = 0;
        for _ in 0..2 {
            starved |= dropping.defer_next();
        }
        publisher.join().expect("no panic");
        while dropping.has_record() {
            starved |= dropping.defer_next();
        }
        assert!(starved, "three came, and one waits");
        loop {
            match dropping
                .backlog
                .take_deferred(0, &dropping.account, |_| true)
            {
                None => break,
                Some(Next::Taken(Numbered(_, number, _))) => {
                    assert!(number > last);
                    last = number;
                    dropping.account.end(Outcome::Handled, 1);
                }
                Some(_) => (),
            }
        }
        assert_eq!(last, 3, "the newest did not arrive");
        assert!(dropping.backlog.is_empty(), "a message stayed behind");
        let ledger = dropping.account.ledger();
        assert_eq!((ledger.admitted, ledger.in_flight()), (3, 0));
    });
}

/// A message comes for another attempt while its subscription ends: it is given back, or the end finds it.
#[test]
fn another_attempt_against_the_end() {
    model(|| {
        let account = Account::new(4);
        let backlog = Backlog::new(true).leaving_ends();
        let queue = SegmentQueue::new(Source::new(64, GivenBack::Rests));
        let shared = Arc::new((backlog, account, queue));
        assert!(shared.1.count_in());
        let timer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (backlog, account, queue) = &*shared;
                let announce = || push(queue, 8, 1).map_err(|_| Outcome::SubscriberDied);
                let message = Numbered(0, 1, NEVER);
                let put = backlog.keep(0, message, Coming::Again, account, announce);
                put.ended.len()
            })
        };
        let (backlog, account, queue) = &*shared;
        account.close();
        // SAFETY: this thread is the consumer.
        unsafe { queue.drain_closed(|_| ()) };
        let left = backlog.clear(account, Outcome::SubscriberDied).len();
        let given_back = timer.join().expect("no panic");
        assert_eq!(left + given_back, 1, "exactly one has it");
        assert!(backlog.is_empty());
        // Whoever has it counts it out.
        assert_eq!(account.ledger().in_flight(), 1);
    });
}
