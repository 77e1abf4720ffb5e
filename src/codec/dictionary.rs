//! The strings that version 1 of the format knows by number (`D5`, and one byte as a key).
//!
//! The list is part of the format: what is stored by these numbers depends on it, so nothing in it is ever
//! moved, removed or replaced. Another list is another version.

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use super::text::Units;

/// How many strings there are: one for each value of the byte that names them.
pub const COUNT: usize = 256;
/// Those below this number are one byte as a key.
pub const SHORT_KEYS: u8 = 128;

/// The strings by number. ASCII, distinct, of 2 characters or more; the first 128 mostly keys.
#[rustfmt::skip]
pub const STRINGS: [&str; COUNT] = [
    // 0
    "id", "type", "agent", "task", "result", "status", "payload", "timestamp",
    "priority", "data", "error", "message", "name", "value", "key", "source",
    "target", "from", "to", "topic", "event", "action", "command", "request",
    "response", "correlationId", "metadata", "headers", "version", "sequence", "duration", "progress",
    // 32
    "state", "pending", "running", "completed", "failed", "cancelled", "timeout", "retry",
    "success", "code", "reason", "details", "config", "options", "context", "session",
    "memory", "cpu", "load", "metrics", "heartbeat", "coordination", "agentId", "taskId",
    "taskType", "critical", "high", "normal", "low", "input", "output", "count",
    // 64
    "agents", "tasks", "results", "messages", "events", "items", "values", "children",
    "parent", "parentId", "sessionId", "userId", "traceId", "spanId", "requestId", "messageId",
    "createdAt", "updatedAt", "startedAt", "completedAt", "expiresAt", "deadline", "description", "title",
    "content", "text", "role", "model", "prompt", "tokens", "tool", "tools",
    // 96
    "toolCalls", "arguments", "function", "parameters", "properties", "required", "enabled", "index",
    "total", "size", "length", "limit", "offset", "score", "weight", "level",
    "tags", "labels", "path", "url", "method", "body", "params", "query",
    "attempts", "maxAttempts", "retries", "dependencies", "capabilities", "resources", "usage", "stack",
    // 128: strings that come as values, and rarer keys
    "task.assignment", "task.result", "agent.heartbeat", "agent.status", "task.created", "task.started",
    "task.progress", "task.completed", "task.failed", "task.cancelled", "agent.started", "agent.stopped",
    "object", "string", "number", "boolean", "array", "integer", "null", "true", "false", "undefined",
    "user", "assistant", "system", "developer", "function_call", "tool_use", "tool_result",
    "image", "file", "json", "application/json", "text/plain", "utf-8", "base64",
    "GET", "POST", "PUT", "DELETE", "http", "https", "ok", "warning", "info", "debug", "fatal", "unknown",
    // 176
    "active", "inactive", "idle", "busy", "ready", "waiting", "blocked", "paused",
    "stopped", "starting", "stopping", "healthy", "unhealthy", "degraded", "online", "offline",
    "open", "closed", "done", "queued", "assigned", "accepted", "rejected", "approved",
    "coordinator", "worker", "planner", "researcher", "coder", "reviewer", "tester", "analyst",
    // 208
    "architect", "optimizer", "monitor", "leader", "follower", "broadcast", "subscribe", "unsubscribe",
    "publish", "channel", "queue", "stream", "chunk", "start", "end", "startTime",
    "endTime", "time", "date", "category", "kind", "scope", "group", "groupId",
    "owner", "ownerId", "host", "port", "environment", "region", "throughput", "latency",
    // 240
    "cpuUsage", "memoryUsage", "activeTasks", "completedTasks", "failedTasks", "queueDepth", "uptime", "workflow",
    "workflowId", "step", "steps", "phase", "plan", "goal", "goals", "strategy",
];

/// The number of a string, if the dictionary has it.
pub fn number_of(units: Units<'_>) -> Option<u8> {
    static NUMBERS: LazyLock<HashMap<Vec<u16>, u8, RandomState>> = LazyLock::new(|| {
        let numbered = STRINGS.iter().zip(0..=u8::MAX);
        numbered
            .map(|(text, number)| (text.encode_utf16().collect(), number))
            .collect()
    });
    if units.len() > LONGEST || units.len() < SHORTEST {
        return None;
    }
    let mut buffer = [0; LONGEST];
    let mut length = 0;
    for (place, unit) in buffer.iter_mut().zip(units.iter()) {
        *place = unit;
        length += 1;
    }
    NUMBERS.get(&buffer[..length]).copied()
}

const LONGEST: usize = 16;
const SHORTEST: usize = 2;

// Every string is ASCII and of a length that `number_of` looks at.
const _: () = {
    let mut index = 0;
    while index < COUNT {
        let text = STRINGS[index];
        assert!(text.is_ascii() && text.len() >= SHORTEST && text.len() <= LONGEST);
        index += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Text;

    #[test]
    fn every_string_has_its_own_number() {
        for (text, number) in STRINGS.iter().zip(0..=u8::MAX) {
            assert_eq!(number_of(Text::from(*text).units()), Some(number), "{text}");
            let wide = Text::TwoByte(text.encode_utf16().collect());
            assert_eq!(number_of(wide.units()), Some(number), "{text}");
        }
        for other in [
            "",
            "i",
            "ID",
            "task.assignment.",
            "日本",
            "a string that is long",
        ] {
            assert_eq!(number_of(Text::from(other).units()), None, "{other}");
        }
    }

    /// Numbers are stored in files: this fails when the list changes in any way.
    #[test]
    fn the_list_never_changes() {
        assert_eq!(
            crc32fast::hash(STRINGS.join("\n").as_bytes()),
            2_793_536_215
        );
    }
}
