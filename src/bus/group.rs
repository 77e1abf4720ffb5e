//! Groups: subscriptions, of any threads, that share the messages that they match. Each message goes to one member, or to all.

use std::sync::Arc;

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use super::account::Ledger;
use super::layout::*;
use super::subscription::Subscription;
use crate::sync::{AtomicU64, AtomicUsize, Ordering};
use crate::wait::Waiters;

/// How the member is picked that gets a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balancing {
    /// Each in turn.
    #[default]
    RoundRobin,
    /// Any.
    Random,
    /// The one with the fewest messages, waiting and in hand.
    LeastBusy,
}

/// Who gets a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// One member.
    #[default]
    OneOf,
    /// Every member.
    All,
}

/// How a group deals with its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupSettings {
    /// How one is picked.
    pub balancing: Balancing,
    /// One, or all.
    pub delivery: Delivery,
}

impl GroupSettings {
    /// The settings of these numbers, which TypeScript knows.
    pub fn from_numbers(balancing: u32, delivery: u32) -> Option<Self> {
        let balancing = match balancing as usize {
            ROUND_ROBIN => Balancing::RoundRobin,
            RANDOM => Balancing::Random,
            LEAST_BUSY => Balancing::LeastBusy,
            _ => return None,
        };
        let delivery = match delivery as usize {
            ONE_OF => Delivery::OneOf,
            ALL_OF => Delivery::All,
            _ => return None,
        };
        Some(Self {
            balancing,
            delivery,
        })
    }

    /// As numbers for TypeScript.
    pub fn numbers(self) -> (u32, u32) {
        let balancing = match self.balancing {
            Balancing::RoundRobin => ROUND_ROBIN,
            Balancing::Random => RANDOM,
            Balancing::LeastBusy => LEAST_BUSY,
        };
        let delivery = match self.delivery {
            Delivery::OneOf => ONE_OF,
            Delivery::All => ALL_OF,
        };
        (balancing as u32, delivery as u32)
    }
}

/// A group of a bus.
pub struct Group {
    /// Unique on its bus.
    pub name: Box<str>,
    /// None until somebody says: a member may come before.
    settings: Mutex<Option<GroupSettings>>,
    /// Whose turn it is. Every publisher to the group counts it up.
    turn: CachePadded<AtomicUsize>,
    /// Messages that a member was picked for.
    assigned: AtomicU64,
    /// Messages for which none could be.
    refused: AtomicU64,
    /// Publishers that wait for a member with room: also one that joins.
    waiters: Waiters,
    /// Sum over the members that are no more.
    retired: Mutex<Ledger>,
}

/// Figures of a group.
#[derive(Debug, Clone, Copy, Default)]
pub struct GroupMetrics {
    /// How it deals with its messages.
    pub settings: GroupSettings,
    /// Members at this moment.
    pub members: usize,
    /// Messages that a member was picked for; 0 where all get them.
    pub assigned: u64,
    /// Submits that stopped because no member had room.
    pub refused: u64,
    /// Sum over all members that there are and were.
    pub ledger: Ledger,
}

impl Group {
    /// A group without members.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            settings: Mutex::new(None),
            turn: CachePadded::new(AtomicUsize::new(0)),
            assigned: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            waiters: Waiters::default(),
            retired: Mutex::default(),
        }
    }

    /// Publishers that wait for a member with room.
    pub fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    /// What was said, or the defaults.
    pub fn settings(&self) -> GroupSettings {
        self.settings.lock().unwrap_or_default()
    }

    /// Says how the group deals with its messages. Err when somebody said otherwise before: what he said. Ok(true) when that
    /// changes the routes that lead to it.
    pub fn set(&self, wanted: GroupSettings) -> Result<bool, GroupSettings> {
        let mut settings = self.settings.lock();
        match *settings {
            Some(said) if said != wanted => Err(said),
            Some(_) => Ok(false),
            None => {
                *settings = Some(wanted);
                Ok(wanted != GroupSettings::default())
            }
        }
    }

    /// Adds the ledger of a member that is no more.
    pub fn retire(&self, ledger: &Ledger) {
        self.retired.lock().add(ledger);
    }

    /// The figures now, with those of the given members.
    pub fn metrics<'a>(
        &self,
        members: impl Iterator<Item = &'a Arc<Subscription>>,
    ) -> GroupMetrics {
        let mut metrics = GroupMetrics {
            settings: self.settings(),
            members: 0,
            assigned: self.assigned.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            ledger: *self.retired.lock(),
        };
        for member in members {
            metrics.members += usize::from(!member.account.is_closed());
            metrics.ledger.add(&member.ledger());
        }
        metrics
    }

    /// Counts messages for which no member could be picked.
    pub fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a message that a member was picked for.
    pub fn count_assigned(&self) {
        self.assigned.fetch_add(1, Ordering::Relaxed);
    }
}

/// The members of a group that match a topic: one of them gets the message.
pub struct GroupLeg {
    /// The group.
    pub group: Arc<Group>,
    /// How one is picked.
    pub balancing: Balancing,
    /// In order of subscription.
    pub members: Box<[Arc<Subscription>]>,
}

/// What became of a pick.
pub enum Pick<'a> {
    /// This member gets the message.
    Member(&'a Arc<Subscription>),
    /// All members have ended since the route was made: nobody gets it.
    Nobody,
    /// Nobody has room, and somebody takes part in admission.
    Full,
}

impl GroupLeg {
    /// The same group with these of its members.
    pub(super) fn of(&self, members: Box<[Arc<Subscription>]>) -> Self {
        Self {
            group: Arc::clone(&self.group),
            balancing: self.balancing,
            members,
        }
    }

    /// Picks a member: of those that have room and are not stalled; else of those that have room; else one that drops what is
    /// too much.
    pub fn pick(&self, priority: usize, random: &mut Random) -> Pick<'_> {
        let turn = self.group.turn.fetch_add(1, Ordering::Relaxed);
        let is_open = |member: &Subscription| !member.account.is_closed();
        let has_room = |member: &Subscription| is_open(member) && member.has_room(priority);
        let picked = self
            .pick_among(turn, random, |member| {
                has_room(member) && !member.is_stalled()
            })
            .or_else(|| self.pick_among(turn, random, has_room))
            .or_else(|| {
                let drops = |member: &Subscription| !member.takes_part_in_admission();
                self.pick_among(turn, random, |member| is_open(member) && drops(member))
            });
        match picked {
            Some(member) => Pick::Member(member),
            None if self.members.iter().any(|member| is_open(member)) => Pick::Full,
            None => Pick::Nobody,
        }
    }

    /// As [`GroupLeg::pick`], whether there is room or not: the publisher's word was given.
    pub fn pick_anyway(&self, random: &mut Random) -> Option<&Arc<Subscription>> {
        let turn = self.group.turn.fetch_add(1, Ordering::Relaxed);
        self.pick_among(turn, random, |member| !member.account.is_closed())
    }

    fn pick_among(
        &self,
        turn: usize,
        random: &mut Random,
        fits: impl Fn(&Subscription) -> bool,
    ) -> Option<&Arc<Subscription>> {
        let (ended, begun) = self.members.split_at(turn % self.members.len());
        let mut in_turn = begun.iter().chain(ended).filter(|member| fits(member));
        match self.balancing {
            Balancing::RoundRobin => in_turn.next(),
            // Of equals the next in turn.
            Balancing::LeastBusy => in_turn.min_by_key(|member| member.account.in_flight()),
            // Each of those so far with the same probability (reservoir sampling).
            Balancing::Random => {
                let mut seen = 0;
                in_turn.fold(None, |picked, member| {
                    seen += 1;
                    if random.below(seen) == 0 {
                        Some(member)
                    } else {
                        picked
                    }
                })
            }
        }
    }

    /// True when no member has room for whole outboxes.
    pub fn is_nearly_full(&self, messages: u64, bytes: u64) -> bool {
        let takes = |member: &Subscription| {
            !member.takes_part_in_admission() || !member.account.is_nearly_full(messages, bytes)
        };
        !self.members.iter().any(|member| takes(member))
    }
}

/// Numbers for picking at random: xorshift64* (Vigna 2016).
#[derive(Debug, Clone, Copy)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number, from 0 to just below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % bound
    }
}
