//! Whatever JavaScript writes into the memory that it shares, native neither panics nor hangs, and the
//! ledgers add up.

use std::sync::atomic::{AtomicBool, Ordering};

use agentwire::bus::layout::*;
use agentwire::memory::{Memory, SharedBytes};
use proptest::collection::vec;
use proptest::prelude::*;

use super::harness::*;

/// What a hostile thread does next.
#[derive(Debug, Clone)]
enum Act {
    /// Random bytes at the start of the outbox.
    Scribble(Vec<u8>),
    /// Proper records, with a few bytes changed.
    Corrupt {
        messages: Vec<(u8, u16, u16)>,
        changes: Vec<(u16, u8)>,
    },
    /// What the control block says of the outbox.
    Commit(u32),
    Submit,
    SubmitBlock(u16),
    /// A drain of so many records, allegedly.
    Drain(u32),
    DrainCritical,
    TakeBlock(u64),
    Outcomes(Vec<u32>),
    Gates(Vec<u8>),
    /// The fields that native writes.
    Control(Vec<u32>),
    Unsubscribe(u32),
    Subscribe(u8),
    Writable(u32),
}

fn act() -> impl Strategy<Value = Act> {
    let message = (
        0u8..5,
        0u16..4,
        prop_oneof![9 => 0u16..64, 1 => 3900u16..4200],
    );
    let change = (0u16..512, any::<u8>());
    let corrupt = (vec(message, 1..12), vec(change, 0..4));
    let memory = prop_oneof![
        1 => vec(any::<u8>(), 0..256).prop_map(Act::Scribble),
        4 => corrupt.prop_map(|(messages, changes)| Act::Corrupt { messages, changes }),
        1 => prop_oneof![0u32..512, any::<u32>()].prop_map(Act::Commit),
        2 => vec(prop_oneof![0u32..4, any::<u32>()], 0..64).prop_map(Act::Outcomes),
        1 => vec(any::<u8>(), 0..8).prop_map(Act::Gates),
        1 => vec(any::<u32>(), 0..8).prop_map(Act::Control),
    ];
    let calls = prop_oneof![
        4 => Just(Act::Submit),
        1 => any::<u16>().prop_map(Act::SubmitBlock),
        4 => prop_oneof![0u32..300, any::<u32>()].prop_map(Act::Drain),
        1 => Just(Act::DrainCritical),
        1 => prop_oneof![0u64..4, any::<u64>()].prop_map(Act::TakeBlock),
        1 => (0u32..8).prop_map(Act::Unsubscribe),
        1 => (0u8..4).prop_map(Act::Subscribe),
        1 => (0u32..8).prop_map(Act::Writable),
    ];
    prop_oneof![memory, calls]
}

fn put_words(memory: &SharedBytes, words: &[u32]) {
    words
        .iter()
        .enumerate()
        .for_each(|(index, &word)| memory.store(4 * index, word, Ordering::Relaxed));
}

const PATTERNS: [&str; 4] = ["t0", "t1", "*", "**"];

fn perform(actor: &mut Actor, act: &Act) {
    match act {
        Act::Scribble(bytes) => actor.put(0, bytes),
        Act::Corrupt { messages, changes } => {
            actor.control.store(OUTBOX_COMMITTED, 0, Ordering::Relaxed);
            for &(kind, topic, length) in messages {
                let payload = vec![kind; usize::from(length).min(INLINE_PAYLOAD_BYTES - 2)];
                let message = Message::new(u32::from(topic), &payload).at(kind.min(LOW));
                let inline_topic = (kind == 4).then_some((0, "t0"));
                if !actor.write(&Message {
                    inline_topic,
                    correlation: (kind == 3).then_some(1),
                    ..message
                }) {
                    break;
                }
            }
            changes
                .iter()
                .for_each(|&(at, byte)| actor.outbox.set_byte(usize::from(at), byte));
        }
        Act::Commit(end) => actor
            .control
            .store(OUTBOX_COMMITTED, *end, Ordering::Relaxed),
        // Not the harness's, which believes what the control block says.
        Act::Submit => actor.endpoint.submit(),
        Act::SubmitBlock(length) => {
            _ = actor
                .endpoint
                .submit_block(vec![1; usize::from(*length)][..].into())
        }
        Act::Drain(most) => {
            actor.control.store(DRAIN_RECORDS, *most, Ordering::Relaxed);
            actor.endpoint.drain();
        }
        Act::DrainCritical => actor.endpoint.drain_critical(),
        Act::TakeBlock(handle) => _ = actor.endpoint.take_block(*handle),
        Act::Outcomes(words) => put_words(&actor.outcomes, words),
        Act::Gates(bytes) => bytes
            .iter()
            .enumerate()
            .for_each(|(at, &byte)| actor.gates.set_byte(at, byte)),
        Act::Control(words) => put_words(&actor.control, words),
        Act::Unsubscribe(slot) => actor.endpoint.unsubscribe(*slot),
        Act::Subscribe(pattern) => _ = actor.subscribe(PATTERNS[usize::from(*pattern)], 3),
        Act::Writable(topic) => _ = actor.endpoint.is_writable(*topic),
    }
}

/// Every message of the bus is either ended or in flight, with whoever is open.
fn in_flight(witness: &mut Actor) -> u64 {
    let ledger = witness.metrics().ledger;
    let ended: u64 = ledger.ended.iter().sum();
    assert!(ended <= ledger.admitted, "{ledger:?}");
    ledger.admitted - ended
}

/// What is wrong with a record, one thing at a time: it and what is behind it are skipped, and counted.
#[test]
fn a_record_that_is_none() {
    let _alone = alone();
    let set = |record: &mut [u8], at: usize, word: u32| {
        record[at..at + 4].copy_from_slice(&word.to_le_bytes())
    };
    type Spoil<'a> = &'a dyn Fn(&mut [u8]);
    let long = INLINE_PAYLOAD_BYTES + 8;
    let spoilt: &[(&str, usize, Spoil)] = &[
        ("shorter than a header", 8, &|record| set(record, LENGTH, 8)),
        ("no length", 8, &|record| set(record, LENGTH, 0)),
        ("no multiple of 8", 8, &|record| {
            set(record, LENGTH, (EXTENSIONS + 4) as u32)
        }),
        ("longer than its parts", 16, &|record| {
            set(record, PAYLOAD_LENGTH, 8)
        }),
        ("shorter than its parts", 8, &|record| {
            set(record, PAYLOAD_LENGTH, 16)
        }),
        ("longer than there is", 8, &|record| {
            set(record, LENGTH, (EXTENSIONS + 4096) as u32);
            set(record, PAYLOAD_LENGTH, 4096);
        }),
        ("too long for inline", long, &|_| ()),
        ("all lengths there are", 8, &|record| {
            set(record, LENGTH, u32::MAX - 7);
            set(record, PAYLOAD_LENGTH, u32::MAX);
        }),
        ("unknown priority", 8, &|record| record[PRIORITY] = 4),
        ("targets", 8, &|record| record[FLAGS] = TARGETS as u8),
        ("a block of its own", 8, &|record| {
            record[FLAGS] = BLOCK as u8;
            set(record, PAYLOAD_LENGTH, 0);
        }),
        ("a flag of the future", 8, &|record| {
            record[FLAGS + 1] = 4;
            set(record, PAYLOAD_LENGTH, 0);
        }),
    ];
    for (what, payload, spoil) in spoilt {
        let mut actor = Actor::on("malformed");
        actor.subscribe("t", 100);
        let topic = actor.topic("t");
        let spoilt = actor.write_spoilt(topic, &vec![1; *payload], spoil);
        assert!(actor.committed() == spoilt.end, "{what}");
        actor.endpoint.submit();
        assert_eq!(actor.endpoint.faults.malformed_outboxes, 1, "{what}");
        assert_eq!(
            actor.control.load(OUTBOX_TAKEN, Ordering::Relaxed) as usize,
            spoilt.end,
            "{what}"
        );
        assert_eq!(
            actor.control.load(RECORDS_TAKEN, Ordering::Relaxed),
            1,
            "{what}"
        );
        let received = actor.handle_all();
        assert_eq!(received.len(), 1, "{what}");
        assert_eq!(received[0].payload, b"good", "{what}");
    }
}

/// Another thread writes over records and counters while native reads them: what was checked is what is used.
#[test]
fn a_thread_that_scribbles_meanwhile() {
    let _alone = alone();
    let mut witness = Actor::on("scribble");
    witness.subscribe("t", 1_000_000);
    let mut actor = Actor::on("scribble");
    actor.subscribe("*", 100);
    actor.subscribe("t.two", 100);
    let topics = [
        actor.topic("t"),
        actor.topic("t.two"),
        actor.topic("nobody"),
    ];
    let memory = actor.memory();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = AtEnd(|| stop.store(true, Ordering::Relaxed));
        scope.spawn(|| {
            let values = [0, 8, 56, 96, 4136, 0xffff_fff8, u32::MAX, 2, 3 << 16 | 2, 1];
            for step in 0usize.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                // The outbox, its length, and the counters. In the outbox for a moment only: a record that is
                // wrong when it is checked is skipped; one that becomes wrong afterwards is what matters.
                let (part, words) = [(0, 200), (0, 200), (0, 200), (2, 1), (4, 16)][step % 5];
                let at = (step.wrapping_mul(2_654_435_761) >> 7) % words * 4;
                let before = memory[part].load(at, Ordering::Relaxed);
                memory[part].store(at, values[step / 5 % values.len()], Ordering::Relaxed);
                if part == 0 {
                    memory[part].store(at, before, Ordering::Relaxed);
                    (0..20).for_each(|_| std::hint::spin_loop());
                }
            }
        });
        for round in 0..scaled(10_000) as usize {
            let mut end = 0;
            for number in 0..16 {
                let payload = vec![1; 8 * (round + number) % 40];
                end += actor.write_at(
                    end,
                    &Message::new(topics[(round / 16 + number / 8) % 3], &payload),
                );
            }
            actor
                .control
                .store(OUTBOX_COMMITTED, end as u32, Ordering::Relaxed);
            actor.endpoint.submit();
            actor.endpoint.drain();
            actor.endpoint.drain_critical();
            actor.endpoint.fold_outcomes();
            witness.handle_all();
        }
    });
    drop(actor);
    witness.handle_all();
    assert_eq!(in_flight(&mut witness), 0);
}

proptest! {
    #[test]
    fn nothing_that_javascript_writes_does_harm(acts in vec((any::<bool>(), act()), 1..40)) {
        let _alone = alone();
        let mut witness = Actor::on("hostile");
        let seen = witness.subscribe("**", 1_000_000);
        let mut actors = [Actor::on("hostile"), Actor::on("hostile")];
        for actor in &mut actors {
            PATTERNS.into_iter().for_each(|pattern| _ = actor.subscribe(pattern, 3));
            prop_assert_eq!([actor.topic("t0"), actor.topic("t1")], [1, 2]);
        }
        for (which, act) in &acts {
            perform(&mut actors[usize::from(*which)], act);
            in_flight(&mut witness);
        }
        // Whoever is left alone is not harmed: he gets what was taken, whole, and his ledger is his own.
        let metrics = witness.metrics();
        let received = witness.handle_all();
        let ledger = witness.ledger(seen);
        assert_settled(&ledger);
        prop_assert_eq!(ledger.admitted, received.len() as u64);
        // All that was published went to him, but for topics that no `**` matches: there are none.
        prop_assert_eq!(metrics.counts.published(), received.len() as u64);
        drop(actors);
        // What they still had in their outboxes.
        witness.handle_all();
        prop_assert_eq!(in_flight(&mut witness), 0);
    }
}
