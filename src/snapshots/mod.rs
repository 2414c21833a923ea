//! States of large streams, kept in files beside the log, so that not every event is folded again when
//! a node starts.
//!
//! A snapshot holds no fact: it is a fold of events that stand in the log, made from the log, and any
//! of these files may be deleted at any time. It is used only where the log holds its last event;
//! everything else about it is refused with a reason, and the stream is folded from its beginning.
//! `docs/adr/0010-snapshots.md` has the reasons.
//!
//! Read in this order: `mark` (which event a state stands behind), `file` (the format), `fold` (events
//! to a state), `load` (a snapshot and the events behind it), `rule` (when one is due), `keeper` (the
//! thread that writes them), `check` (each of them against a fold from the beginning).

mod check;
mod file;
mod fold;
mod keeper;
mod load;
mod mark;
mod rule;

pub use check::{CheckError, Checked, Finding, check};
pub use file::{NotWritten, Opened, Refused, SnapshotFiles};
pub use fold::{ClockMove, FoldError, Folded, fold};
pub use keeper::Snapshots;
pub use load::{Loaded, load};
pub use mark::Mark;
pub use rule::{Look, Rule};
