//! Why a recording cannot be used.

use std::{io, path::PathBuf};

use crate::values::Invalid;

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    #[error("{} cannot be opened: {error}", path.display())]
    Open { path: PathBuf, error: io::Error },
    /// The file ended or broke in the middle, for example a truncated gzip file.
    #[error("line {line} cannot be read: {error}")]
    Read { line: u64, error: io::Error },
    /// The row is not one of recorded traffic.
    #[error("line {line}: {problem}")]
    Row { line: u64, problem: Invalid },
    /// There is nothing in the file that can be used.
    #[error("{0}")]
    Nothing(String),
}

impl TrafficError {
    /// There are no rows, or bad ones only.
    pub fn no_rows(skipped: u64, first: Option<&str>) -> Self {
        Self::Nothing(match first {
            None => "the file holds no rows".to_owned(),
            Some(first) => {
                format!("the file holds no good rows: {skipped} were left out, the first: {first}")
            }
        })
    }
}
