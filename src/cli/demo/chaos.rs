//! Carries out what is broken on purpose, and what an operator does about it, over gRPC like any
//! other operator.

use std::time::Duration;

use anyhow::Context;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tonic::transport::Channel;

use crate::{
    clock::new_request_id,
    crowd::{
        chaos::{Spell, Troubles},
        operator::Operator,
        sale::PutUp,
    },
    grpc::proto::{PauseItemRequest, ResumeItemRequest, item_service_client::ItemServiceClient},
};

/// Somebody at the controls of a sale while things break.
pub struct Shift<'a> {
    pub channel: Channel,
    pub operator: &'a Operator,
    pub sales: &'a PutUp,
    /// When the crowd was let in.
    pub start: Instant,
}

impl Shift<'_> {
    /// Breaks what the plan says and mends what a person has to mend; returns when all is over.
    ///
    /// # Errors
    /// When the server did not do what the operator asked of it.
    pub async fn carry_out(
        &self,
        troubles: &Troubles,
        stall: &watch::Sender<bool>,
    ) -> anyhow::Result<()> {
        let stalling = async {
            for spell in &troubles.stalls {
                self.reach(spell.from_ms).await;
                stall.send_replace(true);
                self.reach(spell.until_ms).await;
                stall.send_replace(false);
            }
            Ok(())
        };
        let pausing = async {
            let Some(item) = self.sales.items.get(troubles.paused_item) else { return Ok(()) };
            self.pause(&item.item_id, troubles.paused).await
        };
        tokio::try_join!(stalling, pausing)?;
        Ok(())
    }

    async fn pause(&self, item_id: &str, spell: Spell) -> anyhow::Result<()> {
        let mut items = ItemServiceClient::new(self.channel.clone());
        self.reach(spell.from_ms).await;
        let pause = PauseItemRequest {
            request_id: new_request_id().0.to_string(),
            item_id: item_id.to_owned(),
            operator: self.operator.name.clone(),
            reason: "the price is being checked".to_owned(),
        };
        items.pause_item(self.operator.sends(pause)).await.context("the item cannot be paused")?;
        self.reach(spell.until_ms).await;
        let resume = ResumeItemRequest {
            request_id: new_request_id().0.to_string(),
            item_id: item_id.to_owned(),
            operator: self.operator.name.clone(),
            reason: "the price is right".to_owned(),
        };
        items
            .resume_item(self.operator.sends(resume))
            .await
            .context("the item cannot be resumed")?;
        Ok(())
    }

    /// Waits for a moment of the plan.
    async fn reach(&self, ms: u32) {
        sleep_until(self.start + Duration::from_millis(ms.into())).await;
    }
}
