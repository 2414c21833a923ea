//! Tells the webhook what happens to alerts and incidents: one at a time, in the order of the log,
//! signed as Standard Webhooks says.
//!
//! It follows the log from where it was left. A receiver that hangs, fails or is unreachable
//! delays later deliveries to this receiver and nothing else; a delivery that fails too often is
//! abandoned and counted. The position is kept in a small file, so a delivery is at most repeated,
//! under the same id.

mod note;
mod signing;

use std::{path::PathBuf, sync::Arc, time::Duration};

use reqwest::{Client, redirect::Policy};
use serde_json::json;
use tokio::time::sleep;

pub use note::{BadNote, noted_position};
pub use signing::{BadKey, SigningKeys};

use self::note::note_position;
use super::{Readiness, Tail};
use crate::{
    clock::SharedClock,
    events::{AlertEvent, Event, IncidentEvent, Position, Recorded},
    metrics::{DeliveryResult, Metrics},
    values::UnixMs,
};

/// First and longest pause before the next try; each is twice the one before.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Pages without anything to tell, after which it is noted how far it has come.
const PAGES_PER_NOTE: u32 = 128;

/// The receiver, and its settings.
pub struct Webhook {
    pub url: String,
    pub keys: SigningKeys,
    /// How long one try may take.
    pub timeout: Duration,
    /// Tries before a delivery is given up; at least 1.
    pub attempts: u64,
}

/// What the webhook_notifier stands on.
pub struct WebhookNotifierParts {
    pub webhook: Webhook,
    /// The data directory.
    pub data: PathBuf,
    /// How far the webhook was told before, by [`noted_position`].
    pub noted: Option<Position>,
    pub tail: Arc<Tail>,
    pub readiness: Readiness,
    pub metrics: Arc<Metrics>,
    pub clock: SharedClock,
}

/// Delivers until it is dropped.
pub struct WebhookNotifier {
    parts: WebhookNotifierParts,
    client: Client,
}

impl WebhookNotifier {
    /// A webhook_notifier that follows no redirect and asks no proxy: what it carries goes where the setting
    /// says, and nowhere else.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(parts: WebhookNotifierParts) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(parts.webhook.timeout)
            .user_agent(concat!("doorbuster/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { parts, client })
    }

    /// Goes on where it was left, for as long as this is awaited.
    pub async fn run(self) {
        self.parts.readiness.has_started().await;
        let mut position = self.begin();
        let mut quiet = 0;
        loop {
            let page = match self.parts.tail.page_after(position).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%error, "webhook deliveries have stopped");
                    return;
                }
            };
            for (recorded, event) in page.iter() {
                if recorded.position <= position {
                    continue;
                }
                if let Some(kind) = told_as(event) {
                    self.deliver(kind, recorded).await;
                    self.note(recorded.position);
                    quiet = 0;
                }
                position = recorded.position;
            }
            quiet += 1;
            if quiet >= PAGES_PER_NOTE {
                self.note(position);
                quiet = 0;
            }
        }
    }

    /// Where it was left; where it never ran, or ran on another log, from now on.
    fn begin(&self) -> Position {
        let head = self.parts.tail.head();
        if let Some(noted) = self.parts.noted {
            if noted <= head {
                return noted;
            }
            let (noted, head) = (noted.0, head.0);
            tracing::warn!(
                noted,
                head,
                "the webhook position belongs to another log; continuing from here"
            );
        }
        self.note(head);
        head
    }

    /// Tries until it is taken or given up.
    async fn deliver(&self, kind: &'static str, recorded: &Recorded) {
        let attempts = self.parts.webhook.attempts.max(1);
        let mut pause = PAUSE_MIN;
        for attempt in 1..=attempts {
            let why = match self.try_once(kind, recorded).await {
                Ok(()) => {
                    self.parts.metrics.delivery(DeliveryResult::Delivered);
                    return;
                }
                Err(why) => why,
            };
            let position = recorded.position.0;
            if attempt == attempts {
                self.parts.metrics.delivery(DeliveryResult::GivenUp);
                tracing::error!(kind, position, why, "a webhook delivery was abandoned");
                return;
            }
            self.parts.metrics.delivery(DeliveryResult::Retried);
            tracing::debug!(kind, position, attempt, why, "a webhook delivery failed");
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn try_once(&self, kind: &'static str, recorded: &Recorded) -> Result<(), String> {
        let Webhook { url, keys, .. } = &self.parts.webhook;
        let body = body(kind, recorded);
        let id = recorded.id.to_string();
        let timestamp = self.parts.clock.now().second().to_string();
        let signature = keys.sign(&id, &timestamp, &body);
        let sent = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body)
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("it answered {}", answer.status())),
            // The URL may hold a token.
            Err(error) => Err(error.without_url().to_string()),
        }
    }

    fn note(&self, position: Position) {
        if let Err(error) = note_position(&self.parts.data, position) {
            tracing::warn!(%error, "the webhook position cannot be saved");
        }
    }
}

/// What is told of an event, if it is.
fn told_as(event: &Event) -> Option<&'static str> {
    match event {
        Event::Alert(AlertEvent::Raised(_)) => Some("alert.raised"),
        Event::Alert(AlertEvent::Cleared(_)) => Some("alert.cleared"),
        Event::Incident(IncidentEvent::Detected(_)) => Some("incident.detected"),
        Event::Incident(IncidentEvent::Resolved(_)) => Some("incident.resolved"),
        Event::Incident(
            IncidentEvent::Assessed(_) | IncidentEvent::ActionTaken(_) | IncidentEvent::Reviewed(_),
        )
        | Event::Item(_)
        | Event::Sale(_)
        | Event::Coupon(_)
        | Event::Quota(_)
        | Event::Demand(_)
        | Event::Fulfilment(_)
        | Event::Traffic(_)
        | Event::Script(_)
        | Event::Level(_)
        | Event::Log(_)
        | Event::Node(_) => None,
    }
}

fn body(kind: &str, recorded: &Recorded) -> String {
    // Events were decoded from JSON, so there is no error; if there were, the id would still tell.
    let event: serde_json::Value = serde_json::from_slice(&recorded.data).unwrap_or_default();
    json!({
        "type": kind,
        "timestamp": UnixMs(recorded.recorded_at_ms).to_string(),
        "data": {
            "position": recorded.position.0,
            "stream": recorded.stream.to_string(),
            "event": event,
        },
    })
    .to_string()
}
