//! Every operation against a `VecDeque`, in random order.

use std::collections::VecDeque;

use agentwire::ring::{Claim, Held, RingError};
use proptest::prelude::*;

use super::{dequeue, ring};

#[derive(Debug, Clone)]
enum Step {
    Enqueue(Vec<u8>),
    EnqueueBatch(Vec<Vec<u8>>),
    Dequeue,
    DequeueShort,
    DequeueBatch { most: usize, room: usize },
    Peek,
    Clear,
    Claim,
    Commit(Vec<u8>),
    Abandon,
    Take,
    Free,
}

/// What the model knows of a slot, in the order of claims.
#[derive(Debug, Clone, PartialEq)]
enum Slot {
    Item(Vec<u8>),
    Open,
    Abandoned,
}

const MOST: usize = 12;

fn item() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=MOST)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => item().prop_map(Step::Enqueue),
        2 => prop::collection::vec(item(), 0..9).prop_map(Step::EnqueueBatch),
        6 => Just(Step::Dequeue),
        1 => Just(Step::DequeueShort),
        2 => (1..9usize, 0..60usize).prop_map(|(most, room)| Step::DequeueBatch { most, room }),
        2 => Just(Step::Peek),
        1 => Just(Step::Clear),
        2 => Just(Step::Claim),
        2 => item().prop_map(Step::Commit),
        1 => Just(Step::Abandon),
        2 => Just(Step::Take),
        2 => Just(Step::Free),
    ]
}

/// The plain model: slots that are claimed and not yet taken, and slots that are read in place.
#[derive(Default)]
struct Model {
    slots: VecDeque<Slot>,
    open: VecDeque<(usize, Claim)>,
    held: VecDeque<Held>,
    /// Claims before the first of `slots`.
    passed: usize,
    /// Which claims the held slots were: slots come free in that order or any other.
    held_at: VecDeque<usize>,
    size: usize,
}

impl Model {
    /// Whether the slot that the next claim comes to is free: the one a lap before is.
    fn has_room(&self) -> bool {
        let next = self.passed + self.slots.len();
        next < self.size
            || (self.slots.len() < self.size && !self.held_at.contains(&(next - self.size)))
    }

    /// Takes abandoned slots off the front, and the item behind them.
    fn pop(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.slots.front()? {
                Slot::Open => return None,
                Slot::Abandoned => {
                    self.slots.pop_front();
                    self.passed += 1;
                }
                Slot::Item(_) => {
                    self.passed += 1;
                    let Some(Slot::Item(item)) = self.slots.pop_front() else {
                        unreachable!("just seen")
                    };
                    return Some(item);
                }
            }
        }
    }

    /// The item that `pop` would give.
    fn front(&mut self) -> Option<Vec<u8>> {
        while self.slots.front() == Some(&Slot::Abandoned) {
            self.slots.pop_front();
            self.passed += 1;
        }
        match self.slots.front()? {
            Slot::Item(item) => Some(item.clone()),
            _ => None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_ring_does_what_a_plain_queue_does(
        capacity in 2..9u32,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let ring = ring(capacity, MOST as u32 + 4);
        let mut model = Model { size: capacity as usize - 1, ..Model::default() };
        for step in steps {
            match step {
                Step::Enqueue(item) => {
                    let room = model.has_room();
                    let done = ring.enqueue(item.as_slice().into());
                    prop_assert_eq!(done, if room { Ok(()) } else { Err(RingError::Full) });
                    if room {
                        model.slots.push_back(Slot::Item(item));
                    }
                }
                Step::EnqueueBatch(items) => {
                    let bytes = items.concat();
                    let done = ring
                        .enqueue_batch(bytes.as_slice().into(), items.len(), |at| items[at].len());
                    let mut expected = 0;
                    for item in items {
                        if !model.has_room() {
                            break;
                        }
                        model.slots.push_back(Slot::Item(item));
                        expected += 1;
                    }
                    prop_assert_eq!(done, Ok(expected));
                }
                Step::Dequeue => {
                    prop_assert_eq!(dequeue(&ring), model.pop().ok_or(RingError::Empty));
                }
                Step::DequeueShort => {
                    let mut none = [];
                    let result = ring.dequeue(none.as_mut_slice().into());
                    match model.front() {
                        None => prop_assert_eq!(result, Err(RingError::Empty)),
                        Some(item) if item.is_empty() => {
                            model.pop();
                            prop_assert_eq!(result, Ok(0));
                        }
                        Some(item) => prop_assert_eq!(
                            result,
                            Err(RingError::TooLong { bytes: item.len() })
                        ),
                    }
                }
                Step::DequeueBatch { most, room } => {
                    let mut bytes = vec![0; room];
                    let mut lengths = Vec::new();
                    let result = ring.dequeue_batch(
                        &mut bytes.as_mut_slice().into(),
                        most,
                        |at, len| {
                            assert_eq!(at, lengths.len());
                            lengths.push(len);
                        },
                    );
                    let mut expected = Vec::new();
                    let mut end = 0;
                    let mut refused = None;
                    while expected.len() < most {
                        let Some(item) = model.front() else {
                            refused = Some(RingError::Empty);
                            break;
                        };
                        if end + item.len() > room {
                            refused = Some(RingError::TooLong { bytes: item.len() });
                            break;
                        }
                        end += item.len();
                        model.pop();
                        expected.push(item);
                    }
                    match result {
                        Ok(drained) => {
                            // A lap is the most of one call, and laps with abandoned slots have fewer items.
                            prop_assert_eq!(drained.items, expected.len());
                            prop_assert_eq!(&bytes[..drained.bytes], &expected.concat()[..]);
                            let of_items: Vec<_> = expected.iter().map(Vec::len).collect();
                            prop_assert_eq!(lengths, of_items);
                        }
                        Err(error) => {
                            prop_assert!(expected.is_empty());
                            prop_assert_eq!(Some(error), refused);
                        }
                    }
                }
                Step::Peek => {
                    let mut copy = vec![0; MOST];
                    let result = ring.peek(copy.as_mut_slice().into());
                    let seen = result.map(|len| copy[..len].to_vec());
                    prop_assert_eq!(seen, model.front().ok_or(RingError::Empty));
                }
                Step::Clear => {
                    let open = model.slots.iter().position(|slot| *slot == Slot::Open);
                    let dropped = open.unwrap_or(model.slots.len());
                    prop_assert_eq!(ring.clear(), Ok(dropped));
                    model.slots.drain(..dropped);
                    model.passed += dropped;
                }
                Step::Claim => {
                    let room = model.has_room();
                    let claim = ring.claim();
                    prop_assert_eq!(claim.is_ok(), room);
                    if let Ok(claim) = claim {
                        model.open.push_back((model.passed + model.slots.len(), claim));
                        model.slots.push_back(Slot::Open);
                    }
                }
                Step::Commit(item) => {
                    if let Some((at, claim)) = model.open.pop_front() {
                        use agentwire::memory::WideMemory;
                        ring.memory().copy_in(claim.bytes_at(), item.as_slice().into());
                        prop_assert_eq!(ring.commit(claim, item.len()), Ok(()));
                        model.slots[at - model.passed] = Slot::Item(item);
                    }
                }
                Step::Abandon => {
                    if let Some((at, claim)) = model.open.pop_back() {
                        ring.abandon(claim);
                        model.slots[at - model.passed] = Slot::Abandoned;
                    }
                }
                Step::Take => {
                    let item = model.pop();
                    match ring.take() {
                        Ok(held) => {
                            use agentwire::memory::WideMemory;
                            let mut bytes = vec![0; held.len];
                            ring.memory().copy_out(held.bytes_at(), bytes.as_mut_slice().into());
                            prop_assert_eq!(Some(bytes), item);
                            model.held_at.push_back(model.passed - 1);
                            model.held.push_back(held);
                        }
                        result => {
                            prop_assert_eq!(result.err(), Some(RingError::Empty));
                            prop_assert_eq!(item, None);
                        }
                    }
                }
                Step::Free => {
                    if let Some(held) = model.held.pop_front() {
                        model.held_at.pop_front();
                        ring.free(held);
                    }
                }
            }
            prop_assert_eq!(ring.len(), model.slots.len());
        }
    }
}

#[test]
fn items_of_every_length_up_to_the_most_come_back_lap_after_lap() {
    for capacity in [2, 3, 4, 6, 17] {
        let ring = ring(capacity, 36);
        for round in 0..200u32 {
            let item: Vec<u8> = (0..round % 33).map(|at| (at + round) as u8).collect();
            ring.enqueue(item.as_slice().into()).expect("room");
            assert_eq!(dequeue(&ring), Ok(item));
        }
        assert_eq!(ring.totals(), (200, 200));
    }
}

#[test]
fn an_item_that_is_too_long_changes_nothing() {
    let ring = ring(3, 16);
    assert_eq!(
        ring.enqueue([0; 13].as_slice().into()),
        Err(RingError::TooLong { bytes: 13 })
    );
    assert_eq!((ring.len(), ring.totals()), (0, (0, 0)));
}
