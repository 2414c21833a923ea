//! Starts and stops who watches over the sales.

use std::sync::Arc;

use actix::Actor as _;
use actix_rt::Arbiter;

use super::Actors;
use crate::{
    actors::{Levels, LowersLevel, OpensIncident, PulseDesk, Sales, Sentinel, SentinelParts},
    config::Config,
    reports::Reports,
};

/// The thread of who watches.
pub(super) struct Watch {
    arbiter: Arbiter,
}

/// Starts watching.
pub(super) fn start(
    actors: &Actors,
    desk: &Arc<PulseDesk>,
    sales: &Sales,
    config: &Config,
) -> Watch {
    let arbiter = Arbiter::new();
    let levels = Levels::new(Arc::clone(&actors.levels), Arc::clone(&actors.service));
    let parts = SentinelParts {
        desk: Arc::clone(desk),
        reports: Reports::open(&config.data),
        sales: sales.clone(),
        books: Arc::clone(&actors.books),
        reactions: vec![
            Arc::new(LowersLevel(levels)),
            Arc::new(OpensIncident(Arc::clone(&actors.incidents))),
        ],
        metrics: Arc::clone(&actors.shared.metrics),
        clock: Arc::clone(&actors.shared.clock),
    };
    Sentinel::start_in_arbiter(&arbiter.handle(), |_| Sentinel::new(parts));
    Watch { arbiter }
}

impl Watch {
    /// Stops watching: what is raised is known from the log.
    pub(super) fn stop(self) {
        self.arbiter.stop();
        let _ = self.arbiter.join();
    }
}
