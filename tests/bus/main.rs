//! The bus without Node: endpoints over plain memory, driven as a thread's JavaScript drives them.

mod admission;
mod delivery;
mod endings;
mod filters;
mod groups;
mod harness;
mod hostile;
mod overflow;
mod queue;
mod requests;
mod threads;
mod waiting;
mod watching;
