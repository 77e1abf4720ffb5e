//! What can be wrong with a filter.

use std::error::Error;
use std::fmt;

/// A filter that cannot be subscribed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where: `filter.conditions[2].value`.
    pub at: String,
    /// What is wrong there, to be read behind the place.
    pub problem: String,
}

impl FilterError {
    pub(super) fn new(at: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.problem)
    }
}

impl Error for FilterError {}
