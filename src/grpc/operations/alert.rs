//! `AlertService`: alerts, their changes, and their rules.

mod follow;
mod line;

use std::pin::Pin;

use futures_util::Stream;
use tonic::{Request, Response, Status, async_trait};

use self::{follow::Follower, line::alert};
use crate::{
    actors::{Permits, Sales},
    domain::{
        alert::{Condition, Rule, RuleSource, Scope, defaults},
        sale::SaleOutcome,
    },
    events::{AlertRule, Position},
    grpc::{ReadSide, alerts, proto, status::CallError},
    projections::operations,
    reports::{AlertsQuery, Paging},
    values::SaleId,
};

/// Maximum of followers on this node: each queries the read model after a change.
const FOLLOWERS_MAX: usize = 100;

pub(in crate::grpc) struct AlertApi {
    reads: ReadSide,
    sales: Sales,
    followers: Permits,
}

impl AlertApi {
    pub(in crate::grpc) fn new(reads: ReadSide, sales: Sales) -> Self {
        Self { reads, sales, followers: Permits::new(FOLLOWERS_MAX) }
    }
}

#[async_trait]
impl proto::alert_service_server::AlertService for AlertApi {
    type FollowAlertsStream =
        Pin<Box<dyn Stream<Item = Result<proto::FollowAlertsResponse, Status>> + Send>>;

    async fn list_alerts(
        &self,
        request: Request<proto::ListAlertsRequest>,
    ) -> Result<Response<proto::ListAlertsResponse>, Status> {
        let request = request.into_inner();
        let query = AlertsQuery {
            sale_id: sale_id(&request.sale_id)?,
            firing_only: request.firing_only,
            paging: Paging { page_size: request.page_size, page_token: request.page_token },
        };
        let page = self
            .reads
            .ask(operations::NAME, request.min_position, move |reports| reports.alerts(&query))
            .await?;
        Ok(Response::new(proto::ListAlertsResponse {
            alerts: page.rows.into_iter().map(alert).collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.reads.freshness(operations::NAME, page.checkpoint)),
        }))
    }

    async fn follow_alerts(
        &self,
        request: Request<proto::FollowAlertsRequest>,
    ) -> Result<Response<Self::FollowAlertsStream>, Status> {
        let request = request.into_inner();
        let sale = sale_id(&request.sale_id)?;
        let place = self.followers.take(Some(std::time::Duration::ZERO)).await;
        let place = place.ok_or_else(CallError::crowded)?;
        let after = request.after_position.map(Position);
        let follower = Follower::start(self.reads.clone(), sale, after, place).await?;
        Ok(Response::new(Box::pin(follower.stream())))
    }

    async fn list_alert_rules(
        &self,
        request: Request<proto::ListAlertRulesRequest>,
    ) -> Result<Response<proto::ListAlertRulesResponse>, Status> {
        let own = match sale_id(&request.get_ref().sale_id)? {
            None => None,
            Some(sale) => match self.sales.show(sale).await.map_err(CallError::from)?.outcome {
                SaleOutcome::Sale(view) => Some(view.plan.alerts),
                SaleOutcome::Misdirected(why) => return Err(CallError::from(why).into()),
                SaleOutcome::Refused(why) => {
                    let why = why.sentence();
                    return Err(CallError::internal("a query of a sale was refused", &why).into());
                }
            },
        };
        let (rules, unreadable) = defaults(own.as_deref());
        let rules = rules.into_iter().map(effective).collect();
        Ok(Response::new(proto::ListAlertRulesResponse { rules, unreadable }))
    }

    async fn check_alert_rule(
        &self,
        request: Request<proto::CheckAlertRuleRequest>,
    ) -> Result<Response<proto::CheckAlertRuleResponse>, Status> {
        let request = request.into_inner();
        let scope = if request.each_item { Scope::Item } else { Scope::Sale };
        let answer = match Condition::parse("when", &request.when, scope) {
            Ok(condition) => {
                let figure = |figure: &crate::domain::alert::Figure| proto::AlertFigure {
                    name: figure.name().to_owned(),
                    meaning: figure.sentence().to_owned(),
                };
                let figures = condition.figures().iter().map(figure).collect();
                proto::CheckAlertRuleResponse { ok: true, problem: String::new(), figures }
            }
            Err(wrong) => proto::CheckAlertRuleResponse {
                ok: false,
                problem: wrong.to_string(),
                figures: Vec::new(),
            },
        };
        Ok(Response::new(answer))
    }
}

fn sale_id(text: &str) -> Result<Option<SaleId>, CallError> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(SaleId::parse("sale_id", text)?))
}

fn effective(rule: Rule) -> proto::EffectiveAlertRule {
    let source = match rule.source {
        RuleSource::Default => proto::AlertRuleSource::Default,
        RuleSource::Sale => proto::AlertRuleSource::Sale,
    };
    let each_item = rule.is_of_items();
    let written = AlertRule {
        name: rule.name,
        when: rule.when_text,
        for_ms: rule.for_ms,
        clear_when: rule.clear_when_text,
        clear_for_ms: rule.clear_for_ms,
        severity: rule.severity,
        each_item,
        opens_incident: rule.opens_incident,
        sets_level: rule.sets_level,
        off: false,
    };
    let rule = Some(alerts::written(written));
    proto::EffectiveAlertRule { rule, source: source.into() }
}
