//! Goal: whatever steers does it in the same manner: with the token of its operator, its answer as
//! JSON, and a business "no" by its own exit code.
//!
//! Method: the real binary against a server whose operators have tokens.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use doorbuster::{app::App, clock::WallClock, config::Config, values::UnixMs};
use serde_json::{Value, json};

use super::{GOOD, doorbuster};
use crate::known_tokens;

const TOKEN: &str = known_tokens::OLGA;

fn secret(directory: &Path, name: &str, text: &str) -> String {
    let file = directory.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A server that asks for tokens, and the flags of the operator olga.
struct Guarded {
    app: App,
    url: String,
    token: String,
    /// The token of who may also order.
    admin: String,
    _directory: tempfile::TempDir,
}

impl Guarded {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tokens = known_tokens::file(directory.path());
        let token = secret(directory.path(), "token", TOKEN);
        let admin = secret(directory.path(), "admin", known_tokens::ADMIN);
        let config = Config {
            data: directory.path().join("data"),
            listen: ([127, 0, 0, 1], 0).into(),
            web: None,
            http: None,
            board: None,
            tokens_file: Some(tokens),
            ..Config::default()
        };
        let app = App::start(config, Arc::new(WallClock)).unwrap();
        let url = format!("http://{}", app.address());
        Self { app, url, token, admin, _directory: directory }
    }

    /// Exit code, the answer, and what was said beside it.
    fn run(&self, verb: &str, flags: &[&str], token: bool) -> (i32, Value, String) {
        self.run_as(verb, flags, token.then_some(self.token.as_str()))
    }

    fn run_as(&self, verb: &str, flags: &[&str], token: Option<&str>) -> (i32, Value, String) {
        let mut arguments: Vec<&str> = verb.split_whitespace().collect();
        arguments.extend(["--json", "--quiet", "--server", &self.url]);
        arguments.extend(flags);
        if let Some(token) = token {
            arguments.extend(["--token-file", token]);
        }
        let output = doorbuster(&arguments);
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), answer, said)
    }

    /// The answer of a verb that does it.
    fn done(&self, verb: &str, flags: &[&str]) -> Value {
        let (code, answer, said) = self.run(verb, flags, true);
        assert_eq!((code, said.as_str()), (0, ""), "{verb}");
        assert!(answer["position"].is_u64() && answer["revision"].is_u64(), "{verb}: {answer}");
        answer
    }

    /// The refusal of a verb that is refused.
    fn refused(&self, verb: &str, flags: &[&str], reason: &str) -> Value {
        let (code, answer, said) = self.run(verb, flags, true);
        assert_eq!(code, 3, "{verb}: {said}");
        assert!(said.starts_with(&format!("error: refused, {reason}: ")), "{verb}: {said}");
        assert_eq!(answer["outcome"], "refusal", "{verb}");
        assert!(answer["position"].is_u64(), "{verb}: {answer}");
        assert_eq!(answer["refusal"]["reason"], reason, "{verb}");
        answer["refusal"].clone()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[test]
fn every_verb_that_steers_shows_its_token_and_tells_its_answer_in_one_shape() {
    let server = Guarded::start();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sale.toml");
    let (code, _, said) = server.run("sale create", &["-f", file], false);
    assert_eq!(code, 1);
    assert!(said.contains("TOKEN_MISSING"), "{said}");

    let sale = server.done("sale create", &["-f", file])["sale"].clone();
    let (id, item) = (text(&sale["sale_id"]), text(&sale["items"][0]["item_id"]));
    let why = ["--reason", "a test"];
    assert_eq!(server.done("item pause", &[&[item], &why[..]].concat())["outcome"], "item");
    let another = [&[item, "--operator", "ming"], &why[..]].concat();
    let (code, _, said) = server.run("item close", &another, true);
    assert!(code == 1 && said.contains("OPERATOR_MISMATCH"), "{said}");
    let limits = [&[item, "--per-buyer", "2", "--per-order", "none"], &why[..]].concat();
    assert_eq!(server.done("item limit", &limits)["item"]["limit_per_buyer"], 2);
    let units = |units| [&[item, "--warehouse", "hangzhou", "--units", units], &why[..]].concat();
    assert_eq!(server.done("item allocate", &units("5"))["item"]["item_id"], *item);
    server.refused("item release", &units("5"), "NOT_ENOUGH_RESERVE");
    let supplied = [&units("4")[..], &["--supplier", "acme"]].concat();
    server.done("item allocate", &supplied);
    let gone = server.done("item withdraw", &supplied)["item"].clone();
    let acme = json!([{ "supplier": "acme", "allocated_units": 4, "withdrawn_units": 4 }]);
    assert_eq!(gone["suppliers"], acme);
    server.refused("item withdraw", &units("1000000000"), "NOT_ENOUGH_FREE");
    let to = ["--from", "hangzhou", "--to", "west", "--units", "1", "--new-warehouse"];
    let members = ["--member-tiers", "gold,silver", "--new-buyers-only"];
    let set = server.done("item audience", &[&[item], &members[..], &why[..]].concat());
    assert_eq!(set["item"]["audience"]["member_tiers"], json!(["gold", "silver"]));
    let set = server.done("item audience", &[&[item, "--everybody"], &why[..]].concat());
    assert!(set["item"]["audience"].is_null(), "{set}");
    server.done("item reserve", &units("3"));
    let step = ["--step", "5:3:propose:hangzhou"];
    let set = server.done("item reserve-plan", &[&[item], &step[..], &why[..]].concat());
    assert_eq!(set["item"]["reserve_plan"][0]["action"], "PROPOSE");
    server.done("item reserve-plan", &[&[item, "--none"], &why[..]].concat());
    server.done("item move", &[&[item], &to[..], &why[..]].concat());
    assert_eq!(server.done("sale pause", &[&[id], &why[..]].concat())["sale"]["sale_id"], *id);
    assert_eq!(server.done("sale resume", &[&[id], &why[..]].concat())["sale"]["sale_id"], *id);
    server.refused("sale resume", &[&[id], &why[..]].concat(), "NOT_PAUSED");
    let longer = ["--close-time", "2099-01-01T00:00:00+08:00"];
    let moved = server.done("sale reschedule", &[&[id], &longer[..], &why[..]].concat());
    assert_eq!(moved["sale"]["close_time"], "2098-12-31T16:00:00.000Z");
    let past = ["--close-time", "2001-01-01T00:00:00Z"];
    let (code, _, said) =
        server.run("sale reschedule", &[&[id], &past[..], &why[..]].concat(), true);
    assert!(code == 2 && said.contains("close_time") && said.contains("2001-01-01"), "{said}");

    let title = ["--sale", id, "--title", "payments are slow"];
    let opened = server.done("incident open", &title);
    assert_eq!(opened["outcome"], "incident");
    let incident = text(&opened["incident"]["incident_id"]);
    assert_eq!(server.done("incident resolve", &[incident])["outcome"], "incident");
    server.refused("incident resolve", &[incident], "ALREADY_RESOLVED");

    let wording = [&["order.held", "--lang", "en", "--text", "Yours: {units}"], &why[..]].concat();
    assert_eq!(server.done("script publish", &wording)["script"]["operator"], "olga");
    let newer = ["order.held", "--lang", "en", "--expected-version", "7"];
    let newer = [&newer, &why[..]].concat();
    let refused = server.refused("script withdraw", &newer, "VERSION_NOT_EXPECTED");
    assert_eq!(refused["version"], 1);

    let set = server.done("level set", &[&["no_traffic"], &why[..]].concat());
    assert_eq!(set["change"]["operator"], "olga");
    let closed = server.done("sale close", &[&[id], &why[..]].concat());
    assert_eq!(closed["sale"]["sale_id"], *id);
    server.app.stop().unwrap();
}

#[test]
fn an_order_can_be_named_when_asking_what_to_say() {
    let server = Guarded::start();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sale.toml");
    let sale = server.done("sale create", &["-f", file])["sale"].clone();
    let item = text(&sale["items"][1]["item_id"]);
    let place = ["--item", item, "--buyer", "alice", "--units", "1"];
    assert_eq!(server.run("order place", &place, true).0, 1, "who steers does not order");
    let (_, placed, said) = server.run_as("order place", &place, Some(&server.admin));
    assert_eq!(placed["outcome"], "order", "{said}");
    let order = text(&placed["order"]["order_id"]);
    let position = placed["position"].to_string();
    let flags = ["--order", order, "--min-position", &position];
    let (code, answer, said) = server.run("script say", &flags, true);
    assert_eq!(code, 0, "{said}");
    assert_eq!(answer["scripts"][0]["facts"]["order_id"], *order);
    for wrong in [&["--order", order, "--item", item][..], &["--item", item], &[]] {
        assert_eq!(server.run("script say", wrong, true).0, 2, "{wrong:?}");
    }
    server.app.stop().unwrap();
}

#[test]
fn a_crowd_and_a_measurement_sell_with_the_token_of_an_administrator() {
    let server = Guarded::start();
    let crowd = ["--units", "10", "--items", "1", "--shoppers", "20", "--time-to-pay-seconds", "1"];
    let (code, _, said) = server.run("crowd", &crowd, false);
    assert_eq!(code, 1);
    assert!(said.contains("the sale cannot be put up"), "{said}");
    let (code, answer, said) = server.run_as("crowd", &crowd, Some(&server.admin));
    assert_eq!((code, &answer["units_sold"]), (0, &json!(10)), "{said}");

    let short = ["--cases", "unary_1", "--rounds", "1"];
    let (code, _, said) = server.run("bench", &short, false);
    assert_eq!(code, 1);
    assert!(said.contains("the sale cannot be put up"), "{said}");
    let (code, answer, said) = server.run_as("bench", &short, Some(&server.admin));
    assert_eq!(code, 0, "{said}");
    assert!(answer.is_object(), "{answer}");
    server.app.stop().unwrap();
}

#[test]
fn a_sale_that_is_over_already_takes_a_word() {
    let server = Guarded::start();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sale.toml");
    let past = GOOD.replace("2026-11-1", "2021-11-1");
    fs::write(&file, &past).unwrap();
    let file = file.to_str().unwrap();
    for flags in [&["-f", file][..], &["-f", file, "--check"]] {
        let (code, _, said) = server.run("sale create", flags, true);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("the sale is over already") && said.contains("--past"), "{said}");
    }
    let (_, checked, _) = server.run("sale create", &["-f", file, "--check"], true);
    let window = &checked["windows"]["sale"];
    assert_eq!(window["open_time"], "2021-11-10T16:00:00.000Z", "as it was understood");
    assert_eq!((&window["length_ms"], &window["over"]), (&json!(86_400_000), &json!(true)));

    let created = server.done("sale create", &["-f", file, "--past"]);
    assert_eq!(
        created["notices"][0]["message"].as_str().map(|said| said.contains("over already")),
        Some(true)
    );
    let show = ["sale", "show", text(&created["sale"]["sale_id"]), "--server", &server.url];
    let shown = doorbuster(&[&show[..], &["--token-file", &server.token]].concat());
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("24 h long, over since "), "{shown}");
    server.app.stop().unwrap();
}

#[test]
fn windows_are_told_as_they_were_understood() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sale.toml");
    let own = "time_to_pay_seconds = 900\nopens_at = \"+2h\"";
    let coming = GOOD
        .replace("2026-11-11T00:00:00+08:00", "\"+1h\"")
        .replace("2026-11-12T00:00:00+08:00", "\"+3h\"")
        .replace("time_to_pay_seconds = 900", own);
    fs::write(&file, coming).unwrap();
    let file = file.to_str().unwrap();
    let as_of = "2030-01-01T00:00:00Z";
    let arguments = ["sale", "create", "-f", file, "--check", "--as-of", as_of];
    let checked = String::from_utf8(doorbuster(&arguments).stdout).unwrap();
    assert!(checked.contains("2 h long, opens in 1 h"), "{checked}");
    assert!(checked.contains("windows of their own:\nPHONE  "), "{checked}");
    assert!(checked.contains("1 h long, opens in 2 h"), "{checked}");
    let opens = checked.lines().find_map(|line| line.strip_prefix("opens ")).unwrap().trim();
    let opens = UnixMs::parse("opens", opens).unwrap();
    assert_eq!(opens.to_string(), "2030-01-01T01:00:00.000Z", "local time with its offset");
}
