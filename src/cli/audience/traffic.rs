//! `doorbuster traffic`: recorded traffic into a log, without a server.
//!
//! An import can be repeated safely: the stream of a recording is derived from its content, and
//! existing events are not written again.

mod import;

use std::{path::PathBuf, sync::Arc};

use serde_json::json;

use self::import::{Import, Imported, failed};
use crate::{
    cli::{
        Common,
        failure::{self, Code, Failure},
        output::facts,
        source::{Data, runtime},
    },
    clock::WallClock,
    store::{self, StoreOpenError},
    values::SaleId,
};

/// Arguments of `traffic`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: TrafficVerb,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum TrafficVerb {
    /// Write recorded traffic into the log of a data directory or a cluster; needs no server
    #[command(before_help = "Examples:
  doorbuster traffic import recorded.csv.gz --data doorbuster-data
  doorbuster traffic import beacons.csv --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --json")]
    Import(ImportArgs),
}

#[derive(Debug, Clone, clap::Args)]
struct ImportArgs {
    /// Rows of user,item,category,action,time without a header, or a CSV whose header names its
    /// columns; plain or gzipped
    #[arg(value_name = "FILE")]
    recording: PathBuf,
    /// The sale that the rows are about: its SKUs are the items of the file
    #[arg(long, value_name = "SALE")]
    sale: Option<String>,
    /// Count and skip bad rows instead of stopping before the first
    #[arg(long)]
    skip_bad_rows: bool,
    #[command(flatten)]
    data: Data,
}

/// Runs `traffic`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        TrafficVerb::Import(args) => import(&args, common),
    }
}

fn import(args: &ImportArgs, common: &Common) -> anyhow::Result<()> {
    let sale = args.sale.as_deref().map(|text| SaleId::parse("--sale", text)).transpose();
    let sale = sale.map_err(Failure::from)?;
    let address = args.data.store.address()?;
    // Before anything is made for a file that is not there.
    let surveyed = Import::survey(&args.recording, sale, args.skip_bad_rows)
        .map_err(|error| failed(&args.recording, &error))?;
    common.note(format_args!("{} rows to import", surveyed.rows()));
    let runtime = runtime()?;
    let opening = store::open(&address, &args.data.dir, Arc::new(WallClock));
    let store = runtime.block_on(opening).map_err(|error| {
        let code = match &error {
            StoreOpenError::Embedded(error) => failure::opening(error),
            StoreOpenError::Cluster { .. } => Code::Usage,
        };
        Failure::new(code, error.to_string())
    })?;
    let imported = runtime.block_on(surveyed.write(&store));
    store.close();
    let imported = imported?;
    common.show(|| summary(&imported), || account(&imported))?;
    Ok(())
}

fn summary(imported: &Imported) -> serde_json::Value {
    let Imported { stream, batches, already_there, survey, .. } = imported;
    json!({
        "stream": stream.to_string(),
        "recording": imported.recording,
        "sale_id": survey.sale.map(|sale| sale.to_string()),
        "rows": survey.rows(),
        "skipped": survey.skipped,
        "first_skipped": survey.first_skipped,
        "batches": batches,
        "already_there": already_there,
        "pv": survey.counts[0],
        "fav": survey.counts[1],
        "cart": survey.counts[2],
        "share": survey.counts[3],
        "buy": survey.counts[4],
    })
}

fn account(imported: &Imported) -> String {
    let Imported { stream, batches, already_there, survey, .. } = imported;
    let [views, favourites, carts, shares, buys] = survey.counts;
    let mut rows = vec![
        ("recording", imported.recording.clone()),
        ("stream", stream.to_string()),
        (
            "rows",
            format!(
                "{}: {views} views, {favourites} favourites, {carts} carts, {shares} shares, \
                 {buys} purchases",
                survey.rows()
            ),
        ),
        ("batches", format!("{batches} written, {already_there} there already")),
    ];
    if let Some(first) = &survey.first_skipped {
        rows.push(("left out", format!("{} bad rows, the first: {first}", survey.skipped)));
    }
    facts(&rows)
}
