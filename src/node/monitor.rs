//! The clock, and the figures of the whole process.

use napi::bindgen_prelude::{Env, Float64Array, Object};
use napi_derive::napi;

use super::error::Result;
use super::fast;
use super::figures::NativeBusMetrics;
use crate::bus::hub::Hub;
use crate::bus::receiver::Receiver;
use crate::monitor::counter::Counter;
use crate::pool::SegmentPool;
use crate::sync::Ordering;

/// The functions of the clock on the CPU's counter: see `fast/counter.rs`.
#[napi(
    catch_unwind,
    ts_return_type = "{ now(): number; nowBig(): bigint; ticks(): bigint }"
)]
pub fn counter_functions(env: &Env) -> Result<Object<'_>> {
    fast::counter::functions(env)
}

/// Ticks of the counter in a second.
#[napi(catch_unwind)]
pub fn counter_frequency() -> f64 {
    Counter::global().frequency()
}

/// A bus of the process, of whatever thread.
#[napi(object)]
pub struct NativeBusFigures {
    /// Its name; of a channel the one that it has natively.
    pub name: String,
    /// Unlike that of any other bus of the process, of its name too.
    pub serial: f64,
    /// Its figures.
    pub metrics: NativeBusMetrics,
    /// Dead letters that it keeps.
    pub dead_letters: f64,
    /// Publish to handler, as cells of a histogram. None before anything was recorded.
    pub latency: Option<Float64Array>,
}

/// The figures of all open buses, by name.
#[napi(catch_unwind)]
pub fn all_buses() -> Vec<NativeBusFigures> {
    let figures = Hub::global()
        .buses()
        .into_iter()
        .map(|bus| NativeBusFigures {
            name: bus.name.to_string(),
            serial: bus.serial as f64,
            metrics: bus.metrics().into(),
            dead_letters: bus.dead_letters.counts().held as f64,
            latency: (!bus.latency.is_unused())
                .then(|| Float64Array::new(bus.latency.read_cells())),
        });
    figures.collect()
}

/// What was published to a topic.
#[napi(object)]
pub struct NativeTopicCount {
    /// Its name.
    pub topic: String,
    /// Messages.
    pub published: f64,
}

/// The topics of a bus that most was published to, at most so many. None for a bus that nobody has open.
#[napi(catch_unwind)]
pub fn busiest_topics(bus: String, most: u32) -> Vec<NativeTopicCount> {
    let Some(bus) = Hub::global().bus(&bus) else {
        return Vec::new();
    };
    let busiest = bus.busiest_topics(most as usize).into_iter();
    let counts = busiest.map(|(topic, published)| NativeTopicCount {
        topic: topic.name.to_string(),
        published: published as f64,
    });
    counts.collect()
}

/// A thread that has a bus open. Counts are of its whole life.
#[napi(object)]
pub struct NativeThreadFigures {
    /// Its endpoint's id.
    pub endpoint: u32,
    /// `threadId` of node:worker_threads; 0 is the main thread.
    pub thread: u32,
    /// CPU time, ns, where the system tells.
    pub cpu_ns: Option<f64>,
    /// Records that it took to its handlers.
    pub drained: f64,
    /// Times that it handed messages to native.
    pub submits: f64,
    /// Messages that it published.
    pub submitted: f64,
    /// Their bytes, those of headers included.
    pub submitted_bytes: f64,
    /// Bytes that wait in its mailbox.
    pub waiting_bytes: f64,
    /// It sleeps.
    pub is_parked: bool,
}

impl From<&Receiver> for NativeThreadFigures {
    fn from(receiver: &Receiver) -> Self {
        let (traffic, host) = (&receiver.traffic, &receiver.host);
        let count = |counter: &crate::sync::AtomicU64| counter.load(Ordering::Relaxed) as f64;
        Self {
            endpoint: receiver.id,
            thread: host.thread_number.load(Ordering::Relaxed),
            cpu_ns: host.cpu.and_then(|cpu| cpu.used()).map(|ns| ns as f64),
            drained: count(&traffic.drained),
            submits: count(&traffic.submits),
            submitted: count(&traffic.submitted),
            submitted_bytes: count(&traffic.submitted_bytes),
            waiting_bytes: receiver.waiting_bytes() as f64,
            is_parked: receiver.mailbox.is_parked(),
        }
    }
}

/// The figures of all threads that have a bus open, in the order in which they came.
#[napi(catch_unwind)]
pub fn all_threads() -> Vec<NativeThreadFigures> {
    let receivers = Hub::global().receivers();
    receivers.iter().map(|one| (&**one).into()).collect()
}

/// The memory for messages: bytes that are taken, and that there may be.
#[napi(object)]
pub struct NativeMessageMemory {
    /// Bytes that messages take.
    pub in_use: f64,
    /// Most bytes.
    pub capacity: f64,
}

/// How full the memory for messages is.
#[napi(catch_unwind)]
pub fn message_memory() -> NativeMessageMemory {
    let (in_use, capacity) = SegmentPool::global().bounds();
    NativeMessageMemory {
        in_use: in_use as f64,
        capacity: capacity as f64,
    }
}
