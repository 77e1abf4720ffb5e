//! Topics: their names, their process-wide ids, and the route of each.

use super::layout::{MAX_TOPIC_BYTES, MAX_TOPIC_SEGMENTS};
use super::route::Route;
use super::tally::Tallies;
use super::versions::RouteSlot;

/// What is wrong with the name of a topic or with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// Nothing, or nothing between two dots.
    EmptySegment,
    /// More than [`MAX_TOPIC_BYTES`].
    TooLong,
    /// More than [`MAX_TOPIC_SEGMENTS`].
    TooManySegments,
    /// A topic (not a pattern) with `*` or `**` as a segment.
    WildcardInTopic,
    /// A `*` beside other characters, which would not mean what it seems to.
    PartialWildcard,
}

impl std::fmt::Display for NameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EmptySegment => write!(
                f,
                "it has an empty segment; write segments of at least one character, joined by single dots"
            ),
            Self::TooLong => write!(f, "it has more than {MAX_TOPIC_BYTES} bytes of UTF-8"),
            Self::TooManySegments => write!(f, "it has more than {MAX_TOPIC_SEGMENTS} segments"),
            Self::WildcardInTopic => write!(
                f,
                "it has a wildcard; only patterns given to subscribe may have one"
            ),
            Self::PartialWildcard => write!(
                f,
                "a wildcard stands beside other characters; `*` and `**` are whole segments"
            ),
        }
    }
}

/// Checks a pattern. True when it has a wildcard.
pub fn check_pattern(pattern: &str) -> Result<bool, NameError> {
    if pattern.len() > MAX_TOPIC_BYTES {
        return Err(NameError::TooLong);
    }
    let mut wild = false;
    for (index, segment) in pattern.split('.').enumerate() {
        if index == MAX_TOPIC_SEGMENTS {
            return Err(NameError::TooManySegments);
        }
        match segment {
            "" => return Err(NameError::EmptySegment),
            "*" | "**" => wild = true,
            other if other.contains('*') => return Err(NameError::PartialWildcard),
            _ => (),
        }
    }
    Ok(wild)
}

/// Checks the name of a topic.
pub fn check_topic(topic: &str) -> Result<(), NameError> {
    if check_pattern(topic)? {
        Err(NameError::WildcardInTopic)
    } else {
        Ok(())
    }
}

/// A topic of a bus. Ids are process-wide and never given twice.
#[derive(Debug)]
pub struct Topic {
    /// Process-wide id, from 1.
    pub id: u32,
    /// Its name.
    pub name: Box<str>,
    /// Its route, for all publishers together.
    pub(super) routes: RouteSlot<Route>,
    /// What is published to it.
    pub tallies: Tallies,
}

impl Topic {
    /// A topic that has no route yet.
    pub fn new(id: u32, name: &str) -> Self {
        Self {
            id,
            name: name.into(),
            routes: RouteSlot::default(),
            tallies: Tallies::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(check_topic("a.b"), Ok(()));
        assert_eq!(check_topic("a.*"), Err(NameError::WildcardInTopic));
        assert_eq!(check_topic(""), Err(NameError::EmptySegment));
        assert_eq!(check_topic("a..b"), Err(NameError::EmptySegment));
        assert_eq!(check_topic("a."), Err(NameError::EmptySegment));
        assert_eq!(check_pattern("a.**.b"), Ok(true));
        assert_eq!(check_pattern("a.b*"), Err(NameError::PartialWildcard));
        assert_eq!(check_pattern("***"), Err(NameError::PartialWildcard));
        assert_eq!(check_pattern(&"a".repeat(257)), Err(NameError::TooLong));
        assert_eq!(
            check_pattern(&vec!["a"; 33].join(".")),
            Err(NameError::TooManySegments)
        );
        assert_eq!(check_pattern(&vec!["a"; 32].join(".")), Ok(false));
    }
}
