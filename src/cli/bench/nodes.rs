//! `bench --store devstore --nodes N`: several nodes on one store beside one node alone on another.
//!
//! Both stores are development servers whose commits take some milliseconds, as those of a real server
//! do. Two loads: orders for several items, each to the next node, as a load balancer sends them that
//! knows nothing of items; and orders for one item, an equal part of the buyers bound to each node.

use std::{io::Write as _, path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use tokio::{task::JoinSet, time::Instant};

use super::{
    arguments::Args,
    figures::median,
    load::{Counting, Measured, Target, finish},
    server::{HotItem, OwnServer, STORE},
    stores::Devstore,
};
use crate::{
    cli::{Common, demo::directory::Scratch, output::any_table},
    clock::new_nonce,
    crowd::{
        caller::connect,
        channel::Channel,
        operator::Token,
        summary::{ms, rounded},
    },
    grpc::{proto::purchase_service_client::PurchaseServiceClient, routed},
    private,
};

/// How long a commit of the development server takes.
const COMMIT_MS: &str = "3";
/// Items of the load that goes to any node.
const ITEMS: u32 = 8;
/// Calls in flight, over all nodes.
const IN_FLIGHT: usize = 64;
/// Connections to each node.
const CONNECTIONS: usize = 4;
/// Before the first round: the nodes find each other, and items come to their owners.
const WARM_UP: Duration = Duration::from_secs(4);

/// Everything that was measured. The names are an interface: scripts read them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct NodesFigures {
    nodes: u32,
    commit_ms: u64,
    cases: Vec<NodesCase>,
}

/// One load: medians over its rounds; latencies and silences over all rounds together.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct NodesCase {
    case: &'static str,
    one_per_second: f64,
    orders_per_second: f64,
    /// Orders of all nodes by those of one node alone.
    ratio: f64,
    ratio_min: f64,
    ratio_max: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    /// The longest time without an answer.
    silence_ms: f64,
    /// The slowest node's orders by the fastest one's, where buyers are bound to nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<f64>,
    /// Answers that were no orders.
    failures: u64,
    one_processor_us: f64,
    processor_us: f64,
}

/// Where calls go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Each call of a caller goes to the next node.
    Any,
    /// Each caller stays with one node.
    Bound,
}

/// Nodes on one store, and what is ordered from them.
struct Fleet {
    nodes: Vec<OwnServer>,
    _store: Devstore,
    _secret: Scratch,
    many: HotItem,
    one: HotItem,
}

impl Fleet {
    async fn start(nodes: u32, arguments: &Args, common: &Common) -> anyhow::Result<Self> {
        let store = Devstore::start(&["--commit-ms", COMMIT_MS])?;
        let connection = store.connection();
        let (secret, file) = secret()?;
        let file = file.display().to_string();
        let mut variables = vec![(STORE, connection.as_str())];
        if nodes > 1 {
            variables.push(("DOORBUSTER_PEERS_LISTEN", "127.0.0.1:0"));
            variables.push(("DOORBUSTER_PEERS_SECRET_FILE", &file));
        }
        let start = |_| OwnServer::start(None, &variables, common);
        let nodes = (0..nodes).map(start).collect::<anyhow::Result<Vec<_>>>()?;
        let first = &nodes[0].server;
        let (url, process) = (first.url(), Some(first.process()));
        let operator = arguments.operator()?;
        let many = HotItem::put_up_several(url, process, operator.clone(), ITEMS).await?;
        let one = HotItem::put_up(url, process, operator).await?;
        Ok(Self { nodes, _store: store, _secret: secret, many, one })
    }

    /// What a load gave, by node where callers are bound to nodes.
    async fn load(&mut self, shape: Shape, duration: Duration) -> anyhow::Result<Loaded> {
        let hot = match shape {
            Shape::Any => &mut self.many,
            Shape::Bound => &mut self.one,
        };
        let before = processor_ns(&self.nodes);
        let (sent_before, _) = hot.target.spent();
        let urls: Vec<&str> = self.nodes.iter().map(|node| node.server.url()).collect();
        let measured = load(&hot.target, &urls, shape, duration).await?;
        hot.catch_up().await?;
        let (sent, _) = hot.target.spent();
        Ok(Loaded {
            measured,
            sent: sent - sent_before,
            processor_ns: processor_ns(&self.nodes).saturating_sub(before),
        })
    }
}

/// A file with a secret that the nodes of a measurement share.
fn secret() -> anyhow::Result<(Scratch, PathBuf)> {
    let folder = Scratch::new("doorbuster-peers")?;
    let path = folder.path().join("secret");
    private::file().open(&path)?.write_all(STANDARD.encode(new_nonce()).as_bytes())?;
    Ok((folder, path))
}

fn processor_ns(nodes: &[OwnServer]) -> u64 {
    let of = |node: &OwnServer| -> u64 {
        super::processor::by_thread(node.server.process()).values().sum()
    };
    nodes.iter().map(of).sum()
}

struct Loaded {
    measured: Vec<Measured>,
    sent: u64,
    processor_ns: u64,
}

async fn load(
    target: &Arc<Target>,
    urls: &[&str],
    shape: Shape,
    duration: Duration,
) -> anyhow::Result<Vec<Measured>> {
    let mut clients: Vec<Vec<PurchaseServiceClient<Channel>>> = Vec::new();
    for url in urls {
        let mut of_node = Vec::new();
        for _ in 0..CONNECTIONS {
            of_node.push(PurchaseServiceClient::new(connect(url, &Token::default()).await?));
        }
        clients.push(of_node);
    }
    let countings = match shape {
        Shape::Any => vec![Counting::new(duration)?],
        Shape::Bound => {
            urls.iter().map(|_| Counting::new(duration)).collect::<Result<Vec<_>, _>>()?
        }
    };
    let mut callers = JoinSet::new();
    for caller in 0..IN_FLIGHT {
        let node = caller % urls.len();
        let mine: Vec<_> = match shape {
            Shape::Any => {
                let from = (0..urls.len()).map(|step| (node + step) % urls.len());
                from.map(|node| clients[node][caller % CONNECTIONS].clone()).collect()
            }
            Shape::Bound => vec![clients[node][caller / urls.len() % CONNECTIONS].clone()],
        };
        let counting = Arc::clone(&countings[node % countings.len()]);
        callers.spawn(call(Arc::clone(target), mine, counting));
    }
    finish(callers).await?;
    Ok(countings.iter().map(|counting| counting.measured()).collect())
}

async fn call(
    target: Arc<Target>,
    clients: Vec<PurchaseServiceClient<Channel>>,
    counting: Arc<Counting>,
) {
    let mut sent = Instant::now();
    for client in clients.iter().cycle() {
        if sent >= counting.until {
            return;
        }
        let answered = client.clone().place_order(routed(target.command())).await;
        let now = Instant::now();
        match answered {
            Ok(answer) => counting.answered(sent, now, answer.get_ref()),
            Err(status) => counting.failed(|| status.to_string()),
        }
        sent = now;
    }
}

/// Measures both in turns.
pub(super) async fn measure(
    nodes: u32,
    arguments: &Args,
    common: &Common,
) -> anyhow::Result<NodesFigures> {
    let mut fleets =
        [Fleet::start(1, arguments, common).await?, Fleet::start(nodes, arguments, common).await?];
    let duration = Duration::from_secs(arguments.seconds.into());
    let mut cases = Vec::new();
    for (name, shape) in [("any_64", Shape::Any), ("bound_64", Shape::Bound)] {
        for fleet in &mut fleets {
            fleet.load(shape, WARM_UP).await?;
        }
        let mut rounds = [Vec::new(), Vec::new()];
        for round in 0..arguments.rounds {
            common.note(format_args!("{name} round {} of {}", round + 1, arguments.rounds));
            for side in [round % 2 == 1, round % 2 == 0].map(usize::from) {
                rounds[side].push(fleets[side].load(shape, duration).await?);
            }
        }
        cases.push(NodesCase::of(name, shape, &rounds)?);
    }
    let commit_ms = COMMIT_MS.parse()?;
    Ok(NodesFigures { nodes, commit_ms, cases })
}

impl NodesCase {
    fn of(case: &'static str, shape: Shape, rounds: &[Vec<Loaded>; 2]) -> anyhow::Result<Self> {
        let rates = |side: &[Loaded]| -> Vec<f64> { side.iter().map(Loaded::per_second).collect() };
        let [one, all] = [rates(&rounds[0]), rates(&rounds[1])];
        let ratios: Vec<f64> = all.iter().zip(&one).map(|(all, one)| all / one.max(1.0)).collect();
        let measured = || rounds[1].iter().flat_map(|loaded| &loaded.measured);
        let mut latency = hdrhistogram::Histogram::<u64>::new(3)?;
        for measured in measured() {
            latency.add(&measured.latency_us)?;
        }
        let parts = rounds[1].iter().map(|loaded| {
            let rates = loaded.measured.iter().map(|measured| measured.per_second);
            let (least, most) = (rates.clone().reduce(f64::min), rates.reduce(f64::max));
            least.unwrap_or(0.0) / most.unwrap_or(0.0).max(1.0)
        });
        let at = |quantile: f64| ms(latency.value_at_quantile(quantile));
        let silence = measured().map(|measured| measured.silence).max().unwrap_or_default();
        Ok(Self {
            case,
            one_per_second: rounded(median(one)),
            orders_per_second: rounded(median(all)),
            ratio: rounded(median(ratios.clone())),
            ratio_min: rounded(ratios.iter().copied().reduce(f64::min).unwrap_or(0.0)),
            ratio_max: rounded(ratios.iter().copied().reduce(f64::max).unwrap_or(0.0)),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            silence_ms: rounded(silence.as_secs_f64() * 1e3),
            parts: (shape == Shape::Bound).then(|| rounded(median(parts.collect()))),
            failures: measured().map(|measured| measured.failures).sum(),
            one_processor_us: processor_us(&rounds[0]),
            processor_us: processor_us(&rounds[1]),
        })
    }
}

impl Loaded {
    fn per_second(&self) -> f64 {
        self.measured.iter().map(|measured| measured.per_second).sum()
    }
}

/// Microseconds of processor time an order, of all nodes together.
fn processor_us(rounds: &[Loaded]) -> f64 {
    let ns: u64 = rounds.iter().map(|loaded| loaded.processor_ns).sum();
    let sent: u64 = rounds.iter().map(|loaded| loaded.sent).sum();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let us = ns as f64 / 1e3 / sent.max(1) as f64;
    rounded(us)
}

/// The figures for people.
pub(super) fn table(figures: &NodesFigures) -> String {
    let NodesFigures { nodes, commit_ms, cases } = figures;
    let header = [
        "case",
        "one/s",
        "all/s",
        "ratio",
        "min",
        "max",
        "p50 ms",
        "p99 ms",
        "p999 ms",
        "silence ms",
        "parts",
        "one µs",
        "all µs",
        "no orders",
    ];
    let row = |case: &NodesCase| {
        vec![
            case.case.to_owned(),
            format!("{:.0}", case.one_per_second),
            format!("{:.0}", case.orders_per_second),
            format!("{:.2}", case.ratio),
            format!("{:.2}", case.ratio_min),
            format!("{:.2}", case.ratio_max),
            format!("{:.2}", case.p50_ms),
            format!("{:.2}", case.p99_ms),
            format!("{:.2}", case.p999_ms),
            format!("{:.0}", case.silence_ms),
            case.parts.map_or_else(String::new, |parts| format!("{parts:.2}")),
            format!("{:.1}", case.one_processor_us),
            format!("{:.1}", case.processor_us),
            case.failures.to_string(),
        ]
    };
    let mut numbers = [true; 14];
    numbers[0] = false;
    let table = any_table(&header, &numbers, cases.iter().map(row).collect());
    format!("{nodes} nodes beside one, each on a store whose commits take {commit_ms} ms\n{table}")
}
