//! What the level of the service sheds of the contract, counted and answered. Which RPC belongs to
//! which part is a column of `rpcs.rs`.

use std::sync::Arc;

use super::status::Failure;
use crate::{
    admission::{Part, Service},
    metrics::{LeftOut, Metrics},
};

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
