//! Why a table was not written, and which.

use crate::reports::{ReportError, TableError};

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
pub enum BiError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("the log: {0}")]
    Log(String),
    #[error(transparent)]
    Table(#[from] TableError),
    /// Where it happened.
    #[error("table {table}, {file}: {error}")]
    At { table: &'static str, file: String, error: Box<Self> },
}

impl From<rusqlite::Error> for BiError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Report(error.into())
    }
}

impl From<std::io::Error> for BiError {
    fn from(error: std::io::Error) -> Self {
        Self::Table(error.into())
    }
}
