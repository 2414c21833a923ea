//! `doorbuster devstore`: serve a log to clients of EventStoreDB until told to stop.

use std::{
    io::BufRead,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{
    Common,
    failure::{self, Code, Failure},
    signals::{self, Signals},
};
use crate::{
    clock::WallClock,
    devstore::{Act, Config, Devstore, Role, StartError},
};

/// Arguments of `devstore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory of the log; made if it is missing
    #[arg(long, value_name = "DIR", default_value = "doorbuster-devstore")]
    data: PathBuf,
    /// Loopback address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2113")]
    listen: SocketAddr,
    /// Maximum bytes of the data of one append
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20,
          value_parser = clap::value_parser!(u32).range(1..=16 << 20))]
    append_bytes_max: u32,
    /// Milliseconds until a write is committed: answered, and seen by readers
    #[arg(long, value_name = "MS", default_value_t = 0,
          value_parser = clap::value_parser!(u64).range(..=1_000))]
    commit_ms: u64,
    /// Nodes: the first leads, and each further one listens on the next port
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=7))]
    nodes: u16,
    /// Milliseconds after a commit until a node that does not lead shows it to readers
    #[arg(long, value_name = "MS", default_value_t = 0,
          value_parser = clap::value_parser!(u64).range(..=60_000))]
    follower_lag_ms: u64,
    /// Milliseconds without a leader when the node that leads is killed, frozen or resigns
    #[arg(long, value_name = "MS", default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(..=60_000))]
    election_ms: u64,
    /// Read what is to happen to the nodes from standard input, one act a line: kill N, freeze N, thaw N
    /// or resign, with a node's number from 1 or leader for N
    #[arg(long)]
    acts: bool,
}

/// Runs `devstore`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    signals::stop_on_panic();
    let runtime = signals::runtime()?;
    // Before the address is printed: its reader may send a signal at once.
    let signals = runtime.block_on(async { Signals::catch() })?;

    let data = args.data.display().to_string();
    let config = Config {
        append_bytes_max: usize::try_from(args.append_bytes_max)?,
        commit_time: Duration::from_millis(args.commit_ms),
        follower_lag: Duration::from_millis(args.follower_lag_ms),
        nodes: nodes(args.listen, args.nodes)?,
        ..Config::single(args.data, args.listen)
    };
    let election = Duration::from_millis(args.election_ms);
    let devstore = Devstore::start(config, Arc::new(WallClock)).map_err(|error| {
        let code = match error {
            StartError::NotLoopback(_) => Code::Usage,
            StartError::Open(ref error) => failure::opening(error),
            StartError::Listen { .. } | StartError::Thread(_) | StartError::Stopped => Code::Failed,
        };
        Failure::new(code, error.to_string())
    })?;
    let addresses: Vec<String> =
        devstore.members().iter().map(|member| member.address.to_string()).collect();
    let address = &addresses[0];
    let connection = format!("esdb://{}?tls=false", addresses.join(","));
    common.show(
        || {
            json!({
                "address": address,
                "nodes": addresses,
                "url": format!("http://{address}"),
                "connection": connection,
                "data": data,
            })
        },
        || format!("listening on http://{}", addresses.join(", http://")),
    )?;
    common.note(format_args!(
        "data in {data}\nfor development only: one log, no replication, no logins\n\
         try: doorbuster serve --store '{connection}'\nstop with Ctrl-C"
    ));

    let devstore = Arc::new(devstore);
    if args.acts {
        take_acts(Arc::downgrade(&devstore), election, common)?;
    }
    signals.wait(&runtime, common);
    stop(devstore);
    common.note("stopped");
    Ok(())
}

/// An address and a role for each node.
fn nodes(listen: SocketAddr, count: u16) -> anyhow::Result<Vec<(SocketAddr, Role)>> {
    let node = |number: u16| {
        let port = match listen.port() {
            0 => Some(0),
            port => port.checked_add(number),
        };
        let role = if number == 0 { Role::Leader } else { Role::Follower };
        port.map(|port| (SocketAddr::new(listen.ip(), port), role))
    };
    let nodes: Option<Vec<_>> = (0..count).map(node).collect();
    let why = || format!("--listen: {count} nodes need the ports from {} on", listen.port());
    Ok(nodes.ok_or_else(|| Failure::new(Code::Usage, why()))?)
}

/// Does what standard input says, until it ends or the server does. Each act is answered by a line.
fn take_acts(devstore: Weak<Devstore>, election: Duration, common: &Common) -> anyhow::Result<()> {
    let common = common.clone();
    thread::Builder::new().name("acts".to_owned()).spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let Some(devstore) = devstore.upgrade() else { return };
            let act = Act::parse(&line, devstore.members().len(), devstore.leader());
            let act = match act {
                Ok(act) => act,
                Err(problem) => {
                    common.warn(problem);
                    continue;
                }
            };
            let leader = devstore.act(act, election).map(|leader| leader + 1);
            let said = common.show(
                || json!({ "act": line.trim(), "leader": leader }),
                || match leader {
                    Some(leader) => format!("{}: node {leader} leads", line.trim()),
                    None => format!("{}: no node leads", line.trim()),
                },
            );
            // Whoever read the answers has gone.
            if said.is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

/// Stops it, after the act that is under way.
fn stop(mut devstore: Arc<Devstore>) {
    loop {
        match Arc::try_unwrap(devstore) {
            Ok(devstore) => return devstore.stop(),
            Err(acting) => devstore = acting,
        }
        thread::sleep(Duration::from_millis(10));
    }
}
