//! `doorbuster bench`: how fast hot items are, one unless more are asked for, beside a bare echo on the same machine.
//!
//! Absolute figures depend mostly on the machine, so each round measures the echo and the real
//! server one after the other and reports their ratio. The load and the servers are separate
//! processes. The read models catch up between rounds, so that one round does not load the next;
//! the time for that is reported as well.

mod arguments;
mod beacons;
mod child;
mod echo;
mod figures;
mod history;
mod load;
mod nodes;
mod overload;
mod pair;
mod priced;
mod processor;
mod sale;
mod server;
mod stores;
mod streams;

use std::{fmt::Display, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};

pub use self::arguments::Args;
use self::{
    arguments::{BenchVerb, Case},
    child::ServerChild,
    figures::{BenchFigures, CaseFigures, OpenLoopFigures, Rounds, table},
    load::{CONNECTIONS, Target, open_loop},
    server::{HotItem, OwnServer},
    stores::{StoreChoice, Stores},
};
use super::{Common, output::answer, signals::Interruption, source::read_secret};
use crate::{clock::new_request_id, store::embedded::SYNC_DELAY_US};

/// Runs the measurement. With `--json` stdout gets exactly one object.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match &args.verb {
        Some(BenchVerb::Echo) => return echo::serve(),
        Some(BenchVerb::Sale(sale)) => return sale::run(sale, common),
        None => {}
    }
    if let Some(store) = &args.store {
        let choice: StoreChoice = read_secret("--store", store)?;
        return run_stores(&choice, &args, common);
    }
    if args.overload {
        let figures = unless_interrupted(overload::measure(&args, common))?;
        return show(common, overload::json(&figures), overload::table(&figures));
    }
    let delay_us = args.sync_delay_us.to_string();
    let variables = [(SYNC_DELAY_US, delay_us.as_str())];
    if let Some(orders) = args.history {
        return run_history(orders, &args, &variables, common);
    }
    let own = match &args.server {
        Some(_) => None,
        None => Some(OwnServer::start(args.data.as_deref(), &variables, common)?),
    };
    let url = args.server.as_deref().or(own.as_ref().map(|own| own.server.url()));
    let url = url.ok_or_else(|| anyhow!("no server"))?;
    let process = own.as_ref().map(|own| own.server.process());
    if args.priced {
        let cases = unless_interrupted(priced::measure(&args, (url, process), common))?;
        return show(common, priced::json(&cases), priced::table(&cases));
    }
    let echo = ServerChild::start(&["bench", "echo"]).context("the echo")?;
    let figures = unless_interrupted(measure(&args, &echo, (url, process), common))?;
    show(common, serde_json::to_string(&figures)?, table(&figures))
}

fn run_stores(choice: &StoreChoice, args: &Args, common: &Common) -> anyhow::Result<()> {
    if let Some(nodes) = args.nodes {
        anyhow::ensure!(*choice == StoreChoice::Devstore, "--nodes goes with --store devstore");
        let figures = unless_interrupted(nodes::measure(nodes, args, common))?;
        return show(common, serde_json::to_string(&figures)?, nodes::table(&figures));
    }
    let stores = Stores::start(choice, args.data.as_deref(), common)?;
    let figures = unless_interrupted(stores::measure(args, &stores, common))?;
    show(common, stores::json(&figures), stores::table(&figures))
}

fn run_history(
    orders: u32,
    args: &Args,
    variables: &[(&str, &str)],
    common: &Common,
) -> anyhow::Result<()> {
    let data = args.data.as_deref();
    let write = |data: &Path| history::write(data, orders, common);
    let (own, written) = OwnServer::start_on(data, variables, common, write)?;
    let figures = unless_interrupted(history::measure(args, &own, &written, common))?;
    show(common, history::json(&figures), history::table(&figures))
}

fn unless_interrupted<T>(measuring: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let interruption = Interruption::catch()?;
    let measured = runtime.block_on(interruption.unless(measuring));
    runtime.shutdown_background();
    measured
}

fn show(common: &Common, json: impl Display, text: String) -> anyhow::Result<()> {
    if common.json {
        answer(json)?;
    } else {
        answer(text)?;
    }
    Ok(())
}

async fn measure(
    arguments: &Args,
    echo: &ServerChild,
    (url, process): (&str, Option<u32>),
    common: &Common,
) -> anyhow::Result<BenchFigures> {
    let operator = arguments.operator()?;
    let mut hot = HotItem::put_up_several(url, process, operator.clone(), arguments.items).await?;
    let item_id = hot.target.item(0).to_owned();
    let echo = Target::new(echo.url(), item_id, 0).in_process(Some(echo.process()));
    let echo = Arc::new(echo);
    let duration = Duration::from_secs(arguments.seconds.into());
    let outstanding = usize::try_from(arguments.outstanding)?;
    let mut figures = BenchFigures { cases: Vec::new(), open_loop: None, beacons: None };
    for case in &arguments.orders() {
        let (mut echoes, mut orders) = (Rounds::default(), Rounds::default());
        for round in 0..arguments.rounds {
            common.note(format_args!(
                "{} round {} of {}",
                case.name(),
                round + 1,
                arguments.rounds
            ));
            // The order alternates, so that neither always runs on a warm machine.
            for real in [round % 2 == 1, round % 2 == 0] {
                if real {
                    let load = (*case, &Arc::clone(&hot.target), "the server");
                    orders.measure(load, Some(&mut hot), outstanding, duration).await?;
                } else {
                    let load = (*case, &echo, "the echo");
                    echoes.measure(load, None, outstanding, duration).await?;
                }
            }
        }
        figures.cases.push(CaseFigures::of(case.name(), &echoes, &orders));
    }
    if arguments.cases.is_empty() || arguments.cases.contains(&Case::Traffic) {
        common.note("traffic");
        let run = new_request_id().0.as_u64_pair().0;
        let measured =
            beacons::measure((url, &operator.token), hot.target.item(0), run, duration).await?;
        hot.catch_up().await?;
        figures.beacons = Some(measured);
    }
    if let Some(rate) = arguments.rate {
        common.note(format_args!("open loop at {rate}/s"));
        let (mut echoes, mut orders) = (Rounds::default(), Rounds::default());
        let measured = open_loop(&echo, rate, CONNECTIONS, duration).await?;
        echoes.keep(measured, "open loop", "the echo")?;
        let measured = open_loop(&hot.target, rate, CONNECTIONS, duration).await?;
        orders.keep(measured, "open loop", "the server")?;
        hot.catch_up().await?;
        figures.open_loop = Some(OpenLoopFigures::of(rate, &echoes, &orders));
    }
    common.note(hot.lag);
    Ok(figures)
}
