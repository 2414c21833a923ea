//! `report goals`: the goals of a sale and their attainment.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::Fresh,
        rows::{
            Cell,
            Column::{Number, Share, Text},
            share,
        },
        whose::TheSale,
    },
    grpc::proto::{
        GetGoalAttainmentRequest, Goal, GoalKind, report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report goals`.
#[derive(Debug, clap::Args)]
pub struct Goals {
    #[command(flatten)]
    sale: TheSale,
    #[command(flatten)]
    fresh: Fresh,
}

impl Goals {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetGoalAttainmentRequest {
            sale_id: self.sale.id()?.to_string(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let found = self.fresh.server.call(async |channel| {
            ReportServiceClient::new(channel).get_goal_attainment(request.clone()).await
        })?;
        common.show_rows(
            || {
                json!({
                    "goals": found.goals.iter().map(goal).collect::<Value>(),
                    "paying_buyers": found.paying_buyers,
                    "visitors": found.visitors,
                    "sale_over": found.sale_over,
                    "freshness": shapes::freshness(found.freshness.as_ref()),
                })
            },
            [Text("GOAL"), Number("TARGET"), Number("RESULT"), Share("ATTAINED"), Text("VERDICT")],
            || found.goals.iter().map(|goal| row(goal, found.sale_over)).collect(),
        )?;
        if !found.sale_over {
            common
                .note("this sale is not over: these are its figures so far, nothing is judged yet");
        }
        if found.goals.is_empty() {
            common.note("this sale has no goals");
        }
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

/// The name of a goal in the sale file.
fn name(goal: &Goal) -> &'static str {
    match goal.kind() {
        GoalKind::Unspecified => "",
        GoalKind::Units => "units",
        GoalKind::Revenue => "revenue_minor",
        GoalKind::Conversion => "conversion_ppm",
        GoalKind::NewBuyers => "new_buyers",
    }
}

fn goal(goal: &Goal) -> Value {
    json!({
        "goal": name(goal),
        "target": goal.target,
        "result": goal.result,
        "attainment_ppm": goal.attainment_ppm,
    })
}

fn row(goal: &Goal, sale_over: bool) -> [Cell; 5] {
    let verdict = match goal.result {
        _ if !sale_over => "not over yet",
        None => "",
        Some(_) if goal.attainment_ppm >= 1_000_000 => "reached",
        Some(_) => "missed",
    };
    [
        name(goal).into(),
        goal.target.into(),
        goal.result.map_or(Cell::Empty, Cell::from),
        goal.result.map_or(Cell::Empty, |_| share(goal.attainment_ppm)),
        verdict.into(),
    ]
}
