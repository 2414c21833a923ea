//! The command line's files, settings and output.
//!
//! Goal: wrong input is refused by name before anything happens, and a script can tell failures
//! apart. Method: settings and sale files are read in this process with a made-up environment and
//! a fixed clock; exit codes, stdout and stderr are those of the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at what it did not expect"
)]

mod bench;
mod demo;
mod documents;
mod hints;
mod orders;
mod own_writes;
mod read_only;
mod sale_file_prices;
mod sale_files;
mod writes;

use std::{
    ffi::OsString,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use clap::CommandFactory;
use doorbuster::{
    cli::{
        Cli,
        failure::{Code, Failure},
        sale_file,
    },
    clock::WallClock,
    config::{Bounds, Config, Overrides, SETTINGS},
    domain::sale::plan,
    events::{Event, SaleEvent, StreamName, encode},
    store::{EventStore, Expected, WitnessSync, embedded::EmbeddedStore},
    values::{RequestId, SaleId, UnixMs},
};
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

const NOW: UnixMs = UnixMs(1_700_000_000_000);

const GOOD: &str = r#"
name = "Night sale"
currency = "CNY"
opens_at = 2026-11-11T00:00:00+08:00
closes_at = 2026-11-12T00:00:00+08:00

[[items]]
sku = "PHONE"
title = "Phone"
unit_price_minor = 199900
limit_per_buyer = 2
time_to_pay_seconds = 900
[items.units]
west = 60
east = 40
"#;

fn settings(
    file: Option<&str>,
    variables: &[(&str, &str)],
    flags: Overrides,
) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("doorbuster.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    let environment = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| OsString::from(value))
    };
    Config::load_from(&flags, &environment, &path)
        .map_err(|error| error.to_string().replace(&format!("{}/", directory.path().display()), ""))
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let file = Some("waiting_max = 10\nidle_seconds = 20\nmin_position_wait_ms = 30\n");
    let variables = [("DOORBUSTER_IDLE_SECONDS", "21"), ("DOORBUSTER_MIN_POSITION_WAIT_MS", "31")];
    let flags =
        Overrides { min_position_wait_ms: Some(OsString::from("32")), ..Overrides::default() };
    let expected =
        Config { waiting_max: 10, idle_seconds: 21, min_position_wait_ms: 32, ..Config::default() };
    assert_eq!(settings(file, &variables, flags), Ok(expected));
    assert_eq!(settings(None, &[], Overrides::default()), Ok(Config::default()));
}

#[test]
fn every_setting_can_be_set_by_file_variable_and_flag() {
    let serve = Cli::command().find_subcommand("serve").cloned().unwrap();
    for setting in SETTINGS {
        let (value, quoted) = match setting.bounds {
            Bounds::Text(_) if setting.key == "listen" => ("127.0.0.1:9", "\"127.0.0.1:9\""),
            Bounds::Text(_) if matches!(setting.key, "http" | "web" | "board") => {
                ("off", "\"off\"")
            }
            // Without the feature it can only be off: see below.
            Bounds::Text(_) if setting.key == "otel_endpoint" => continue,
            Bounds::Text(_) if setting.key == "alerts" => ("off", "\"off\""),
            Bounds::Text(_) if setting.key == "sync_witness" => ("each_commit", "\"each_commit\""),
            Bounds::Text(_) if setting.key == "webhook_url" => ("https://a/", "\"https://a/\""),
            Bounds::Text(_) if setting.key == "store" => ("esdb://db:1", "\"esdb://db:1\""),
            Bounds::Text(_) => ("elsewhere", "\"elsewhere\""),
            Bounds::Whole(..) => ("77", "77"),
        };
        let file = format!("{} = {quoted}", setting.key);
        let variable = setting.variable();
        let by_file = settings(Some(&file), &[], Overrides::default()).unwrap();
        let by_variable = settings(None, &[(&variable, value)], Overrides::default()).unwrap();
        assert_ne!(by_file, Config::default(), "{}", setting.key);
        assert_eq!(by_file, by_variable, "{}", setting.key);
        let flag = setting.flag();
        let argument = serve
            .get_arguments()
            .find(|argument| argument.get_long().is_some_and(|long| format!("--{long}") == flag));
        let help = argument.unwrap().get_help().unwrap().to_string();
        assert!(help.contains(&format!("[env: {variable}]")), "{help}");
        assert!(help.contains(&format!("[default: {}]", setting.default())), "{help}");
    }
    let mut flags =
        Overrides { listen: Some(OsString::from("127.0.0.1:9")), ..Overrides::default() };
    flags.data = Some(OsString::from("elsewhere"));
    flags.store = Some(OsString::from("esdb://127.0.0.1:2113?tls=false"));
    flags.store_credentials_file = Some(OsString::from("secret"));
    flags.sync_witness = Some(OsString::from("each_commit"));
    flags.http = Some(OsString::from("[::1]:8"));
    flags.web = Some(OsString::from("[::1]:9"));
    flags.operators_file = Some(OsString::from("operators"));
    flags.board = Some(OsString::from("off"));
    flags.board_clients_max = Some(OsString::from("77"));
    flags.clock_step_seconds = Some(OsString::from("77"));
    flags.alerts = Some(OsString::from("off"));
    flags.webhook_url = Some(OsString::from("https://a/"));
    flags.webhook_secret_file = Some(OsString::from("key"));
    flags.webhook_timeout_ms = Some(OsString::from("77"));
    flags.webhook_attempts = Some(OsString::from("77"));
    flags.waiting_max = Some(OsString::from("77"));
    flags.traffic_waiting_max = Some(OsString::from("7777"));
    flags.traffic_shed_at_commands = Some(OsString::from("77"));
    flags.idle_seconds = Some(OsString::from("77"));
    flags.snapshot_events = Some(OsString::from("77"));
    flags.min_position_wait_ms = Some(OsString::from("77"));
    flags.drain_ms = Some(OsString::from("77"));
    flags.stop_grace_ms = Some(OsString::from("777"));
    flags.connections_max = Some(OsString::from("777"));
    flags.connection_calls_max = Some(OsString::from("777"));
    flags.connection_orders_max = Some(OsString::from("7777"));
    flags.connection_reports_max = Some(OsString::from("777"));
    flags.connection_start_ms = Some(OsString::from("777"));
    flags.connection_idle_seconds = Some(OsString::from("777"));
    let all = Config {
        data: "elsewhere".into(),
        store: "esdb://127.0.0.1:2113?tls=false".parse().unwrap(),
        store_credentials_file: Some("secret".into()),
        sync_witness: WitnessSync::EachCommit,
        listen: ([127, 0, 0, 1], 9).into(),
        http: Some("[::1]:8".parse().unwrap()),
        web: Some("[::1]:9".parse().unwrap()),
        operators_file: Some("operators".into()),
        board: None,
        board_clients_max: 77,
        clock_step_seconds: 77,
        alerts: false,
        webhook_url: Some("https://a/".to_owned()),
        webhook_secret_file: Some("key".into()),
        webhook_timeout_ms: 77,
        webhook_attempts: 77,
        waiting_max: 77,
        traffic_waiting_max: 7_777,
        traffic_shed_at_commands: 77,
        idle_seconds: 77,
        snapshot_events: 77,
        min_position_wait_ms: 77,
        otel_endpoint: None,
        drain_ms: 77,
        stop_grace_ms: 777,
        connections_max: 777,
        connection_calls_max: 777,
        connection_orders_max: 7_777,
        connection_reports_max: 777,
        connection_start_ms: 777,
        connection_idle_seconds: 777,
    };
    assert_eq!(settings(None, &[], flags), Ok(all));
}

#[test]
fn a_wrong_setting_is_refused_with_its_name_and_where_it_came_from() {
    let files = [
        (
            "port = 1",
            "doorbuster.toml, line 1: port is not a known key: known are data, store, store_credentials_file, sync_witness, listen, http, web, board, board_clients_max, operators_file, clock_step_seconds, alerts, webhook_url, webhook_secret_file, webhook_timeout_ms, webhook_attempts, waiting_max, traffic_waiting_max, traffic_shed_at_commands, idle_seconds, snapshot_events, min_position_wait_ms, otel_endpoint, drain_ms, stop_grace_ms, connections_max, connection_calls_max, connection_orders_max, connection_reports_max, connection_start_ms, connection_idle_seconds",
        ),
        (
            "\nlisten_ = \"x\"",
            "doorbuster.toml, line 2: listen_ is not a known key: did you mean listen?",
        ),
        (
            "waiting_max = 0",
            "doorbuster.toml, line 1: waiting_max must be a whole number from 1 to 1000000, not \"0\"",
        ),
        (
            "waiting_max = -1",
            "doorbuster.toml, line 1: waiting_max must be a whole number from 1 to 1000000, not \"-1\"",
        ),
        (
            "waiting_max = \"8\"",
            "doorbuster.toml, line 1: waiting_max must be a whole number, not a text",
        ),
        (
            "waiting_max = 99999999999999999999",
            "doorbuster.toml, line 1: waiting_max is too large a number",
        ),
        (
            "idle_seconds = 1.5",
            "doorbuster.toml, line 1: idle_seconds must be a whole number, not a number with a fraction",
        ),
        ("data = \"\"", "doorbuster.toml, line 1: data must name a directory, not be empty"),
        (
            "listen = 7420",
            "doorbuster.toml, line 1: listen must be a text in quotes, not a whole number",
        ),
        (
            "web = \"on\"",
            "doorbuster.toml, line 1: web must be an IP address and a port such as 127.0.0.1:7421, or off, not \"on\"",
        ),
    ];
    for (file, message) in files {
        assert_eq!(
            settings(Some(file), &[], Overrides::default()),
            Err(message.to_owned()),
            "{file}"
        );
    }
    let broken = settings(Some("data ="), &[], Overrides::default()).unwrap_err();
    assert!(broken.starts_with("doorbuster.toml, line 1: the file is not TOML: "), "{broken}");

    let variables = [("DOORBUSTER_LISTEN", "localhost")];
    let message = "listen (from DOORBUSTER_LISTEN) must be an IP address and a port such as 127.0.0.1:7420, not \"localhost\"";
    assert_eq!(settings(None, &variables, Overrides::default()), Err(message.to_owned()));

    let flags = Overrides { idle_seconds: Some(OsString::from("soon")), ..Overrides::default() };
    let message =
        "idle_seconds (from --idle-seconds) must be a whole number from 1 to 86400, not \"soon\"";
    assert_eq!(settings(None, &[], flags), Err(message.to_owned()));

    let flags = Overrides { config: Some("missing.toml".into()), ..Overrides::default() };
    let message = settings(None, &[], flags).unwrap_err();
    assert!(message.starts_with("missing.toml cannot be read: "), "{message}");
}

#[test]
fn spans_go_to_a_plain_address_and_only_where_they_are_built_in() {
    let endpoint = |text: &str| {
        let file = format!("otel_endpoint = {text:?}");
        settings(Some(&file), &[], Overrides::default()).map(|config| config.otel_endpoint)
    };
    assert_eq!(endpoint("off"), Ok(None));
    let good = endpoint("http://127.0.0.1:4317");
    if cfg!(feature = "otel") {
        assert_eq!(good, Ok(Some("http://127.0.0.1:4317".to_owned())));
        for wrong in ["", "127.0.0.1:4317", "https://a", "http://", "http://a/b", "http://u:p@a"] {
            let why = endpoint(wrong).unwrap_err();
            assert!(why.contains("otel_endpoint must be a URL such as"), "{why}");
        }
    } else {
        let why = good.unwrap_err();
        assert!(why.contains("otel_endpoint needs a build with `--features otel`"), "{why}");
    }
    let serve = Cli::command();
    let serve = serve.find_subcommand("serve").unwrap();
    let argument = serve.get_arguments().find(|one| one.get_long() == Some("otel-endpoint"));
    let help = argument.unwrap().get_help().unwrap().to_string();
    assert!(help.contains("[env: DOORBUSTER_OTEL_ENDPOINT] [default: off]"), "{help}");
}

#[test]
fn the_page_on_configuration_lists_every_setting_as_the_code_has_it() {
    let page = include_str!("../../docs/configuration.md");
    let rows: Vec<_> = page
        .lines()
        .filter(|line| {
            line.contains("| `DOORBUSTER_")
                && line.starts_with("| `")
                && !line.starts_with("| `DOORBUSTER_")
        })
        .collect();
    assert_eq!(rows.len(), SETTINGS.len());
    for (row, setting) in rows.iter().zip(SETTINGS) {
        let unit =
            if setting.unit.is_empty() { String::new() } else { format!("{} ", setting.unit) };
        let expected = format!(
            "| `{}` | `{}` | `{}` | {unit}| `{}` | {} | ",
            setting.key,
            setting.flag(),
            setting.variable(),
            setting.default(),
            setting.bounds
        );
        assert!(row.starts_with(&expected), "{row}\nmust start with\n{expected}");
    }
}

#[test]
fn the_help_of_every_verb_starts_with_examples() {
    fn check(command: &mut clap::Command, path: &str) {
        let help = command.render_long_help().to_string();
        assert!(help.starts_with("Examples:\n  "), "{path}:\n{help}");
        assert!(help.contains(path), "{path} has no example of itself:\n{help}");
        let shown = |verb: &&mut clap::Command| !verb.is_hide_set() && verb.get_name() != "help";
        for verb in command.get_subcommands_mut().filter(shown) {
            let path = format!("{path} {}", verb.get_name());
            check(verb, &path);
        }
    }
    check(&mut Cli::command(), "doorbuster");
    Cli::command().debug_assert();
}

#[test]
fn what_a_server_answers_becomes_one_sentence_and_an_exit_code() {
    let status = |code, message: &str, details: ErrorDetails| {
        Failure::status(&Status::with_error_details(code, message, details))
    };
    let request_id = RequestId(uuid::Uuid::from_u128(7));
    let hint = format!("\nto try again safely, repeat it with --request-id {request_id}");
    let shown = |failure: Failure| (failure.code, failure.with_retry(request_id).message);

    let mut details = ErrorDetails::with_error_info("INVALID_FIELD", "doorbuster", []);
    details.add_bad_request_violation("units", "must be at least 1");
    let invalid = status(tonic::Code::InvalidArgument, "units must be at least 1", details);
    assert_eq!(
        shown(invalid),
        (Code::Usage, "units must be at least 1 (INVALID_FIELD)".to_owned())
    );

    let details = ErrorDetails::with_error_info("NOT_FOUND", "doorbuster", []);
    let unknown = status(tonic::Code::NotFound, "item_id does not exist", details);
    assert_eq!(shown(unknown), (Code::Failed, "item_id does not exist (NOT_FOUND)".to_owned()));

    let mut details = ErrorDetails::with_error_info("OVERLOADED", "doorbuster", []);
    details.set_retry_info(Some(std::time::Duration::from_millis(50)));
    let busy = status(tonic::Code::ResourceExhausted, "The item is overloaded.", details);
    let message = format!("The item is overloaded (OVERLOADED); try again in 50 ms{hint}");
    assert_eq!(shown(busy), (Code::Failed, message));

    let lost = Failure::status(&Status::unavailable("connection reset"));
    let message = format!("connection reset (UNAVAILABLE){hint}");
    assert_eq!(shown(lost), (Code::Unreachable, message));

    let message = "refused, SOLD_OUT: No unit is available.";
    let refused = Failure::refused("SOLD_OUT", "No unit is available.");
    assert_eq!(refused, Failure::new(Code::Refused, message));
}

pub fn doorbuster(arguments: &[&str]) -> Output {
    binary(arguments).output().unwrap()
}

/// The real binary, in an environment without any setting of the machine it runs on.
fn binary(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorbuster"));
    command.env_clear().stdin(Stdio::null()).args(arguments);
    command
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn usage_errors_exit_with_2_and_leave_stdout_empty() {
    let id = "5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10";
    // No server listens on port 1: an exit code of 2 shows that nothing was sent.
    let server = "--server=http://127.0.0.1:1";
    let table: [(&[&str], &str); 11] = [
        (&["sell"], "unrecognized subcommand 'sell'"),
        (&["sale", "create"], "--file"),
        (&["sale", "create", "-f", "missing.toml", server], "missing.toml cannot be read"),
        (&["sale", "show", "5", server], "SALE must be a UUID"),
        (&["sale", "show", id, "--server=127.0.0.1"], "--server must be a URL"),
        (&["order", "place", "--item", id, "--buyer", "b", "--units", "0", server], "--units"),
        (&["crowd", "--server=127.0.0.1"], "--server must be a URL"),
        (&["report", "timeline", server], "--sale"),
        (&["serve", "--waiting-max", "0"], "waiting_max (from --waiting-max) must be"),
        (&["serve", "--drain-ms", "60001"], "drain_ms (from --drain-ms) must be"),
        (&["log", "read", "items"], "item-<uuid>"),
    ];
    for (arguments, part) in table {
        let output = doorbuster(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(part), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
}

#[test]
fn a_bad_sale_file_is_never_sent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sale.toml");
    std::fs::write(&path, GOOD.replace("199900", "0")).unwrap();
    let path = path.to_str().unwrap();
    let output = doorbuster(&["sale", "create", "-f", path, "--server=http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(2));
    let expected =
        format!("error: {path}, line 10: items[0].unit_price_minor must be at least 1, not 0\n");
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn an_unreachable_server_exits_with_4_and_says_how_to_try_again() {
    let list = doorbuster(&["sale", "list", "--server=http://127.0.0.1:1"]);
    assert_eq!(list.status.code(), Some(4));
    assert!(text(&list.stderr).contains("no server answers at http://127.0.0.1:1"));

    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sale.toml");
    let id = "5b0f3c4e-7f1c-4b44-9f0e-2f7a3c1d9e10";
    let (as_of, server) = ("--as-of=2026-11-11T00:00:00Z", "--server=http://127.0.0.1:1");
    let create = ["sale", "create", "-f", example, as_of, "--request-id", id, server];
    let create = doorbuster(&create);
    assert_eq!(create.status.code(), Some(4));
    let again = format!("--request-id {id} --as-of 2026-11-11T00:00:00.000Z\n");
    assert!(text(&create.stderr).ends_with(&again), "{}", text(&create.stderr));
}

/// A log with one sale in it, still open for writing.
fn log_with_a_sale(directory: &Path) -> (Arc<EmbeddedStore>, StreamName) {
    let request = RequestId(uuid::Uuid::from_u128(7));
    let draft = sale_file::parse("sale.toml", GOOD, NOW).unwrap().draft;
    let created = plan(request, draft, "ann".to_owned()).unwrap();
    let stream = StreamName::sale(SaleId::of_request(request));
    let event = Event::Sale(SaleEvent::Created(created));
    let event = encode(uuid::Uuid::from_u128(8), &event, stream.id, request.0);
    let store = EmbeddedStore::open(directory, Arc::new(WallClock)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.append(stream, Expected::NoStream, Arc::new([event]))).unwrap();
    (store, stream)
}

#[test]
fn the_log_can_be_read_while_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, stream) = log_with_a_sale(directory.path());
    let data = directory.path().to_str().unwrap();
    let json = |arguments: &[&str]| -> serde_json::Value {
        let output = doorbuster(&[arguments, &["--json", "--data", data]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let streams = json(&["log", "streams"]);
    assert_eq!(streams, serde_json::json!([{ "stream": stream.to_string(), "revision": 0 }]));
    let all = json(&["log", "read"]);
    assert_eq!(all["kind"], "SaleCreated");
    assert_eq!(all["data"]["name"], "Night sale");
    assert_eq!(all, json(&["log", "read", &stream.to_string()]));

    let past = doorbuster(&["log", "read", "--from", "2", "--data", data]);
    assert_eq!((past.status.code(), text(&past.stdout)), (Some(0), ""));
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, _) = log_with_a_sale(directory.path());
    let data = directory.path().to_str().unwrap();
    for verb in [["log", "read"], ["log", "streams"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = binary(&[&verb[..], &["--data", data]].concat());
        let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    }
}

#[test]
fn a_missing_log_is_a_failure_that_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("nowhere").display().to_string();
    let data = data.as_str();
    for verb in [&["log", "read"][..], &["log", "streams"], &["verify"], &["rebuild"]] {
        let output = doorbuster(&[verb, &["--data", data]].concat());
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(data) && !Path::new(data).exists(), "{verb:?}");
    }
}
