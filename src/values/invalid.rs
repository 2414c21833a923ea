//! The error for invalid input: the field and the problem.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest problem in bytes. It may quote the input, and an error travels in the headers of
/// HTTP/2, where a longer one would break the connection.
const PROBLEM_BYTES_MAX: usize = 1_000;

/// Input that was refused before anything happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub struct Invalid {
    /// Path of the field as its author knows it, for example `items[1].unit_price_minor`.
    pub field: String,
    /// What was wrong, as the rest of a sentence that starts with the field's name.
    pub problem: String,
}

impl Invalid {
    /// Names a field and what was wrong with it.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        let (field, mut problem) = (field.into(), problem.into());
        if problem.len() > PROBLEM_BYTES_MAX {
            problem.truncate(problem.floor_char_boundary(PROBLEM_BYTES_MAX));
            problem.push('…');
        }
        Self { field, problem }
    }

    /// The same problem seen from one level further out: `units` becomes `items[3].units`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = format!("{outer}.{}", self.field);
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}
