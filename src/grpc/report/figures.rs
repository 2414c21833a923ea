//! Figures of a sale: curves, demand, refusals, holds, acts, goals, comparisons.

use super::{item_id, moment, ordered, paging, rows::reason, sale_id};
use crate::{
    events::AttemptOutcome,
    grpc::{ReadSide, convert, proto, status::CallError},
    projections::{acts, catalog, journeys, orders, sales, timeline},
    reports::{
        ActLine, ActsQuery, Compared, Demand, GoalKind, GoalLine, HoldFigures, HoldsQuery, Period,
        Refusals, RefusalsQuery, SoldOut, StockCurveQuery, StockPoint, TimelineQuery, Whose,
    },
    values::{Invalid, SaleId, UnixMs},
};

impl ReadSide {
    pub(in crate::grpc) async fn stock_curve(
        &self,
        request: proto::GetStockCurveRequest,
    ) -> Result<proto::GetStockCurveResponse, CallError> {
        let query = StockCurveQuery {
            whose: whose(&request.sale_id, &request.item_id)?,
            paging: paging(request.page_size, request.page_token),
        };
        let curve = self
            .ask_as_of(timeline::NAME, request.min_position, request.as_of, move |reports| {
                reports.stock_curve(&query)
            })
            .await?;
        let reached = curve.reached.into_iter().map(|reached| proto::ShareReached {
            share_ppm: reached.share_ppm,
            taken_second: reached.taken_second.map(second),
            sold_second: reached.sold_second.map(second),
        });
        Ok(proto::GetStockCurveResponse {
            points: curve.points.into_iter().map(point).collect(),
            next_page_token: curve.next_page_token,
            last: Some(point(curve.last)),
            sell_through_ppm: curve.sell_through_ppm,
            reached: reached.collect(),
            sold_outs: curve.sold_outs.into_iter().map(sold_out).collect(),
            sold_outs_count: curve.sold_outs_count,
            freshness: Some(self.freshness(timeline::NAME, curve.checkpoint)),
        })
    }

    pub(in crate::grpc) async fn demand(
        &self,
        request: proto::GetDemandRequest,
    ) -> Result<proto::GetDemandResponse, CallError> {
        let query = TimelineQuery {
            sale_id: sale_id(&request.sale_id)?,
            item_id: item_id(&request.item_id)?,
            from: moment("from_time", request.from_time)?,
            until: moment("until_time", request.until_time)?,
            paging: paging(request.page_size, request.page_token),
        };
        ordered(("from_time", query.from), ("until_time", query.until))?;
        let (page, total) = self
            .ask_as_of(timeline::NAME, request.min_position, request.as_of, move |reports| {
                Ok((reports.demand(&query)?, reports.demand_total(&query)?))
            })
            .await?;
        let seconds = page.rows.into_iter().map(|(at, demand)| proto::DemandSecond {
            second: Some(second(at)),
            demand: Some(demand_of(demand)),
        });
        Ok(proto::GetDemandResponse {
            seconds: seconds.collect(),
            next_page_token: page.next_page_token,
            total: Some(demand_of(total.demand)),
            unmet_share_ppm: total.unmet_share_ppm,
            first_sold_out_time: total.first_sold_out.map(convert::timestamp),
            freshness: Some(self.freshness(timeline::NAME, page.checkpoint)),
        })
    }

    pub(in crate::grpc) async fn refusals(
        &self,
        request: proto::GetRefusalsRequest,
    ) -> Result<proto::GetRefusalsResponse, CallError> {
        let query = RefusalsQuery {
            whose: whose(&request.sale_id, &request.item_id)?,
            paging: paging(request.page_size, request.page_token),
        };
        let found = self
            .ask_as_of(timeline::NAME, request.min_position, request.as_of, move |reports| {
                reports.refusals(&query)
            })
            .await?;
        Ok(proto::GetRefusalsResponse {
            total: Some(refusals_of(found.total)),
            items: found.items.into_iter().map(refusals_of).collect(),
            next_page_token: found.next_page_token,
            freshness: Some(self.freshness(timeline::NAME, found.checkpoint)),
        })
    }

    pub(in crate::grpc) async fn holds(
        &self,
        request: proto::GetHoldsRequest,
    ) -> Result<proto::GetHoldsResponse, CallError> {
        let query = HoldsQuery {
            whose: whose(&request.sale_id, &request.item_id)?,
            paging: paging(request.page_size, request.page_token),
        };
        self.reach_also(&[timeline::NAME], request.min_position, &request.as_of).await?;
        let found = self
            .ask_as_of(orders::NAME, request.min_position, request.as_of, move |reports| {
                reports.holds(&query)
            })
            .await?;
        Ok(proto::GetHoldsResponse {
            total: Some(holds_of(found.total)),
            items: found.items.into_iter().map(holds_of).collect(),
            next_page_token: found.next_page_token,
            freshness: Some(self.freshness(orders::NAME, found.checkpoint)),
        })
    }

    pub(in crate::grpc) async fn acts(
        &self,
        request: proto::ListActsRequest,
    ) -> Result<proto::ListActsResponse, CallError> {
        let query = ActsQuery {
            whose: whose(&request.sale_id, &request.item_id)?,
            planned: request.planned,
            paging: paging(request.page_size, request.page_token),
        };
        let page = self
            .ask_as_of(acts::NAME, request.min_position, request.as_of, move |reports| {
                reports.acts(&query)
            })
            .await?;
        Ok(proto::ListActsResponse {
            acts: page.rows.into_iter().map(act).collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.freshness(acts::NAME, page.checkpoint)),
        })
    }

    pub(in crate::grpc) async fn goals(
        &self,
        request: proto::GetGoalAttainmentRequest,
    ) -> Result<proto::GetGoalAttainmentResponse, CallError> {
        let sale_id = SaleId::parse("sale_id", &request.sale_id)?;
        let others = [timeline::NAME, catalog::NAME];
        self.reach_also(&others, request.min_position, &request.as_of).await?;
        let earlier = request.as_of.is_some();
        let found = self
            .ask_as_of(journeys::NAME, request.min_position, request.as_of, move |reports| {
                reports.goal_attainment(sale_id)
            })
            .await?;
        let asked_at = match earlier {
            true => UnixMs(found.checkpoint.recorded_at_ms),
            false => self.now(),
        };
        Ok(proto::GetGoalAttainmentResponse {
            sale_over: asked_at >= found.ends_at,
            goals: found.goals.into_iter().map(goal).collect(),
            paying_buyers: found.paying_buyers,
            visitors: found.visitors,
            freshness: Some(self.freshness(journeys::NAME, found.checkpoint)),
        })
    }

    pub(in crate::grpc) async fn compare(
        &self,
        request: proto::CompareSalesRequest,
    ) -> Result<proto::CompareSalesResponse, CallError> {
        let period = Period {
            sale_id: SaleId::parse("sale_id", &request.sale_id)?,
            from: moment("from_time", request.from_time)?,
            until: moment("until_time", request.until_time)?,
        };
        let baseline = Period {
            sale_id: match request.baseline_sale_id.as_str() {
                "" => period.sale_id,
                id => SaleId::parse("baseline_sale_id", id)?,
            },
            from: moment("baseline_from_time", request.baseline_from_time)?,
            until: moment("baseline_until_time", request.baseline_until_time)?,
        };
        ordered(("from_time", period.from), ("until_time", period.until))?;
        let baseline_from = ("baseline_from_time", baseline.from);
        ordered(baseline_from, ("baseline_until_time", baseline.until))?;
        if period == baseline {
            let problem = "is missing, or a period of the same sale to compare with";
            return Err(Invalid::new("baseline_sale_id", problem).into());
        }
        self.reach_also(&[sales::NAME], request.min_position, &request.as_of).await?;
        let found = self
            .ask_as_of(timeline::NAME, request.min_position, request.as_of, move |reports| {
                reports.compare(period, baseline)
            })
            .await?;
        Ok(proto::CompareSalesResponse {
            figures: found.figures.into_iter().map(compared).collect(),
            currency_code: found.currency.unwrap_or_default(),
            freshness: Some(self.freshness(timeline::NAME, found.checkpoint)),
        })
    }
}

pub(super) fn whose(sale: &str, item: &str) -> Result<Whose, CallError> {
    Ok(Whose::of(sale_id(sale)?, item_id(item)?)?)
}

fn second(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}

fn point(point: StockPoint) -> proto::StockPoint {
    proto::StockPoint {
        second: Some(second(point.second)),
        allocated_units: point.allocated_units,
        available_units: point.available_units,
        held_units: point.held_units,
        sold_units: point.sold_units,
    }
}

fn sold_out(period: SoldOut) -> proto::SoldOutPeriod {
    proto::SoldOutPeriod {
        item_id: period.item_id.to_string(),
        sku: period.sku,
        from_time: Some(convert::timestamp(period.from)),
        until_time: period.until.map(convert::timestamp),
    }
}

fn demand_of(demand: Demand) -> proto::DemandFigures {
    proto::DemandFigures {
        attempts: demand.attempts,
        met: demand.met,
        units_met: demand.units_met,
        repeats: demand.repeats,
        unmet: demand.unmet,
        units_unmet: demand.units_unmet,
        refused_otherwise: demand.refused_otherwise,
    }
}

fn refusals_of(refusals: Refusals) -> proto::ItemRefusals {
    let counted = |(outcome, attempts): (AttemptOutcome, i64)| {
        Some(proto::RefusalCount { reason: reason(outcome)?.into(), attempts })
    };
    proto::ItemRefusals {
        item_id: refusals.item_id.map(|id| id.to_string()).unwrap_or_default(),
        sku: refusals.sku,
        attempts: refusals.attempts,
        refused: refusals.refused,
        refused_share_ppm: refusals.refused_share_ppm,
        by_reason: refusals.by_reason.into_iter().filter_map(counted).collect(),
    }
}

fn holds_of(holds: HoldFigures) -> proto::HoldFigures {
    proto::HoldFigures {
        item_id: holds.item_id.map(|id| id.to_string()).unwrap_or_default(),
        sku: holds.sku,
        holds_placed: holds.holds_placed,
        holds_open: holds.holds_open,
        holds_paid: holds.holds_paid,
        holds_cancelled: holds.holds_cancelled,
        holds_expired: holds.holds_expired,
        expired_share_ppm: holds.expired_share_ppm,
        time_to_pay_p50_ms: holds.time_to_pay_p50_ms,
        time_to_pay_p90_ms: holds.time_to_pay_p90_ms,
        time_to_pay_p99_ms: holds.time_to_pay_p99_ms,
        time_to_pay_max_ms: holds.time_to_pay_max_ms,
        unit_seconds_held: holds.unit_seconds_held,
        unit_seconds_lost: holds.unit_seconds_lost,
        units_released: holds.units_released,
        units_resold: holds.units_resold,
        refunds_due: holds.refunds_due,
    }
}

fn act(line: ActLine) -> proto::OperatorAct {
    proto::OperatorAct {
        sale_id: line.sale_id.to_string(),
        item_id: line.item_id.map(|id| id.to_string()).unwrap_or_default(),
        sku: line.sku,
        kind: line.kind,
        act_time: Some(convert::timestamp(line.at)),
        operator: line.operator,
        reason: line.reason,
        planned: line.planned,
        change_json: line.change,
        revision: line.revision.cast_unsigned(),
    }
}

fn goal(line: GoalLine) -> proto::Goal {
    let kind = match line.kind {
        GoalKind::Units => proto::GoalKind::Units,
        GoalKind::Revenue => proto::GoalKind::Revenue,
        GoalKind::Conversion => proto::GoalKind::Conversion,
        GoalKind::NewBuyers => proto::GoalKind::NewBuyers,
    };
    proto::Goal {
        kind: kind.into(),
        target: line.target,
        result: line.result,
        attainment_ppm: line.attainment_ppm,
    }
}

fn compared(figure: Compared) -> proto::ComparedFigure {
    proto::ComparedFigure {
        figure: figure.figure.to_owned(),
        value: figure.value,
        baseline: figure.baseline,
        difference: figure.difference,
        change_ppm: figure.change_ppm,
    }
}
