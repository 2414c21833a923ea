//! `DegradationService`: the service level: get, set, and list changes.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};

use crate::{
    actors::{Answer, ServiceLevelDesk},
    admission::CurrentServiceLevel,
    domain::service_level::{ServiceLevelOutcome, ServiceLevelView, SetServiceLevel},
    events::LevelSet,
    grpc::{ReadSide, authenticator::Authenticator, convert, proto, status::CallError},
    projections::operations,
    reports::{Paging, ServiceLevelLine, ServiceLevelsQuery},
    values::{Invalid, RequestId, ServiceLevel},
};

pub(in crate::grpc) struct ServiceLevelApi {
    pub(in crate::grpc) levels: ServiceLevelDesk,
    pub(in crate::grpc) reads: ReadSide,
    pub(in crate::grpc) service: Arc<CurrentServiceLevel>,
    pub(in crate::grpc) authenticator: Authenticator,
}

#[async_trait]
impl proto::degradation_service_server::DegradationService for ServiceLevelApi {
    async fn set_level(
        &self,
        request: Request<proto::SetLevelRequest>,
    ) -> Result<Response<proto::SetLevelResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, mut request) = request.into_parts();
        request.operator = self.authenticator.operator(&metadata, request.operator)?;
        let set = command(request).map_err(CallError::from)?;
        let answer = self.levels.set(set, deadline).await.map_err(CallError::from)?;
        let Shown { view, not_expected, revision, position } = shown(answer)?;
        Ok(Response::new(proto::SetLevelResponse {
            level: level_out(view.level).into(),
            not_expected,
            change: view.set.map(|set| change(set, revision)),
            revision,
            position,
        }))
    }

    async fn get_level(
        &self,
        _request: Request<proto::GetLevelRequest>,
    ) -> Result<Response<proto::GetLevelResponse>, Status> {
        let answer = self.levels.show().await.map_err(CallError::from)?;
        let Shown { view, revision, .. } = shown(answer)?;
        Ok(Response::new(proto::GetLevelResponse {
            level: level_out(view.level).into(),
            change: view.set.map(|set| change(set, revision)),
            revision,
            node_level: level_out(self.service.level()).into(),
        }))
    }

    async fn list_level_changes(
        &self,
        request: Request<proto::ListLevelChangesRequest>,
    ) -> Result<Response<proto::ListLevelChangesResponse>, Status> {
        let request = request.into_inner();
        let paging = Paging { page_size: request.page_size, page_token: request.page_token };
        let query = ServiceLevelsQuery { paging };
        let page = self
            .reads
            .ask(operations::NAME, request.min_position, move |reports| reports.levels(&query))
            .await?;
        Ok(Response::new(proto::ListLevelChangesResponse {
            changes: page.rows.into_iter().map(line).collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.reads.freshness(operations::NAME, page.checkpoint)),
        }))
    }
}

/// An answer about the level, before it is put into the message of its RPC.
struct Shown {
    view: ServiceLevelView,
    not_expected: bool,
    revision: u64,
    position: u64,
}

fn shown(answer: Answer<ServiceLevelOutcome>) -> Result<Shown, CallError> {
    let Answer { outcome, revision, position } = answer;
    let (view, not_expected) = match outcome {
        ServiceLevelOutcome::Level(view) => (view, false),
        ServiceLevelOutcome::NotExpected(view) => (view, true),
        ServiceLevelOutcome::Misdirected(why) => return Err(why.into()),
    };
    Ok(Shown { view, not_expected, revision, position: position.0 })
}

fn command(request: proto::SetLevelRequest) -> Result<SetServiceLevel, Invalid> {
    let level = level_in("level", request.level)?;
    // What an alert brings about is done by the node that judges it, never by a client.
    if !request.alert_id.is_empty() {
        return Err(Invalid::new("alert_id", "must be empty: only nodes act for alerts"));
    }
    convert::steering(&request.operator, &request.reason)?;
    Ok(SetServiceLevel {
        request_id: RequestId::parse("request_id", &request.request_id)?,
        level: level.ok_or_else(|| Invalid::new("level", "is missing"))?,
        expected: level_in("expected", request.expected)?,
        by_alert: None,
        operator: request.operator,
        reason: request.reason,
    })
}

fn level_in(field: &str, level: i32) -> Result<Option<ServiceLevel>, Invalid> {
    let known = proto::ServiceLevel::try_from(level);
    Ok(match known.map_err(|_| Invalid::new(field, "is not a known level"))? {
        proto::ServiceLevel::Unspecified => None,
        proto::ServiceLevel::Full => Some(ServiceLevel::Full),
        proto::ServiceLevel::NoTraffic => Some(ServiceLevel::NoTraffic),
        proto::ServiceLevel::NoBoardDetail => Some(ServiceLevel::NoBoardDetail),
        proto::ServiceLevel::CoreOnly => Some(ServiceLevel::CoreOnly),
        proto::ServiceLevel::Closed => Some(ServiceLevel::Closed),
    })
}

fn level_out(level: ServiceLevel) -> proto::ServiceLevel {
    match level {
        ServiceLevel::Full => proto::ServiceLevel::Full,
        ServiceLevel::NoTraffic => proto::ServiceLevel::NoTraffic,
        ServiceLevel::NoBoardDetail => proto::ServiceLevel::NoBoardDetail,
        ServiceLevel::CoreOnly => proto::ServiceLevel::CoreOnly,
        ServiceLevel::Closed => proto::ServiceLevel::Closed,
    }
}

fn change(set: LevelSet, revision: u64) -> proto::LevelChange {
    proto::LevelChange {
        level: level_out(set.level).into(),
        before: level_out(set.before).into(),
        operator: set.act.operator,
        reason: set.act.reason,
        alert_id: set.alert_id.map(|id| id.to_string()).unwrap_or_default(),
        set_time: Some(convert::timestamp(set.set_at_ms)),
        end_time: None,
        revision,
    }
}

fn line(line: ServiceLevelLine) -> proto::LevelChange {
    proto::LevelChange {
        level: level_out(line.level).into(),
        before: level_out(line.before).into(),
        operator: line.operator,
        reason: line.reason,
        alert_id: line.alert_id.map(|id| id.to_string()).unwrap_or_default(),
        set_time: Some(convert::timestamp(line.from)),
        end_time: line.until.map(convert::timestamp),
        revision: u64::try_from(line.revision).unwrap_or_default(),
    }
}
