//! The bus without Node: endpoints over plain memory, driven as a thread's JavaScript drives them.

mod acknowledgement;
mod admission;
mod dead_letters;
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
