//! What the board is made from, and what every answer of it uses.

use std::{path::PathBuf, sync::Arc};

use tonic::service::Routes;

use super::{
    desk::Desk,
    line::{BoardLimits, Leavers},
    no_page::NoPage,
    streams::Streams,
};
use crate::{
    actors::{Past, PulseDesk, Readiness},
    admission::{CurrentServiceLevel, ServicePart, Tokens},
    clock::SharedClock,
    metrics::Metrics,
    reports::Reports,
    store::LogSource,
    web::door::Door,
};

/// What the board shows and steers.
pub struct BoardParts {
    /// Pulses, one a second.
    pub desk: Arc<PulseDesk>,
    pub reports: Reports,
    /// Read models of earlier moments.
    pub past: Arc<Past>,
    pub log: LogSource,
    pub data: PathBuf,
    /// The services of the contract, by which operators steer.
    pub services: Routes,
    /// Who may look and steer; without tokens everybody may look and nobody steer.
    pub tokens: Arc<Tokens>,
    /// Whether everybody may look though there are tokens.
    pub public: bool,
    /// How much of the service runs.
    pub service: Arc<CurrentServiceLevel>,
    pub readiness: Readiness,
    pub metrics: Arc<Metrics>,
    pub clock: SharedClock,
    pub limits: BoardLimits,
    /// Where the contract is served.
    pub grpc_port: u16,
}

/// What every answer of the board is made from.
pub(super) struct Board {
    pub(super) parts: BoardParts,
    pub(super) entrance: Door,
    pub(super) streams: Streams,
    /// What pages ask read models and the log.
    pub(super) pages: Desk,
    pub(super) leavers: Arc<Leavers>,
    /// Only names of this machine are answered to.
    pub(super) on_loopback: bool,
}

impl Board {
    /// Whether pages are shown at the level at which the service runs. Steering always works.
    pub(super) fn shows_itself(&self) -> bool {
        self.parts.service.runs(ServicePart::Board)
    }

    /// Refuses what is more than the figures of a sale where the service runs without it.
    pub(super) fn shows_detail(&self) -> Result<(), NoPage> {
        if self.parts.service.runs(ServicePart::BoardDetail) {
            return Ok(());
        }
        Err(NoPage::Later(NO_DETAIL))
    }
}

/// Why a part of a page is not made.
const NO_DETAIL: &str = "the board shows no detail at the current service level";
