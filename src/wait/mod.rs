//! How threads wait for each other: asleep in native code ([`parking`]), or called when it is time
//! ([`waiters`]).

mod parking;
mod waiters;

pub use parking::Parking;
pub use waiters::{Waiter, Waiters};
