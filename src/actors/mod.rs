//! The only place that names actix: the actors, their state, and their messages.
//!
//! ```text
//!  gRPC ──> Directory ───Inbox────> Aggregate<Item>  one actor an item or sale: decides, has at most
//!              (bounded)            Aggregate<Sale>  one append in flight, answers when it has landed
//!                                        │ append
//!                                        v
//!                                     the log ──> Tail (reads and decodes once)
//!                                                   ├──> ProjectionActor, one a read model
//!                                                   └──> process::Manager, one a process: asks
//!                                                        aggregates for what events bring about
//!  read models ──> StockDesk, for all who watch the units left ──> gRPC, web
//!  gRPC, web ──> TrafficDesk ──try_send──> TrafficWriter, one a sale: packs beacons and appends
//! ```
//!
//! actix facts this rests on: `do_send` ignores a mailbox's bound, so only `try_send` is used; a
//! panic silently kills the thread it happens on, so the program's panic hook ends the process. An
//! actor that cannot continue stops; the next command rebuilds it from the log.

mod aggregate;
mod aggregates;
mod alert_evaluator;
mod await_desk;
mod batch;
mod clock_watch;
mod deadline;
mod demand;
mod directory;
mod failpoint;
mod fault;
mod freeze_watch;
mod freshness;
mod inbox;
mod lanes;
mod level_news;
mod metered;
mod moves;
mod other_nodes;
mod own_directory;
mod past;
mod patience;
mod permits;
pub mod process;
mod projection;
mod pulse;
mod readiness;
mod roll_desk;
mod sales;
mod service_level_desk;
mod shared;
mod stock_desk;
mod tail;
mod tally;
mod traffic;
mod webhook_notifier;

pub use aggregates::Aggregates;
pub use alert_evaluator::{AlertEvaluator, AlertEvaluatorParts};
pub use await_desk::{AwaitDesk, Settled};
pub use batch::Answer;
pub use clock_watch::{ClockWatch, StoreVerdict};
pub use deadline::Deadline;
pub use demand::DemandDesk;
pub use directory::{Census, Directory};
pub use fault::Fault;
pub use freeze_watch::FreezeWatch;
pub use freshness::Freshness;
pub use metered::{MeteredStore, OwnAppend, OwnAppends};
pub use moves::Moves;
pub use other_nodes::{
    IncomingCall, OtherNodes, Parcel, Passed, PassedFuture, SeesNodes, TakesParcels, WarmFuture,
};
pub use past::{Past, PastFault};
pub use patience::Lifeline;
pub use permits::{Permit, Permits};
pub use projection::{Progress, ProjectionHandle, start_projections};
pub use pulse::{Heads, Latencies, NodeParts, PulseDesk, PulseThread};
pub use readiness::{NotReady, Readiness, State, watch_store};
pub use roll_desk::RollDesk;
pub use sales::Sales;
pub use service_level_desk::ServiceLevelDesk;
pub use shared::Shared;
pub use stock_desk::{
    ItemStock, NotWatched, StockDesk, StockRound, StockThread, StockTold, StockWatcher,
};
pub use tail::{StreamObserver, Tail};
pub use traffic::{CatalogDesk, TrafficDesk, TrafficLimits, TrafficParts};
pub use webhook_notifier::{
    BadKey, BadNote, SigningKeys, Webhook, WebhookNotifier, WebhookNotifierParts, noted_position,
};
