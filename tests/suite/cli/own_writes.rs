//! Goal: what a verb wrote, the next verb shows. Method: the real binary against a real server, each
//! write followed at once by the list in which it must stand; read models gather events for a moment,
//! so a list that does not wait misses some.

mod read_back;

use std::sync::Arc;

use doorbuster::{app::App, clock::WallClock, config::Config};
use serde_json::Value;

use super::{doorbuster, text};

/// Writes of one kind, each followed by a list.
const ROUNDS: usize = 5;

/// A server without tokens.
struct Open {
    app: App,
    url: String,
    _directory: tempfile::TempDir,
}

impl Open {
    fn start(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            data: directory.path().join("data"),
            listen: ([127, 0, 0, 1], 0).into(),
            web: None,
            http: None,
            board: None,
            ..Config::default()
        };
        change(&mut config);
        let app = App::start(config, Arc::new(WallClock)).unwrap();
        let url = format!("http://{}", app.address());
        Self { app, url, _directory: directory }
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        doorbuster(&[arguments, &["--json", "--quiet", "--server", &self.url]].concat())
    }

    fn answer(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The answer for people.
    fn said(&self, arguments: &[&str]) -> String {
        let output = doorbuster(&[arguments, &["--quiet", "--server", &self.url]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout).to_owned()
    }

    fn listed(&self, arguments: &[&str], name: &str) -> usize {
        let answer = self.answer(arguments);
        answer[name].as_array().unwrap_or_else(|| panic!("{arguments:?}: {answer}")).len()
    }
}

#[test]
fn a_list_shows_what_the_verb_before_it_wrote() {
    let server = Open::start(|_| {});
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sale.toml");
    for round in 1..=ROUNDS {
        let created = server.answer(&["sale", "create", "-f", file]);
        let sale = created["sale"]["sale_id"].as_str().unwrap();
        assert_eq!(server.listed(&["sale", "list"], "sales"), round);

        let item = created["sale"]["items"][1]["item_id"].as_str().unwrap();
        server.answer(&["order", "place", "--item", item, "--buyer", "ann", "--units", "1"]);
        assert_eq!(server.listed(&["order", "list", "--item", item], "orders"), 1);
        server.answer(&["order", "place", "--item", item, "--buyer", "bob", "--units", "1"]);
        let stock = server.answer(&["report", "stock", "--item", item]);
        assert_eq!(stock["levels"][0]["held_units"], 2, "{stock}");

        server.answer(&["item", "pause", item, "--reason", "a test"]);
        assert_eq!(server.listed(&["report", "acts", "--item", item], "acts"), 1);
        server.answer(&["incident", "open", "--sale", sale, "--title", "slow"]);
        assert_eq!(server.listed(&["incident", "list"], "incidents"), round);
        let publish =
            ["script", "publish", "order.held", "--lang", "en", "--text", "Yours: {units}"];
        server.answer(&[&publish[..], &["--reason", "a test"]].concat());
        let versions = ["script", "versions", "order.held", "--lang", "en"];
        assert_eq!(server.listed(&versions, "versions"), round);
        let level = if round % 2 == 1 { "no_traffic" } else { "full" };
        server.answer(&["level", "set", level, "--reason", "a test"]);
        assert_eq!(server.listed(&["level", "history"], "changes"), round);
    }
    server.app.stop().unwrap();
}

#[test]
fn a_list_that_cannot_come_to_the_head_in_time_says_so_and_how_not_to_wait() {
    let server = Open::start(|config| config.min_position_wait_ms = 0);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sale.toml");
    let said = std::iter::repeat_with(|| {
        server.answer(&["sale", "create", "-f", file]);
        server.run(&["sale", "list"])
    });
    let late = said.take(50).find(|output| !output.status.success()).expect("one is too late");
    let said = text(&late.stderr);
    assert!(said.contains("READ_MODEL_BEHIND") && said.contains("--stale"), "{said}");
    server.answer(&["sale", "list", "--stale"]);
    let both = server.run(&["sale", "list", "--stale", "--min-position", "1"]);
    assert_eq!(both.status.code(), Some(2));
    server.app.stop().unwrap();
}
