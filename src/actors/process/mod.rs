//! Process managers: the one way from the log to a command that no client sends.
//!
//! ```text
//!  the log ──observe──> what is still to be asked ──due──> decide (pure) ──ask──> aggregate
//!     ^                          │ oldest                                            │
//!     └──── checkpoint <─────────┘                                    its events <───┘
//! ```
//!
//! A process folds events into the work that is still to be done, decides what the work asks of which
//! aggregate, and asks under request ids that are derived from the events. The checkpoint never passes
//! an event whose work is not done, and a process asks only after it has read what the log held at the
//! start. A crash between any two steps therefore repeats a command at most, and the aggregate answers a
//! repeated command without an event. Several nodes may run the same process on one store, and a lost
//! checkpoint costs the time to read the log once more.

mod ask;
mod checkpoint;
mod contract;
mod earn_coupons;
mod look_after;
mod reactions;
mod runner;
mod tell_items;
mod tried;
mod wake;

pub use ask::{Ask, Receivers};
pub(super) use ask::{tell, tell_batches};
pub use contract::{Known, Process};
pub use earn_coupons::EarnCoupons;
pub use look_after::LookAfterOrders;
pub use reactions::Reactions;
pub use runner::{Manager, ManagerParts};
pub use tell_items::TellItems;
pub(super) use tell_items::{batches, commands};
pub use wake::WakeItems;
