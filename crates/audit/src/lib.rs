//! The verifier: a second opinion on the whole log.
//!
//! It recomputes every promise that a log can show: the hash chains, the order of events, and for
//! each item, at every prefix, that no unit was sold twice. A log file of the embedded store is opened
//! read-only and read in one snapshot; the events of any other store are passed in. The crate depends on
//! no other crate of this workspace and repeats even the names of events, because a mistake that is
//! shared is a mistake that is not found. It never changes the log.

mod audience;
mod auditor;
mod bodies;
mod certificate;
mod chain;
mod coupons;
mod demand;
mod fulfilment;
mod item;
mod ladder;
mod log_file;
mod merkle;
mod nodes;
mod offers;
mod operations;
mod order_coupons;
mod order_proof;
mod orders;
mod proof;
mod quota;
mod reserve_plan;
mod sale;
mod schedule;
mod shown;
mod stock;
mod traffic;

use std::path::{Path, PathBuf};

use uuid::Uuid;

pub use certificate::{ItemTotals, Judged, Opening, OrderCounts, Seal, Units};
pub use order_proof::{OrderProof, OrderSearch, Unproved};
pub use proof::{FINDINGS_MAX, Finding, Proof};
pub use shown::{ShownEvent, Verifier};

/// Why a log could not be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no log in that directory.
    #[error("there is no log at {}", .0.display())]
    Missing(PathBuf),
    /// The file is something else, or a log of a version that this verifier does not know.
    #[error("{} is not a log this version can verify: {why}", path.display())]
    Foreign { path: PathBuf, why: String },
    /// SQLite cannot read its own pages any more.
    #[error("{} is damaged: {why} (events up to position {read} could be read)", path.display())]
    Damaged { path: PathBuf, why: String, read: u64 },
    /// The operating system does not let us read it.
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
}

/// Verifies the log in the data directory `dir`.
///
/// `progress` is told, now and then, how many events are read and how many there are.
///
/// A server may run on the same directory: it is not disturbed, but its log file cannot shrink
/// meanwhile, because all is read in one snapshot. Nothing in the log is changed. Where no server
/// runs, SQLite may leave an empty `log.db-wal` and a `log.db-shm`, which the next server takes over.
///
/// An error says that the log could not be judged; what was judged and found wrong is in the
/// proof's findings.
pub fn verify(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Proof, AuditError> {
    judge(dir, item::Keep::default(), progress).map(|judged| judged.proof)
}

/// Verifies like [`verify`] and keeps what a certificate is made of, in about 32 bytes more an order.
/// The buyer of `opening_of` is remembered, so that the certificate's hash can be opened.
///
/// # Errors
/// As [`verify`].
pub fn verify_to_certify(
    dir: &Path,
    opening_of: Option<Uuid>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Judged, AuditError> {
    judge(dir, item::Keep { certificate: true, opening_of }, progress)
}

fn judge(
    dir: &Path,
    keep: item::Keep,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Judged, AuditError> {
    let log = log_file::LogFile::open(&dir.join("log.db"))?;
    log_file::audit(&log, keep, progress)
}
