//! How fast beacons come in: over `RecordTraffic` in batches, and from a file without a server.
//!
//! There is no echo to compare with: what is stated are beacons a second, durable, with the load on
//! the same machine.

use std::{
    env,
    fs::File,
    io::{BufWriter, Write as _},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::{task::JoinSet, time::Instant};

use super::super::demo::directory::Scratch;
use crate::{
    crowd::{
        caller::connect,
        operator::Token,
        plan::{scatter, uuid_of},
        summary::rounded,
    },
    grpc::proto::{
        Beacon, RecordTrafficRequest, TrafficAction, traffic_service_client::TrafficServiceClient,
    },
};

const CONNECTIONS: u64 = 4;
const BEACONS_PER_MESSAGE: u64 = 1_000;
/// Messages of one call: a call is answered when all of its beacons are durable.
const MESSAGES_PER_CALL: u64 = 50;
const VISITORS: u64 = 100_000;
const ROWS: u64 = 1_000_000;

/// What was measured; the names are an interface.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BeaconFigures {
    /// Beacons a second that `RecordTraffic` accepted: in the log when it answered.
    pub recorded_per_second: f64,
    /// Of those that were sent, the ones that were not accepted.
    pub not_accepted: u64,
    /// Rows a second that `traffic import` brought into an empty log, its start included.
    pub imported_per_second: f64,
}

/// Measures both. `run` makes the ids of this run different from those of all others.
pub async fn measure(
    (url, token): (&str, &Token),
    item_id: &str,
    run: u64,
    duration: Duration,
) -> anyhow::Result<BeaconFigures> {
    let (recorded_per_second, not_accepted) = record((url, token), item_id, run, duration).await?;
    let imported_per_second = tokio::task::spawn_blocking(import).await??;
    Ok(BeaconFigures { recorded_per_second, not_accepted, imported_per_second })
}

async fn record(
    (url, token): (&str, &Token),
    item_id: &str,
    run: u64,
    duration: Duration,
) -> anyhow::Result<(f64, u64)> {
    let next = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    let start = Instant::now();
    let until = start + duration;
    for _ in 0..CONNECTIONS {
        let mut client = TrafficServiceClient::new(connect(url, token).await?);
        let (next, item_id) = (Arc::clone(&next), item_id.to_owned());
        callers.spawn(async move {
            let mut accepted = 0;
            while Instant::now() < until {
                let (next, item_id) = (Arc::clone(&next), item_id.clone());
                let messages = (0..MESSAGES_PER_CALL).map(move |_| {
                    let first = next.fetch_add(BEACONS_PER_MESSAGE, Ordering::Relaxed);
                    let numbers = first..first + BEACONS_PER_MESSAGE;
                    let beacons = numbers.map(|number| beacon(run, number, &item_id));
                    RecordTrafficRequest { beacons: beacons.collect() }
                });
                let answer = client.record_traffic(futures_util::stream::iter(messages)).await;
                accepted += answer?.into_inner().accepted;
            }
            Ok::<i64, tonic::Status>(accepted)
        });
    }
    let mut accepted = 0;
    while let Some(ended) = callers.join_next().await {
        accepted += u64::try_from(ended??).unwrap_or(0);
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let per_second = accepted as f64 / seconds.max(0.001);
    Ok((rounded(per_second), next.load(Ordering::Relaxed).saturating_sub(accepted)))
}

fn beacon(run: u64, number: u64, item_id: &str) -> Beacon {
    let mut beacon = Beacon {
        beacon_id: uuid_of(scatter(run ^ 1), number).to_string(),
        item_id: item_id.to_owned(),
        visitor: format!("visitor-{}", scatter(number) % VISITORS),
        channel: ["app", "web", "live"][usize::try_from(number % 3).unwrap_or(0)].to_owned(),
        page: "/item/1".to_owned(),
        ..Beacon::default()
    };
    beacon.set_action(TrafficAction::View);
    beacon
}

fn import() -> anyhow::Result<f64> {
    let scratch = Scratch::new("doorbuster-import")?;
    let file = scratch.path().join("rows.csv");
    let mut rows = BufWriter::new(File::create(&file)?);
    for row in 0..ROWS {
        let (user, item) = (scatter(row) % VISITORS, scatter(row ^ 7) % 5_000);
        writeln!(rows, "{user},{item},{},pv,{}", item % 100, 1_511_658_000 + row / 500)?;
    }
    rows.flush()?;
    drop(rows);
    let program = env::current_exe().context("this program cannot find itself")?;
    let start = Instant::now();
    let ended = Command::new(program)
        .args(["traffic", "import", "--quiet", "--json"])
        .arg(&file)
        .arg("--data")
        .arg(scratch.path().join("data"))
        .env("DOORBUSTER_STORE", "embedded")
        .stdout(Stdio::null())
        .status()
        .context("the import")?;
    if !ended.success() {
        bail!("the import failed");
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let per_second = ROWS as f64 / start.elapsed().as_secs_f64();
    Ok(rounded(per_second))
}

/// The figures for people.
pub fn lines(figures: &BeaconFigures) -> String {
    format!(
        "beacons: {:.0}/s over RecordTraffic, durable ({} not accepted); {:.0} rows/s imported",
        figures.recorded_per_second, figures.not_accepted, figures.imported_per_second
    )
}
