//! Proof from the log alone: it verifies, and the read models are what it says.

use std::path::Path;

use anyhow::Context;

use crate::{audit, events::Position, projections, store::embedded::LogReader};

const PAGE_EVENTS: usize = 4_096;

/// What was proved, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    pub ok: bool,
    pub events: u64,
    pub chains: u64,
    /// What the verifier found wrong.
    pub findings: Vec<String>,
    /// Read models that differ from one built again from an empty file.
    pub differing: Vec<String>,
}

/// Verifies the log of a data directory that no server uses, builds its read models again from
/// zero beside those in use and compares. Blocks; an error says that it could not be judged.
pub fn prove(data: &Path) -> anyhow::Result<Proved> {
    let proof = audit::verify(data, &mut |_, _| {}).context("the log cannot be verified")?;
    let log = LogReader::open(data).context("the log cannot be read")?;
    let read_page = |after: Position| log.read_all(after, PAGE_EVENTS);
    let verdicts = projections::compare(data, read_page, |_| {})
        .context("the read models cannot be compared")?;
    let mut differing: Vec<String> =
        verdicts.iter().filter(|(_, equal)| !equal).map(|(name, _)| (*name).to_owned()).collect();
    // A read model that was never made is not equal to anything.
    for projection in projections::all() {
        if !verdicts.iter().any(|(name, _)| *name == projection.name()) {
            differing.push(format!("{} (missing)", projection.name()));
        }
    }
    Ok(Proved {
        ok: proof.ok(),
        events: proof.events,
        chains: proof.chains,
        findings: proof.findings.iter().map(ToString::to_string).collect(),
        differing,
    })
}
