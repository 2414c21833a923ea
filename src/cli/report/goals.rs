//! `report goals`: the goals of a sale and their attainment.

use crate::{
    cli::{
        Common,
        json::shape,
        question::Fresh,
        rows::{
            Cell,
            Column::{self, Number, Share, Text},
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

/// A goal, and whether its sale is over.
const COLUMNS: &[Column<(Goal, bool)>] = &[
    Text("GOAL", |(goal, _)| name(goal).into()),
    Number("TARGET", |(goal, _)| goal.target.into()),
    Number("RESULT", |(goal, _)| goal.result.into()),
    Share("ATTAINED", |(goal, _)| goal.result.map_or(Cell::Empty, |_| goal.attainment_ppm.into())),
    Text("VERDICT", |goal| verdict(goal).into()),
];

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
                let mut answer = shape(&found);
                for (place, goal) in found.goals.iter().enumerate() {
                    answer["goals"][place]["goal"] = name(goal).into();
                }
                answer
            },
            COLUMNS,
            found.goals.iter().map(|goal| (*goal, found.sale_over)),
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

fn verdict((goal, sale_over): &(Goal, bool)) -> &'static str {
    match goal.result {
        _ if !sale_over => "not over yet",
        None => "",
        Some(_) if goal.attainment_ppm >= 1_000_000 => "reached",
        Some(_) => "missed",
    }
}
