//! The class `NativeEndpoint`: everything of an endpoint that is not done per message.

use std::cell::RefCell;
use std::ffi::c_void;
use std::rc::Rc;
use std::time::{Duration, Instant};

use napi::bindgen_prelude::{Either, Env, Error, Float64Array, Object};
use napi::sys;
use napi_derive::napi;

use super::doorbell::Bell;
use super::error::{Code, Result};
use super::fast::endpoint::{self as fast, LocalEndpoint};
use super::figures::{
    NativeBusMetrics, NativeGroupMetrics, NativeLedger, NativeQuota, NativeSubscribeOptions,
    NativeSubscriptionMetrics, NativeTopicMetrics,
};
use super::memory::Pinned;
use crate::bus::dead_letters::Reason;
use crate::bus::endpoint::{Endpoint, EndpointError, EndpointMemory};
use crate::bus::group::GroupSettings;
use crate::bus::hub::Hub;
use crate::bus::layout::ATTENTION;
use crate::bus::quota::QuotaLimits;
use crate::bus::topic::check_topic;
use crate::intern::Tables;
use crate::sync::AtomicU32;
use crate::wait::clock::steady_now;

/// A thread that waits in a native call returns to JavaScript this often, so that `terminate()` reaches it.
const LONGEST_SLEEP: Duration = Duration::from_millis(10);

/// The steady clock, by which messages expire, in milliseconds.
#[napi]
pub fn steady_clock_ms() -> f64 {
    steady_now() as f64 / 1e6
}

/// A new subscription's place and name.
#[napi(object)]
pub struct NativeSubscription {
    /// Its place among the endpoint's subscriptions.
    pub slot: u32,
    /// Its process-wide id.
    pub id: f64,
}

/// An environment's place on the buses.
#[napi]
pub struct NativeEndpoint {
    pub(super) endpoint: LocalEndpoint,
    bell: Bell,
    gates: Pinned,
    outcomes: Pinned,
}

#[napi]
impl NativeEndpoint {
    /// Opens an endpoint over memory that the facade shares with it. `onRing` is called in this thread's event
    /// loop when its mailbox should be drained.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] outbox: Object<'_>,
        #[napi(ts_arg_type = "Uint8Array")] inbox: Object<'_>,
        #[napi(ts_arg_type = "Uint8Array")] control: Object<'_>,
        #[napi(ts_arg_type = "Uint8Array")] gates: Object<'_>,
        #[napi(ts_arg_type = "Uint8Array")] outcomes: Object<'_>,
        #[napi(ts_arg_type = "() => void")] on_ring: Object<'_>,
    ) -> Result<Self> {
        let raw = env.raw();
        let (_, outbox) = Pinned::new(raw, &outbox)?;
        let (_, inbox) = Pinned::new(raw, &inbox)?;
        let (_, control) = Pinned::new(raw, &control)?;
        let (gates_pin, gates) = Pinned::new(raw, &gates)?;
        let (outcomes_pin, outcomes) = Pinned::new(raw, &outcomes)?;
        let attention = control.span(ATTENTION, 4).as_ptr().cast::<AtomicU32>();
        let memory = EndpointMemory {
            outbox,
            inbox,
            control,
            gates,
            outcomes,
        };
        memory
            .check()
            .map_err(|what| Error::new(Code::Argument, what))?;
        let bell = Bell::new(raw, &on_ring, attention)?;
        let endpoint = Endpoint::new(memory, Box::new(bell.clone()))
            .map_err(|what| Error::new(Code::Argument, what))?;
        let endpoint = Rc::new(RefCell::new(endpoint));
        let leaving = Box::new(Leaving {
            endpoint: Rc::clone(&endpoint),
            bell: bell.clone(),
        });
        // SAFETY: a live environment; `leave` takes the box back, once, when the environment ends.
        let hooked = unsafe {
            sys::napi_add_env_cleanup_hook(raw, Some(leave), Box::into_raw(leaving).cast())
        };
        if hooked != sys::Status::napi_ok {
            return Err(Error::new(
                Code::Internal,
                "no cleanup hook could be registered",
            ));
        }
        Ok(Self {
            endpoint,
            bell,
            gates: gates_pin,
            outcomes: outcomes_pin,
        })
    }

    /// The hot functions: see `fast/endpoint.rs`.
    #[napi(
        catch_unwind,
        ts_return_type = "{ submit(): void; drain(): void; drainCritical(): void; begin(): void; acknowledge(): void; submitBlock(payload: Uint8Array): boolean; takeBlock(handleLow: number, handleHigh: number, target: Uint8Array): boolean; answer(handleLow: number, handleHigh: number, kind: number, payload: Uint8Array): boolean }"
    )]
    pub fn functions<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        fast::functions(env, &self.endpoint)
    }

    /// Process-wide endpoint id.
    #[napi(getter)]
    pub fn id(&self) -> u32 {
        self.endpoint.borrow().id()
    }

    /// Says which thread of Node.js this is: `threadId` of node:worker_threads.
    #[napi(catch_unwind)]
    pub fn set_thread_number(&self, number: u32) {
        self.endpoint.borrow().set_thread_number(number);
    }

    /// Publish to handler, of some messages of the bus, as cells of a histogram.
    #[napi(catch_unwind)]
    pub fn bus_latency(&self, handle: u32) -> Result<Float64Array> {
        let endpoint = self.endpoint.borrow();
        Ok(Float64Array::new(
            endpoint.bus(handle)?.latency.read_cells(),
        ))
    }

    /// Opens a bus by name: its handle.
    #[napi(catch_unwind)]
    pub fn open_bus(&self, name: String) -> Result<u32> {
        let handle = self.endpoint.borrow_mut().open_bus(&name);
        if let Some(other) = super::copies::copy_with_bus(&name) {
            self.endpoint.borrow_mut().abandon_bus(handle);
            return Err(Error::new(Code::DuplicateCopy, other));
        }
        Ok(handle)
    }

    /// Opens a channel, a bus with a quota: its handle, or the quota that it was opened with before.
    #[napi(catch_unwind)]
    pub fn open_channel(
        &self,
        name: String,
        quota: NativeQuota,
    ) -> Result<Either<u32, NativeQuota>> {
        let limits = QuotaLimits::from(quota);
        let opened = self.endpoint.borrow_mut().open_channel(&name, limits);
        let handle = match opened {
            Ok(handle) => handle,
            Err(said) => return Ok(Either::B(said.into())),
        };
        if let Some(other) = super::copies::copy_with_bus(&name) {
            self.endpoint.borrow_mut().abandon_bus(handle);
            return Err(Error::new(Code::DuplicateCopy, other));
        }
        let tables = Tables::global();
        let channel = tables.channels.of_bus(&name);
        tables.strings.limit(channel, limits.table_entries);
        tables.shapes.limit(channel, limits.table_entries);
        Ok(Either::A(handle))
    }

    /// What is used of the quota of a channel; null for a bus that is none.
    #[napi(catch_unwind)]
    pub fn quota_used(&self, handle: u32) -> Result<Option<NativeQuota>> {
        let mut endpoint = self.endpoint.borrow_mut();
        endpoint.fold_outcomes();
        let bus = endpoint.bus(handle)?;
        let Some(quota) = bus.quota.get() else {
            return Ok(None);
        };
        let used = quota.used();
        let tables = Tables::global();
        let channel = tables.channels.of_bus(&bus.name);
        let entries = [
            tables.strings.used(channel).entries,
            tables.shapes.used(channel).entries,
            bus.routing().size().topics as u32,
        ];
        Ok(Some(NativeQuota {
            messages: used.messages as f64,
            bytes: used.bytes as f64,
            subscriptions: used.subscriptions as f64,
            table_entries: f64::from(entries.into_iter().max().unwrap_or_default()),
            refused_subscriptions: used.refused_subscriptions as f64,
        }))
    }

    /// Closes a bus handle with all that was opened through it.
    #[napi(catch_unwind)]
    pub fn close_bus(&self, handle: u32) -> Result<()> {
        let mut endpoint = self.endpoint.borrow_mut();
        endpoint.close_bus(handle)?;
        endpoint.note_own_mail();
        Ok(())
    }

    /// The endpoint's index of a topic, for records; 0 when the bus gives no more topics an id.
    #[napi(catch_unwind)]
    pub fn resolve_topic(&self, handle: u32, topic: String) -> Result<u32> {
        Ok(self
            .endpoint
            .borrow_mut()
            .resolve_topic(handle, &topic)?
            .unwrap_or(0))
    }

    /// The name of a topic by its process-wide id.
    #[napi(catch_unwind)]
    pub fn topic_name(&self, id: u32) -> Option<String> {
        Hub::global().topic(id).map(|topic| topic.name.to_string())
    }

    /// True when a publish to the topic would be admitted now; else the endpoint is rung when it may be.
    #[napi(catch_unwind)]
    pub fn is_writable(&self, topic: u32) -> Result<bool> {
        Ok(self.endpoint.borrow_mut().is_writable(topic)?)
    }

    /// As `isWritable`, for a topic without an id.
    #[napi(catch_unwind)]
    pub fn is_writable_by_name(&self, handle: u32, topic: String) -> Result<bool> {
        Ok(self
            .endpoint
            .borrow_mut()
            .is_writable_by_name(handle, &topic)?)
    }

    /// Subscribes, for the messages that an encoded filter wants if one is given.
    #[napi(catch_unwind)]
    pub fn subscribe(
        &self,
        handle: u32,
        pattern: String,
        options: NativeSubscribeOptions,
        filter: Option<&[u8]>,
    ) -> Result<NativeSubscription> {
        let options = options.with_filter(filter)?;
        let mut endpoint = self.endpoint.borrow_mut();
        let (slot, id) = endpoint.subscribe(handle, &pattern, options)?;
        Ok(NativeSubscription {
            slot,
            id: id as f64,
        })
    }

    /// Has nothing more admitted to the subscription in a slot; what is under way still comes.
    #[napi(catch_unwind)]
    pub fn stop_admitting(&self, slot: u32, id: f64) {
        let mut endpoint = self.endpoint.borrow_mut();
        if endpoint.has_subscription(slot, id as u64) {
            endpoint.stop_admitting(slot);
        }
    }

    /// Messages that are admitted to the subscriptions of a bus handle and have not ended.
    #[napi(catch_unwind)]
    pub fn in_flight(&self, handle: u32) -> f64 {
        self.endpoint.borrow_mut().in_flight(handle) as f64
    }

    /// Makes a group, or finds it. The settings that it has when they are others; else nothing.
    #[napi(catch_unwind)]
    pub fn create_group(
        &self,
        handle: u32,
        name: String,
        balancing: u32,
        delivery: u32,
    ) -> Result<Option<Vec<u32>>> {
        let settings = GroupSettings::from_numbers(balancing, delivery)
            .ok_or_else(|| Error::new(Code::Argument, "there are no such settings of a group"))?;
        let mut endpoint = self.endpoint.borrow_mut();
        let made = endpoint.create_group(handle, &name, settings)?;
        Ok(made.err().map(|said| {
            let (balancing, delivery) = said.numbers();
            vec![balancing, delivery]
        }))
    }

    /// The figures of a group, if there is one of that name.
    #[napi(catch_unwind)]
    pub fn group_metrics(&self, handle: u32, name: String) -> Result<Option<NativeGroupMetrics>> {
        let mut endpoint = self.endpoint.borrow_mut();
        endpoint.fold_outcomes();
        Ok(endpoint
            .bus(handle)?
            .group_metrics(&name)
            .map(NativeGroupMetrics::from))
    }

    /// Names of the groups of a bus.
    #[napi(catch_unwind)]
    pub fn group_names(&self, handle: u32) -> Result<Vec<String>> {
        Ok(self.endpoint.borrow().bus(handle)?.group_names())
    }

    /// Sleeps until the record that the last submit refused may be admitted, for some milliseconds at most: false when they are
    /// over.
    #[napi(catch_unwind)]
    pub fn await_room(&self, most_ms: f64) -> bool {
        let slice =
            Duration::from_secs_f64((most_ms / 1e3).clamp(0.0, LONGEST_SLEEP.as_secs_f64()));
        self.endpoint
            .borrow_mut()
            .await_room(Instant::now() + slice)
    }

    /// Ends the subscription in a slot.
    #[napi(catch_unwind)]
    pub fn unsubscribe(&self, slot: u32, id: f64) {
        let mut endpoint = self.endpoint.borrow_mut();
        if endpoint.has_subscription(slot, id as u64) {
            endpoint.unsubscribe(slot);
            endpoint.note_own_mail();
        }
    }

    /// The figures of the subscription in a slot, when its id is still that one.
    #[napi(catch_unwind)]
    pub fn subscription_ledger(&self, slot: u32, id: f64) -> Option<NativeLedger> {
        let mut endpoint = self.endpoint.borrow_mut();
        endpoint.fold_outcomes();
        let subscription = endpoint
            .subscription(slot)
            .filter(|subscription| subscription.id == id as u64)?;
        Some(subscription.ledger().into())
    }

    /// Folds the outcomes that JavaScript counted into the ledgers, outside of a drain.
    #[napi(catch_unwind)]
    pub fn fold_outcomes(&self) {
        self.endpoint.borrow_mut().fold_outcomes();
    }

    /// A handler that acknowledges has failed with the message of this handle. True when that is a dead letter now.
    #[napi(catch_unwind)]
    pub fn reject(
        &self,
        slot: u32,
        low: u32,
        high: u32,
        reason: u32,
        error: String,
    ) -> Result<bool> {
        let reason = Reason::from_number(reason)
            .ok_or_else(|| Error::new(Code::Argument, "there is no such reason"))?;
        let handle = u64::from(low) | u64::from(high) << 32;
        let mut endpoint = self.endpoint.borrow_mut();
        let is_dead = endpoint.reject(slot, handle, reason, &error);
        endpoint.note_own_mail();
        Ok(is_dead)
    }

    /// The figures of a bus.
    #[napi(catch_unwind)]
    pub fn bus_metrics(&self, handle: u32) -> Result<NativeBusMetrics> {
        let mut endpoint = self.endpoint.borrow_mut();
        endpoint.fold_outcomes();
        Ok(endpoint.bus(handle)?.metrics().into())
    }

    /// The figures of the topics with an id that a pattern matches.
    #[napi(catch_unwind)]
    pub fn topic_metrics(&self, handle: u32, pattern: String) -> Result<Vec<NativeTopicMetrics>> {
        let endpoint = self.endpoint.borrow();
        let metrics = endpoint.bus(handle)?.topic_metrics(&pattern);
        let metrics = metrics.map_err(EndpointError::Name)?;
        Ok(metrics.into_iter().map(Into::into).collect())
    }

    /// The figures of all subscriptions.
    #[napi(catch_unwind)]
    pub fn subscription_metrics(&self, handle: u32) -> Result<Vec<NativeSubscriptionMetrics>> {
        let mut endpoint = self.endpoint.borrow_mut();
        endpoint.fold_outcomes();
        let open = endpoint.bus(handle)?.open_subscriptions();
        Ok(open.iter().map(|one| (&**one).into()).collect())
    }

    /// Times that the outbox held bytes that are no record.
    #[napi(catch_unwind)]
    pub fn malformed_outboxes(&self) -> f64 {
        self.endpoint.borrow().faults.malformed_outboxes as f64
    }

    /// Answers to requests that could not be sent, by this thread.
    #[napi(catch_unwind)]
    pub fn lost_answers(&self) -> f64 {
        self.endpoint.borrow().faults.lost_answers as f64
    }

    /// How many subscriptions of the bus match a topic.
    #[napi(catch_unwind)]
    pub fn count_matches(&self, handle: u32, topic: String) -> Result<u32> {
        check_topic(&topic).map_err(EndpointError::Name)?;
        Ok(self.endpoint.borrow().bus(handle)?.count_matches(&topic) as u32)
    }

    /// Ids of the subscriptions of the bus that match a topic, in order of subscription.
    #[napi(catch_unwind)]
    pub fn matching_ids(&self, handle: u32, topic: String) -> Result<Vec<f64>> {
        check_topic(&topic).map_err(EndpointError::Name)?;
        let ids = self.endpoint.borrow().bus(handle)?.matching_ids(&topic);
        Ok(ids.into_iter().map(|id| id as f64).collect())
    }

    /// Raises the attention `Routes` whenever subscriptions of the bus change, until its last handle here is closed.
    #[napi(catch_unwind)]
    pub fn watch_routes(&self, handle: u32) -> Result<()> {
        Ok(self.endpoint.borrow().watch(handle)?)
    }

    /// Replaces the gates by larger memory with the same content.
    #[napi(catch_unwind)]
    pub fn grow_gates(
        &mut self,
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] gates: Object<'_>,
    ) -> Result<()> {
        let (pin, bytes) = Pinned::new(env.raw(), &gates)?;
        self.endpoint.borrow_mut().grow_gates(bytes);
        std::mem::replace(&mut self.gates, pin).release(env.raw());
        Ok(())
    }

    /// Replaces the outcomes by larger memory with the same content.
    #[napi(catch_unwind)]
    pub fn grow_outcomes(
        &mut self,
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] outcomes: Object<'_>,
    ) -> Result<()> {
        let (pin, bytes) = Pinned::new(env.raw(), &outcomes)?;
        self.endpoint.borrow_mut().grow_outcomes(bytes);
        std::mem::replace(&mut self.outcomes, pin).release(env.raw());
        Ok(())
    }

    /// Has the endpoint keep this thread's event loop alive, or not.
    #[napi(catch_unwind)]
    pub fn keep_alive(&self, env: Env, yes: bool) {
        self.bell.keep_alive(env.raw(), yes);
    }
}

/// What the environment's end needs.
struct Leaving {
    endpoint: LocalEndpoint,
    bell: Bell,
}

/// The environment ends: by a return, `process.exit` in a worker, an uncaught error or `terminate()`. The memory
/// shared with JavaScript is still there. The bell goes first, so that nobody rings at a thread without ears.
unsafe extern "C" fn leave(leaving: *mut c_void) {
    // SAFETY: boxed by `NativeEndpoint::new` for this hook, which runs once.
    let leaving = unsafe { Box::from_raw(leaving.cast::<Leaving>()) };
    leaving.bell.take_down();
    let closed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        leaving.endpoint.borrow_mut().close()
    }));
    debug_assert!(closed.is_ok(), "closing an endpoint does not panic");
}
