//! The metrics of a node, for Prometheus.
//!
//! Callers keep handles of their counters: no metric on the order path looks up a label, and a
//! batch costs a few additions, however many orders are in it. Values that can be read on request
//! are not counted but taken then, as a [`Reading`]. `deploy/ALERTS.md` explains each metric for
//! operators.

mod board;
mod calls;
mod clock;
mod commands;
mod labels;
mod latency;
mod peers;
mod projection;
mod reading;
mod register;
mod tls;
mod tokens;
mod watch;

use std::{fmt, fs, sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

pub use board::{BoardFigures, Following};
pub use calls::MethodCalls;
pub use commands::CommandCounters;
pub use labels::{
    AppendResult, BeaconResult, DeliveryResult, FaultReason, Label, LeftBoard, LeftOut, Outcome,
    Severity, StreamKind, TokenFault,
};
pub use latency::{Latency, quantile_us};
pub use projection::ProjectionReading;
pub use reading::Reading;
pub use tls::TlsReading;

use self::{
    calls::Calls,
    clock::ClockFigures,
    commands::CommandFamilies,
    peers::PeerFigures,
    register::{Labels, Seconds, gauge, series},
    tls::TlsFigures,
    watch::Watch,
};
use crate::values::{Kinds, ServiceLevel, UnixMs, number_of};

/// Upper bounds of the classes of append times, in seconds: a fast disk needs half a millisecond, a
/// cluster that elects a leader some seconds.
const APPEND_SECONDS: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// Upper bounds of the classes of events in one append.
const APPEND_EVENTS: [f64; 11] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 4_096.0];

/// All figures of a node.
pub struct Metrics {
    registry: Registry,
    commands: CommandFamilies,
    faults: Vec<Counter>,
    /// By kind of stream.
    appends: Vec<Appends>,
    beacons: Vec<Counter>,
    left_out: Vec<Counter>,
    tokens: tokens::TokenFigures,
    in_doubt: Gauge,
    watch: Watch,
    calls: Calls,
    board: BoardFigures,
    order_latency: Latency,
    append_latency: Latency,
    read_off: ReadOff,
}

/// The figures of the appends to one kind of stream.
struct Appends {
    results: Vec<Counter>,
    seconds: Histogram,
    events: Histogram,
}

/// Gauges that are set on request.
struct ReadOff {
    ready: Gauge,
    store_reachable: Gauge,
    items_awake: Gauge,
    sales_awake: Gauge,
    commands_waiting: Gauge,
    beacons_waiting: Gauge,
    level: Gauge,
    clock: ClockFigures,
    peers: PeerFigures,
    tls: TlsFigures,
    log_position: Gauge<u64, AtomicU64>,
    projection_position: Family<Labels<1>, Gauge<u64, AtomicU64>>,
    projection_lag: Family<Labels<1>, Seconds>,
    projection_stopped: Family<Labels<1>, Gauge>,
    resident_bytes: Option<Gauge>,
}

/// An item whose last append is in doubt. It counts as such until this is dropped.
pub struct InDoubt(Gauge);

impl Drop for InDoubt {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Figures that are all zero, of a node that started at that moment.
    pub fn new(started: UnixMs) -> Self {
        let mut registry = Registry::default();
        let commands = CommandFamilies::new(&mut registry);
        let faults = series::<FaultReason>(
            &mut registry,
            "reason",
            "doorbuster_faults",
            "Commands not answered, by what failed",
        );
        let appends = appends(&mut registry);
        let beacons = series::<BeaconResult>(
            &mut registry,
            "result",
            "doorbuster_beacons",
            "Beacons that came, by what became of them",
        );
        let left_out = series::<LeftOut>(
            &mut registry,
            "part",
            "doorbuster_left_out",
            "Calls, orders and beacons not taken because of the level of the service",
        );
        let tokens = tokens::TokenFigures::new(&mut registry);
        let in_doubt = gauge(
            &mut registry,
            "doorbuster_items_in_doubt",
            "Items and sales that do not know what became of their last append",
        );
        let watch = Watch::new(&mut registry);
        let calls = Calls::new(&mut registry);
        let board = BoardFigures::new(&mut registry);
        let read_off = ReadOff::new(&mut registry);
        about_the_program(&mut registry, started);
        Self {
            registry,
            commands,
            faults,
            appends,
            beacons,
            left_out,
            tokens,
            in_doubt,
            watch,
            calls,
            board,
            order_latency: Latency::default(),
            append_latency: Latency::default(),
            read_off,
        }
    }

    /// The counters for commands `C` with refusals `R` that can be misdirected as `M`.
    pub fn command_counters<C: Kinds, R: Kinds, M: Kinds>(&self) -> CommandCounters {
        self.commands.counters::<C, R, M>()
    }

    /// Commands that met a fault.
    pub fn faulted(&self, reason: FaultReason, commands: u64) {
        self.faults[reason.place()].inc_by(commands);
    }

    /// An append of so many events came back after so long.
    pub fn appended(
        &self,
        stream: StreamKind,
        result: AppendResult,
        events: usize,
        took: Duration,
    ) {
        let appends = &self.appends[stream.place()];
        appends.results[result.place()].inc();
        appends.seconds.observe(took.as_secs_f64());
        match stream {
            StreamKind::Item => self.append_latency.took(took, 1),
            StreamKind::Sale
            | StreamKind::Coupon
            | StreamKind::Quota
            | StreamKind::Demand
            | StreamKind::Fulfilment
            | StreamKind::Traffic
            | StreamKind::Alert
            | StreamKind::Incident
            | StreamKind::Script
            | StreamKind::Level
            | StreamKind::Node => {}
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "an append has some thousand events at most"
        )]
        appends.events.observe(events as f64);
    }

    /// From taking attempts to order in to answering them.
    pub fn order_latency(&self) -> &Latency {
        &self.order_latency
    }

    /// Appends to items, from being handed to the store to its answer.
    pub fn append_latency(&self) -> &Latency {
        &self.append_latency
    }

    /// The figures of the board.
    pub fn board(&self) -> &BoardFigures {
        &self.board
    }

    /// Beacons of which the same became.
    pub fn beacons(&self, result: BeaconResult, beacons: u64) {
        self.beacons[result.place()].inc_by(beacons);
    }

    /// So many calls, orders or beacons were not taken because of the level of the service.
    pub fn left_out(&self, part: LeftOut, count: u64) {
        self.left_out[part.place()].inc_by(count);
    }

    /// Counts an item or sale as in doubt until the answer is dropped.
    pub fn in_doubt(&self) -> InDoubt {
        self.in_doubt.inc();
        InDoubt(self.in_doubt.clone())
    }

    /// So many alerts of that severity are raised, as this node sees it.
    pub fn alerts_firing(&self, severity: Severity, alerts: usize) {
        self.watch.alerts_firing(severity, alerts);
    }

    /// A delivery to the webhook was tried, and this became of it.
    pub fn delivery(&self, result: DeliveryResult) {
        self.watch.delivery(result);
    }

    /// The counter of a method of the contract, for its service.
    pub fn calls_of(&self, method: String) -> MethodCalls {
        self.calls.of(method)
    }

    /// A call was refused because of its token or its role.
    pub fn token_refused(&self, why: TokenFault) {
        self.tokens.refused(why);
    }

    /// Whether the file of tokens is missing or wrong.
    pub fn tokens_file_is_bad(&self, bad: bool) {
        self.tokens.file_is_bad(bad);
    }

    /// Everything in the OpenMetrics text format, with what was read off just now.
    ///
    /// # Errors
    /// Never in practice: writing into a text does not fail.
    pub fn text(&self, reading: &Reading) -> Result<String, fmt::Error> {
        self.read_off.set(reading);
        let mut text = String::with_capacity(16 * 1024);
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl ReadOff {
    fn new(registry: &mut Registry) -> Self {
        let ready = gauge(registry, "doorbuster_ready", "1 while /readyz says 200, else 0");
        let store_reachable =
            gauge(registry, "doorbuster_store_reachable", "1 while the store answers, else 0");
        let items_awake =
            gauge(registry, "doorbuster_items_awake", "Items with their state in memory");
        let sales_awake =
            gauge(registry, "doorbuster_sales_awake", "Sales with their state in memory");
        let commands_waiting = gauge(
            registry,
            "doorbuster_commands_waiting",
            "Commands that wait at items and sales, undecided or not yet in the log",
        );
        let beacons_waiting = gauge(
            registry,
            "doorbuster_beacons_waiting",
            "Beacons that were taken and are not yet in the log",
        );
        let level = gauge(
            registry,
            "doorbuster_service_level",
            "How much of the service runs: 0 full, 1 no_traffic, 2 no_board_detail, 3 core_only, 4 closed",
        );
        let log_position = Gauge::default();
        registry.register(
            "doorbuster_log_position",
            "Position of the log's last event, as far as this node knows",
            log_position.clone(),
        );
        let projection_position = Family::default();
        registry.register(
            "doorbuster_projection_position",
            "Position of the last event that a projection has applied",
            projection_position.clone(),
        );
        let projection_lag = Family::default();
        registry.register(
            "doorbuster_projection_lag_seconds",
            "Age of the oldest event that a projection has not applied yet",
            projection_lag.clone(),
        );
        let projection_stopped = Family::default();
        registry.register(
            "doorbuster_projection_stopped",
            "1 once a projection stopped at what it cannot apply, else 0",
            projection_stopped.clone(),
        );
        let resident_bytes = resident_bytes().map(|_| {
            gauge(registry, "process_resident_memory_bytes", "Memory of the process in use")
        });
        Self {
            ready,
            store_reachable,
            items_awake,
            sales_awake,
            commands_waiting,
            beacons_waiting,
            level,
            log_position,
            clock: ClockFigures::new(registry),
            peers: PeerFigures::new(registry),
            tls: TlsFigures::new(registry),
            projection_position,
            projection_lag,
            projection_stopped,
            resident_bytes,
        }
    }

    fn set(&self, reading: &Reading) {
        let count = |gauge: &Gauge, count: usize| gauge.set(number_of(count));
        self.ready.set(reading.ready.into());
        self.store_reachable.set(reading.store_reachable.into());
        count(&self.items_awake, reading.items_awake);
        count(&self.sales_awake, reading.sales_awake);
        count(&self.commands_waiting, reading.commands_waiting);
        count(&self.beacons_waiting, reading.beacons_waiting);
        let place = ServiceLevel::ALL.iter().position(|level| *level == reading.level);
        count(&self.level, place.unwrap_or_default());
        self.log_position.set(reading.log_position);
        self.clock.set(reading);
        self.peers.set(reading);
        self.tls.set(reading.tls);
        for projection in &reading.projections {
            let labels = [("projection", projection.name)];
            self.projection_position.get_or_create_owned(&labels).set(projection.position);
            self.projection_lag.get_or_create_owned(&labels).set(projection.lag.as_secs_f64());
            self.projection_stopped.get_or_create_owned(&labels).set(projection.stopped.into());
        }
        if let (Some(gauge), Some(bytes)) = (&self.resident_bytes, resident_bytes()) {
            gauge.set(bytes);
        }
    }
}

fn appends(registry: &mut Registry) -> Vec<Appends> {
    let results: Family<Labels<2>, Counter> = Family::default();
    let seconds = Family::<Labels<1>, Histogram, fn() -> Histogram>::new_with_constructor(|| {
        Histogram::new(APPEND_SECONDS)
    });
    let events = Family::<Labels<1>, Histogram, fn() -> Histogram>::new_with_constructor(|| {
        Histogram::new(APPEND_EVENTS)
    });
    let of = |kind: &StreamKind| {
        let stream = ("stream", kind.name());
        let counter = |result: &AppendResult| {
            results.get_or_create_owned(&[stream, ("result", result.name())])
        };
        Appends {
            results: AppendResult::ALL.iter().map(counter).collect(),
            seconds: seconds.get_or_create_owned(&[stream]),
            events: events.get_or_create_owned(&[stream]),
        }
    };
    let appends = StreamKind::ALL.iter().map(of).collect();
    registry.register(
        "doorbuster_appends",
        "Appends that came back, by what became of them",
        results,
    );
    registry.register(
        "doorbuster_append_seconds",
        "Time from handing an append to the store until it said what became of it",
        seconds,
    );
    registry.register("doorbuster_append_events", "Events in one append", events);
    appends
}

fn about_the_program(registry: &mut Registry, started: UnixMs) {
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("doorbuster_build", "The version that is running", build);
    let start = Seconds::default();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit for ages to come")]
    start.set(started.0 as f64 / 1000.0);
    // Named as every Prometheus client names it, so that common dashboards find it.
    registry.register("process_start_time_seconds", "When the node started, since 1970", start);
}

/// Memory that is really there; known on Linux only.
fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
