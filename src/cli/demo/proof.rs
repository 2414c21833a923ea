//! Proof from the log alone: it verifies, and the read models equal a rebuild from it.

use std::path::Path;

use anyhow::Context;

use super::counted::{Counted, counted};
use crate::{
    cli::{source::OpenLog, verify::verify_events},
    crowd::sale::PutUp,
    projections,
    store::StoreAddress,
};

/// What was proved, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    pub ok: bool,
    pub events: u64,
    pub streams: u64,
    pub chains: u64,
    /// What the verifier found wrong.
    pub findings: Vec<String>,
    /// What the log says of the sales.
    pub counted: Counted,
    /// Read models that differ from one built again from an empty file.
    pub differing: Vec<String>,
}

/// Verifies the log that a server has used, builds the read models of its data directory again from
/// zero beside those in use and compares. Blocks; an error says that it could not be judged.
pub fn prove(address: &StoreAddress, data: &Path, sales: &PutUp) -> anyhow::Result<Proved> {
    let log = OpenLog::open(address, data)?;
    let proof = match address {
        StoreAddress::Embedded => {
            audit::verify(data, &mut |_, _| {}).context("the log cannot be verified")?
        }
        StoreAddress::Cluster(_) => {
            verify_events(&log, |_, _| {}).context("the log cannot be verified")?
        }
    };
    let verdicts = projections::compare(data, |after| log.page(after), |_| {})
        .context("the read models cannot be compared")?;
    let mut differing: Vec<String> =
        verdicts.iter().filter(|(_, equal)| !equal).map(|(name, _)| (*name).to_owned()).collect();
    // A read model that was never made is not equal to anything.
    for projection in projections::all() {
        if !verdicts.iter().any(|(name, _)| *name == projection.name()) {
            differing.push(format!("{} (missing)", projection.name()));
        }
    }
    let counted = counted(&log, sales)?;
    Ok(Proved {
        ok: proof.ok(),
        events: proof.events,
        streams: proof.streams,
        chains: proof.chains,
        findings: proof.findings.iter().map(ToString::to_string).collect(),
        counted,
        differing,
    })
}
