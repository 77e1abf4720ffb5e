//! The accounts of subscriptions, explored by loom: who waits for room is told, slots are not given away under a message, and
//! ledgers add up. How to run it: tests/loom_mailbox.rs.
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

use std::sync::Arc;

use agentwire::bus::account::{Account, Outcome};
use agentwire::sync::{AtomicBool, Ordering};
use agentwire::wait::Waiter;
use exploration::model;
use loom::sync::Notify;
use loom::thread;

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
