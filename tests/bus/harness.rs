//! Stands in for a thread's JavaScript: writes records into the outbox, reads the inbox, counts outcomes.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use agentwire::bus::dead_letters::Reason;
use agentwire::bus::endpoint::{Endpoint, EndpointMemory};
use agentwire::bus::layout::*;
use agentwire::bus::metrics::BusMetrics;
use agentwire::bus::receiver::Doorbell;
use agentwire::bus::subscription::{Ledger, SubscribeOptions};
use agentwire::memory::{HeapBytes, Memory, SharedBytes};
use agentwire::pool::SegmentPool;

pub const CRITICAL: u8 = 0;
pub const HIGH: u8 = 1;
pub const NORMAL: u8 = 2;
pub const LOW: u8 = 3;

/// Topics and subscriptions that an actor's memory has room for.
const MOST_TOPICS: usize = 256;
const MOST_SLOTS: usize = 1024;

/// Waiting for another thread for this long means that it will never come.
const NEVER: Duration = Duration::from_secs(60);

/// One test at a time: the pool and the hub are those of the process. At its end every segment is back.
pub struct Alone(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

pub fn alone() -> Alone {
    static LOCK: Mutex<()> = Mutex::new(());
    Alone(LOCK.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Drop for Alone {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(
                SegmentPool::global().bytes_in_use(),
                0,
                "segments were not given back"
            );
        }
    }
}

/// Under an emulator or a sanitizer a tenth will do.
pub fn scaled(count: u64) -> u64 {
    if std::env::var_os("AGENTWIRE_TEST_SLOW").is_some() {
        count / 10
    } else {
        count
    }
}

/// Does something when it goes out of scope, also when the test fails: other threads wait for it.
pub struct AtEnd<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A bell that counts.
#[derive(Default)]
pub struct Bell {
    pub rings: AtomicU32,
    pub attention: AtomicU32,
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    /// Sleeps until the bell was rung since the last sleep.
    pub fn wait(&self) {
        let rung = self.rung.lock().unwrap();
        let (mut rung, waited) = self
            .changed
            .wait_timeout_while(rung, NEVER, |rung| !*rung)
            .unwrap();
        assert!(!waited.timed_out(), "nobody rings");
        *rung = false;
    }

    pub fn rings(&self) -> u32 {
        self.rings.load(Ordering::Relaxed)
    }

    /// The attention bits, cleared.
    pub fn attention(&self) -> usize {
        self.attention.swap(0, Ordering::Relaxed) as usize
    }
}

struct Line(Arc<Bell>);

impl Doorbell for Line {
    fn ring(&self) {
        self.0.rings.fetch_add(1, Ordering::Relaxed);
        *self.0.rung.lock().unwrap() = true;
        self.0.changed.notify_all();
    }

    fn raise(&self, attention: u32) {
        self.0.attention.fetch_or(attention, Ordering::Relaxed);
    }
}

/// A message to publish.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub topic: u32,
    pub priority: u8,
    pub payload: &'a [u8],
    pub correlation: Option<u64>,
    /// Bus handle and name of a topic without an id.
    pub inline_topic: Option<(u32, &'a str)>,
    pub expires_in: Option<Duration>,
    /// Its number as a request, and how many milliseconds it waits.
    pub request: Option<(u32, u32)>,
    /// It becomes a dead letter when nobody is subscribed.
    pub mandatory: bool,
}

impl<'a> Message<'a> {
    pub fn new(topic: u32, payload: &'a [u8]) -> Self {
        Self {
            topic,
            priority: NORMAL,
            payload,
            correlation: None,
            inline_topic: None,
            expires_in: None,
            request: None,
            mandatory: false,
        }
    }

    pub fn mandatory(self) -> Self {
        Self {
            mandatory: true,
            ..self
        }
    }

    pub fn expiring_in(self, time: Duration) -> Self {
        Self {
            expires_in: Some(time),
            ..self
        }
    }

    pub fn asking_for(self, number: u32, milliseconds: u32) -> Self {
        Self {
            request: Some((number, milliseconds)),
            ..self
        }
    }

    pub fn asking(self, number: u32) -> Self {
        Self {
            request: Some((number, 60_000)),
            ..self
        }
    }

    pub fn at(self, priority: u8) -> Self {
        Self { priority, ..self }
    }

    /// The record's bytes, all but its payload area when that travels in a block.
    fn record(&self, in_block: bool) -> Vec<u8> {
        let name = self
            .inline_topic
            .map_or(&b""[..], |(_, name)| name.as_bytes());
        let mut flags = if self.mandatory { MANDATORY } else { 0 };
        let mut record = vec![0; EXTENSIONS];
        if let Some((bus, _)) = self.inline_topic {
            flags |= TOPIC_INLINE;
            record.extend((name.len() as u32).to_le_bytes());
            record.extend(bus.to_le_bytes());
        }
        if let Some(time) = self.expires_in {
            flags |= EXPIRY;
            record.extend((time.as_nanos() as u64).to_le_bytes());
        }
        if let Some(correlation) = self.correlation {
            flags |= CORRELATION;
            record.extend(correlation.to_le_bytes());
        }
        if let Some((number, milliseconds)) = self.request {
            flags |= REPLY;
            record.extend(number.to_le_bytes());
            record.extend(milliseconds.to_le_bytes());
        }
        let payload_length = if in_block {
            0
        } else {
            name.len() + self.payload.len()
        };
        if !in_block {
            record.extend(name);
            record.extend(self.payload);
        }
        record.resize(align(record.len()), 0);
        let length = record.len() as u32;
        let mut set = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
        set(LENGTH, &length.to_le_bytes());
        set(PRIORITY, &[self.priority]);
        set(FLAGS, &(flags as u16).to_le_bytes());
        set(TOPIC, &self.topic.to_le_bytes());
        set(PAYLOAD_LENGTH, &(payload_length as u32).to_le_bytes());
        record
    }
}

/// A message as it lies in the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub slots: Vec<u32>,
    pub priority: u8,
    pub topic: u32,
    pub inline_topic: Option<String>,
    pub correlation: Option<u64>,
    pub publisher: u32,
    pub sequence: u64,
    pub timestamp: u64,
    /// Empty when it is in a block.
    pub payload: Vec<u8>,
    /// Handle and length.
    pub block: Option<(u64, usize)>,
    /// Handle of the request that it is.
    pub request: Option<u64>,
    /// Handle by which it is acknowledged.
    pub delivery: Option<u64>,
    /// Handlers that have failed with it.
    pub attempt: u8,
}

/// A thread with an endpoint.
pub struct Actor {
    pub endpoint: Endpoint,
    pub bell: Arc<Bell>,
    pub outbox: SharedBytes,
    pub inbox: SharedBytes,
    pub control: SharedBytes,
    pub gates: SharedBytes,
    pub outcomes: SharedBytes,
    /// Declared last: freed after the endpoint that uses it.
    memory: Vec<Arc<HeapBytes>>,
}

impl Actor {
    pub fn new() -> Self {
        let mut memory = Vec::new();
        let mut shared = |len: usize| {
            let bytes = Arc::new(HeapBytes::new(len));
            let start: NonNull<u8> = bytes.span(0, len);
            memory.push(bytes);
            // SAFETY: the actor keeps the memory for as long as itself, which has both windows.
            move || unsafe { SharedBytes::new(start, len) }
        };
        let outbox = shared(OUTBOX_BYTES);
        let inbox = shared(INBOX_BYTES + CRITICAL_INBOX_BYTES);
        let control = shared(CONTROL_BYTES);
        let gates = shared(MOST_TOPICS);
        let outcomes = shared(MOST_SLOTS * OUTCOME_BYTES);
        let bell = Arc::new(Bell::default());
        let given = EndpointMemory {
            outbox: outbox(),
            inbox: inbox(),
            control: control(),
            gates: gates(),
            outcomes: outcomes(),
        };
        let endpoint = Endpoint::new(given, Box::new(Line(Arc::clone(&bell)))).unwrap();
        let control = control();
        control.store(DRAIN_RECORDS, 256, Ordering::Relaxed);
        let (outbox, inbox, gates, outcomes) = (outbox(), inbox(), gates(), outcomes());
        Self {
            endpoint,
            bell,
            outbox,
            inbox,
            control,
            gates,
            outcomes,
            memory,
        }
    }

    /// An actor with a bus open: its handle is 0.
    pub fn on(bus: &str) -> Self {
        let mut actor = Self::new();
        assert_eq!(actor.endpoint.open_bus(bus), 0);
        actor
    }

    pub fn topic(&mut self, name: &str) -> u32 {
        self.endpoint
            .resolve_topic(0, name)
            .unwrap()
            .expect("a topic with an id")
    }

    /// Subscribes: the slot.
    pub fn subscribe(&mut self, pattern: &str, limit: u64) -> u32 {
        self.subscribe_with(pattern, SubscribeOptions::limited_to(limit))
    }

    /// Subscribes with these options: the slot.
    pub fn subscribe_with(&mut self, pattern: &str, options: SubscribeOptions) -> u32 {
        self.endpoint.subscribe(0, pattern, options).unwrap().0
    }

    pub fn metrics(&mut self) -> BusMetrics {
        self.endpoint.fold_outcomes();
        self.endpoint.bus(0).unwrap().metrics()
    }

    pub fn ledger(&mut self, slot: u32) -> Ledger {
        self.endpoint.fold_outcomes();
        self.endpoint
            .subscription(slot)
            .expect("a subscription")
            .ledger()
    }

    fn word(&self, at: usize) -> u32 {
        self.control.load(at, Ordering::Relaxed)
    }

    pub fn committed(&self) -> usize {
        self.word(OUTBOX_COMMITTED) as usize
    }

    /// True when it was told to drain without its bell; clears that.
    pub fn has_own_mail(&self) -> bool {
        let mail = self.word(OWN_MAIL);
        self.control.store(OWN_MAIL, 0, Ordering::Relaxed);
        mail != 0
    }

    pub fn is_parked(&self) -> bool {
        self.word(PARKED) != 0
    }

    /// All its memory, for others to write: outbox, inbox, control block, gates and outcomes.
    pub fn memory(&self) -> Vec<Arc<HeapBytes>> {
        self.memory.clone()
    }

    /// Gates that there are.
    pub fn gates_len(&self) -> usize {
        self.gates.len()
    }

    /// Slots that there are counters for.
    pub fn slots_len(&self) -> usize {
        self.outcomes.len() / OUTCOME_BYTES
    }

    /// Writes a message into the outbox. False when the outbox is full.
    pub fn write(&mut self, message: &Message<'_>) -> bool {
        let (record, start) = (message.record(false), self.committed());
        // Where the length was scribbled over, there is no saying what is free.
        if start.saturating_add(record.len()) > OUTBOX_BYTES {
            return false;
        }
        self.put(start, &record);
        self.control.store(
            OUTBOX_COMMITTED,
            (start + record.len()) as u32,
            Ordering::Relaxed,
        );
        true
    }

    /// Writes a good message and a spoilt one into the empty outbox: where the spoilt one is.
    pub fn write_spoilt(
        &mut self,
        topic: u32,
        payload: &[u8],
        spoil: &dyn Fn(&mut [u8]),
    ) -> std::ops::Range<usize> {
        assert!(self.write(&Message::new(topic, b"good")));
        let start = self.committed();
        let mut record = Message::new(topic, payload).record(false);
        spoil(&mut record);
        self.put(start, &record);
        self.control.store(
            OUTBOX_COMMITTED,
            (start + record.len()) as u32,
            Ordering::Relaxed,
        );
        start..start + record.len()
    }

    /// Writes a message at `start` of the outbox: its length.
    pub fn write_at(&self, start: usize, message: &Message<'_>) -> usize {
        let record = message.record(false);
        self.put(start, &record);
        record.len()
    }

    pub fn put(&self, start: usize, bytes: &[u8]) {
        bytes
            .iter()
            .enumerate()
            .for_each(|(at, &byte)| self.outbox.set_byte(start + at, byte));
    }

    /// Submits the outbox: how many records were taken. The others move to its start.
    pub fn submit(&mut self) -> u32 {
        self.endpoint.submit();
        self.word(RECORDS_TAKEN)
    }

    /// Publishes one message at once; false when it was refused. The outbox was empty, and is.
    pub fn publish(&mut self, message: &Message<'_>) -> bool {
        assert_eq!(self.committed(), 0);
        assert!(self.write(message));
        let taken = self.submit() == 1;
        self.control.store(OUTBOX_COMMITTED, 0, Ordering::Relaxed);
        taken
    }

    /// Publishes a message whose payload area is a block.
    pub fn publish_block(&mut self, message: &Message<'_>) -> bool {
        let record = message.record(true);
        self.put(0, &record);
        let name = message.inline_topic.map_or("", |(_, name)| name);
        let payload = [name.as_bytes(), message.payload].concat();
        self.endpoint.submit_block(payload[..].into())
    }

    /// One drain of at most `most` records.
    pub fn drain(&mut self, most: u32) -> Vec<Received> {
        self.control.store(DRAIN_RECORDS, most, Ordering::Relaxed);
        self.endpoint.drain();
        self.read_inbox(0)
    }

    pub fn drain_critical(&mut self) -> Vec<Received> {
        self.endpoint.drain_critical();
        self.read_inbox(INBOX_BYTES)
    }

    /// Drains until nothing waits, and counts everything as handled.
    pub fn handle_all(&mut self) -> Vec<Received> {
        let mut all = Vec::new();
        loop {
            let batch = self.drain(256);
            batch
                .iter()
                .for_each(|message| self.settle(message, HANDLED));
            all.extend(batch);
            if self.is_parked() {
                return all;
            }
        }
    }

    /// Begins the handler of a message that is acknowledged. False when the message is another's by now.
    pub fn begin(&mut self, message: &Received) -> bool {
        let handle = message.delivery.expect("it is to be acknowledged");
        self.set_word(BEGUN_SLOT, message.slots[0]);
        self.set_word(BEGUN_LOW, handle as u32);
        self.set_word(BEGUN_HIGH, (handle >> 32) as u32);
        self.endpoint.begin();
        self.word(BEGUN_HIGH) != 0
    }

    /// Acknowledges a message.
    pub fn acknowledge(&mut self, message: &Received) {
        let handle = message.delivery.expect("it is to be acknowledged");
        self.set_word(ACKNOWLEDGED_SLOT, message.slots[0]);
        self.set_word(ACKNOWLEDGED_LOW, handle as u32);
        self.set_word(ACKNOWLEDGED_HIGH, (handle >> 32) as u32);
        self.endpoint.acknowledge();
    }

    /// The handler of a message fails. True when the message is a dead letter now.
    pub fn reject(&mut self, message: &Received, error: &str) -> bool {
        let handle = message.delivery.expect("it is to be acknowledged");
        let slot = message.slots[0];
        self.endpoint
            .reject(slot, handle, Reason::HandlerError, error)
    }

    /// Drains until messages come, which the timer brings.
    pub fn wait_for_messages(&mut self) -> Vec<Received> {
        let deadline = Instant::now() + NEVER;
        loop {
            let batch = self.drain(256);
            if !batch.is_empty() {
                return batch;
            }
            assert!(Instant::now() < deadline, "nothing comes");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn set_word(&self, at: usize, word: u32) {
        self.control.store(at, word, Ordering::Relaxed);
    }

    /// Counts an outcome of a message, for each of its targets.
    pub fn settle(&self, message: &Received, outcome: usize) {
        message
            .slots
            .iter()
            .for_each(|&slot| self.count(slot, outcome));
    }

    pub fn count(&self, slot: u32, outcome: usize) {
        let at = slot as usize * OUTCOME_BYTES + outcome;
        self.outcomes.store(
            at,
            self.outcomes.load(at, Ordering::Relaxed).wrapping_add(1),
            Ordering::Relaxed,
        );
    }

    fn read_inbox(&self, start: usize) -> Vec<Received> {
        let mut at = start;
        (0..self.word(INBOX_RECORDS))
            .map(|_| {
                let length = self.inbox.load(at + LENGTH, Ordering::Relaxed) as usize;
                at += length;
                self.read_record(at - length, length)
            })
            .collect()
    }

    fn read_record(&self, start: usize, length: usize) -> Received {
        let word = |at: usize| self.inbox.load(start + at, Ordering::Relaxed);
        let long = |at: usize| u64::from_le_bytes(self.inbox.read(start + at));
        let flags = (word(PRIORITY) >> 16) as usize;
        let mut next = EXTENSIONS;
        let mut extension = |flag: usize| {
            (flags & flag != 0).then(|| {
                next += EXTENSION_BYTES;
                next - EXTENSION_BYTES
            })
        };
        let targets = extension(TARGETS);
        let topic = extension(TOPIC_INLINE);
        // Not written by this harness, but bytes that are spoilt may say so.
        [HEADERS, EXPIRY]
            .into_iter()
            .for_each(|flag| _ = extension(flag));
        let correlation = extension(CORRELATION);
        let block = extension(BLOCK);
        let delivery = extension(DELIVERY);
        let request = extension(REPLY);
        let mut slots = vec![word(TARGET)];
        if let Some(targets) = targets {
            slots = (0..word(targets) as usize)
                .map(|index| word(next + 4 * index))
                .collect();
            next += align(4 * slots.len());
        }
        let payload_length = word(PAYLOAD_LENGTH) as usize;
        let mut payload = Vec::new();
        if block.is_none() {
            payload.extend((next..next + payload_length).map(|at| self.inbox.byte(start + at)));
            next += payload_length;
        }
        assert_eq!(align(next), length, "the record has its length");
        let inline_topic = topic.filter(|_| block.is_none()).map(|at| {
            let name = payload.drain(..word(at) as usize).collect();
            String::from_utf8(name).unwrap()
        });
        Received {
            slots,
            priority: word(PRIORITY) as u8,
            topic: word(TOPIC),
            inline_topic,
            correlation: correlation.map(long),
            publisher: word(PUBLISHER),
            sequence: long(SEQUENCE),
            timestamp: long(TIMESTAMP),
            payload,
            block: block.map(|at| (long(at), payload_length)),
            request: request.map(long),
            delivery: delivery.map(long).filter(|&handle| handle != 0),
            attempt: self.inbox.byte(start + ATTEMPT),
        }
    }
}

/// Fails unless a ledger that is at rest adds up.
pub fn assert_settled(ledger: &Ledger) {
    assert_eq!(
        ledger.admitted,
        ledger.ended.iter().sum::<u64>(),
        "{ledger:?}"
    );
}
