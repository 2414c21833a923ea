//! Deliveries that were set aside, and that operators have sent again.

use futures_util::{StreamExt as _, pin_mut};
use tonic::Status;

use super::{
    FollowOrdersRequest, Follower, OrderWebhook, ReadSide,
    letter::Letter,
    receiver::Refused,
    saved::{FAILED_MAX, Failed, Paused},
};

impl OrderWebhook {
    /// Sends the first delivery again that is to be.
    pub(super) async fn send_again(&self, reads: &ReadSide) {
        let first = self.lock().failed.iter().find(|failed| failed.again).cloned();
        let Some(failed) = first else { return };
        let sent = match self.found(reads, &failed).await {
            Ok(letter) => self.try_once(&letter).await,
            Err(why) => Err(Refused::Other(why)),
        };
        self.sent_again(&failed, sent);
        self.save().await;
    }

    /// Notes what became of it.
    fn sent_again(&self, failed: &Failed, sent: Result<(), Refused>) {
        let mut saved = self.lock();
        let place = saved.failed.iter().position(|one| one.event_id == failed.event_id);
        let Some(place) = place else { return };
        match sent {
            Ok(()) => drop(saved.failed.remove(place)),
            Err(refused) => {
                saved.failed[place].why = match refused {
                    Refused::Gone => "it answered 410 Gone".to_owned(),
                    Refused::Event(why) | Refused::Other(why) => why,
                };
                // Also those that come after it.
                for one in saved.failed.iter_mut().filter(|one| one.key() == failed.key()) {
                    one.again = false;
                }
            }
        }
    }

    /// The event that was set aside, from the log.
    async fn found(&self, reads: &ReadSide, failed: &Failed) -> Result<Letter, String> {
        let request = FollowOrdersRequest {
            after_position: Some(failed.position.saturating_sub(1)),
            item_id: failed.item_id.clone(),
            kinds: vec![failed.kind],
            ..Default::default()
        };
        let said = |status: Status| status.message().to_owned();
        let stream = Follower::start(reads.clone(), &request, None).await.map_err(Status::from);
        let stream = stream.map_err(said)?.stream();
        pin_mut!(stream);
        while let Some(next) = stream.next().await {
            let Some(event) = next.map_err(said)?.event else { continue };
            if event.event_id == failed.event_id {
                return self.writer.letter(event);
            }
            if event.position > failed.position {
                break;
            }
        }
        Err("the log does not have the event".to_owned())
    }

    pub(super) fn set_aside(&self, letter: &Letter, why: String) {
        let mut saved = self.lock();
        // Read once more after a pause or a restart.
        if saved.failed.iter().any(|one| one.event_id == letter.event_id) {
            return;
        }
        tracing::error!(event = letter.event_id, why, "an order event was set aside");
        // What follows one that is being sent again is sent again, too.
        let again = saved.failed.iter().any(|one| one.again && one.key() == letter.key());
        saved.failed.push(Failed { again, ..letter.failed(why, self.clock.now()) });
        if saved.failed.len() >= FAILED_MAX {
            saved.paused = Some((Paused::TooManyFailed, self.clock.now().0));
        }
    }

    /// Whether an event of this order is set aside.
    pub(super) fn is_aside(&self, key: &str) -> bool {
        self.lock().failed.iter().any(|failed| failed.key() == key)
    }
}
