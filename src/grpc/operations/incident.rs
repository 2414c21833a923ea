//! `IncidentService`: incidents of a sale, their steps and their cost.

use std::{collections::HashSet, sync::Arc};

use tonic::{Request, Response, Status, async_trait, metadata::MetadataMap};

use crate::{
    actors::{Answer, Deadline, Directory, Sales},
    clock::SharedClock,
    domain::{
        incident::{
            INCIDENT_ITEMS_MAX, INCIDENT_TEXT_CHARS_MAX, INCIDENT_TITLE_CHARS_MAX, Incident,
            IncidentCommand, IncidentOutcome, IncidentRefusal, IncidentStep, IncidentView,
            StepTaken,
        },
        sale::{NAME_CHARS_MAX, SaleOutcome},
    },
    events::DetectedBy,
    grpc::{
        ReadSide, authenticator::Authenticator, convert, proto, replay::answers::outcome_name,
        status::CallError,
    },
    projections::{catalog, operations, orders, timeline},
    reports::{Basis, Impact, ImpactUntil, IncidentLine, IncidentStepLine, IncidentsQuery, Paging},
    values::{
        IncidentId, IncidentSeverity, Invalid, ItemId, RequestId, SaleId, UnixMs, bounded_prose,
        bounded_text,
    },
};

pub(in crate::grpc) struct IncidentApi {
    pub(in crate::grpc) incidents: Arc<Directory<Incident>>,
    pub(in crate::grpc) sales: Sales,
    pub(in crate::grpc) reads: ReadSide,
    pub(in crate::grpc) authenticator: Authenticator,
    pub(in crate::grpc) clock: SharedClock,
}

/// The answer to a step, before it is put into the message of its RPC.
struct Taken {
    outcome: Result<proto::Incident, proto::IncidentRefusal>,
    revision: u64,
    position: u64,
}

/// What all steps after the first have in common.
struct Further {
    request_id: String,
    incident_id: String,
    operator: String,
    reason: String,
    what: StepTaken,
}

impl IncidentApi {
    async fn take(
        &self,
        incident: IncidentId,
        step: IncidentStep,
        deadline: Option<Deadline>,
    ) -> Result<Taken, CallError> {
        let command = IncidentCommand::Take(Box::new(step));
        let Answer { outcome, revision, position } =
            self.incidents.ask(incident.0, command, deadline).await?;
        let outcome = match outcome {
            IncidentOutcome::Incident(view) => Ok(view_of(*view)),
            IncidentOutcome::Refused(refusal) => Err(refusal_of(refusal)),
            IncidentOutcome::Misdirected(why) => return Err(why.into()),
        };
        Ok(Taken { outcome, revision, position: position.0 })
    }

    async fn further<T>(
        &self,
        request: Request<T>,
        read: impl FnOnce(T, UnixMs) -> Result<Further, CallError>,
    ) -> Result<Taken, CallError> {
        let (metadata, extensions, message) = request.into_parts();
        let now = self.clock.now();
        let deadline = convert::deadline(&extensions);
        let Further { request_id, incident_id, operator, reason, what } = read(message, now)?;
        let request_id = RequestId::parse("request_id", &request_id)?;
        let incident = IncidentId::parse("incident_id", &incident_id)?;
        let (operator, reason) = self.who(&metadata, operator, reason)?;
        self.take(incident, IncidentStep { request_id, operator, reason, what }, deadline).await
    }

    fn who(
        &self,
        metadata: &MetadataMap,
        operator: String,
        reason: String,
    ) -> Result<(String, String), CallError> {
        let operator = self.authenticator.operator(metadata, operator)?;
        // Most steps say why by themselves.
        convert::steering(&operator, if reason.is_empty() { "-" } else { &reason })?;
        Ok((operator, reason))
    }

    /// The items that are named, checked against those of the sale.
    async fn items(&self, sale: SaleId, named: &[String]) -> Result<Vec<ItemId>, CallError> {
        if named.len() > INCIDENT_ITEMS_MAX {
            let problem =
                format!("must be at most {INCIDENT_ITEMS_MAX}; none means the whole sale");
            return Err(Invalid::new("item_ids", problem).into());
        }
        let planned = match self.sales.show(sale).await?.outcome {
            SaleOutcome::Sale(view) => view.plan.items,
            SaleOutcome::Refused(_) => {
                return Err(CallError::internal("a query of a sale was refused", &"a bug"));
            }
            SaleOutcome::Misdirected(why) => return Err(why.into()),
        };
        let planned: HashSet<ItemId> = planned.into_iter().map(|item| item.item_id).collect();
        let mut items = Vec::with_capacity(named.len());
        for (index, text) in named.iter().enumerate() {
            let field = format!("item_ids[{index}]");
            let item = ItemId::parse(&field, text)?;
            if !planned.contains(&item) {
                return Err(Invalid::new(field, "is not an item of this sale").into());
            }
            if items.contains(&item) {
                return Err(Invalid::new(field, "stands there twice").into());
            }
            items.push(item);
        }
        Ok(items)
    }
}

/// The responses to further steps differ in name only.
macro_rules! taken {
    ($taken:expr, $response:ident, $outcome:ident) => {{
        let Taken { outcome, revision, position } = $taken;
        let outcome = match outcome {
            Ok(incident) => proto::$outcome::Outcome::Incident(incident),
            Err(refusal) => proto::$outcome::Outcome::Refusal(refusal),
        };
        Ok(Response::new(proto::$response { outcome: Some(outcome), revision, position }))
    }};
}

#[async_trait]
impl proto::incident_service_server::IncidentService for IncidentApi {
    async fn open_incident(
        &self,
        request: Request<proto::OpenIncidentRequest>,
    ) -> Result<Response<proto::OpenIncidentResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let now = self.clock.now();
        let request_id = RequestId::parse("request_id", &message.request_id);
        let request_id = request_id.map_err(CallError::from)?;
        let sale_id = SaleId::parse("sale_id", &message.sale_id).map_err(CallError::from)?;
        bounded_prose("title", &message.title, INCIDENT_TITLE_CHARS_MAX)
            .map_err(CallError::from)?;
        let began_at = past("begin_time", message.begin_time, now)?;
        let (operator, reason) = self.who(&metadata, message.operator, message.reason)?;
        let items = self.items(sale_id, &message.item_ids).await?;
        let detected_by = DetectedBy::Person;
        let what =
            StepTaken::Detect { sale_id, items, title: message.title, detected_by, began_at };
        let step = IncidentStep { request_id, operator, reason, what };
        let incident = IncidentId::of_request(request_id);
        let taken = self.take(incident, step, convert::deadline(&extensions)).await?;
        let Ok(incident) = taken.outcome else {
            return Err(CallError::internal("opening an incident was refused", &"a bug").into());
        };
        Ok(Response::new(proto::OpenIncidentResponse {
            incident: Some(incident),
            revision: taken.revision,
            position: taken.position,
        }))
    }

    async fn assess_incident(
        &self,
        request: Request<proto::AssessIncidentRequest>,
    ) -> Result<Response<proto::AssessIncidentResponse>, Status> {
        let taken = self.further(request, |r, _| {
            let severity = severity(r.severity)?;
            bounded_prose("impact", &r.impact, INCIDENT_TEXT_CHARS_MAX)?;
            bounded_text("owner", &r.owner, NAME_CHARS_MAX)?;
            Ok(Further {
                request_id: r.request_id,
                incident_id: r.incident_id,
                operator: r.operator,
                reason: r.reason,
                what: StepTaken::Assess { severity, impact: r.impact, owner: r.owner },
            })
        });
        taken!(taken.await?, AssessIncidentResponse, assess_incident_response)
    }

    async fn record_action(
        &self,
        request: Request<proto::RecordActionRequest>,
    ) -> Result<Response<proto::RecordActionResponse>, Status> {
        let taken = self.further(request, |r, _| {
            bounded_prose("action", &r.action, INCIDENT_TEXT_CHARS_MAX)?;
            Ok(Further {
                request_id: r.request_id,
                incident_id: r.incident_id,
                operator: r.operator,
                reason: r.reason,
                what: StepTaken::TakeAction { action: r.action },
            })
        });
        taken!(taken.await?, RecordActionResponse, record_action_response)
    }

    async fn resolve_incident(
        &self,
        request: Request<proto::ResolveIncidentRequest>,
    ) -> Result<Response<proto::ResolveIncidentResponse>, Status> {
        let taken = self.further(request, |r, now| {
            Ok(Further {
                request_id: r.request_id,
                incident_id: r.incident_id,
                operator: r.operator,
                reason: r.reason,
                what: StepTaken::Resolve { ended_at: past("end_time", r.end_time, now)? },
            })
        });
        taken!(taken.await?, ResolveIncidentResponse, resolve_incident_response)
    }

    async fn review_incident(
        &self,
        request: Request<proto::ReviewIncidentRequest>,
    ) -> Result<Response<proto::ReviewIncidentResponse>, Status> {
        let taken = self.further(request, |r, _| {
            bounded_prose("cause", &r.cause, INCIDENT_TEXT_CHARS_MAX)?;
            bounded_prose("lessons", &r.lessons, INCIDENT_TEXT_CHARS_MAX)?;
            Ok(Further {
                request_id: r.request_id,
                incident_id: r.incident_id,
                operator: r.operator,
                reason: r.reason,
                what: StepTaken::Review { cause: r.cause, lessons: r.lessons },
            })
        });
        taken!(taken.await?, ReviewIncidentResponse, review_incident_response)
    }

    async fn get_incident(
        &self,
        request: Request<proto::GetIncidentRequest>,
    ) -> Result<Response<proto::GetIncidentResponse>, Status> {
        let request = request.into_inner();
        let id = IncidentId::parse("incident_id", &request.incident_id).map_err(CallError::from)?;
        let also = [catalog::NAME, orders::NAME, timeline::NAME];
        self.reads.reach_also(&also, request.min_position, &request.as_of).await?;
        let until = match request.as_of {
            Some(_) => ImpactUntil::LastEvent,
            None => {
                let now = self.clock.now();
                ImpactUntil::Now { now, head: self.reads.catch_up(timeline::NAME).await }
            }
        };
        let asked = self.reads.ask_as_of(
            operations::NAME,
            request.min_position,
            request.as_of,
            move |reports| {
                let found = reports.incident(id)?;
                let (impact, counted) = reports.impact(&found.incident, until)?;
                Ok((found, impact, counted))
            },
        );
        let (found, impact, counted) = asked.await?;
        let (name, checkpoint) = if counted.position < found.checkpoint.position {
            (timeline::NAME, counted)
        } else {
            (operations::NAME, found.checkpoint)
        };
        Ok(Response::new(proto::GetIncidentResponse {
            revision: u64::try_from(found.incident.revision).unwrap_or(0),
            incident: Some(line_of(found.incident)),
            steps: found.steps.into_iter().map(step_of).collect(),
            impact: Some(impact_of(impact)),
            freshness: Some(self.reads.freshness(name, checkpoint)),
        }))
    }

    async fn list_incidents(
        &self,
        request: Request<proto::ListIncidentsRequest>,
    ) -> Result<Response<proto::ListIncidentsResponse>, Status> {
        let request = request.into_inner();
        let sale_id = match request.sale_id.as_str() {
            "" => None,
            text => Some(SaleId::parse("sale_id", text).map_err(CallError::from)?),
        };
        let paging = Paging { page_size: request.page_size, page_token: request.page_token };
        let query = IncidentsQuery { sale_id, open: request.open, paging };
        let asked = self.reads.ask_as_of(
            operations::NAME,
            request.min_position,
            request.as_of,
            move |reports| reports.incidents(&query),
        );
        let page = asked.await?;
        Ok(Response::new(proto::ListIncidentsResponse {
            incidents: page.rows.into_iter().map(line_of).collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.reads.freshness(operations::NAME, page.checkpoint)),
        }))
    }
}

// ---- in ----

/// A moment that was given, and has come.
fn past(
    field: &str,
    time: Option<prost_types::Timestamp>,
    now: UnixMs,
) -> Result<Option<UnixMs>, CallError> {
    let moment = convert::moment(field, time)?;
    if moment.is_some_and(|moment| moment > now) {
        return Err(Invalid::new(field, "must not be in the future").into());
    }
    Ok(moment)
}

fn severity(severity: i32) -> Result<IncidentSeverity, CallError> {
    match proto::IncidentSeverity::try_from(severity) {
        Ok(proto::IncidentSeverity::Minor) => Ok(IncidentSeverity::Minor),
        Ok(proto::IncidentSeverity::Major) => Ok(IncidentSeverity::Major),
        Ok(proto::IncidentSeverity::Critical) => Ok(IncidentSeverity::Critical),
        Ok(proto::IncidentSeverity::Unspecified) | Err(_) => {
            Err(Invalid::new("severity", "must be minor, major or critical").into())
        }
    }
}

// ---- out ----

fn refusal_of(refusal: IncidentRefusal) -> proto::IncidentRefusal {
    use proto::IncidentRefusalReason as Reason;
    let reason = match refusal {
        IncidentRefusal::AlreadyResolved => Reason::AlreadyResolved,
        IncidentRefusal::NotResolved => Reason::NotResolved,
        IncidentRefusal::AlreadyReviewed => Reason::AlreadyReviewed,
        IncidentRefusal::EndedBeforeBegan => Reason::EndedBeforeBegan,
        IncidentRefusal::TooManySteps => Reason::TooManySteps,
    };
    proto::IncidentRefusal { reason: reason.into(), message: refusal.sentence().to_owned() }
}

fn severity_of(severity: Option<IncidentSeverity>) -> proto::IncidentSeverity {
    match severity {
        None => proto::IncidentSeverity::Unspecified,
        Some(IncidentSeverity::Minor) => proto::IncidentSeverity::Minor,
        Some(IncidentSeverity::Major) => proto::IncidentSeverity::Major,
        Some(IncidentSeverity::Critical) => proto::IncidentSeverity::Critical,
    }
}

fn view_of(view: IncidentView) -> proto::Incident {
    let IncidentView { incident_id, detected, assessed, resolved, reviewed, .. } = view;
    let alert = match detected.detected_by {
        DetectedBy::Alert { alert_id, rule } => Some((alert_id, rule)),
        DetectedBy::Person => None,
    };
    let severity = assessed.as_ref().map(|assessed| assessed.severity);
    let (impact, owner) = assessed.map(|told| (told.impact, told.owner)).unwrap_or_default();
    let reviewed_at = reviewed.as_ref().map(|reviewed| reviewed.reviewed_at_ms);
    let (cause, lessons) = reviewed.map(|told| (told.cause, told.lessons)).unwrap_or_default();
    line_of(IncidentLine {
        incident_id,
        sale_id: detected.sale_id,
        items: detected.items,
        title: detected.title,
        alert,
        severity,
        impact,
        owner,
        cause,
        lessons,
        began_at: detected.began_at_ms,
        detected_at: detected.detected_at_ms,
        ended_at: resolved.as_ref().map(|resolved| resolved.ended_at_ms),
        resolved_at: resolved.as_ref().map(|resolved| resolved.resolved_at_ms),
        reviewed_at,
        revision: 0,
    })
}

fn line_of(line: IncidentLine) -> proto::Incident {
    let (alert_id, rule) = line.alert.map(|(id, rule)| (id.to_string(), rule)).unwrap_or_default();
    proto::Incident {
        incident_id: line.incident_id.to_string(),
        sale_id: line.sale_id.to_string(),
        item_ids: line.items.iter().map(ItemId::to_string).collect(),
        title: line.title,
        alert_id,
        rule,
        severity: severity_of(line.severity).into(),
        impact: line.impact,
        owner: line.owner,
        begin_time: Some(convert::timestamp(line.began_at)),
        detect_time: Some(convert::timestamp(line.detected_at)),
        end_time: line.ended_at.map(convert::timestamp),
        resolve_time: line.resolved_at.map(convert::timestamp),
        review_time: line.reviewed_at.map(convert::timestamp),
        cause: line.cause,
        lessons: line.lessons,
    }
}

fn step_of(step: IncidentStepLine) -> proto::IncidentStep {
    proto::IncidentStep {
        kind: step.kind,
        step_time: Some(convert::timestamp(step.at)),
        operator: step.operator,
        reason: step.reason,
        details_json: step.details,
        revision: u64::try_from(step.revision).unwrap_or(0),
    }
}

fn impact_of(impact: Impact) -> proto::IncidentImpact {
    let money = |amount_minor| {
        let currency_code = impact.currency.clone();
        Some(proto::Money { currency_code, amount_minor })
    };
    let basis = match impact.basis {
        Basis::Curve => proto::ImpactBasis::Curve,
        Basis::Goal => proto::ImpactBasis::Goal,
        Basis::Pace => proto::ImpactBasis::Pace,
    };
    let minutes = impact.minutes.iter().map(|minute| proto::ImpactMinute {
        from_time: Some(convert::timestamp(minute.from)),
        planned_units: minute.planned_units,
        ordered_units: minute.ordered_units,
        lost_units: minute.lost.units,
        lost_revenue: money(minute.lost.revenue_minor),
    });
    let refusals = impact.refusals.iter().map(|(outcome, attempts)| {
        let reason = outcome_name(*outcome);
        (reason.to_owned(), *attempts)
    });
    proto::IncidentImpact {
        basis: basis.into(),
        from_time: Some(convert::timestamp(impact.from)),
        until_time: Some(convert::timestamp(impact.until)),
        planned_units: impact.planned_units,
        ordered_units: impact.ordered_units,
        available_units_at_begin: impact.available_at_begin,
        available_units_at_end: impact.available_at_end,
        lost_units: impact.lost.units,
        unit_price: money(impact.unit_price_minor),
        lost_revenue: money(impact.lost.revenue_minor),
        lost_units_per_minute: impact.lost_units_per_minute,
        lost_revenue_per_minute: money(impact.lost_revenue_minor_per_minute),
        attempts: impact.attempts,
        refusals: refusals.collect(),
        minutes: minutes.collect(),
    }
}
