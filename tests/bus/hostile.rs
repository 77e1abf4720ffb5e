//! Whatever JavaScript writes into the memory that it shares, native neither panics nor hangs, and the
//! ledgers add up.

use std::sync::atomic::Ordering;

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
    Corrupt { messages: Vec<(u8, u16, u16)>, changes: Vec<(u16, u8)> },
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
    let message = (0u8..5, 0u16..4, prop_oneof![9 => 0u16..64, 1 => 3900u16..4200]);
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
    words.iter().enumerate().for_each(|(index, &word)| memory.store(4 * index, word, Ordering::Relaxed));
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
                if !actor.write(&Message { inline_topic, correlation: (kind == 3).then_some(1), ..message }) {
                    break;
                }
            }
            changes.iter().for_each(|&(at, byte)| actor.outbox.set_byte(usize::from(at), byte));
        }
        Act::Commit(end) => actor.control.store(OUTBOX_COMMITTED, *end, Ordering::Relaxed),
        // Not the harness's, which believes what the control block says.
        Act::Submit => actor.endpoint.submit(),
        Act::SubmitBlock(length) => _ = actor.endpoint.submit_block(vec![1; usize::from(*length)].into()),
        Act::Drain(most) => {
            actor.control.store(DRAIN_RECORDS, *most, Ordering::Relaxed);
            actor.endpoint.drain();
        }
        Act::DrainCritical => actor.endpoint.drain_critical(),
        Act::TakeBlock(handle) => _ = actor.endpoint.take_block(*handle),
        Act::Outcomes(words) => put_words(&actor.outcomes, words),
        Act::Gates(bytes) => bytes.iter().enumerate().for_each(|(at, &byte)| actor.gates.set_byte(at, byte)),
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

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
        prop_assert_eq!(metrics.published, received.len() as u64);
        drop(actors);
        // What they still had in their outboxes.
        witness.handle_all();
        prop_assert_eq!(in_flight(&mut witness), 0);
    }
}
