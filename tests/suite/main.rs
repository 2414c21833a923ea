//! One test binary, so that the tree is linked once. What belongs where:

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

/// Counts what the whole binary allocates: see `spec::memory`.
#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

/// What is out of order is said once, and no longer when it is in order again.
mod alerts;
/// Read models are of the log that is open, or built anew.
mod another_log;
/// The verifier finds every kind of damage.
mod audit;
/// The board: pulses, frames for all who look, limits, steering.
mod board;
/// What the board shows: panels, items, the log, in two languages, and nothing that does anything.
mod board_pages;
/// The command line's files, settings and output.
mod cli;
/// A wall clock that is wrong for a moment ends no sale, and one that was set moves live deadlines.
mod clock;
/// On a cluster: the contract, and what happens when the wire fails.
mod cluster;
/// A log copied between stores is the same log, or the copy is refused.
mod copy;
/// Coupons: batches, claims, redemptions.
mod coupons;
/// Kill the real binary under load; nothing acknowledged is lost.
mod crash;
/// Simulated and recorded shoppers.
mod crowd;
/// The server that speaks the protocol of EventStoreDB, called by the official client.
mod devstore;
/// A real server on loopback, called over gRPC.
mod e2e;
/// Every stored form of an event still decodes.
mod events;
/// Figures of a sale: by hand, without a server, as of an earlier moment.
mod figures;
/// What an earlier program wrote and answered, byte for byte.
mod fixtures;
/// Folds of events into read models, rebuilds, reports.
mod fold;
/// Exports of paid orders: each order once, the same bytes for ever.
mod fulfilment;
/// Clients that would cost a server its memory, its connections or its end.
mod hostile;
/// The contract over plain HTTP: JSON in, the same answers and failures out.
mod http;
/// Incidents: their steps, and what they cost.
mod incidents;
/// A log that lost what was answered is refused; crashes and power losses are not taken for it.
mod integrity;
/// Shoppers on their way: funnel, traffic, attribution, portrait, paths, retention.
mod journeys;
/// The tokens that tests call with.
mod known_tokens;
/// How much of the service runs: set, followed, enforced.
mod levels;
mod levers;
/// The decider against a simple model, over random command sequences.
mod model;
/// Several nodes on one store: any node serves any item, and none is ever wrong.
mod nodes;
mod order_events;
/// The webhook of order events: order, retries, what is set aside, private addresses.
mod order_webhook;
mod ownership;
/// The post-mortem as HTML, Markdown and rows.
mod pages;
/// Nodes among each other: letters between them.
mod peers;
/// What an order costs: ladders, time prices, offers, gifts.
mod prices;
/// Files for their owner only; failures said with a bound.
mod private;
/// What events and deadlines ask of aggregates is asked, and never takes effect twice.
mod processes;
/// The limit of a buyer over a whole sale.
mod quota;
/// What failed for a reason outside goes on by itself when the reason is gone.
mod recovery;
/// Money that is due back: listed, settled, counted.
mod refunds;
/// The log once more: states as they were, other rules, one shopper's story.
mod replay;
/// A sale gets another window, and its items follow.
mod rescheduled;
/// What buyers paid is what every report adds up to.
mod revenue;
/// What stands between clients and several nodes.
mod routing;
/// The table of RPCs against the descriptors and against what the server does.
mod rpcs;
/// Wordings of customer service: versions, variables, and what is said to whom.
mod scripts;
/// What the end-to-end tests share.
mod support;
/// Which text is taken, and how a refused character is named.
mod text;

/// States of large items in files: what a fold comes to, or ignored.
mod snapshots;

/// The deciders, given/when/then and scripted tables: every rule, every refusal. Pure.
mod spec;
/// Many shoppers at once; the promises hold for every seed.
mod stampede;
/// Operators change a running sale, on the record.
mod steering;
/// Watching stock: what is told, limits, ends, pages.
mod stock_watch;
/// One contract, every store.
mod store;
/// The house rules: imports, sizes, words.
mod tidy;
/// Encrypted connections: certificates of the tests' own authority, good and bad.
mod tls;
/// Who may call what: tokens, roles, and what they may see.
mod tokens;
/// Which call a log line or a fault is about.
mod traces;
/// Beacons come in, count once, and give way to orders; recordings are imported.
mod traffic;
/// Orders that wait for the store, and those that come then.
mod waiting;
/// What machines ask a node, and what watches over it.
mod web;
