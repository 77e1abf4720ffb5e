//! Whether a message is taken: what its route has room for, whom of a group it goes to, and who is told when there is room again.

use std::sync::Arc;

use super::group::{Pick, Random};
use super::layout::*;
use super::named_bus::Bus;
use super::receiver::Receiver;
use super::route::Route;
use super::subscription::{Overflow, Subscription};
use crate::pool::SegmentPool;

/// Whether a record may be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Stops at the first record that a subscription has no room for.
    Checked,
    /// Takes every record: the publisher ends, and its word was given.
    Forced,
}

/// True when everybody who gets every message of the route has room.
pub(super) fn has_room(route: &Route, priority: usize) -> bool {
    if !route.takes_part {
        return true;
    }
    SegmentPool::global().has_headroom()
        && route.legs.iter().filter(|leg| leg.takes_part).all(|leg| {
            !leg.receiver.is_full(priority)
                && leg
                    .targets
                    .iter()
                    .all(|target| !target.takes_part_in_admission() || target.account.room() > 0)
        })
}

/// Picks a member of each group of the route. False when one of them has no room. Who is picked is assigned nothing before the
/// whole record is admitted ([`count_assigned`]).
pub(super) fn pick_members(
    route: &Route,
    priority: usize,
    random: &mut Random,
    admission: Admission,
    picked: &mut Vec<Arc<Subscription>>,
) -> bool {
    picked.clear();
    let mut all = true;
    for leg in &route.groups {
        match leg.pick(priority, random) {
            Pick::Member(member) => picked.push(Arc::clone(member)),
            Pick::Nobody => (),
            Pick::Full if admission == Admission::Forced => {
                picked.extend(leg.pick_anyway(random).cloned());
            }
            Pick::Full => {
                leg.group.count_refused();
                all = false;
            }
        }
    }
    all
}

/// Counts a message for the groups of these members.
pub(super) fn count_assigned<'a>(picked: impl Iterator<Item = &'a Arc<Subscription>>) {
    picked
        .filter_map(|member| member.group.as_ref())
        .for_each(|group| group.count_assigned());
}

/// True when one of these would take the message, or have it as a dead letter: only then a large payload is copied.
pub(super) fn is_wanted<'a>(
    mut targets: impl Iterator<Item = &'a Arc<Subscription>>,
    priority: usize,
) -> bool {
    targets.any(|target| match target.overflow {
        _ if target.acks.is_some() => true,
        Overflow::Reject | Overflow::Block { .. } => true,
        Overflow::DropOldest => SegmentPool::global().has_headroom(),
        Overflow::DropNewest => target.has_room(priority),
    })
}

/// The gate of a topic with this route: OPEN when all who take part in admission have room for whole outboxes.
pub(super) fn gate(route: &Route) -> u8 {
    let asks = |target: &Arc<Subscription>| {
        target.takes_part_in_admission() && target.account.is_nearly_full(ASK_MARGIN, ASK_BYTES)
    };
    let near_full = route.targets().any(asks)
        || route
            .groups
            .iter()
            .any(|group| group.is_nearly_full(ASK_MARGIN, ASK_BYTES));
    (if near_full { ASK } else { OPEN }) as u8
}

/// How long a publisher on this thread may wait for room in a native call, in milliseconds: 0 unless everybody who refuses has
/// the policy `block`, and is on another thread, which can make room meanwhile.
pub(super) fn block_ms(route: &Route, priority: usize, own: &Receiver) -> u32 {
    if !SegmentPool::global().has_headroom() {
        return 0;
    }
    let wait_for = |target: &Subscription| match target.overflow {
        Overflow::Block { at_most } if target.receiver.id != own.id => at_most,
        _ => 0,
    };
    let refuses = |target: &&Arc<Subscription>| {
        target.takes_part_in_admission() && !target.has_room(priority)
    };
    let of_all = route
        .targets()
        .filter(refuses)
        .map(|target| wait_for(target));
    // One member is enough to wait for.
    let full_groups = route
        .groups
        .iter()
        .filter(|group| group.members.iter().all(|member| refuses(&member)));
    let of_groups = full_groups.map(|group| {
        let each = group.members.iter().map(|member| wait_for(member));
        each.max().unwrap_or_default()
    });
    // Where nobody refuses any more there is room since the submit: whoever may wait need only ask again.
    let of_any = || route.all_targets().map(|target| wait_for(target)).max();
    let of_refusing = of_all.chain(of_groups).min();
    of_refusing.or_else(of_any).unwrap_or_default()
}

/// True when all subscriptions and mailboxes of the route have drained and there is memory; else `waiter` is
/// filed with those that have not. Of a group one member is enough, and one that joins: so where the route has groups the
/// caller looks once more at a route that was made after this ([`may_be_joined`]).
pub(super) fn wait_for_room(route: &Route, waiter: &Arc<Receiver>) -> bool {
    if !route.takes_part {
        return true;
    }
    let mut writable = SegmentPool::global().wait_for_headroom(waiter);
    for leg in route.legs.iter().filter(|leg| leg.takes_part) {
        writable &= wait_for_space(&leg.receiver, waiter);
        let taking_part = leg
            .targets
            .iter()
            .filter(|target| target.takes_part_in_admission());
        writable &= taking_part.fold(true, |all, target| all & wait_for_account(target, waiter));
    }
    for group in &route.groups {
        let mut any = group.members.is_empty();
        for member in &group.members {
            any |= !member.takes_part_in_admission()
                || wait_for_space(&member.receiver, waiter) && wait_for_account(member, waiter);
        }
        if !any {
            group.group.waiters().file(waiter);
        }
        writable &= any;
    }
    writable
}

/// True when somebody may join the route and make room by that.
pub(super) fn may_be_joined(route: &Route) -> bool {
    !route.groups.is_empty()
}

/// As [`wait_for_room`], of a topic without an id.
pub(super) fn wait_for_room_by_name(bus: &Bus, topic: &str, waiter: &Arc<Receiver>) -> bool {
    let route = bus.match_route(topic);
    wait_for_room(&route, waiter)
        || may_be_joined(&route) && wait_for_room(&bus.match_route(topic), waiter)
}

fn wait_for_space(receiver: &Receiver, waiter: &Arc<Receiver>) -> bool {
    if !receiver.is_crowded() {
        return true;
    }
    receiver.space.file(waiter);
    !receiver.is_crowded()
}

fn wait_for_account(target: &Subscription, waiter: &Arc<Receiver>) -> bool {
    let account = &target.account;
    if account.has_drained() {
        return true;
    }
    account.waiters().file(waiter);
    if let Some(quota) = account.quota() {
        quota.waiters().file(waiter);
    }
    account.has_drained()
}
