//! Goal: who calls the wrong port, forgets a token or gives nothing to do is told what would help.
//! Method: the real binary against a real server.

use std::{
    fs,
    process::{Output, Stdio},
    sync::Arc,
};

use clap::CommandFactory as _;
use doorbuster::{app::App, cli::Cli, clock::WallClock, config::Config};

use super::{binary, doorbuster, text};
use crate::known_tokens;

const TOKEN: &str = known_tokens::OLGA;
const SALE: &str = "5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10";

/// A server with a port for each purpose and one operator.
struct Ports {
    app: App,
    directory: tempfile::TempDir,
}

impl Ports {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tokens = known_tokens::file(directory.path());
        let anywhere = Some(([127, 0, 0, 1], 0).into());
        let config = Config {
            data: directory.path().join("data"),
            listen: ([127, 0, 0, 1], 0).into(),
            web: anywhere,
            board: anywhere,
            tokens_file: Some(tokens),
            ..Config::default()
        };
        let app = App::start(config, Arc::new(WallClock)).unwrap();
        Self { app, directory }
    }

    /// Pauses a sale with that token; what is said instead.
    fn pause(&self, token: Option<&str>) -> String {
        let url = format!("http://{}", self.app.address());
        let pause = ["sale", "pause", SALE, "--reason", "a test", "--server", &url];
        let file = token.map(|token| self.token_file(token));
        let file = file.iter().flat_map(|file| ["--token-file", file.as_str()]);
        failed(&doorbuster(&pause.into_iter().chain(file).collect::<Vec<_>>()))
    }

    /// A file with that token.
    fn token_file(&self, token: &str) -> String {
        let file = self.directory.path().join("token");
        known_tokens::write(&file, token);
        file.to_str().unwrap().to_owned()
    }
}

fn failed(output: &Output) -> String {
    assert!(!output.status.success());
    text(&output.stderr).to_owned()
}

#[test]
fn a_call_to_the_web_or_board_port_is_told_where_grpc_is() {
    let server = Ports::start();
    let port = server.app.address().port();
    let (web, board) = (server.app.web_address().unwrap(), server.app.board_address().unwrap());
    for (address, serves) in [(web, "health, metrics and beacons"), (board, "the board")] {
        let said = failed(&doorbuster(&["sale", "list", "--server", &format!("http://{address}")]));
        let wanted = format!("error: this port serves {serves}; gRPC is on port {port} ");
        assert!(said.starts_with(&wanted), "{said}");
    }
    // As `--listen` has it.
    let file = server.token_file(TOKEN);
    let address = server.app.address().to_string();
    let listed = doorbuster(&["sale", "list", "--server", &address, "--token-file", &file]);
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    let encrypted = format!("https://{}", server.app.address());
    let said = failed(&doorbuster(&["sale", "list", "--server", &encrypted]));
    assert!(said.contains(&format!("no server answers at {encrypted}: ")), "{said}");
    server.app.stop().unwrap();
}

#[test]
fn a_missing_and_a_wrong_token_are_told_apart_and_counted() {
    let server = Ports::start();
    let missing = server.pause(None);
    assert!(missing.contains("this server asks for a token"), "{missing}");
    assert!(missing.contains("--token-file (DOORBUSTER_TOKEN_FILE)"), "{missing}");
    let wrong = TOKEN.replace("olga", "Olga");
    for _ in 0..3 {
        let wrong = server.pause(Some(&wrong));
        assert!(wrong.contains("this is no token of this server"), "{wrong}");
    }
    assert!(server.pause(Some(TOKEN)).contains("NOT_FOUND"));
    let web = server.app.web_address().unwrap();
    let mut figures = std::net::TcpStream::connect(web).unwrap();
    use std::io::{Read as _, Write as _};
    figures
        .write_all(
            format!(
                "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                 authorization: Bearer {TOKEN}\r\n\r\n"
            )
            .as_bytes(),
        )
        .unwrap();
    let mut answer = String::new();
    figures.read_to_string(&mut answer).unwrap();
    for (reason, count) in [("missing", 1), ("unknown", 3)] {
        let line = format!("doorbuster_tokens_refused_total{{reason=\"{reason}\"}} {count}\n");
        assert!(answer.contains(&line), "{answer}");
    }
    server.app.stop().unwrap();
}

#[test]
fn sql_without_a_question_says_how_to_ask_one() {
    let server = Ports::start();
    server.app.stop().unwrap();
    let data = server.directory.path().join("data");
    let said = failed(&doorbuster(&["report", "sql", "--data", data.to_str().unwrap()]));
    assert!(said.contains("no SQL was given"), "{said}");
}

#[test]
fn a_sale_is_named_with_and_without_its_flag_by_every_verb() {
    let verbs = [
        "report acts",
        "report attribution",
        "report compare",
        "report coupons",
        "report curve",
        "report demand",
        "report funnel",
        "report goals",
        "report holds",
        "report offers",
        "report orders",
        "report paths",
        "report portrait",
        "report prices",
        "report refunds",
        "report refusals",
        "report retention",
        "report sales",
        "report stock",
        "report timeline",
        "report traffic",
        "report post-mortem --out page",
        "replay",
        "order list",
        "order refunds-due",
        "order export --reason a",
        "order exports",
        "order find --shop-order-id S-1",
        "coupon list --buyer ann",
        "alert list",
        "alert follow",
        "alert rules",
        "incident list",
        "sale show",
    ];
    for verb in verbs {
        let words: Vec<&str> = std::iter::once("doorbuster").chain(verb.split(' ')).collect();
        for named in [&[SALE][..], &["--sale", SALE]] {
            let parsed = Cli::command().try_get_matches_from([&words[..], named].concat());
            assert!(parsed.is_ok(), "{verb}: {}", parsed.unwrap_err());
        }
        let twice = [&words[..], &[SALE, "--sale", SALE]].concat();
        assert!(Cli::command().try_get_matches_from(twice).is_err(), "{verb}");
    }
    let bad = failed(&doorbuster(&["report", "stock", "night-sale"]));
    assert!(bad.starts_with("error: SALE "), "{bad}");
}

#[test]
fn global_options_stand_apart_in_every_help() {
    let help = doorbuster(&["report", "stock", "--help"]);
    let (own, global) = text(&help.stdout).split_once("Global options:").unwrap();
    assert!(own.contains("--item") && !own.contains("--quiet"), "{own}");
    assert!(global.contains("--json") && global.contains("--quiet"), "{global}");
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = binary(&["sale", "list", "--server=http://127.0.0.1:1"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        text(&output.stderr).contains('\u{1b}')
    };
    assert!(!coloured(&[]), "no terminal");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn shells_and_man_know_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let script = doorbuster(&["completions", shell]);
        assert!(script.status.success());
        let script = text(&script.stdout).to_owned();
        for word in ["post-mortem", "incident", "token-file"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("man1");
    let written = doorbuster(&["man", "--out", out.to_str().unwrap()]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    let page = fs::read_to_string(out.join("doorbuster-report-stock.1")).unwrap();
    assert!(page.contains(".TH doorbuster-report-stock 1"), "{page}");
    assert!(page.contains("min\\-position"), "{page}");
    let first = binary(&["man"]).stdout(Stdio::piped()).output().unwrap();
    assert!(text(&first.stdout).contains(".TH doorbuster 1"));
}
