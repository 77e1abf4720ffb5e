//! Who may fill a table, and how far: so that one bus that publishes ever-new strings leaves room for the others.
//!
//! A **channel** is a bus, by its name, or the serializer. What it had admitted counts against its quota for as long as the
//! process lives, as the ids do: closing a bus and opening it again gives nothing back. A key that is in the table already
//! is everybody's, and counts for the one that brought it alone.
//!
//! The quota is a share of what is free, not of the whole: a channel is admitted while [`SHARE`] times what it then holds is at
//! most what is then still free. One alone gets a quarter of the table, the next one a quarter of the rest. It takes some dozens that
//! use up their quotas to leave nothing for the next, which then writes inline.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::table::Limits;

/// So many times what a channel holds stays free: with 3, one alone gets a quarter.
pub const SHARE: u32 = 3;
/// Most channels with accounts of their own. Those that come later share one.
pub const MAX_CHANNELS: u32 = 4_096;

/// Whose quota a new key counts against. Numbers of [`Channels`]; any other stands for [`Channel::SHARED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel(pub u32);

impl Channel {
    /// The channels beyond [`MAX_CHANNELS`], together.
    pub const SHARED: Channel = Channel(0);
    /// The serializer, for bytes that refer to the tables.
    pub const SERIALIZER: Channel = Channel(1);
    /// The first number that a bus may get.
    const FIRST: u32 = 2;

    /// The place of its account.
    fn index(self) -> usize {
        if self.0 < MAX_CHANNELS {
            self.0 as usize
        } else {
            0
        }
    }
}

/// The numbers of buses by their names. A name keeps its number.
#[derive(Default)]
pub struct Channels {
    numbers: Mutex<HashMap<Box<str>, u32, foldhash::fast::RandomState>>,
}

impl Channels {
    /// The channel of the bus of that name.
    pub fn of_bus(&self, name: &str) -> Channel {
        let mut numbers = self.numbers.lock();
        if let Some(number) = numbers.get(name) {
            return Channel(*number);
        }
        let number = numbers.len() as u32 + Channel::FIRST;
        if number >= MAX_CHANNELS {
            return Channel::SHARED;
        }
        numbers.insert(name.into(), number);
        Channel(number)
    }
}

/// What a channel brought into one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Keys.
    pub entries: u32,
    /// Bytes of them.
    pub bytes: usize,
}

/// The accounts of one table, under its lock.
#[derive(Default)]
pub(super) struct Accounts {
    used: Vec<Used>,
    /// The most entries of those channels that have a limit of their own.
    limits: HashMap<u32, u32, foldhash::fast::RandomState>,
}

impl Accounts {
    /// The channel brings in at most so many keys. A limit that was given is not raised: a refusal is final.
    pub(super) fn limit(&mut self, channel: Channel, entries: u32) {
        if channel != Channel::SHARED {
            let limit = self.limits.entry(channel.0).or_insert(entries);
            *limit = entries.min(*limit);
        }
    }

    pub(super) fn used(&self, channel: Channel) -> Used {
        self.used.get(channel.index()).copied().unwrap_or_default()
    }

    /// True when the channel may bring a key of so many bytes into a table that holds `total`. Once it may not it never may
    /// again: what it holds only grows, and what is free only shrinks.
    pub(super) fn has_room(
        &self,
        channel: Channel,
        bytes: usize,
        total: Used,
        limits: Limits,
    ) -> bool {
        let used = self.used(channel);
        if self
            .limits
            .get(&channel.0)
            .is_some_and(|most| used.entries >= *most)
        {
            return false;
        }
        let within = |used: u64, total: u64, added: u64, limit: u64| {
            limit
                .checked_sub(total.saturating_add(added))
                .is_some_and(|free| (used + added).saturating_mul(SHARE.into()) <= free)
        };
        within(
            used.entries.into(),
            total.entries.into(),
            1,
            limits.entries.into(),
        ) && within(
            used.bytes as u64,
            total.bytes as u64,
            bytes as u64,
            limits.bytes as u64,
        )
    }

    /// Counts a key that was brought in.
    pub(super) fn add(&mut self, channel: Channel, bytes: usize) {
        let index = channel.index();
        if self.used.len() <= index {
            self.used.resize(index + 1, Used::default());
        }
        self.used[index].entries += 1;
        self.used[index].bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        entries: 1000,
        bytes: 100_000,
    };

    /// Brings keys of so many bytes in until no more is taken: how many were.
    fn fill(accounts: &mut Accounts, total: &mut Used, channel: Channel, bytes: usize) -> u32 {
        let mut taken = 0;
        while accounts.has_room(channel, bytes, *total, LIMITS) {
            accounts.add(channel, bytes);
            total.entries += 1;
            total.bytes += bytes;
            taken += 1;
        }
        taken
    }

    #[test]
    fn one_gets_a_quarter_and_each_later_one_a_quarter_of_the_rest() {
        let (mut accounts, mut total) = (Accounts::default(), Used::default());
        assert_eq!(fill(&mut accounts, &mut total, Channel(2), 10), 250);
        assert_eq!(fill(&mut accounts, &mut total, Channel(2), 10), 0);
        assert_eq!(fill(&mut accounts, &mut total, Channel(3), 10), 187);
        let taken: u32 = (4..14)
            .map(|number| fill(&mut accounts, &mut total, Channel(number), 10))
            .sum();
        assert!(taken + 437 < 1000, "{taken}");
        assert!(
            fill(&mut accounts, &mut total, Channel(99), 10) > 0,
            "there is room for one more"
        );
        assert_eq!(
            accounts.used(Channel(2)),
            Used {
                entries: 250,
                bytes: 2500
            }
        );
    }

    #[test]
    fn a_limit_of_its_own_is_less_than_its_share() {
        let (mut accounts, mut total) = (Accounts::default(), Used::default());
        accounts.limit(Channel(2), 7);
        accounts.limit(Channel(2), 9);
        assert_eq!(fill(&mut accounts, &mut total, Channel(2), 1), 7);
        assert!(fill(&mut accounts, &mut total, Channel(3), 1) > 200);
    }

    #[test]
    fn bytes_count_as_entries_do() {
        let (mut accounts, mut total) = (Accounts::default(), Used::default());
        assert_eq!(fill(&mut accounts, &mut total, Channel(2), 1000), 25);
        assert!(!accounts.has_room(Channel(3), usize::MAX, total, LIMITS));
        assert_eq!(fill(&mut accounts, &mut total, Channel(2), 1), 0);
        assert!(accounts.has_room(Channel(3), 1, total, LIMITS));
    }

    #[test]
    fn at_once_all_get_the_same_and_something_is_left() {
        let (mut accounts, mut total) = (Accounts::default(), Used::default());
        let channels: Vec<Channel> = (2..12).map(Channel).collect();
        loop {
            let before = total.entries;
            for channel in &channels {
                if accounts.has_room(*channel, 1, total, LIMITS) {
                    accounts.add(*channel, 1);
                    total.entries += 1;
                    total.bytes += 1;
                }
            }
            if total.entries == before {
                break;
            }
        }
        let used: Vec<u32> = channels
            .iter()
            .map(|channel| accounts.used(*channel).entries)
            .collect();
        let (least, most) = (used.iter().min().unwrap(), used.iter().max().unwrap());
        assert!(most - least <= 1, "{used:?}");
        assert!(accounts.has_room(Channel(50), 1, total, LIMITS));
    }

    #[test]
    fn a_name_keeps_its_number_and_the_last_ones_share() {
        let channels = Channels::default();
        let first = channels.of_bus("first");
        assert_eq!(first, Channel(2));
        assert_eq!(channels.of_bus("second"), Channel(3));
        for index in 0..2 * MAX_CHANNELS {
            channels.of_bus(&format!("bus {index}"));
        }
        assert_eq!(channels.of_bus("first"), first);
        assert_eq!(channels.of_bus("one more"), Channel::SHARED);
        assert_eq!(
            channels.numbers.lock().len() as u32,
            MAX_CHANNELS - Channel::FIRST
        );
        // A number that nobody gave counts as the shared one, and makes no account.
        let mut accounts = Accounts::default();
        accounts.add(Channel(u32::MAX), 7);
        assert_eq!(accounts.used(Channel::SHARED).bytes, 7);
        assert_eq!(accounts.used.len(), 1);
    }
}
