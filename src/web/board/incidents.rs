//! Incidents from the board: opened, assessed, acted on and resolved by operators with a token.
//!
//! The same steps as over gRPC, with the same limits, but every step states a reason. Reviews are not
//! part of the board: use `doorbuster incident review`.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::post,
};
use wire::doorbuster::v1::{
    AssessIncidentRequest, IncidentSeverity as Severity, OpenIncidentRequest, RecordActionRequest,
    ResolveIncidentRequest, incident_service_client::IncidentServiceClient,
};

use super::{
    form::Fields,
    state::Board,
    steer::{NotDone, Written, done, read, send, told},
};
use crate::values::{IncidentSeverity, Invalid, bounded_prose};

/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

/// The steps of incidents.
pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new()
        .route("/incidents", post(open))
        .route("/incidents/{incident_id}/{step}", post(step))
}

async fn open(State(board): State<Arc<Board>>, headers: HeaderMap, body: Body) -> Response {
    let opened = async {
        let (written, mut fields) = read_step(&board, &headers, body).await?;
        let Written { request_id, operator, reason, .. } = written.clone();
        let request = OpenIncidentRequest {
            request_id,
            sale_id: fields.text("sale_id")?,
            title: fields.text("title")?,
            operator,
            reason,
            ..Default::default()
        };
        let mut incidents = IncidentServiceClient::new(board.parts.services.clone());
        let opened = send!(fields, written, incidents.open_incident, request);
        Ok(done(opened.revision, opened.position))
    };
    opened.await.unwrap_or_else(NotDone::answer)
}

async fn step(
    State(board): State<Arc<Board>>,
    Path((incident_id, step)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let taken = async {
        let (written, mut fields) = read_step(&board, &headers, body).await?;
        let Written { request_id, operator, reason, .. } = written.clone();
        let mut incidents = IncidentServiceClient::new(board.parts.services.clone());
        Ok(match step.as_str() {
            "assess" => {
                let severity = IncidentSeverity::parse("severity", &fields.text("severity")?)?;
                let name = format!("INCIDENT_SEVERITY_{}", severity.name().to_uppercase());
                let request = AssessIncidentRequest {
                    request_id,
                    incident_id,
                    severity: Severity::from_str_name(&name).unwrap_or_default().into(),
                    impact: fields.text("impact")?,
                    owner: fields.text("owner")?,
                    operator,
                    reason,
                };
                told(send!(fields, written, incidents.assess_incident, request))
            }
            "act" => {
                let action = fields.text("action")?;
                let request =
                    RecordActionRequest { request_id, incident_id, action, operator, reason };
                told(send!(fields, written, incidents.record_action, request))
            }
            "resolve" => {
                let end_time = None;
                let request =
                    ResolveIncidentRequest { request_id, incident_id, end_time, operator, reason };
                told(send!(fields, written, incidents.resolve_incident, request))
            }
            _ => {
                return Err(Invalid::new("step", "must be one of assess, act, resolve").into());
            }
        })
    };
    taken.await.unwrap_or_else(NotDone::answer)
}

/// Reads a step. Over gRPC it may do without a reason.
async fn read_step(
    board: &Board,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Written, Fields), NotDone> {
    let (written, fields) = read(board, headers, body).await?;
    bounded_prose("reason", &written.reason, REASON_CHARS_MAX)?;
    Ok((written, fields))
}
