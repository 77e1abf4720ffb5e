//! What the routing tables of a bus hold, for tests and tools.

use napi_derive::napi;

use crate::bus::hub::Hub;

/// The tables of a bus. All but the topics are 0 when nobody is subscribed.
#[napi(object)]
pub struct NativeRoutingSize {
    /// Different patterns without a wildcard.
    pub patterns: u32,
    /// Nodes of the patterns with wildcards.
    pub nodes: u32,
    /// Topics with an id.
    pub topics: u32,
    /// Subscriptions in memory: those that there are, and those that ended while somebody refers to them still.
    pub subscriptions: u32,
}

/// The tables of the bus of that name, if a thread has it open.
#[napi(catch_unwind)]
pub fn routing_size(bus: String) -> Option<NativeRoutingSize> {
    let bus = Hub::global().bus(&bus)?;
    let size = bus.routing().size();
    Some(NativeRoutingSize {
        patterns: size.patterns as u32,
        nodes: size.nodes as u32,
        topics: size.topics as u32,
        subscriptions: bus.subscriptions_in_memory() as u32,
    })
}
