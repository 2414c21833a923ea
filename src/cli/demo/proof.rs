//! Proof from the log alone: it verifies, and the read models equal a rebuild from it.

use std::{collections::HashSet, path::Path};

use anyhow::Context;

use crate::{
    cli::{source::OpenLog, verify::verify_events},
    crowd::{figures::count, sale::PutUp},
    events::{Event, ItemEvent, OWN_OPERATOR, Position, StockEvent, decode},
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
    /// What paid orders of the sales brought, and the units that their reserve plans released.
    pub revenue_minor: u64,
    pub reserve_released_units: u64,
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
    let (revenue_minor, reserve_released_units) = sold(&log, sales)?;
    Ok(Proved {
        ok: proof.ok(),
        events: proof.events,
        streams: proof.streams,
        chains: proof.chains,
        findings: proof.findings.iter().map(ToString::to_string).collect(),
        revenue_minor,
        reserve_released_units,
        differing,
    })
}

/// Reads the whole log: what paid orders of these sales brought, and the units that their reserve
/// plans released.
fn sold(log: &OpenLog, sales: &PutUp) -> anyhow::Result<(u64, u64)> {
    let items: HashSet<&str> = sales.items.iter().map(|item| item.item_id.as_str()).collect();
    let (mut revenue, mut released) = (0, 0);
    let mut after = Position::START;
    loop {
        let page = log.page(after)?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for recorded in &page {
            let item = recorded.stream.item_id().map(|item| item.to_string());
            if item.is_none_or(|item| !items.contains(item.as_str())) {
                continue;
            }
            let event = decode(recorded)?;
            if let Event::Item(ItemEvent::Order(event)) = &event {
                revenue += count(event.step(recorded.revision).revenue_minor);
            }
            if let Event::Item(ItemEvent::Stock(StockEvent::ReserveReleased(e))) = &event
                && e.act.operator == OWN_OPERATOR
            {
                released += count(e.units);
            }
        }
    }
    Ok((revenue, released))
}
