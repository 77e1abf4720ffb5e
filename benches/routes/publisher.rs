//! A thread that publishes as its JavaScript would: records in its outbox, submitted by the batch.

use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use agentwire::bus::endpoint::{Endpoint, EndpointMemory};
use agentwire::bus::layout::*;
use agentwire::bus::receiver::Doorbell;
use agentwire::memory::{HeapBytes, Memory, SharedBytes};

struct Silent;

impl Doorbell for Silent {
    fn ring(&self) {}

    fn raise(&self, _attention: u32) {}
}

/// Bytes of each message's payload.
const PAYLOAD: usize = 64;

/// See the module's documentation.
pub struct Publisher {
    pub endpoint: Endpoint,
    outbox: SharedBytes,
    inbox: SharedBytes,
    control: SharedBytes,
    outcomes: SharedBytes,
    topics: Vec<u32>,
    next: usize,
    /// Declared last: freed after the endpoint that uses it.
    _memory: Vec<HeapBytes>,
}

impl Publisher {
    /// Publishes to these topics by turns.
    pub fn new(bus: &str, names: &[String]) -> Self {
        let mut memory = Vec::new();
        let mut shared = |len: usize| {
            let bytes = HeapBytes::new(len);
            let start: NonNull<u8> = bytes.span(0, len);
            memory.push(bytes);
            // SAFETY: the publisher keeps the memory for as long as itself, which has both windows.
            move || unsafe { SharedBytes::new(start, len) }
        };
        let outbox = shared(OUTBOX_BYTES);
        let inbox = shared(INBOX_BYTES + CRITICAL_INBOX_BYTES);
        let control = shared(CONTROL_BYTES);
        let gates = shared((names.len() + 1).next_multiple_of(8));
        let outcomes = shared((names.len() + 1) * OUTCOME_BYTES);
        let given = EndpointMemory {
            outbox: outbox(),
            inbox: inbox(),
            control: control(),
            gates: gates(),
            outcomes: outcomes(),
        };
        let mut endpoint =
            Endpoint::new(given, Box::new(Silent)).expect("memory of the right size");
        assert_eq!(endpoint.open_bus(bus), 0);
        let topics = names.iter().map(|name| {
            let index = endpoint.resolve_topic(0, name).expect("a good name");
            index.expect("an id")
        });
        let topics = topics.collect();
        Self {
            endpoint,
            outbox: outbox(),
            inbox: inbox(),
            control: control(),
            outcomes: outcomes(),
            topics,
            next: 0,
            _memory: memory,
        }
    }

    /// Publishes an outbox full of messages.
    pub fn publish(&mut self) -> u64 {
        let length = align(EXTENSIONS + PAYLOAD);
        for record in 0..OUTBOX_RECORDS {
            let start = record * length;
            let word = |at: usize, value: usize| {
                let at = start + at;
                self.outbox.store(at, value as u32, Ordering::Relaxed);
            };
            word(LENGTH, length);
            // With the bytes behind it: no redelivery, no flags.
            word(PRIORITY, 2);
            word(TOPIC, self.topics[self.next] as usize);
            word(PAYLOAD_LENGTH, PAYLOAD);
            self.next = (self.next + 1) % self.topics.len();
        }
        self.set(OUTBOX_COMMITTED, OUTBOX_RECORDS * length);
        self.endpoint.submit();
        assert_eq!(self.get(RECORDS_TAKEN), OUTBOX_RECORDS, "there is room");
        OUTBOX_RECORDS as u64
    }

    /// Takes what came, and counts it as handled.
    pub fn receive(&mut self) {
        loop {
            self.set(DRAIN_RECORDS, MAX_DRAIN_RECORDS);
            self.endpoint.drain();
            let mut at = 0;
            for _ in 0..self.get(INBOX_RECORDS) {
                let slot = self.inbox.load(at + TARGET, Ordering::Relaxed) as usize;
                let handled = slot * OUTCOME_BYTES + HANDLED;
                let count = self.outcomes.load(handled, Ordering::Relaxed);
                let count = count.wrapping_add(1);
                self.outcomes.store(handled, count, Ordering::Relaxed);
                at += self.inbox.load(at + LENGTH, Ordering::Relaxed) as usize;
            }
            if at == 0 {
                return;
            }
        }
    }

    fn get(&self, word: usize) -> usize {
        self.control.load(word, Ordering::Relaxed) as usize
    }

    fn set(&self, word: usize, value: usize) {
        self.control.store(word, value as u32, Ordering::Relaxed);
    }
}
