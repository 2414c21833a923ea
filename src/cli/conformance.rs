//! `doorbuster conformance`: tests whether a store keeps the rules that doorbuster relies on.
//!
//! It writes to streams of its own, named `probe-<uuid>`, which no node reads, so it may run on a
//! cluster that is in use; the streams stay there.

use std::{ffi::OsString, sync::Arc};

use serde_json::json;

use super::{
    Common,
    demo::directory::Scratch,
    failure::{Code, Failure},
    output::answer,
    source::{Credentials, read_secret},
};
use crate::{
    clock::{WallClock, new_request_id},
    conformance::RULES,
    events::Category,
    store::{SharedStore, StoreAddress, embedded::EmbeddedStore, kurrent::KurrentStore},
};

/// Arguments of `conformance`.
#[derive(clap::Args)]
pub struct Args {
    /// The store to test: a connection string, or embedded for the embedded log in a new directory
    // Kept as it was written: a complaint about its value must not repeat it, it may be secret.
    #[arg(long, value_name = "STORE", env = "DOORBUSTER_STORE", hide_env_values = true)]
    target: OsString,
    #[command(flatten)]
    credentials: Credentials,
}

/// A connection string may be secret.
impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").finish_non_exhaustive()
    }
}

/// Runs `conformance`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let target: StoreAddress = read_secret("--target", &args.target)?;
    let target = target.with_credentials_file(args.credentials.file);
    runtime.block_on(check(&target, common))
}

async fn check(target: &StoreAddress, common: &Common) -> anyhow::Result<()> {
    let (store, version, category, _scratch) = open(target).await?;
    if !common.json {
        answer(format!("target  {target}\nserver  {version}"))?;
    }
    let run = new_request_id().0;
    let mut rules = Vec::new();
    let mut broken = 0;
    for rule in RULES {
        let checked = rule.check(Arc::clone(&store), run, category).await;
        broken += usize::from(checked.is_err());
        if common.json {
            let problem = checked.err().map(|problem| problem.to_string());
            rules.push(
                json!({ "rule": rule.sentence(), "ok": problem.is_none(), "problem": problem }),
            );
            continue;
        }
        match checked {
            Ok(()) => answer(format!("ok      {}", rule.sentence()))?,
            Err(problem) => answer(format!("BROKEN  {}: {problem}", rule.sentence()))?,
        }
    }
    tokio::task::spawn_blocking(move || store.close()).await?;
    if common.json {
        let target = target.to_string();
        answer(
            json!({ "target": target, "server_version": version, "ok": broken == 0, "rules": rules }),
        )?;
    } else if broken == 0 {
        answer(format!("result  conforms: {} rules hold", RULES.len()))?;
    }
    if broken == 0 {
        return Ok(());
    }
    let message = format!("{target} breaks {broken} of {} rules", RULES.len());
    Err(Failure::new(Code::Integrity, message).into())
}

/// The store, its version, the streams to write to, and what has to outlive it.
async fn open(
    target: &StoreAddress,
) -> anyhow::Result<(SharedStore, String, Category, Option<Scratch>)> {
    match target {
        StoreAddress::Embedded => {
            let scratch = Scratch::new("doorbuster-conformance")?;
            let store = EmbeddedStore::open(scratch.path(), Arc::new(WallClock))?;
            let version = format!("doorbuster {}", env!("CARGO_PKG_VERSION"));
            // This log is read by no other process.
            Ok((store, version, Category::Item, Some(scratch)))
        }
        StoreAddress::Cluster(address) => {
            let store = KurrentStore::open_to_probe(address)
                .map_err(|problem| Failure::new(Code::Usage, format!("--target {problem}")))?;
            let version = store.server_version().await.map_err(|error| {
                Failure::new(Code::Unreachable, format!("no store answers at {address}: {error}"))
            })?;
            Ok((store, version, Category::Probe, None))
        }
    }
}
