//! Dead letters on their way in, where no subscription sent them there, and on their way out again.

use std::sync::Arc;

use super::backlog::Coming;
use super::dead_letters::{Addressee, Letter, Reason};
use super::kept::Waiting;
use super::layout::MAX_REPLAYS;
use super::named_bus::Bus;
use super::outgoing::Outgoing;
use super::subscription::Subscription;
use crate::wait::clock::system_now;

/// What became of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// The message waits for whom it was for.
    Done,
    /// There is no such letter.
    NotFound,
    /// It was replayed [`MAX_REPLAYS`] times, and came back each time: it stays.
    TooOften,
    /// Nobody is subscribed whom it could go to: it stays.
    Nobody,
    /// Whom it would go to is full: it stays.
    Full,
}

impl Bus {
    /// Keeps a message that nobody is subscribed to, as its publisher asked for.
    pub(super) fn keep_unmatched(&self, outgoing: &Outgoing<'_>, is_large: bool) {
        let has_all = !is_large || outgoing.block.is_some();
        let Some(kept) = has_all.then(|| outgoing.copy_to_keep(true, true)).flatten() else {
            self.dead_letters.lose(Reason::NoSubscriber);
            return;
        };
        self.dead_letters.add(Letter {
            id: 0,
            reason: Reason::NoSubscriber,
            topic: kept.topic().unwrap_or_default().into(),
            addressee: None,
            attempts: 0,
            replays: 0,
            error: "".into(),
            died_at: system_now(),
            kept,
        });
    }

    /// Takes a letter out of the dead letters and hands its message to whom it was for. It begins anew, as far as attempts are
    /// concerned, and does not expire. `force` does so however often it came back.
    pub fn replay(&self, id: u64, force: bool) -> Replay {
        let Some(letter) = self.dead_letters.get(id) else {
            return Replay::NotFound;
        };
        if usize::from(letter.replays) >= MAX_REPLAYS && !force {
            return Replay::TooOften;
        }
        let addressees = self.addressees_of(&letter);
        if addressees.is_empty() {
            return Replay::Nobody;
        }
        let priority = letter.kept.priority();
        let has_room = |target: &Arc<Subscription>| {
            !target.takes_part_in_admission() || target.has_room(priority)
        };
        if !addressees.iter().all(has_room) {
            return Replay::Full;
        }
        // Another thread may have been first.
        let Some(letter) = self.dead_letters.take(id) else {
            return Replay::NotFound;
        };
        let mut is_kept = false;
        for target in addressees {
            let message = Waiting {
                kept: Arc::clone(&letter.kept),
                owed: None,
                failures: 0,
                replays: letter.replays.saturating_add(1),
            };
            let ended = target.put(message, Coming::New);
            target.receiver.wake();
            // It may have ended meanwhile, or its thread. Others of its messages that went for this one are no matter here.
            let came_back = |(message, _): &(Waiting, _)| Arc::ptr_eq(&message.kept, &letter.kept);
            is_kept |= target.acks.is_some() || !ended.iter().any(came_back);
            target.left_backlog(ended);
        }
        if !is_kept {
            self.dead_letters.put_back(letter);
            return Replay::Nobody;
        }
        Replay::Done
    }

    /// Whom a letter goes to: a member of its group; the subscription that it was for, or if that has ended the newest with
    /// its pattern; where there was no subscriber, everybody who matches now.
    fn addressees_of(&self, letter: &Letter) -> Vec<Arc<Subscription>> {
        let (_, payload) = letter.kept.headers_and_payload();
        let route = self.route_for(&letter.topic, payload);
        let priority = letter.kept.priority();
        let Some(Addressee {
            subscription,
            pattern,
            group,
        }) = &letter.addressee
        else {
            let members = route.groups.iter();
            let of_groups = members.filter_map(|group| group.pick_other(0, priority, |_| true));
            return route.targets().chain(of_groups).cloned().collect();
        };
        if let Some(name) = group {
            let mut groups = route.groups.iter();
            let same = groups.find(|leg| leg.group.name == *name);
            let member = same.and_then(|leg| leg.pick_other(0, priority, |_| true));
            return member.cloned().into_iter().collect();
        }
        let mut targets = route.targets();
        let is_it = |target: &&Arc<Subscription>| target.id == *subscription;
        let itself = targets.find(is_it);
        let like_it = || {
            let alike = route.targets().filter(|target| target.pattern == *pattern);
            alike.max_by_key(|target| target.id)
        };
        itself.or_else(like_it).cloned().into_iter().collect()
    }
}
