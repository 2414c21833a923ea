//! `doorbuster level`: show the service level, its history, and set it.

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        json::{shape, time},
        output::facts,
        rows::Column::{self, Text},
        server::Server,
        since::Since,
        write::{Signed, Steering},
    },
    grpc::proto::{
        self, GetLevelRequest, LevelChange, ListLevelChangesRequest, SetLevelRequest,
        degradation_service_client::DegradationServiceClient,
    },
    values::ServiceLevel,
};

/// Arguments of `level`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show the level in force
    #[command(before_help = "Examples:
  doorbuster level show
  doorbuster level show --json")]
    Show(Show),
    /// Set the level, for all nodes
    #[command(before_help = "Examples:
  doorbuster level set no_traffic --reason \"orders are slow\"
  doorbuster level set full --expected no_traffic --reason \"orders are fast again\"")]
    Set(Set),
    /// List the changes of the level, newest first
    #[command(before_help = "Examples:
  doorbuster level history
  doorbuster level history --limit 5 --json")]
    History(History),
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// full, no_traffic, no_board_detail, core_only or closed
    #[arg(value_name = "LEVEL")]
    level: String,
    /// Only set the level if this one is in force
    #[arg(long, value_name = "LEVEL")]
    expected: Option<String>,
    /// Why, for the record, 1 to 500 characters
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    steering: Steering,
}

#[derive(Debug, clap::Args)]
struct History {
    /// Maximum of changes in the answer, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

/// Runs `level`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Show(show) => show.run(common),
        Verb::Set(set) => set.run(common),
        Verb::History(history) => history.run(common),
    }
}

impl Show {
    fn run(&self, common: &Common) -> anyhow::Result<()> {
        let answer = self.server.call(async |channel| {
            DegradationServiceClient::new(channel).get_level(GetLevelRequest {}).await
        })?;
        let (level, node) = (level_name(answer.level()), level_name(answer.node_level()));
        let set = answer.change.as_ref();
        common.show(
            || shape(&answer),
            || {
                let mut rows = vec![("level", level.to_owned())];
                if node != level {
                    rows.push(("this node", format!("still {node}")));
                }
                rows.extend(set.map(told).unwrap_or_default());
                facts(&rows)
            },
        )?;
        Ok(())
    }
}

impl Set {
    fn run(&self, common: &Common) -> anyhow::Result<()> {
        let level = ServiceLevel::parse("LEVEL", &self.level).map_err(Failure::from)?;
        let expected = match &self.expected {
            Some(name) => {
                wire(Some(ServiceLevel::parse("--expected", name).map_err(Failure::from)?))
            }
            None => wire(None),
        };
        let answer = self.steering.send(async |channel, signed| {
            let Signed { request_id, operator } = signed;
            let request = SetLevelRequest {
                request_id,
                level: wire(Some(level)).into(),
                expected: expected.into(),
                operator,
                reason: self.reason.clone(),
                alert_id: String::new(),
            };
            DegradationServiceClient::new(channel).set_level(request).await
        })?;
        let level = level_name(answer.level());
        let set = answer.change.as_ref();
        if answer.not_expected && !common.json {
            let message = format!("nothing was set: the level is {level}");
            return Err(Failure::new(Code::Refused, message).into());
        }
        common.show(
            || shape(&answer),
            || {
                let mut rows = vec![("level", level.to_owned())];
                rows.extend(set.map(told).unwrap_or_default());
                facts(&rows)
            },
        )?;
        if answer.not_expected {
            let message = format!("nothing was set: the level is {level}");
            return Err(Failure::new(Code::Refused, message).into());
        }
        Ok(())
    }
}

const COLUMNS: &[Column<LevelChange>] = &[
    Text("TIME", |change| (&change.set_time).into()),
    Text("LEVEL", |change| level_name(change.level()).into()),
    Text("BEFORE", |change| level_name(change.before()).into()),
    Text("OPERATOR", |change| (&change.operator).into()),
    Text("REASON", |change| (&change.reason).into()),
    Text("UNTIL", |change| (&change.end_time).into()),
];

impl History {
    fn run(&self, common: &Common) -> anyhow::Result<()> {
        let request = ListLevelChangesRequest {
            page_size: self.limit,
            page_token: String::new(),
            min_position: self.since.min_position(),
        };
        let page = self.server.call(async |channel| {
            DegradationServiceClient::new(channel).list_level_changes(request.clone()).await
        })?;
        common.show_rows(|| shape(&page), COLUMNS, &page.changes)?;
        common.note_freshness(page.freshness.as_ref());
        Ok(())
    }
}

fn wire(level: Option<ServiceLevel>) -> proto::ServiceLevel {
    match level {
        None => proto::ServiceLevel::Unspecified,
        Some(ServiceLevel::Full) => proto::ServiceLevel::Full,
        Some(ServiceLevel::NoTraffic) => proto::ServiceLevel::NoTraffic,
        Some(ServiceLevel::NoBoardDetail) => proto::ServiceLevel::NoBoardDetail,
        Some(ServiceLevel::CoreOnly) => proto::ServiceLevel::CoreOnly,
        Some(ServiceLevel::Closed) => proto::ServiceLevel::Closed,
    }
}

/// As it is written on the command line and in the log.
fn level_name(level: proto::ServiceLevel) -> &'static str {
    let known = ServiceLevel::ALL.iter().find(|known| wire(Some(**known)) == level);
    known.map_or("unknown", |known| known.name())
}

fn told(change: &LevelChange) -> Vec<(&'static str, String)> {
    vec![
        ("before", level_name(change.before()).to_owned()),
        ("set at", time(change.set_time.as_ref())),
        ("by", change.operator.clone()),
        ("because", change.reason.clone()),
    ]
}
