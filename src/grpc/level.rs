//! What the level of the service leaves out of the contract: the one place that knows which method
//! belongs to which part. Whoever sells or steers is never left out by it, but new orders are.

use std::sync::Arc;

use super::status::Failure;
use crate::{
    admission::{Part, Service},
    metrics::{LeftOut, Metrics},
};

/// The part of the service that a method belongs to, as `package.Service/Method`; `None` where it
/// runs at every level.
///
/// `PlaceOrders` and `RecordTraffic` are streams that outlast a level, so what comes in them is
/// judged message by message, elsewhere.
pub(super) fn part_of(method: &str) -> Option<Part> {
    let (service, method) = method.rsplit_once('/')?;
    match service.strip_prefix("doorbuster.v1.")? {
        "ReportService" | "ReplayService" => Some(Part::Reports),
        // What to say to a shopper follows from a replay of the item.
        "ScriptService" if method == "RenderScript" => Some(Part::Reports),
        "PurchaseService" if method == "PlaceOrder" => Some(Part::Orders),
        _ => None,
    }
}

/// Lets in what the level lets in, and counts the rest.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    service: Arc<Service>,
    metrics: Arc<Metrics>,
}

impl Gate {
    pub(super) fn new(service: Arc<Service>, metrics: Arc<Metrics>) -> Self {
        Self { service, metrics }
    }

    /// Asks for so many calls or orders of a part.
    pub(super) fn ask(&self, part: Part, count: u64) -> Result<(), Failure> {
        let level = self.service.level();
        if part.runs_at(level) {
            return Ok(());
        }
        let label = match part {
            Part::Traffic => LeftOut::Traffic,
            Part::BoardDetail | Part::Board => LeftOut::Board,
            Part::Reports => LeftOut::Reports,
            Part::Orders => LeftOut::Orders,
        };
        self.metrics.left_out(label, count);
        Err(match part {
            Part::Orders => Failure::closed(level),
            Part::Traffic | Part::BoardDetail | Part::Board | Part::Reports => {
                Failure::degraded(level)
            }
        })
    }
}
