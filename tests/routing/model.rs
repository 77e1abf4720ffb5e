//! The plain model: patterns matched by recursion, one by one.

use proptest::prelude::*;

/// True when the pattern matches the topic.
pub fn matches(pattern: &str, topic: &str) -> bool {
    let split = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
    segments_match(&split(pattern), &split(topic))
}

fn segments_match(pattern: &[String], topic: &[String]) -> bool {
    match (pattern.split_first(), topic.split_first()) {
        (None, None) => true,
        (Some((many, rest)), _) if many == "**" => {
            (0..=topic.len()).any(|skipped| segments_match(rest, &topic[skipped..]))
        }
        (Some((segment, rest)), Some((found, topic_rest))) => {
            (segment == "*" || segment == found) && segments_match(rest, topic_rest)
        }
        _ => false,
    }
}

/// Paths of up to five segments, each of which fulfils a regular expression.
pub fn path(segment: &'static str) -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(segment.prop_map(|segment: String| segment), 1..6);
    segments.prop_map(|segments| segments.join("."))
}

/// Patterns of few segments, so that many match.
pub fn pattern() -> impl Strategy<Value = String> {
    path("[ab]|\\*|\\*\\*")
}
