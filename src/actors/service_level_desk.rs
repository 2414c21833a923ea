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
        let answer = self.directory.ask(SERVICE, ServiceLevelCommand::Set(set), deadline).await?;
        if let ServiceLevelOutcome::Level(view) = &answer.outcome
            && view.set.is_some()
        {
            self.service.came(answer.revision, view.level);
        }
        Ok(answer)
    }

    /// The level as the log has it now.
    pub async fn show(&self) -> Result<Answer<ServiceLevelOutcome>, Fault> {
        self.directory.ask(SERVICE, ServiceLevelCommand::Show, None).await
    }
}
