//! Starts and stops the evaluation of alerts and the webhook.

use std::{sync::Arc, time::Duration};

use actix::Actor as _;
use actix_rt::Arbiter;
use anyhow::Context as _;

use super::actors::Actors;
use crate::{
    actors::{
        AlertEvaluator, AlertEvaluatorParts, PulseDesk, Sales, SigningKeys, Tail, Webhook,
        WebhookNotifier, WebhookNotifierParts, noted_position,
    },
    config::Config,
    reports::Reports,
    threads,
};

/// The threads of alert evaluation and webhook.
pub(super) struct Watch {
    arbiters: Vec<Arbiter>,
}

/// Starts watching.
///
/// # Errors
/// When the settings of the webhook are refused.
pub(super) fn start(
    actors: &Actors,
    desk: &Arc<PulseDesk>,
    sales: &Sales,
    (tail, reports): (&Arc<Tail>, &Reports),
    config: &Config,
) -> anyhow::Result<Watch> {
    let webhook_notifier = webhook_notifier(actors, tail, config)?;
    let parts = AlertEvaluatorParts {
        desk: Arc::clone(desk),
        reports: reports.clone(),
        sales: sales.clone(),
        books: Arc::clone(&actors.books),
        metrics: Arc::clone(&actors.shared.metrics),
        clock: Arc::clone(&actors.shared.clock),
    };
    let mut arbiters = Vec::new();
    if config.alerts {
        let arbiter = Arbiter::new();
        AlertEvaluator::start_in_arbiter(&arbiter.handle(), |_| AlertEvaluator::new(parts));
        arbiters.push(arbiter);
    }
    if let Some(webhook_notifier) = webhook_notifier {
        let arbiter = Arbiter::new();
        arbiter.spawn_fn(|| {
            threads::name("webhooks");
            threads::patient();
        });
        arbiter.spawn(webhook_notifier.run());
        arbiters.push(arbiter);
    }
    Ok(Watch { arbiters })
}

/// The sender of the webhook, if there is one.
fn webhook_notifier(
    actors: &Actors,
    tail: &Arc<Tail>,
    config: &Config,
) -> anyhow::Result<Option<WebhookNotifier>> {
    let Some(url) = config.webhook_url.clone() else { return Ok(None) };
    let file = config.webhook_secret_file.as_deref();
    let file =
        file.context("webhook_secret_file is missing: what webhook_url is told is signed")?;
    let keys = SigningKeys::read(file).context("webhook_secret_file is refused")?;
    let timeout = Duration::from_millis(config.webhook_timeout_ms);
    let webhook = Webhook { url, keys, timeout, attempts: config.webhook_attempts };
    let noted =
        noted_position(&config.data).context("how far the webhook was told is not known")?;
    let webhook_notifier = WebhookNotifier::new(WebhookNotifierParts {
        webhook,
        noted,
        data: config.data.clone(),
        tail: Arc::clone(tail),
        readiness: actors.shared.readiness.clone(),
        metrics: Arc::clone(&actors.shared.metrics),
        clock: Arc::clone(&actors.shared.clock),
    });
    Ok(Some(webhook_notifier.context("webhook_url cannot be called")?))
}

impl Watch {
    /// Stops watching: what is raised is known from the log. Blocks until that is done.
    pub(super) fn stop(self) {
        for arbiter in self.arbiters {
            arbiter.stop();
            let _ = arbiter.join();
        }
    }
}
