//! The same purchase on doorbuster, Redis, PostgreSQL and a plain file, side by side.
//!
//! Many buyers want one unit each of one hot item: one unit for each buyer, idempotent by request id,
//! acknowledged when it is durable. All contestants are measured in turns in one run, and the outcome
//! of each is checked; the time of a contestant that fails a check does not count.

#[cfg(test)]
mod broken;
mod check;
mod contestants;
mod load;
mod machine;
mod on_doorbuster;
mod on_file;
mod on_postgres;
mod on_redis;
mod rounds;
mod server;
mod shop;
mod table;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::Parser;

use self::{
    contestants::{Contestant, Servers},
    on_redis::RedisShop,
    rounds::Figures,
    server::Server,
};

/// Measures doorbuster beside its peers. `benches/peers/run` starts these.
#[derive(Debug, Parser)]
struct Args {
    /// The doorbuster to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/doorbuster")]
    binary: PathBuf,
    /// Redis, for example redis://127.0.0.1:6379; its keys stay there [default: without Redis]
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// PostgreSQL, an empty database of its own, for example "host=127.0.0.1 user=postgres
    /// dbname=peers" [default: without PostgreSQL]
    #[arg(long, value_name = "SERVER")]
    postgres: Option<String>,
    /// An empty directory for the data of doorbuster and the files, on the same disk as the data of
    /// the others
    #[arg(long, value_name = "DIR")]
    scratch: PathBuf,
    /// Only contestants whose names start like this; those that they are compared with come along
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    only: Vec<String>,
    /// Rounds, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 7,
          value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rounds: u16,
    /// Seconds of one measurement, 1 to 3600
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(1..=3_600))]
    seconds: u16,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ran = runtime.block_on(run(&args));
    runtime.shutdown_background();
    ran
}

async fn run(args: &Args) -> anyhow::Result<()> {
    let machine = machine::machine();
    let binary = args.binary.as_path();
    let version = machine::said(&binary.display().to_string(), &["--version"]);
    ensure!(!version.is_empty(), "{} cannot be run: `just peers` builds it", binary.display());
    let mut versions = version;
    if let Some(url) = &args.redis {
        versions += &format!(", Redis {}", RedisShop::new(url, None)?.version().await?);
    }
    if let Some(server) = &args.postgres {
        versions += &format!(", PostgreSQL {}", on_postgres::prepare(server).await?);
    }
    let [log, log_on_store, store, files] =
        ["log", "log-on-store", "store", "files"].map(|name| args.scratch.join(name));
    for directory in [&log, &log_on_store, &store, &files] {
        std::fs::create_dir(directory).with_context(|| directory.display().to_string())?;
    }
    let echo = Server::start(binary, &["bench", "echo"], None)?;
    let doorbuster = serve(binary, &log, None)?;
    let store = store.display().to_string();
    let devstore = ["devstore", "--data", &store, "--listen", "127.0.0.1:0", "--json"];
    let devstore = Server::start(binary, &devstore, None)?;
    let connection = devstore.url.replacen("http://", "esdb://", 1) + "?tls=false";
    let on_devstore = serve(binary, &log_on_store, Some(&connection))?;
    let servers = Servers {
        echo: &echo,
        doorbuster: &doorbuster,
        on_devstore: &on_devstore,
        redis: args.redis.as_deref(),
        postgres: args.postgres.as_deref(),
        files: &files,
    };
    let mut contestants = contestants::all(&servers)?;
    choose(&mut contestants, &args.only)?;
    let duration = Duration::from_secs(args.seconds.into());
    let mut figures = rounds::measure(contestants, args.rounds.into(), duration).await?;
    on_devstore.stop()?;
    doorbuster.stop()?;
    verify(binary, &log, &mut figures)?;
    println!("{machine}versions  {versions}");
    println!("{} rounds of {} s, medians of the rounds\n", args.rounds, args.seconds);
    println!("{}\n{}", table::table(&figures), table::wins(&figures));
    let counted = figures.iter().all(|figures| figures.excluded.is_none());
    ensure!(counted, "not all contestants did the work: see the table");
    Ok(())
}

/// Keeps those that `--only` names, and those that they are compared with.
fn choose(contestants: &mut Vec<Contestant>, only: &[String]) -> anyhow::Result<()> {
    if only.is_empty() {
        return Ok(());
    }
    let named = |name: &str| only.iter().any(|start| name.starts_with(start.as_str()));
    let mut wanted: Vec<String> = Vec::new();
    for contestant in contestants.iter().filter(|contestant| named(&contestant.name)) {
        wanted.push(contestant.name.clone());
        wanted.extend(contestant.beside.map(str::to_owned));
    }
    contestants.retain(|contestant| wanted.contains(&contestant.name));
    ensure!(!contestants.is_empty(), "--only: there is no such contestant");
    Ok(())
}

fn serve(binary: &Path, data: &Path, store: Option<&str>) -> anyhow::Result<Server> {
    let data = data.display().to_string();
    let listen = ["--listen", "127.0.0.1:0", "--http", "off", "--web", "off", "--board", "off"];
    let arguments = [&["serve", "--data", &data, "--json", "--quiet"], &listen[..]].concat();
    Server::start(binary, &arguments, Some(store.unwrap_or("embedded")))
}

/// The log of doorbuster on its embedded store has to be undamaged and oversold nothing.
fn verify(binary: &Path, log: &Path, figures: &mut [Figures]) -> anyhow::Result<()> {
    let mut command = Command::new(binary);
    command.args(["verify", "--quiet", "--data"]).arg(log).stdout(std::process::Stdio::null());
    let verified = command.status().context("doorbuster verify")?;
    for figures in figures.iter_mut().filter(|figures| figures.name.starts_with("doorbuster")) {
        if !verified.success() {
            figures.excluded = Some(format!("`doorbuster verify` of its log: {verified}"));
        }
    }
    Ok(())
}
