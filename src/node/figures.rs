//! Figures and options as JavaScript objects.

use napi::bindgen_prelude::Error;
use napi_derive::napi;

use super::error::{Code, Result};
use crate::bus::ack::{AttemptCounts, Policy};
use crate::bus::filter::Filter;
use crate::bus::group::GroupMetrics;
use crate::bus::metrics::{BusMetrics, TopicMetrics};
use crate::bus::quota::QuotaLimits;
use crate::bus::subscription::{Ledger, Outcome, Overflow, SubscribeOptions, Subscription};
use crate::bus::tally::Counts;
use crate::pool::SegmentPool;
use crate::wait::timer::Timer;

/// The figures of a bus or of a subscription. At rest: admitted = handled + failed + unsubscribed + undecodable +
/// expired + subscriberDied + overflow + oldest + newest + deadLettered + rerouted + inFlight.
#[napi(object)]
pub struct NativeLedger {
    /// Messages admitted.
    pub admitted: f64,
    /// Handled without an error.
    pub handled: f64,
    /// The handler threw or rejected.
    pub failed: f64,
    /// Dropped: the subscription had ended when the message's turn came.
    pub unsubscribed: f64,
    /// Dropped: the payload's bytes were no value.
    pub undecodable: f64,
    /// Dropped: its time was over.
    pub expired: f64,
    /// Dropped: the subscriber's thread ended.
    pub subscriber_died: f64,
    /// Dropped: no memory.
    pub overflow: f64,
    /// Dropped: given up by a full subscription that drops its oldest.
    pub oldest: f64,
    /// Dropped: too much for a full subscription.
    pub newest: f64,
    /// Put to the dead letters.
    pub dead_lettered: f64,
    /// Handed on to another member of the group.
    pub rerouted: f64,
    /// Admitted and not ended.
    pub in_flight: f64,
    /// Kept away by the subscription's filter, and not admitted.
    pub filtered: f64,
    /// What handlers did that acknowledge.
    pub attempts: NativeAttempts,
}

/// What handlers did that acknowledge.
#[napi(object)]
pub struct NativeAttempts {
    /// They threw or rejected.
    pub rejected: f64,
    /// They were not done in time.
    pub timed_out: f64,
    /// They were done when the message was another's.
    pub late: f64,
    /// They were called with a message that had failed before.
    pub redelivered: f64,
}

impl From<AttemptCounts> for NativeAttempts {
    fn from(counts: AttemptCounts) -> Self {
        Self {
            rejected: counts.rejected as f64,
            timed_out: counts.timed_out as f64,
            late: counts.late as f64,
            redelivered: counts.redelivered as f64,
        }
    }
}

impl From<Ledger> for NativeLedger {
    fn from(ledger: Ledger) -> Self {
        let ended = |outcome: Outcome| ledger.ended[outcome as usize] as f64;
        Self {
            admitted: ledger.admitted as f64,
            handled: ended(Outcome::Handled),
            failed: ended(Outcome::Failed),
            unsubscribed: ended(Outcome::Unsubscribed),
            undecodable: ended(Outcome::Undecodable),
            expired: ended(Outcome::Expired),
            subscriber_died: ended(Outcome::SubscriberDied),
            overflow: ended(Outcome::Overflow),
            oldest: ended(Outcome::Oldest),
            newest: ended(Outcome::Newest),
            dead_lettered: ended(Outcome::DeadLetter),
            rerouted: ended(Outcome::Rerouted),
            in_flight: ledger.in_flight() as f64,
            filtered: ledger.filtered as f64,
            attempts: ledger.attempts.into(),
        }
    }
}

/// What was published to a bus or to a topic.
#[napi(object)]
pub struct NativeCounts {
    /// Messages that a submit took, by priority.
    pub published: Vec<f64>,
    /// Of those, the ones that no subscription matched.
    pub unmatched: f64,
    /// Submits that stopped because a subscription was full.
    pub refused: f64,
}

impl From<Counts> for NativeCounts {
    fn from(counts: Counts) -> Self {
        Self {
            published: counts.published.map(|count| count as f64).into(),
            unmatched: counts.unmatched as f64,
            refused: counts.refused as f64,
        }
    }
}

/// The figures of a bus.
#[napi(object)]
pub struct NativeBusMetrics {
    /// What was published.
    pub counts: NativeCounts,
    /// Sum over all subscriptions that there are and were.
    pub ledger: NativeLedger,
    /// Subscriptions at this moment.
    pub subscriptions: f64,
    /// Topics with an id.
    pub topics: f64,
    /// How much of the memory for messages is taken, of all buses: from 0 to 1.
    pub pool_utilization: f64,
    /// Times that the system gave no thread for the timer.
    pub timer_failures: f64,
}

impl From<BusMetrics> for NativeBusMetrics {
    fn from(metrics: BusMetrics) -> Self {
        Self {
            counts: metrics.counts.into(),
            ledger: metrics.ledger.into(),
            subscriptions: metrics.subscriptions as f64,
            topics: metrics.topics as f64,
            pool_utilization: SegmentPool::global().utilization(),
            timer_failures: Timer::global().failed_starts() as f64,
        }
    }
}

/// The figures of a topic.
#[napi(object)]
pub struct NativeTopicMetrics {
    /// Its name.
    pub topic: String,
    /// What was published to it.
    pub counts: NativeCounts,
    /// Subscriptions that match it.
    pub subscriptions: f64,
}

impl From<TopicMetrics> for NativeTopicMetrics {
    fn from(metrics: TopicMetrics) -> Self {
        Self {
            topic: metrics.topic.name.to_string(),
            counts: metrics.counts.into(),
            subscriptions: metrics.subscriptions as f64,
        }
    }
}

/// The figures of a subscription, of any thread.
#[napi(object)]
pub struct NativeSubscriptionMetrics {
    /// Process-wide id.
    pub id: f64,
    /// What it matches.
    pub pattern: String,
    /// The name of its group.
    pub group: Option<String>,
    /// The id of its endpoint.
    pub subscriber: u32,
    /// What became of its messages.
    pub ledger: NativeLedger,
}

impl From<&Subscription> for NativeSubscriptionMetrics {
    fn from(subscription: &Subscription) -> Self {
        Self {
            id: subscription.id as f64,
            pattern: subscription.pattern.to_string(),
            group: subscription
                .group
                .as_ref()
                .map(|group| group.name.to_string()),
            subscriber: subscription.receiver.id,
            ledger: subscription.ledger().into(),
        }
    }
}

/// The figures of a group.
#[napi(object)]
pub struct NativeGroupMetrics {
    /// A `Balancing`.
    pub balancing: u32,
    /// A `DeliveryMode`.
    pub delivery: u32,
    /// Members at this moment.
    pub members: f64,
    /// Messages that a member was picked for.
    pub assigned: f64,
    /// Submits that stopped because no member had room.
    pub refused: f64,
    /// Sum over all members that there are and were.
    pub ledger: NativeLedger,
}

impl From<GroupMetrics> for NativeGroupMetrics {
    fn from(metrics: GroupMetrics) -> Self {
        let (balancing, delivery) = metrics.settings.numbers();
        Self {
            balancing,
            delivery,
            members: metrics.members as f64,
            assigned: metrics.assigned as f64,
            refused: metrics.refused as f64,
            ledger: metrics.ledger.into(),
        }
    }
}

/// What a subscription asks for.
#[napi(object)]
pub struct NativeSubscribeOptions {
    /// Most messages in flight, or that wait.
    pub queue_limit: f64,
    /// Most bytes that wait.
    pub queue_limit_bytes: Option<f64>,
    /// Most messages that are with its handlers.
    pub max_in_flight: Option<u32>,
    /// An `Overflow`.
    pub overflow: u32,
    /// With `Overflow.Block`: how long a publisher waits at most.
    pub block_ms: u32,
    /// Place among those of its thread that get the same message.
    pub priority: u32,
    /// The name of its group.
    pub group: Option<String>,
    /// It acknowledges its messages.
    pub ack: Option<NativeAckPolicy>,
}

/// What the subscriptions of a channel may have, or have.
#[napi(object)]
pub struct NativeQuota {
    /// Messages in flight.
    pub messages: f64,
    /// Bytes that wait.
    pub bytes: f64,
    /// Subscriptions.
    pub subscriptions: f64,
    /// Topics with an id, and strings and shapes in the tables.
    pub table_entries: f64,
    /// Subscriptions that were refused.
    pub refused_subscriptions: f64,
}

impl From<NativeQuota> for QuotaLimits {
    fn from(quota: NativeQuota) -> Self {
        Self {
            messages: quota.messages as u64,
            bytes: quota.bytes as u64,
            subscriptions: quota.subscriptions as u32,
            table_entries: quota.table_entries as u32,
        }
    }
}

impl From<QuotaLimits> for NativeQuota {
    fn from(limits: QuotaLimits) -> Self {
        Self {
            messages: limits.messages as f64,
            bytes: limits.bytes as f64,
            subscriptions: f64::from(limits.subscriptions),
            table_entries: f64::from(limits.table_entries),
            refused_subscriptions: 0.0,
        }
    }
}

/// How often and how long the messages of a subscription are tried that acknowledges them.
#[napi(object)]
pub struct NativeAckPolicy {
    /// How long a handler may take, milliseconds.
    pub timeout_ms: u32,
    /// How many handlers may fail with a message, 1 to 255.
    pub max_attempts: u32,
    /// How long a message rests after its first failure, milliseconds.
    pub back_off_ms: u32,
}

impl From<NativeAckPolicy> for Policy {
    fn from(policy: NativeAckPolicy) -> Self {
        Self {
            timeout_ms: policy.timeout_ms,
            max_attempts: policy.max_attempts.clamp(1, 255) as u8,
            back_off_ms: policy.back_off_ms,
        }
    }
}

impl NativeSubscribeOptions {
    /// The options as the bus takes them.
    pub fn with_filter(self, filter: Option<&[u8]>) -> Result<SubscribeOptions> {
        let overflow = Overflow::from_number(self.overflow, self.block_ms)
            .ok_or_else(|| Error::new(Code::Argument, "there is no such overflow policy"))?;
        Ok(SubscribeOptions {
            queue_limit: self.queue_limit as u64,
            queue_limit_bytes: self.queue_limit_bytes.map(|bytes| bytes as u64),
            max_in_flight: self.max_in_flight,
            overflow,
            priority: self.priority.min(3) as u8,
            filter: filter.map(Filter::decode).transpose()?,
            group: self.group.map(Into::into),
            ack: self.ack.map(Into::into),
        })
    }
}
