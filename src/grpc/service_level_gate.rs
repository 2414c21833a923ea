//! What the level of the service sheds of the contract, counted and answered. Which RPC belongs to
//! which part is a column of `rpcs.rs`.

use std::sync::Arc;

use super::status::CallError;
use crate::{
    admission::{CurrentServiceLevel, ServicePart},
    metrics::{LeftOut, Metrics},
};

/// Lets in what the level lets in, and counts the rest.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    service: Arc<CurrentServiceLevel>,
    metrics: Arc<Metrics>,
}

impl Gate {
    pub(super) fn new(service: Arc<CurrentServiceLevel>, metrics: Arc<Metrics>) -> Self {
        Self { service, metrics }
    }

    /// Asks for so many calls or orders of a part.
    pub(super) fn ask(&self, part: ServicePart, count: u64) -> Result<(), CallError> {
        let level = self.service.level();
        if part.runs_at(level) {
            return Ok(());
        }
        let label = match part {
            ServicePart::Traffic => LeftOut::Traffic,
            ServicePart::BoardDetail | ServicePart::Board => LeftOut::Board,
            ServicePart::Reports => LeftOut::Reports,
            ServicePart::Orders => LeftOut::Orders,
        };
        self.metrics.left_out(label, count);
        Err(match part {
            ServicePart::Orders => CallError::closed(level),
            ServicePart::Traffic
            | ServicePart::BoardDetail
            | ServicePart::Board
            | ServicePart::Reports => CallError::degraded(level),
        })
    }
}
