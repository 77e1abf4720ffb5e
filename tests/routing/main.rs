//! The routing tables: against a plain model, among threads, and what they leave behind.

#[path = "../allocation/mod.rs"]
mod allocation;
mod memory;
mod model;
#[path = "../subscriptions/mod.rs"]
mod subscriptions;
mod tables;
mod threads;
mod trie;

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;
