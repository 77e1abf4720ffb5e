//! Whose messages go into a batch of the inbox, where several channels have some: each gets its turn.
//!
//! Messages of channels wait in backlogs, and an announcement of each is in the mailbox. A channel's announcements beyond its
//! quantum in a batch are put aside (`Backlog::defer`), as those are whose handlers have as many as they may; so the announcements behind
//! them, of other channels, are met in the same drain. What was put aside is served in rounds, a quantum for each channel: a channel
//! that is alone gets all of the batch, and one that floods its thread gets as much as each of the others (deficit round robin,
//! Shreedhar and Varghese 1995, with messages in the place of bytes).

use std::sync::Arc;

use super::quota::Quota;

/// Messages of a channel in one round.
pub const QUANTUM: u32 = 16;

/// What each channel had in this round.
#[derive(Default)]
pub(super) struct Shares {
    /// By the address of the channel's quota.
    taken: Vec<(usize, u32)>,
}

impl Shares {
    /// Begins a round.
    pub fn begin(&mut self) {
        self.taken.clear();
    }

    /// True when the channel may have one more in this round. Who is on no channel always may.
    pub fn has_turn(&self, quota: Option<&Arc<Quota>>) -> bool {
        let Some(quota) = quota else {
            return true;
        };
        let mut taken = self.taken.iter();
        let of = taken.find(|(address, _)| *address == address_of(quota));
        of.is_none_or(|(_, taken)| *taken < QUANTUM)
    }

    /// Counts one.
    pub fn take(&mut self, quota: Option<&Arc<Quota>>) {
        let Some(quota) = quota else {
            return;
        };
        let address = address_of(quota);
        match self.taken.iter_mut().find(|(of, _)| *of == address) {
            Some((_, taken)) => *taken += 1,
            None => self.taken.push((address, 1)),
        }
    }
}

fn address_of(quota: &Arc<Quota>) -> usize {
    Arc::as_ptr(quota).addr()
}
