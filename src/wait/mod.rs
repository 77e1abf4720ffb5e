//! How threads wait for each other: asleep in native code ([`parking`]), or called when it is time
//! ([`waiters`]). And for the time to come: one [`clock`], one [`timer`].

#[cfg(not(model))]
pub mod clock;
mod parking;
#[cfg(not(model))]
pub mod timer;
mod waiters;

pub use parking::Parking;
pub use waiters::{Waiter, Waiters};
