//! `doorbuster alert`: list and follow alerts, show rules, check a condition.

use clap::Subcommand;
use prost_types::Duration;
use serde_json::{Value, json};

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        json as shapes, output,
        question::{PAGE, all_pages},
        rows::Column::Text,
        server::Server,
        since::Since,
        whose::AnySale,
    },
    grpc::proto::{
        Alert, AlertChange, AlertRuleSource, AlertSeverity, AlertSignal, CheckAlertRuleRequest,
        ClearedBecause, EffectiveAlertRule, FollowAlertsRequest, FollowAlertsResponse,
        ListAlertRulesRequest, ListAlertsRequest, alert_service_client::AlertServiceClient,
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

impl List {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = ListAlertsRequest {
            sale_id: self.sale.sale_id()?,
            firing_only: self.firing,
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.since.min_position(),
        };
        let (alerts, freshness) = all_pages(|page_token| {
            let request = ListAlertsRequest { page_token, ..request.clone() };
            let page = self.server.call(async |channel| {
                AlertServiceClient::new(channel).list_alerts(request.clone()).await
            })?;
            Ok((page.alerts, page.next_page_token, page.freshness))
        })?;
        common.show_rows(
            || {
                json!({
                    "alerts": alerts.iter().map(alert).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            ["RAISED", "CLEARED", "SEVERITY", "RULE", "SKU", "SALE", "FIGURES"].map(Text),
            || alerts.iter().map(row).collect(),
        )?;
        common.note_freshness(freshness.as_ref());
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
                    (true, change) => output::answer(changed(change)),
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
        common.show_rows(
            || {
                json!({
                    "rules": answer.rules.iter().map(rule).collect::<Value>(),
                    "unreadable": answer.unreadable,
                })
            },
            ["RULE", "SOURCE", "SEVERITY", "OF", "WHEN", "FOR", "CLEAR WHEN", "CLEAR FOR"]
                .map(Text),
            || answer.rules.iter().map(rule_row).collect(),
        )?;
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
        let figure = |figure: &crate::grpc::proto::AlertFigure| json!({ "name": figure.name, "meaning": figure.meaning });
        common.show(
            || {
                json!({
                    "ok": answer.ok,
                    "problem": answer.problem,
                    "figures": answer.figures.iter().map(figure).collect::<Value>(),
                })
            },
            || {
                let figures = answer.figures.iter();
                let figures = figures.map(|figure| (figure.name.as_str(), figure.meaning.clone()));
                output::facts(&figures.collect::<Vec<_>>())
            },
        )?;
        if answer.ok { Ok(()) } else { Err(Failure::new(Code::Usage, answer.problem).into()) }
    }
}

fn severity(severity: AlertSeverity) -> &'static str {
    match severity {
        AlertSeverity::Unspecified => "",
        AlertSeverity::Info => "info",
        AlertSeverity::Warning => "warning",
        AlertSeverity::Critical => "critical",
    }
}

fn because(because: ClearedBecause) -> Option<&'static str> {
    match because {
        ClearedBecause::Unspecified => None,
        ClearedBecause::Recovered => Some("recovered"),
        ClearedBecause::SaleOver => Some("sale_over"),
    }
}

fn change_name(change: AlertChange) -> &'static str {
    match change {
        AlertChange::Unspecified => "",
        AlertChange::Raised => "raised",
        AlertChange::Cleared => "cleared",
    }
}

fn alert(alert: &Alert) -> Value {
    let cleared = alert.cleared_time.as_ref();
    json!({
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "severity": severity(alert.severity()),
        "sale_id": alert.sale_id,
        "item_id": alert.item_id,
        "sku": alert.sku,
        "when": alert.when,
        "signals": signals(&alert.signals),
        "since_time": shapes::time(alert.since_time.as_ref()),
        "raised_time": shapes::time(alert.raised_time.as_ref()),
        "cleared_time": cleared.map(|at| shapes::time(Some(at))),
        "cleared_because": because(alert.cleared_because()),
        "cleared_signals": signals(&alert.cleared_signals),
        "position": alert.position,
    })
}

fn changed(change: &FollowAlertsResponse) -> Value {
    json!({
        "position": change.position,
        "change": change_name(change.change()),
        "alert": change.alert.as_ref().map(alert),
    })
}

fn signals(signals: &[AlertSignal]) -> Value {
    let signal =
        |signal: &AlertSignal| json!({ "name": signal.name, "millionths": signal.millionths });
    signals.iter().map(signal).collect()
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

fn row(alert: &Alert) -> [String; 7] {
    [
        shapes::time(alert.raised_time.as_ref()),
        alert.cleared_time.as_ref().map_or(String::new(), |at| shapes::time(Some(at))),
        severity(alert.severity()).to_owned(),
        alert.rule.clone(),
        alert.sku.clone(),
        alert.sale_id.clone(),
        figures(&alert.signals),
    ]
}

fn line(change: &FollowAlertsResponse) -> String {
    let Some(alert) = &change.alert else { return String::new() };
    let (at, signals) = match change.change() {
        AlertChange::Cleared => (&alert.cleared_time, &alert.cleared_signals),
        AlertChange::Raised | AlertChange::Unspecified => (&alert.raised_time, &alert.signals),
    };
    let mut words = vec![
        shapes::time(at.as_ref()),
        change_name(change.change()).to_owned(),
        severity(alert.severity()).to_owned(),
        alert.rule.clone(),
    ];
    let rest = [alert.sku.clone(), alert.sale_id.clone(), figures(signals)];
    words.extend(rest.into_iter().filter(|word| !word.is_empty()));
    words.join("  ")
}

fn source(source: AlertRuleSource) -> &'static str {
    match source {
        AlertRuleSource::Unspecified => "",
        AlertRuleSource::Default => "default",
        AlertRuleSource::Sale => "sale",
    }
}

fn rule(effective: &EffectiveAlertRule) -> Value {
    let Some(rule) = &effective.rule else { return Value::Null };
    json!({
        "name": rule.name,
        "source": source(effective.source()),
        "severity": severity(rule.severity()),
        "each_item": rule.each_item,
        "when": rule.when,
        "for_ms": milliseconds(rule.r#for.as_ref()),
        "clear_when": rule.clear_when,
        "clear_for_ms": milliseconds(rule.clear_for.as_ref()),
        "opens_incident": rule.opens_incident,
        "sets_level": (!rule.sets_level.is_empty()).then_some(&rule.sets_level),
    })
}

fn rule_row(effective: &EffectiveAlertRule) -> [String; 8] {
    let Some(rule) = &effective.rule else { return Default::default() };
    let seconds = |span: Option<&Duration>| format!("{} s", milliseconds(span) / 1000);
    [
        rule.name.clone(),
        source(effective.source()).to_owned(),
        severity(rule.severity()).to_owned(),
        if rule.each_item { "item" } else { "sale" }.to_owned(),
        rule.when.clone(),
        seconds(rule.r#for.as_ref()),
        rule.clear_when.clone().unwrap_or_default(),
        seconds(rule.clear_for.as_ref()),
    ]
}

fn milliseconds(span: Option<&Duration>) -> i64 {
    span.map_or(0, |span| {
        span.seconds.saturating_mul(1000).saturating_add(i64::from(span.nanos / 1_000_000))
    })
}
