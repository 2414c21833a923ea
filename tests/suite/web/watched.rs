//! What watches over nodes asks for figures that a node serves, and every figure and alert is
//! explained.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use doorbuster::grpc::proto::NodeStanding;

use super::figures::Figures;
use crate::{
    nodes::pair::Pair,
    ownership::pair::{among, sees},
    support::{item, place},
};

const DASHBOARD: &str = include_str!("../../../deploy/grafana/doorbuster.json");
const ALERTS: &str = include_str!("../../../deploy/alerts.yml");
const PAGE: &str = include_str!("../../../deploy/ALERTS.md");

/// Everything in a text that is named like a figure of ours.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours = words.filter(|word| word.starts_with("doorbuster_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

/// Every expression of a dashboard: of its panels, and of the variables one chooses from.
fn expressions(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(fields) => {
            let asked = fields.iter().filter(|(key, _)| *key == "expr" || *key == "query");
            let asked = asked.filter_map(|(_, value)| value.as_str().map(str::to_owned));
            asked.chain(fields.values().flat_map(expressions)).collect()
        }
        serde_json::Value::Array(values) => values.iter().flat_map(expressions).collect(),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => Vec::new(),
    }
}

/// The alert rules by name, each with its lines.
fn alerts() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut alerts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = None;
    for line in ALERTS.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            current = Some(name);
        }
        if let Some(name) = current {
            alerts.entry(name).or_default().push(line);
        }
    }
    alerts
}

/// Of a node that has another one beside it: one that is alone has no peers to tell of.
async fn figures_after_an_order() -> Figures {
    let secrets = tempfile::tempdir().unwrap();
    let peer = among(&secrets, "secret");
    let pair = Pair::start_with(|config| {
        peer(config);
        config.web = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let node = &pair.nodes[0];
    sees(node, 1, NodeStanding::Answers).await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    node.purchases().place_order(place(&items[0], "ann", 1)).await.unwrap();
    Figures::of(node).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_ask_only_for_figures_that_a_node_serves() {
    let figures = figures_after_an_order().await;
    let samples = figures.0.lines().filter(|line| !line.starts_with('#'));
    let served: BTreeSet<String> =
        samples.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect();

    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let expressions = expressions(&dashboard);
    assert!(expressions.len() > 20, "{expressions:?}");
    let on_dashboard: BTreeSet<String> = expressions.iter().flat_map(|e| named(e)).collect();
    let lines = ALERTS.lines().map(str::trim).filter(|line| line.starts_with("expr: "));
    let in_alerts: BTreeSet<String> = lines.flat_map(named).collect();
    assert!(on_dashboard.len() > 15 && in_alerts.len() > 8, "{on_dashboard:?} {in_alerts:?}");
    let asked: BTreeSet<String> = on_dashboard.union(&in_alerts).cloned().collect();
    let missing: Vec<_> = asked.difference(&served).collect();
    assert!(missing.is_empty(), "asked for and not served: {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_that_is_served_is_explained_and_every_explained_one_is_served() {
    let figures = figures_after_an_order().await;
    let types = figures.0.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let served: BTreeSet<String> = types
        .map(|line| match line.split_once(' ').unwrap() {
            (name, "counter") => format!("{name}_total"),
            (name, "info") => format!("{name}_info"),
            (name, _) => name.to_owned(),
        })
        .collect();
    let rows = PAGE.lines().filter(|line| line.starts_with("| `"));
    let explained: BTreeSet<String> =
        rows.filter_map(|row| row.split(" | ").next()).flat_map(named).collect();
    assert_eq!(explained, served);
}

#[test]
fn every_alert_leads_to_a_section_of_its_own_and_every_section_is_of_an_alert() {
    let sections: BTreeSet<&str> =
        PAGE.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = alerts();
    assert_eq!(alerts.keys().copied().collect::<BTreeSet<_>>(), sections);
    for (name, lines) in alerts {
        let runbook = format!("runbook: deploy/ALERTS.md#{}", name.to_lowercase());
        assert!(lines.contains(&runbook.as_str()), "{name} must have {runbook}");
        let severe = ["severity: page", "severity: ticket"];
        assert!(lines.iter().any(|line| severe.contains(line)), "{name} says how urgent it is");
    }
}

#[test]
fn prometheus_accepts_its_configuration_and_its_rules_do_what_they_say() {
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/check-prometheus");
    if Command::new("promtool").arg("--version").output().is_err() {
        // The script would install it; a test changes nothing on the machine it runs on.
        crate::support::not_verified(&format!("no promtool here; {check} brings it"));
        return;
    }
    let checked = Command::new(check).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{said}{}", String::from_utf8_lossy(&checked.stderr));
}
