//! What all threads of the process share: the buses by name, and the topics by id.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};

use super::named_bus::Bus;
use super::receiver::Receiver;
use super::routing::shrink;
use super::topic::Topic;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::wait::Waiter;

/// The registry of this process.
pub struct Hub {
    buses: Mutex<HashMap<Box<str>, Arc<Bus>>>,
    /// Topics by id, to name the topic of a received record. An id is never given twice.
    topics: RwLock<HashMap<u32, Arc<Topic>, RandomState>>,
    next_topic: AtomicU32,
    /// The endpoints of all threads, those that are gone among them until the next look.
    receivers: Mutex<Vec<Weak<Receiver>>>,
    next_bus: AtomicU64,
    next_endpoint: AtomicU32,
    next_subscription: AtomicU64,
}

impl Hub {
    /// The hub of this process.
    pub fn global() -> &'static Self {
        static HUB: OnceLock<Hub> = OnceLock::new();
        HUB.get_or_init(|| Self {
            buses: Mutex::default(),
            topics: RwLock::default(),
            next_topic: AtomicU32::new(1),
            receivers: Mutex::default(),
            next_bus: AtomicU64::new(1),
            next_endpoint: AtomicU32::new(1),
            next_subscription: AtomicU64::new(1),
        })
    }

    /// Opens the bus of that name, making it when nobody has it open. Closed by [`Hub::close_bus`].
    pub fn open_bus(&self, name: &str) -> Arc<Bus> {
        let mut buses = self.buses.lock();
        let bus = buses.entry(name.into()).or_insert_with(|| {
            let serial = self.next_bus.fetch_add(1, Ordering::Relaxed);
            Arc::new(Bus::new(name, serial))
        });
        bus.handles.fetch_add(1, Ordering::Relaxed);
        Arc::clone(bus)
    }

    /// Gives one opening back; the last one removes the bus and its topics.
    pub fn close_bus(&self, bus: &Arc<Bus>) {
        // Under the lock, so that nobody opens the bus while its last handle goes.
        let mut buses = self.buses.lock();
        if bus.handles.fetch_sub(1, Ordering::Relaxed) > 1 {
            return;
        }
        buses.remove(&*bus.name);
        // Before the lock on the hub's topics: `Bus::topic` holds the bus's while it takes the hub's.
        let ended = bus.routing().topics_named("**");
        let mut topics = self.topics.write();
        for topic in ended {
            topics.remove(&topic.id);
        }
        shrink(&mut topics);
    }

    /// True when a thread of this process has a bus of that name open.
    pub fn has_bus(&self, name: &str) -> bool {
        self.buses.lock().contains_key(name)
    }

    /// The bus of that name, if a thread of this process has it open. That it is looked at does not keep it open.
    pub fn bus(&self, name: &str) -> Option<Arc<Bus>> {
        self.buses.lock().get(name).cloned()
    }

    /// The buses that are open, by name.
    pub fn buses(&self) -> Vec<Arc<Bus>> {
        let mut buses: Vec<_> = self.buses.lock().values().cloned().collect();
        buses.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        buses
    }

    /// Adds an endpoint to those that [`Hub::receivers`] lists.
    pub(super) fn add_receiver(&self, receiver: &Arc<Receiver>) {
        let mut receivers = self.receivers.lock();
        receivers.retain(|one| one.strong_count() > 0);
        receivers.push(Arc::downgrade(receiver));
    }

    /// The endpoints of all threads that have not ended, in the order in which they came.
    pub fn receivers(&self) -> Vec<Arc<Receiver>> {
        let receivers = self.receivers.lock();
        let live = receivers.iter().filter_map(Weak::upgrade);
        live.filter(|receiver| !receiver.is_gone()).collect()
    }

    /// A new topic with an id of its own.
    pub(super) fn new_topic(&self, name: &str) -> Arc<Topic> {
        let id = self.next_topic.fetch_add(1, Ordering::Relaxed);
        let topic = Arc::new(Topic::new(id, name));
        self.topics.write().insert(id, Arc::clone(&topic));
        topic
    }

    /// The topic of that id, while its bus is open.
    pub fn topic(&self, id: u32) -> Option<Arc<Topic>> {
        self.topics.read().get(&id).cloned()
    }

    /// A new endpoint id, from 1.
    pub fn next_endpoint_id(&self) -> u32 {
        self.next_endpoint.fetch_add(1, Ordering::Relaxed)
    }

    /// A new subscription id, from 1.
    pub fn next_subscription_id(&self) -> u64 {
        self.next_subscription.fetch_add(1, Ordering::Relaxed)
    }
}
