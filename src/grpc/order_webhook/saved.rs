//! How far an order webhook has come, in a small file of the data directory.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::private;

/// Its name.
const FILE: &str = "order-webhook.json";

/// Deliveries that are kept aside, at most.
pub(super) const FAILED_MAX: usize = 1_000;

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    /// Of `FollowOrders`: everything before it was delivered or set aside.
    pub(super) token: String,
    pub(super) position: u64,
    /// Why nothing is sent, and since when.
    pub(super) paused: Option<(Paused, i64)>,
    /// What was set aside, the first one first.
    pub(super) failed: Vec<Failed>,
}

/// Why nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Paused {
    Operator,
    /// The receiver said that it is gone for good.
    Gone,
    /// The token is of another log.
    LogChanged,
    TooManyFailed,
}

/// A delivery that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failed {
    pub(super) event_id: String,
    pub(super) position: u64,
    /// Its number in the contract.
    pub(super) kind: i32,
    pub(super) item_id: String,
    pub(super) order_id: String,
    pub(super) why: String,
    pub(super) at_ms: i64,
    /// It is to be sent again.
    pub(super) again: bool,
}

/// A file that cannot be gone on from. To begin elsewhere would leave deliveries out, or repeat all.
#[derive(Debug, thiserror::Error)]
#[error("{file} {problem}: restore it, or remove it to begin with what happens from now on")]
pub struct BadSaved {
    file: String,
    problem: String,
}

impl Paused {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Gone => "gone",
            Self::LogChanged => "log_changed",
            Self::TooManyFailed => "too_many_failed",
        }
    }
}

impl Failed {
    /// What events are in order by.
    pub(super) fn key(&self) -> &str {
        if self.order_id.is_empty() { &self.item_id } else { &self.order_id }
    }
}

impl Saved {
    /// What was kept; `None` where there never was anything.
    pub(super) fn read(data: &Path) -> Result<Option<Self>, BadSaved> {
        let file = path(data);
        let bad = |problem: String| BadSaved { file: file.display().to_string(), problem };
        match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| bad(format!("cannot be read: {error}"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(bad(format!("cannot be read: {error}"))),
        }
    }

    /// Writes it so that the file holds what it did before or this, also after a power failure.
    pub(super) fn write(&self, data: &Path) -> io::Result<()> {
        let draft = data.join(format!("{FILE}.new"));
        let mut file = private::file().truncate(true).open(&draft)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(draft, path(data))?;
        File::open(data)?.sync_all()
    }
}

fn path(data: &Path) -> PathBuf {
    data.join(FILE)
}
