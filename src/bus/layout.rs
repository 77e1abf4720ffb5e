//! Offsets and constants of the records and of the memory that an endpoint shares with its thread's
//! JavaScript. docs/wire-format.md section 1 and docs/memory-layout.md have the diagrams. TypeScript gets
//! these numbers from here, through [`crate::node`]'s generated `layout.ts`.

use super::mailbox::PRIORITIES;

/// A constant for TypeScript: name and value.
pub type Exported = (&'static str, u32);

macro_rules! exported {
    ($(#[$list_doc:meta])* $list:ident { $($(#[$doc:meta])* $name:ident / $js:literal = $value:expr;)+ }) => {
        $($(#[$doc])* pub const $name: usize = $value;)+
        $(#[$list_doc])*
        pub const $list: &[Exported] = &[$(($js, $name as u32)),+];
    };
}

exported! {
    /// Byte offsets of the record's fixed part.
    RECORD {
        /// u32: bytes of the record, padding included. The commit word.
        LENGTH / "Length" = 0;
        /// u8
        PRIORITY / "Priority" = 4;
        /// u8: redeliveries so far
        ATTEMPT / "Attempt" = 5;
        /// u16: which extensions follow
        FLAGS / "Flags" = 6;
        /// u32: the publisher's index of the topic in an outbox, else the topic id
        TOPIC / "Topic" = 8;
        /// u32: exact bytes of the payload area
        PAYLOAD_LENGTH / "PayloadLength" = 12;
        /// u64: per publisher, from 1
        SEQUENCE / "Sequence" = 16;
        /// u64: nanoseconds since the Unix epoch, at submit
        TIMESTAMP / "Timestamp" = 24;
        /// u32: endpoint id
        PUBLISHER / "Publisher" = 32;
        /// u32: subscription slot, or TARGET_LIST
        TARGET / "Target" = 36;
        /// Where the extensions begin
        EXTENSIONS / "Extensions" = 40;
    }
}

exported! {
    /// Bits of a record's flags; each adds an extension of EXTENSION_BYTES, in this order.
    FLAG {
        /// A list of target slots follows the extensions.
        TARGETS / "Targets" = 1;
        /// The topic is spelt out at the start of the payload area.
        TOPIC_INLINE / "TopicInline" = 2;
        /// Encoded headers come before the payload.
        HEADERS / "Headers" = 4;
        /// u64: in an outbox nanoseconds from submit on, elsewhere the time of the steady clock
        EXPIRY / "Expiry" = 8;
        /// u64 correlation id
        CORRELATION / "Correlation" = 16;
        /// Of some messages, for latencies: see PUBLISHED_WEIGHT_BIT. 0 in a message that was handed out before.
        PUBLISHED / "Published" = 32;
        /// u64 handle of the out-of-line block
        BLOCK / "Block" = 64;
        /// u64 handle in the subscription's acknowledgement table; 0 where it has none
        DELIVERY / "Delivery" = 128;
        /// A request. u32 its number and u32 the milliseconds that its requester waits in an outbox, or all ones for ever (see
        /// DEADLINE_MS), else a u64 handle
        REPLY / "Reply" = 256;
        /// In an outbox, without an extension: a message that nobody is subscribed to becomes a dead letter.
        MANDATORY / "Mandatory" = 512;
    }
}

/// The flags that add an extension.
pub const WITH_EXTENSION: u16 = 0x1ff;

exported! {
    /// Words (byte offsets) of the control block, shared by an endpoint and its thread's JavaScript.
    CONTROL {
        /// JavaScript writes: bytes at the start of the outbox that are complete records.
        OUTBOX_COMMITTED / "OutboxCommitted" = 0;
        /// Native writes at submit: bytes of complete records that it took.
        OUTBOX_TAKEN / "OutboxTaken" = 4;
        /// Native writes at submit: how many records it took.
        RECORDS_TAKEN / "RecordsTaken" = 8;
        /// JavaScript writes: most records that it wants from one drain.
        DRAIN_RECORDS / "DrainRecords" = 12;
        /// Native writes at drain: records in the inbox.
        INBOX_RECORDS / "InboxRecords" = 16;
        /// Native writes at drain: 1 when the endpoint is parked and will be woken by its bell.
        PARKED / "Parked" = 20;
        /// JavaScript writes: 1 when a drain that finds nothing may spin before it parks.
        MAY_SPIN / "MaySpin" = 24;
        /// Native writes at submit: 1 when the endpoint slept and sent itself a message. JavaScript clears it
        /// and drains soon: nobody rings for it.
        OWN_MAIL / "OwnMail" = 28;
        /// Native writes at a refused submit: milliseconds that the publisher may wait for room in a native call; 0 when that
        /// would be of no use. The record that was refused is the one that `awaitRoom` waits for.
        BLOCK_MS / "BlockMs" = 32;
        /// JavaScript writes: the slot of the subscription whose message is acknowledged by the next `begin`, `acknowledge` or drain,
        ACKNOWLEDGED_SLOT / "AcknowledgedSlot" = 36;
        /// the lower half of the message's handle,
        ACKNOWLEDGED_LOW / "AcknowledgedLow" = 40;
        /// and its upper half, which is not 0. Native writes 0 when that is done.
        ACKNOWLEDGED_HIGH / "AcknowledgedHigh" = 44;
        /// JavaScript writes: the slot of the subscription whose handler `begin` is for,
        BEGUN_SLOT / "BegunSlot" = 48;
        /// the lower half of the message's handle,
        BEGUN_LOW / "BegunLow" = 52;
        /// and its upper half. Native writes 0 when the message is not to be handled: it is another's by now.
        BEGUN_HIGH / "BegunHigh" = 56;
        /// Other threads write: see ATTENTION. On a cache line pair of its own.
        ATTENTION / "Attention" = 128;
        /// Size of the block.
        CONTROL_BYTES / "Bytes" = 256;
    }
}

exported! {
    /// Bits of the attention word.
    ATTENTION_BIT {
        /// A CRITICAL record waits in the mailbox.
        CRITICAL_WAITS / "CriticalWaits" = 1;
        /// A topic that could not take more may have become writable.
        WRITABLE / "Writable" = 2;
        /// Subscriptions changed of a bus that the endpoint watches: what it remembers of routes is stale.
        ROUTES / "Routes" = 4;
        /// Dead letters came to a bus whose dead letters the endpoint listens to.
        LETTERS / "Letters" = 8;
    }
}

exported! {
    /// Words (byte offsets) of a subscription's counters: written by its thread's JavaScript, each
    /// counting up modulo 2^32, folded into the subscription by native.
    OUTCOME {
        /// Handled without an error.
        HANDLED / "Handled" = 0;
        /// The handler threw or rejected.
        FAILED / "Failed" = 4;
        /// The subscription was gone when its turn came.
        UNSUBSCRIBED / "Unsubscribed" = 8;
        /// The bytes were no value.
        UNDECODABLE / "Undecodable" = 12;
        /// Its time was over before its turn came.
        EXPIRED / "Expired" = 16;
        /// Size of one subscription's counters.
        OUTCOME_BYTES / "Bytes" = 32;
    }
}

exported! {
    /// What a publisher's thread may assume about a topic, one byte each.
    GATE {
        /// Every subscription has room for a whole outbox: write and submit later.
        OPEN / "Open" = 0;
        /// A subscription is nearly full: submit at once and take native's word.
        ASK / "Ask" = 1;
    }
}

exported! {
    /// What a full subscription does.
    OVERFLOW {
        /// Takes part in admission: nobody gets the message.
        REJECT / "Reject" = 0;
        /// Does without the message.
        DROP_NEWEST / "DropNewest" = 1;
        /// Gives up its oldest message for it.
        DROP_OLDEST / "DropOldest" = 2;
        /// Takes part in admission, and has a publisher on another worker thread wait.
        BLOCK_PUBLISHER / "Block" = 3;
    }
}

exported! {
    /// How a group picks the member that gets a message.
    BALANCING {
        /// Each in turn.
        ROUND_ROBIN / "RoundRobin" = 0;
        /// Any.
        RANDOM / "Random" = 1;
        /// The one with the fewest messages waiting and in hand.
        LEAST_BUSY / "LeastBusy" = 2;
    }
}

exported! {
    /// Who of a group gets a message.
    DELIVERY_MODE {
        /// One member.
        ONE_OF / "OneOf" = 0;
        /// Every member.
        ALL_OF / "All" = 1;
    }
}

exported! {
    /// What an answer to a request is: the topic word of its record in the inbox.
    ANSWER_KIND {
        /// A value: the payload.
        VALUE_ANSWER / "Value" = 0;
        /// An error of the handler: the payload tells of it.
        ERROR_ANSWER / "Error" = 1;
        /// The handler returned nothing.
        UNDEFINED_ANSWER / "Undefined" = 2;
        /// Nobody is subscribed, or wants it.
        NO_SUBSCRIBER / "NoSubscriber" = 3;
        /// The message was dropped.
        REQUEST_DROPPED / "Dropped" = 4;
        /// The subscriber's thread died.
        SUBSCRIBER_GONE / "SubscriberDied" = 5;
    }
}

exported! {
    /// Why a message is a dead letter: see [`super::dead_letters::Reason`].
    LETTER_REASON {
        /// Its last handler threw or rejected.
        HANDLER_ERROR / "HandlerError" = 0;
        /// Its last handler was not done in time.
        TIMEOUT / "Timeout" = 1;
        /// Its time was over.
        EXPIRED_LETTER / "Expired" = 2;
        /// A full subscription gave it up, or there was no memory.
        OVERFLOW_LETTER / "Overflow" = 3;
        /// Its subscriber's thread ended.
        SUBSCRIBER_DIED / "SubscriberDied" = 4;
        /// Its bytes were no value.
        UNDECODABLE_LETTER / "Undecodable" = 5;
        /// Nobody was subscribed.
        NO_SUBSCRIBER_LETTER / "NoSubscriber" = 6;
        /// Its subscription was ended.
        UNSUBSCRIBED_LETTER / "Unsubscribed" = 7;
    }
}

exported! {
    /// Sizes and bounds.
    BUS {
        /// Alignment of records, bytes.
        RECORD_ALIGN / "RecordAlign" = 8;
        /// Bytes of an extension.
        EXTENSION_BYTES / "ExtensionBytes" = 8;
        /// Bytes of the outbox.
        OUTBOX_BYTES / "OutboxBytes" = 64 * 1024;
        /// Records that an outbox holds before it is submitted.
        OUTBOX_RECORDS / "OutboxRecords" = 64;
        /// Bytes of the inbox for drained batches.
        INBOX_BYTES / "InboxBytes" = 64 * 1024;
        /// Bytes behind the inbox for CRITICAL records taken between two handlers.
        CRITICAL_INBOX_BYTES / "CriticalInboxBytes" = 8 * 1024;
        /// A longer payload area travels in an out-of-line block.
        INLINE_PAYLOAD_BYTES / "InlinePayloadBytes" = 4 * 1024;
        /// Largest payload area.
        MAX_PAYLOAD_BYTES / "MaxPayloadBytes" = 64 * 1024 * 1024;
        /// Longest topic or pattern, bytes of UTF-8.
        MAX_TOPIC_BYTES / "MaxTopicBytes" = 256;
        /// Most segments of a topic or pattern.
        MAX_TOPIC_SEGMENTS / "MaxTopicSegments" = 32;
        /// Most topics that a bus gives an id. The name of a further one travels with each message.
        MAX_TOPICS / "MaxTopics" = 128 * 1024;
        /// Most records of one drain.
        MAX_DRAIN_RECORDS / "MaxDrainRecords" = 512;
        /// Default of a subscription's queueLimit, messages.
        DEFAULT_QUEUE_LIMIT / "DefaultQueueLimit" = 16 * 1024;
        /// Default of ackTimeoutMs, milliseconds.
        DEFAULT_ACK_TIMEOUT_MS / "DefaultAckTimeoutMs" = 30_000;
        /// Default of maxAttempts.
        DEFAULT_MAX_ATTEMPTS / "DefaultMaxAttempts" = 5;
        /// Default of backoffMs, milliseconds.
        DEFAULT_BACKOFF_MS / "DefaultBackoffMs" = 100;
        /// Default of the most dead letters of a bus.
        DEFAULT_DEAD_LETTERS / "DefaultDeadLetters" = 10_000;
        /// Default of their most bytes.
        DEFAULT_DEAD_LETTER_BYTES / "DefaultDeadLetterBytes" = 64 * 1024 * 1024;
        /// Times that a dead letter is replayed without being forced.
        MAX_REPLAYS / "MaxReplays" = 16;
        /// Longest text of an error that a dead letter keeps, bytes.
        MAX_ERROR_BYTES / "MaxErrorBytes" = 2 * 1024;
        /// Bit of the extension PUBLISHED from which on it says for how many messages the time stands. Below are nanoseconds of the
        /// counter's clock.
        PUBLISHED_WEIGHT_BIT / "PublishedWeightBit" = 56;
        /// Latencies above this have no bucket of their own, milliseconds.
        LONGEST_LATENCY_MS / "LongestLatencyMs" = 60_000;
        /// `target` of a record in the inbox that is the answer to a request: `topic` is its kind, `sequence` the request's number.
        ANSWER_TARGET / "AnswerTarget" = u32::MAX as usize - 2;
    }
}

/// `target` of a record whose targets are listed behind the extensions.
pub const TARGET_LIST: u32 = u32::MAX;

/// `target` of an announcement: a record of the fixed part alone, which says that the subscription in the slot `topic`, if
/// its id is still `sequence`, has a message in its backlog.
pub const ANNOUNCEMENT: u32 = u32::MAX - 1;

/// Highest number of targets that one record lists; a larger fan-out on one thread takes several records.
pub const MAX_TARGETS: usize = 512;

/// A subscription with less room than this (messages) is asked at every publish. Two outboxes: one being
/// filled, one under way.
pub const ASK_MARGIN: u64 = 2 * OUTBOX_RECORDS as u64;

/// The same for one with less room than this in bytes.
pub const ASK_BYTES: u64 = 2 * OUTBOX_BYTES as u64;

/// Bytes that one thread's mailbox may hold, blocks included.
pub const MAILBOX_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of a mailbox past which subscriptions that drop what is too much put nothing more into it. Below half, at which
/// publishers that wait for the mailbox are called.
pub const DROPPING_MAILBOX_BYTES: u64 = MAILBOX_BYTES / 4;

/// Bytes that wait at most for a subscription that drops its oldest, payloads included. A larger message waits alone.
pub const BACKLOG_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes of a record with everything but a payload area: fixed part, nine extensions, targets.
pub const MAX_RECORD_OVERHEAD: usize = EXTENSIONS + 9 * EXTENSION_BYTES + 4 * MAX_TARGETS;

/// In the expiry of a record that a submit has left in an outbox: the other bits are a time, no longer a duration.
pub const EXPIRES_AT: u64 = 1 << 63;

/// In the milliseconds of a request that a submit has left in an outbox: the other bits are a time, no longer a duration.
pub const DEADLINE_MS: usize = 1 << 31;

/// A request that waits for longer than this, twelve days, has its time begin anew at each submit that leaves it there.
pub const LONGEST_KEPT_MS: u32 = 1 << 30;

/// Rounds a length up to the alignment of records.
pub const fn align(len: usize) -> usize {
    len.next_multiple_of(RECORD_ALIGN)
}

/// Where an extension lies in a record with these flags.
pub const fn extension_at(flags: usize, flag: usize) -> usize {
    EXTENSIONS + (flags & (flag - 1)).count_ones() as usize * EXTENSION_BYTES
}

const _: () = {
    assert!(EXTENSIONS == TARGET + 4 && EXTENSIONS.is_multiple_of(RECORD_ALIGN));
    assert!(SEQUENCE.is_multiple_of(8) && TIMESTAMP.is_multiple_of(8));
    assert!(
        ATTENTION >= BEGUN_HIGH + 4 + 64,
        "the word that others write has a cache line of its own"
    );
    assert!(CONTROL_BYTES >= ATTENTION + 128);
    assert!(MAX_RECORD_OVERHEAD + INLINE_PAYLOAD_BYTES <= crate::pool::SEGMENT_BYTES);
    assert!(MAX_RECORD_OVERHEAD + INLINE_PAYLOAD_BYTES <= CRITICAL_INBOX_BYTES);
    assert!(PRIORITIES == 4);
    assert!(DROPPING_MAILBOX_BYTES < MAILBOX_BYTES / 2);
};
