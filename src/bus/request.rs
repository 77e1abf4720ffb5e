//! Requests: messages that one answer goes back to, from thread to thread, without a topic of its own.
//!
//! The requester's record names the request by a number of its own. Submit makes a [`Request`] of it, and each delivery holds a
//! share of that ([`Owed`]): in the mailbox as a number (a raw pointer, as a block's), in a backlog as itself, and while a
//! handler has it in the [`OwedAnswers`] of its endpoint, where JavaScript knows it by a handle. However a delivery ends, its share
//! goes back; so a requester hears when nobody is left who could answer.

use std::sync::Arc;

use super::answers::{Answers, NoAnswer};
use super::block::Block;
use super::layout::*;
use super::queue::PushError;
use super::receiver::Receiver;
use crate::memory::Memory;
use crate::sync::Ordering;
use crate::wait::clock::steady_now;

/// A request under way.
pub struct Request {
    requester: Arc<Receiver>,
    /// The requester's number for it.
    id: u32,
    priority: usize,
    /// When the requester gives up, in nanoseconds of the steady clock.
    deadline: u64,
    answers: Answers,
}

impl Request {
    /// The share of a new request that whoever hands it out holds.
    pub fn share_of(requester: Arc<Receiver>, id: u32, priority: usize, deadline: u64) -> Owed {
        Owed {
            request: Arc::new(Self {
                requester,
                id,
                priority,
                deadline,
                answers: Answers::new(),
            }),
            shares: 1,
            reason: NoAnswer::NoSubscriber,
        }
    }

    /// Puts an answer into the requester's mailbox, without waking it: `extensions` bytes and the payload follow the fixed part.
    fn send(
        &self,
        kind: usize,
        flags: usize,
        payload_length: u32,
        length: usize,
        write: impl FnOnce(*mut u8),
    ) -> Result<(), PushError> {
        let pushed = self
            .requester
            .mailbox
            .push(self.priority, length, |memory, start| {
                let set = |at: usize, word: u32| memory.store(start + at, word, Ordering::Relaxed);
                set(PRIORITY, self.priority as u32 | (flags as u32) << 16);
                set(TOPIC, kind as u32);
                set(PAYLOAD_LENGTH, payload_length);
                set(SEQUENCE, self.id);
                set(SEQUENCE + 4, 0);
                set(TARGET, ANSWER_TARGET as u32);
                write(memory.span(start, length).as_ptr());
            });
        if pushed.is_ok() && self.priority == 0 {
            self.requester.raise(CRITICAL_WAITS as u32);
        }
        pushed
    }
}

/// Shares of a request. Dropped, they are given back without an answer.
pub struct Owed {
    request: Arc<Request>,
    shares: u32,
    reason: NoAnswer,
}

impl Owed {
    /// Further shares, each of which may answer.
    pub fn share(&self, shares: u32) -> Self {
        self.request.answers.share(shares);
        Self {
            request: Arc::clone(&self.request),
            shares,
            reason: NoAnswer::Dropped,
        }
    }

    /// True when nobody waits for the answer any more.
    pub fn is_settled(&self) -> bool {
        self.request.answers.is_settled()
    }

    /// True when nobody waits for the answer any more, or the requester has given up.
    pub fn is_over(&self) -> bool {
        self.is_settled() || self.request.deadline <= steady_now()
    }

    /// Gives the shares back for this reason.
    pub fn give_up(mut self, reason: NoAnswer) {
        self.reason = reason;
    }

    /// Answers, when nobody has: with a payload of that many bytes that `write` puts behind the fixed part of a record, in a record
    /// of `length` bytes with these flags. Err: the requester is gone, or there is no memory, and it hears nothing.
    /// The share is given back.
    pub fn answer(
        &self,
        kind: usize,
        flags: usize,
        payload_length: u32,
        length: usize,
        write: impl FnOnce(*mut u8),
    ) -> Result<bool, PushError> {
        if !self.request.answers.settle() {
            return Ok(false);
        }
        let Request { requester, .. } = &*self.request;
        self.request
            .send(kind, flags, payload_length, length, write)?;
        requester.wake();
        Ok(true)
    }

    /// As [`Owed::answer`], with a payload in a block.
    pub fn answer_with_block(&self, kind: usize, block: Arc<Block>) -> Result<bool, PushError> {
        let receiver = &self.request.requester;
        let bytes = block.bytes().len();
        receiver.add_block_bytes(bytes);
        let handle = Block::into_handle(block);
        let length = EXTENSIONS + EXTENSION_BYTES;
        let sent = self.answer(kind, BLOCK, bytes as u32, length, |to| {
            // SAFETY: the record has its extension.
            unsafe {
                to.add(EXTENSIONS)
                    .cast::<[u8; 8]>()
                    .write(handle.to_le_bytes())
            }
        });
        if sent != Ok(true) {
            receiver.remove_block_bytes(bytes);
            receiver.offer_space();
            // SAFETY: made above, and no record holds it.
            drop(unsafe { Block::from_handle(handle) });
        }
        sent
    }

    /// Makes a number of the shares, for a mailbox record with as many targets.
    pub fn into_handle(self) -> u64 {
        let owed = std::mem::ManuallyDrop::new(self);
        // SAFETY: read once, and the original is not dropped.
        let request = unsafe { std::ptr::read(&owed.request) };
        Arc::into_raw(request) as u64
    }

    /// Takes the shares back that a mailbox record holds.
    ///
    /// # Safety
    /// `handle` comes from [`Owed::into_handle`] of so many shares, and is taken back once.
    pub unsafe fn from_handle(handle: u64, shares: u32) -> Self {
        Self {
            // SAFETY: the contract of this function.
            request: unsafe { Arc::from_raw(handle as *const Request) },
            shares,
            reason: NoAnswer::Dropped,
        }
    }

    /// Takes one share out, to be answered or given back by itself. None when these are no more than that.
    fn split(&mut self) -> Option<Self> {
        if self.shares <= 1 {
            return None;
        }
        self.shares -= 1;
        Some(Self {
            request: Arc::clone(&self.request),
            shares: 1,
            reason: NoAnswer::Dropped,
        })
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let Request {
            answers, requester, ..
        } = &*self.request;
        let Some(reason) = answers.give_back(self.shares, self.reason) else {
            return;
        };
        let kind = match reason {
            NoAnswer::NoSubscriber => NO_SUBSCRIBER,
            NoAnswer::Dropped => REQUEST_DROPPED,
            NoAnswer::Died => SUBSCRIBER_GONE,
            NoAnswer::Undefined => UNDEFINED_ANSWER,
        };
        // A requester without memory for it, or that is gone, hears nothing: it has a timeout.
        if self.request.send(kind, 0, 0, EXTENSIONS, |_| ()).is_ok() {
            requester.wake();
        }
    }
}

/// The answers that an endpoint's handlers owe, by the handle that JavaScript knows.
#[derive(Default)]
pub struct OwedAnswers {
    slots: Vec<(u32, Option<Owed>)>,
    free: Vec<u32>,
    /// How many slots there are when those are given back whose requesters have given up: a stream's consumer need not answer.
    sweep_at: usize,
}

/// Owed answers are looked through when so many more have gathered than there were at the last look.
const FEWEST_TO_SWEEP: usize = 64;

impl OwedAnswers {
    /// Files shares: the handle.
    pub fn add(&mut self, owed: Owed) -> u64 {
        if self.free.is_empty() && self.slots.len() >= self.sweep_at {
            self.sweep();
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() as u32 - 1
        });
        let (generation, slot) = &mut self.slots[index as usize];
        *slot = Some(owed);
        u64::from(*generation) << 32 | u64::from(index)
    }

    /// Takes one share out. None for a handle that has none left.
    pub fn take(&mut self, handle: u64) -> Option<Owed> {
        let index = handle as u32;
        let (generation, slot) = self.slots.get_mut(index as usize)?;
        if u64::from(*generation) != handle >> 32 {
            return None;
        }
        if let Some(one) = slot.as_mut()?.split() {
            return Some(one);
        }
        *generation = generation.wrapping_add(1);
        self.free.push(index);
        slot.take()
    }

    /// Gives back those that nobody waits for any more.
    fn sweep(&mut self) {
        for (index, (generation, slot)) in self.slots.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(Owed::is_over) {
                *slot = None;
                *generation = generation.wrapping_add(1);
                self.free.push(index as u32);
            }
        }
        self.sweep_at = 2 * (self.slots.len() - self.free.len()) + FEWEST_TO_SWEEP;
    }

    /// The thread ends: nobody will answer these.
    pub fn give_up_all(&mut self, reason: NoAnswer) {
        for (_, slot) in self.slots.drain(..) {
            if let Some(owed) = slot {
                owed.give_up(reason);
            }
        }
        self.free.clear();
    }
}
