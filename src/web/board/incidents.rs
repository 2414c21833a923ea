//! Incidents from the board: opened, assessed, acted on and resolved by operators with a token.
//!
//! The same steps as over gRPC, with the same limits. Reviews are not part of the board: use
//! `doorbuster incident review`.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::post,
};

use super::{
    Board,
    steer::{Fields, NotDone, Written, done, read, refused},
};
use crate::{
    domain::{
        incident::{
            INCIDENT_TEXT_CHARS_MAX, INCIDENT_TITLE_CHARS_MAX, IncidentCommand, IncidentOutcome,
            IncidentStep, StepTaken,
        },
        sale::{NAME_CHARS_MAX, SaleOutcome},
    },
    events::DetectedBy,
    values::{IncidentId, IncidentSeverity, Invalid, SaleId, bounded_prose},
};

/// The steps of incidents.
pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new()
        .route("/incidents", post(open))
        .route("/incidents/{incident_id}/{step}", post(step))
}

async fn open(State(board): State<Arc<Board>>, headers: HeaderMap, body: Body) -> Response {
    let opened = async {
        let (written, mut fields) = read(&board, &headers, body).await?;
        let sale_id = SaleId::parse("sale_id", &fields.text("sale_id")?)?;
        let title = bounded(&mut fields, "title", INCIDENT_TITLE_CHARS_MAX)?;
        fields.done()?;
        // An incident is about a sale that is there.
        if let SaleOutcome::Misdirected(why) = board.parts.sales.show(sale_id).await?.outcome {
            return Err(NotDone::Misdirected(why));
        }
        let incident = IncidentId::of_request(written.request_id);
        let (items, detected_by) = (Vec::new(), DetectedBy::Person);
        let what = StepTaken::Detect { sale_id, items, title, detected_by, began_at: None };
        take(&board, incident, written, what).await
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
        let (written, mut fields) = read(&board, &headers, body).await?;
        let incident = IncidentId::parse("incident_id", &incident_id)?;
        let what = match step.as_str() {
            "assess" => StepTaken::Assess {
                severity: IncidentSeverity::parse("severity", &fields.text("severity")?)?,
                impact: bounded(&mut fields, "impact", INCIDENT_TEXT_CHARS_MAX)?,
                owner: bounded(&mut fields, "owner", NAME_CHARS_MAX)?,
            },
            "act" => {
                let action = bounded(&mut fields, "action", INCIDENT_TEXT_CHARS_MAX)?;
                StepTaken::TakeAction { action }
            }
            "resolve" => StepTaken::Resolve { ended_at: None },
            _ => return Err(Invalid::new("step", "must be one of assess, act, resolve").into()),
        };
        fields.done()?;
        take(&board, incident, written, what).await
    };
    taken.await.unwrap_or_else(NotDone::answer)
}

async fn take(
    board: &Board,
    incident: IncidentId,
    written: Written,
    what: StepTaken,
) -> Result<Response, NotDone> {
    let Written { request_id, operator, reason } = written;
    let step = IncidentStep { request_id, operator, reason, what };
    let command = IncidentCommand::Take(Box::new(step));
    let asked = board.parts.incidents.ask(incident.0, command, None).await?;
    match asked.outcome {
        IncidentOutcome::Incident(_) => Ok(done(asked.revision, asked.position)),
        IncidentOutcome::Refused(refusal) => Ok(refused(refusal.sentence())),
        IncidentOutcome::Misdirected(why) => Err(NotDone::Misdirected(why)),
    }
}

fn bounded(fields: &mut Fields, name: &str, max: usize) -> Result<String, Invalid> {
    let text = fields.text(name)?;
    bounded_prose(name, &text, max)?;
    Ok(text)
}
