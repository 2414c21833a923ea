//! What a sale says about its curve and its rules, and what is refused of it.

use doorbuster::{
    cli::sale_file,
    domain::{
        alert::{RuleSource, defaults},
        sale::plan,
    },
    events::{Goals, PlannedUnits},
    reports::planned_units,
    values::{AlertSeverity, RequestId, ServiceLevel, UnixMs},
};
use uuid::Uuid;

const SALE: &str = r#"
name = "Double 11"
currency = "CNY"
opens_at = "2026-11-11T00:00:00Z"
closes_at = "2026-11-11T01:00:00Z"

[[items]]
sku = "PHONE"
title = "A phone"
unit_price_minor = 100
time_to_pay_seconds = 600
units = { north = 60, south = 40 }
"#;

fn read(more: &str) -> Result<sale_file::SaleFile, String> {
    let text = format!("{SALE}{more}");
    sale_file::parse("sale.toml", &text, UnixMs(0)).map_err(|complaint| complaint.to_string())
}

#[test]
fn a_sale_file_brings_a_curve_and_rules() {
    let file = read(
        r#"
[[curve]]
after_seconds = 60
units = 50
[[curve]]
after_seconds = 3600
units = 100
[[alerts]]
name = "low_stock"
when = "available_units < 5"
for = "10s"
clear_when = "available_units > 8"
clear_for = "1m"
severity = "critical"
each_item = true
opens_incident = true
sets_level = "no_traffic"
[[alerts]]
name = "off_plan"
off = true
"#,
    )
    .unwrap();
    let curve = [(60_000, 50), (3_600_000, 100)];
    let curve = curve.map(|(after_ms, units)| PlannedUnits { after_ms, units });
    assert_eq!(file.draft.curve, curve);
    let low = &file.draft.alerts[0];
    assert_eq!((low.for_ms, low.clear_for_ms), (10_000, 60_000));
    assert_eq!(
        (low.severity, low.sets_level),
        (AlertSeverity::Critical, Some(ServiceLevel::NoTraffic))
    );
    assert!(low.each_item && low.opens_incident);

    let (rules, complaints) = defaults(Some(&file.draft.alerts));
    assert!(complaints.is_empty());
    assert!(rules.iter().all(|rule| rule.name != "off_plan"));
    let low: Vec<_> = rules.iter().filter(|rule| rule.name == "low_stock").collect();
    assert_eq!((low.len(), low[0].source), (1, RuleSource::Sale));
    assert_eq!(low[0].when_text, "available_units < 5");
    assert!(rules.iter().any(|rule| rule.name == "sold_out" && rule.source == RuleSource::Default));
}

#[test]
fn what_is_wrong_in_them_is_refused_with_its_place() {
    let rule = |more: &str| format!("[[alerts]]\nname = \"mine\"\n{more}\n");
    for (more, complaint) in [
        (
            rule("when = \"stock < 5\""),
            "sale.toml, line 15: alerts[0].when names stock at character 1",
        ),
        (rule("when = \"sold_units / 0 < 5\""), "alerts[0].when divides by zero"),
        (
            rule("when = \"sold_units > 5\"\nclear_when = \"sold < 5\""),
            "alerts[0].clear_when names sold",
        ),
        (rule(""), "alerts[0].when is missing"),
        (rule("when = \"sold_units > 5\"\nfor = \"10\""), "alerts[0].for must be a span"),
        (
            rule("when = \"sold_units > 5\"\nfor = \"2d\""),
            "alerts[0].for must be 0 seconds to 1 day",
        ),
        (
            rule("when = \"sold_units > 5\"\nseverity = \"bad\""),
            "alerts[0].severity must be one of",
        ),
        (
            rule("when = \"sold_units > 5\"\nsets_level = \"full\""),
            "alerts[0].sets_level must not be full",
        ),
        (rule("when = \"attempts > 5\"\neach_item = true"), "which is not known of each item"),
        (rule("off = true"), "alerts[0].name is \"mine\", which is not a rule to turn off"),
        (rule("whn = \"sold_units > 5\""), "alerts[0].whn"),
        (
            "[[alerts]]\nname = \"Mine!\"\nwhen = \"sold_units > 5\"\n".to_owned(),
            "small letters, digits and _",
        ),
        (
            "[[alerts]]\nname = \"store_unavailable\"\noff = true\n".to_owned(),
            "a rule of the service as a whole",
        ),
        (
            rule("when = \"sold_units > 5\"").repeat(2),
            "alerts[1].name is \"mine\", as for an earlier rule",
        ),
        (
            "[[curve]]\nafter_seconds = 3601\nunits = 5\n".to_owned(),
            "curve[0].after_seconds must not be later",
        ),
        (
            "[[curve]]\nafter_seconds = -1\nunits = 5\n".to_owned(),
            "curve[0].after_seconds must be later",
        ),
        (
            "[[curve]]\nafter_seconds = 60\nunits = 101\n".to_owned(),
            "curve[0].units must be at most 100",
        ),
        (
            "[[curve]]\nafter_seconds = 60\nunits = 5\n[[curve]]\nafter_seconds = 60\nunits = 6\n"
                .to_owned(),
            "curve[1].after_seconds must be later",
        ),
        (
            "[[curve]]\nafter_seconds = 60\nunits = 5\n[[curve]]\nafter_seconds = 61\nunits = 4\n"
                .to_owned(),
            "curve[1].units must not be fewer",
        ),
    ] {
        let wrong = read(&more).expect_err(&more);
        assert!(wrong.contains(complaint), "{more}\n{wrong}");
    }
}

#[test]
fn a_sale_with_another_curve_or_other_rules_is_another_request() {
    let fingerprint = |more: &str| {
        let draft = read(more).unwrap().draft;
        let request = RequestId(Uuid::from_u128(1));
        plan(request, draft, "olga".to_owned()).unwrap().act.fingerprint
    };
    let curve = |units: i64| format!("[[curve]]\nafter_seconds = 60\nunits = {units}\n");
    let rule = |when: &str| format!("[[alerts]]\nname = \"mine\"\nwhen = \"{when}\"\n");
    let different = [
        String::new(),
        curve(50),
        curve(51),
        rule("sold_units > 5"),
        rule("sold_units > 6"),
        format!("{}for = \"1s\"\n", rule("sold_units > 5")),
        format!("{}clear_when = \"sold_units < 5\"\n", rule("sold_units > 5")),
        format!("{}opens_incident = true\n", rule("sold_units > 5")),
        "[[alerts]]\nname = \"low_stock\"\noff = true\n".to_owned(),
    ];
    for (index, one) in different.iter().enumerate() {
        for other in &different[..index] {
            assert_ne!(fingerprint(one), fingerprint(other), "{one}\n{other}");
        }
    }
}

#[test]
fn units_are_planned_by_the_curve_or_evenly_to_the_goal() {
    let (opens, closes) = (UnixMs(1_000_000), UnixMs(4_600_000));
    let curve = [(60_000, 50), (120_000, 50), (3_600_000, 100)];
    let curve = curve.map(|(after_ms, units)| PlannedUnits { after_ms, units });
    let goals = Goals { units: Some(360), ..Goals::default() };
    let by = |curve: &[PlannedUnits], goals, after_ms| {
        planned_units(curve, goals, (opens, closes), opens.plus(after_ms))
    };
    for (after_ms, units) in [
        (-1, None),
        (0, Some(0)),
        (30_000, Some(25)),
        (60_000, Some(50)),
        (90_000, Some(50)),
        (1_860_000, Some(75)),
        (3_600_000, Some(100)),
        (9_000_000, Some(100)),
    ] {
        assert_eq!(by(&curve, Some(&goals), after_ms), units, "curve at {after_ms}");
    }
    for (after_ms, units) in [
        (-1, None),
        (0, Some(0)),
        (10_000, Some(1)),
        (3_600_000, Some(360)),
        (9_000_000, Some(360)),
    ] {
        assert_eq!(by(&[], Some(&goals), after_ms), units, "goal at {after_ms}");
    }
    assert_eq!(by(&[], None, 60_000), None);
    assert_eq!(by(&[], Some(&Goals::default()), 60_000), None);
}
