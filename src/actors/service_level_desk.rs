//! The level of the service: set in one place for all nodes, followed on each.
//!
//! A node learns of a level in three ways: it set it itself, it read it with the rest of the log,
//! or it read the stream from the store, which it does once a second. The level is therefore known
//! before the first command is accepted, and also if the read models are far behind.

use std::sync::Arc;

use super::{Answer, Deadline, Directory, Fault};
use crate::{
    admission::CurrentServiceLevel,
    domain::service_level::{
        ServiceLevelCommand, ServiceLevelOutcome, ServiceLevelSetting, SetServiceLevel,
    },
    events::SERVICE,
};

/// How often the level is asked for before another node's setting it counts as a failure.
const TRIES_MAX: usize = 5;

/// Sets and shows the level.
#[derive(Clone)]
pub struct ServiceLevelDesk {
    directory: Arc<Directory<ServiceLevelSetting>>,
    service: Arc<CurrentServiceLevel>,
}

impl ServiceLevelDesk {
    /// The level that is decided there; `service` is told at once of what this node sets.
    pub fn new(
        directory: Arc<Directory<ServiceLevelSetting>>,
        service: Arc<CurrentServiceLevel>,
    ) -> Self {
        Self { directory, service }
    }

    /// Sets the level.
    pub async fn set(
        &self,
        set: SetServiceLevel,
        deadline: Option<Deadline>,
    ) -> Result<Answer<ServiceLevelOutcome>, Fault> {
        let answer = self.ask(&ServiceLevelCommand::Set(set), deadline).await?;
        if let ServiceLevelOutcome::Level(view) = &answer.outcome
            && view.set.is_some()
        {
            self.service.came(answer.revision, view.level);
        }
        Ok(answer)
    }

    /// The level as the log has it now.
    pub async fn show(&self) -> Result<Answer<ServiceLevelOutcome>, Fault> {
        self.ask(&ServiceLevelCommand::Show, None).await
    }

    /// Asks again where another node had set the level meanwhile: nothing was decided here.
    async fn ask(
        &self,
        command: &ServiceLevelCommand,
        deadline: Option<Deadline>,
    ) -> Result<Answer<ServiceLevelOutcome>, Fault> {
        for _ in 1..TRIES_MAX {
            match self.directory.ask(SERVICE, command.clone(), deadline.clone()).await {
                Err(Fault::LostOwnership) => {}
                answer => return answer,
            }
        }
        self.directory.ask(SERVICE, command.clone(), deadline.clone()).await
    }
}
