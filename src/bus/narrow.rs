//! Which subscriptions of a route want a record: those whose filter says so. Nothing here is done for a route without
//! filters.

use std::sync::Arc;

use super::block::Block;
use super::layout::*;
use super::record::OutboxRecord;
use super::route::{Leg, Route};
use super::subscription::Subscription;
use crate::intern::Tables;
use crate::memory::SharedBytes;

impl Route {
    /// The route of a message with this payload: none where every subscription wants it. What is left is in the order of
    /// this route.
    pub(super) fn narrow(&self, payload: &[u8]) -> Option<Route> {
        let tables = Tables::global();
        let wants = |target: &Arc<Subscription>| {
            let filter = target.filter();
            filter.is_none_or(|filter| filter.wants(payload, tables))
        };
        // Where all want it no memory is taken; nor where nobody does.
        let first_out = self.all_targets().position(|target| !wants(target))?;
        let mut index = 0;
        let mut wanting = |targets: &[Arc<Subscription>]| -> Box<[_]> {
            let targets = targets.iter().filter(|target| {
                index += 1;
                // Each filter is asked once.
                index <= first_out || index > first_out + 1 && wants(target)
            });
            targets.cloned().collect()
        };
        let mut legs = Vec::new();
        for leg in &self.legs {
            let targets = wanting(&leg.targets);
            if !targets.is_empty() {
                legs.push(Leg::new(Arc::clone(&leg.receiver), targets));
            }
        }
        let mut groups = Vec::new();
        for leg in &self.groups {
            let members = wanting(&leg.members);
            if !members.is_empty() {
                groups.push(leg.of(members));
            }
        }
        Some(Route::of(legs.into(), groups.into(), true))
    }

    /// Counts a message that went to `narrowed` for the subscriptions that did not want it.
    pub(super) fn count_filtered(&self, narrowed: &Route) {
        let mut taken = narrowed.all_targets().peekable();
        for target in self.all_targets() {
            if taken.next_if(|next| Arc::ptr_eq(next, target)).is_none() {
                target.count_filtered();
            }
        }
    }
}

/// Copies the payload of a record, of which `area` is the payload area or none if that is in the outbox, without the topic
/// and the headers before it. Empty, which is no value, where the record says that these are longer than all of it. A copy,
/// for the script may write its outbox at any time.
pub(super) fn copy_payload<'a>(
    outbox: &SharedBytes,
    offset: usize,
    record: &OutboxRecord,
    block: Option<&'a Block>,
    copy: &'a mut Vec<u8>,
) -> &'a [u8] {
    let length_in = |flag: usize| match record.flags & flag as u16 {
        0 => 0,
        _ => u32::from_le_bytes(outbox.read(offset + record.extension(flag))) as usize,
    };
    let before = length_in(TOPIC_INLINE).saturating_add(length_in(HEADERS));
    if let Some(block) = block {
        return block.bytes().get(before..).unwrap_or_default();
    }
    let length = (record.payload_length as usize).saturating_sub(before);
    copy.clear();
    if length != 0 {
        copy.reserve(length);
        let from = outbox.span(offset + record.payload_start() + before, length);
        // SAFETY: `span` checked the source; the target was reserved and is new, so they do not overlap.
        unsafe {
            copy.as_mut_ptr()
                .copy_from_nonoverlapping(from.as_ptr(), length);
            copy.set_len(length);
        }
    }
    copy
}
