//! Subscriptions without a thread behind them, to fill routing tables with.
// Each crate uses its part.
#![allow(dead_code)]

use std::sync::{Arc, OnceLock};

use agentwire::bus::hub::Hub;
use agentwire::bus::named_bus::Bus;
use agentwire::bus::receiver::{Doorbell, Receiver};
use agentwire::bus::subscription::{Overflow, SubscribeOptions, Subscription};

struct Silent;

impl Doorbell for Silent {
    fn ring(&self) {}

    fn raise(&self, _attention: u32) {}
}

/// Somebody to subscribe for, who never looks.
pub fn receiver() -> Arc<Receiver> {
    let id = Hub::global().next_endpoint_id();
    Arc::new(Receiver::new(id, Box::new(Silent)))
}

/// A bus that is as any other.
fn bus() -> &'static Arc<Bus> {
    static BUS: OnceLock<Arc<Bus>> = OnceLock::new();
    BUS.get_or_init(|| Hub::global().open_bus("subscriptions"))
}

/// A subscription that is on no bus yet. It never makes a publisher wait.
pub fn subscription(pattern: &str, receiver: &Arc<Receiver>) -> Arc<Subscription> {
    let id = Hub::global().next_subscription_id();
    let options = SubscribeOptions {
        overflow: Overflow::DropNewest,
        ..SubscribeOptions::limited_to(1)
    };
    Arc::new(Subscription::new(
        id,
        pattern,
        0,
        Arc::clone(receiver),
        options,
        None,
        bus(),
    ))
}
