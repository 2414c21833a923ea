//! `doorbuster alert`: list and follow alerts, show rules, check a condition.

use clap::Subcommand;
use prost_types::Duration;

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        json::{milliseconds, shape, short, time},
        output,
        question::paged,
        rows::Column::{self, Text},
        server::Server,
        since::Since,
        whose::AnySale,
    },
    grpc::proto::{
        Alert, AlertChange, AlertRule, AlertSeverity, AlertSignal, CheckAlertRuleRequest,
        EffectiveAlertRule, FollowAlertsRequest, FollowAlertsResponse, ListAlertRulesRequest,
        ListAlertsRequest, ListAlertsResponse, alert_service_client::AlertServiceClient,
    },
};

/// Arguments of `alert`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List alerts, newest first
    #[command(before_help = "\
Examples:
  doorbuster alert list --firing
  doorbuster alert list --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --json")]
    List(List),
    /// Print a line for each alert that is raised or cleared, until interrupted
    #[command(before_help = "\
Examples:
  doorbuster alert follow
  doorbuster alert follow --after 0 --json")]
    Follow(Follow),
    /// Show the rules in force for a sale, or for the service as a whole
    #[command(before_help = "\
Examples:
  doorbuster alert rules
  doorbuster alert rules 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Rules(Rules),
    /// Check a condition and report its errors
    #[command(before_help = "\
Examples:
  doorbuster alert check 'available_units < 0.1 * allocated_units' --each-item")]
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    sale: AnySale,
    /// Only alerts that are currently raised
    #[arg(long)]
    firing: bool,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Follow {
    #[command(flatten)]
    sale: AnySale,
    /// Begin after this position of the log, 0 for its start [default: now]
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Rules {
    #[command(flatten)]
    sale: AnySale,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The condition, for example 'available_units < 0.1 * allocated_units'
    #[arg(value_name = "CONDITION")]
    when: String,
    /// Check it as a rule that is evaluated for each item
    #[arg(long)]
    each_item: bool,
    #[command(flatten)]
    server: Server,
}

/// Runs `alert`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::List(list) => list.run(common),
        Verb::Follow(follow) => follow.run(common),
        Verb::Rules(rules) => rules.run(common),
        Verb::Check(check) => check.run(common),
    }
}

paged!(ListAlertsRequest => AlertServiceClient.list_alerts, ListAlertsResponse.alerts: Alert);

const ALERTS: &[Column<Alert>] = &[
    Text("RAISED", |alert| (&alert.raised_time).into()),
    Text("CLEARED", |alert| (&alert.cleared_time).into()),
    Text("SEVERITY", |alert| severity(alert.severity()).into()),
    Text("RULE", |alert| (&alert.rule).into()),
    Text("SKU", |alert| (&alert.sku).into()),
    Text("SALE", |alert| (&alert.sale_id).into()),
    Text("FIGURES", |alert| figures(&alert.signals).into()),
];

const RULES: &[Column<EffectiveAlertRule>] = &[
    Text("RULE", |effective| rule(effective).name.into()),
    Text("SOURCE", |effective| {
        short("ALERT_RULE_SOURCE_", effective.source().as_str_name()).to_lowercase().into()
    }),
    Text("SEVERITY", |effective| severity(rule(effective).severity()).into()),
    Text("OF", |effective| if rule(effective).each_item { "item" } else { "sale" }.into()),
    Text("WHEN", |effective| rule(effective).when.into()),
    Text("FOR", |effective| seconds(rule(effective).r#for.as_ref()).into()),
    Text("CLEAR WHEN", |effective| rule(effective).clear_when.unwrap_or_default().into()),
    Text("CLEAR FOR", |effective| seconds(rule(effective).clear_for.as_ref()).into()),
];

impl List {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.server.pages(ListAlertsRequest {
            sale_id: self.sale.sale_id()?,
            firing_only: self.firing,
            min_position: self.since.min_position(),
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), ALERTS, &found.alerts)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

impl Follow {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request =
            FollowAlertsRequest { sale_id: self.sale.sale_id()?, after_position: self.after };
        let failed = |status: &tonic::Status| Failure::status(status);
        self.server.with_channel(async |channel| {
            let mut client = AlertServiceClient::new(channel);
            let told = client.follow_alerts(request).await.map_err(|status| failed(&status))?;
            let mut told = told.into_inner();
            while let Some(change) = told.message().await.map_err(|status| failed(&status))? {
                let shown = match (common.json, &change) {
                    (true, change) => output::answer(shape(change)),
                    (false, change) => output::answer(line(change)),
                };
                shown.map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

impl Rules {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = ListAlertRulesRequest { sale_id: self.sale.sale_id()? };
        let answer = self.server.call(async |channel| {
            AlertServiceClient::new(channel).list_alert_rules(request.clone()).await
        })?;
        common.show_rows(|| shape(&answer), RULES, &answer.rules)?;
        for complaint in &answer.unreadable {
            common.note(complaint);
        }
        Ok(())
    }
}

impl Check {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = CheckAlertRuleRequest { when: self.when, each_item: self.each_item };
        let answer = self.server.call(async |channel| {
            AlertServiceClient::new(channel).check_alert_rule(request.clone()).await
        })?;
        if !answer.ok && !common.json {
            return Err(Failure::new(Code::Usage, answer.problem).into());
        }
        common.show(
            || shape(&answer),
            || {
                let figures = answer.figures.iter();
                let figures = figures.map(|figure| (figure.name.as_str(), figure.meaning.clone()));
                output::facts(&figures.collect::<Vec<_>>())
            },
        )?;
        if answer.ok { Ok(()) } else { Err(Failure::new(Code::Usage, answer.problem).into()) }
    }
}

fn severity(severity: AlertSeverity) -> String {
    short("ALERT_SEVERITY_", severity.as_str_name()).to_lowercase()
}

/// `available_units 3, allocated_units 100`.
fn figures(signals: &[AlertSignal]) -> String {
    let figures = signals.iter().map(|signal| {
        let value = signal.millionths;
        let (whole, rest) = (value / 1_000_000, (value % 1_000_000).unsigned_abs());
        let rest = format!(".{rest:06}");
        let rest = rest.trim_end_matches('0').trim_end_matches('.');
        format!("{} {whole}{rest}", signal.name)
    });
    figures.collect::<Vec<_>>().join(", ")
}

fn line(change: &FollowAlertsResponse) -> String {
    let Some(alert) = &change.alert else { return String::new() };
    let (at, signals) = match change.change() {
        AlertChange::Cleared => (&alert.cleared_time, &alert.cleared_signals),
        AlertChange::Raised | AlertChange::Unspecified => (&alert.raised_time, &alert.signals),
    };
    let mut words = vec![
        time(at.as_ref()),
        short("ALERT_CHANGE_", change.change().as_str_name()).to_lowercase(),
        severity(alert.severity()),
        alert.rule.clone(),
    ];
    let rest = [alert.sku.clone(), alert.sale_id.clone(), figures(signals)];
    words.extend(rest.into_iter().filter(|word| !word.is_empty()));
    words.join("  ")
}

fn seconds(span: Option<&Duration>) -> String {
    format!("{} s", milliseconds(span) / 1000)
}

fn rule(effective: &EffectiveAlertRule) -> AlertRule {
    effective.rule.clone().unwrap_or_default()
}
