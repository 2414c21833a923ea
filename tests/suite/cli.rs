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
mod sale_item_rows;
mod settings;
mod writes;

use std::{
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
    domain::sale::plan,
    events::{Event, SaleEvent, StreamName, encode},
    store::{EventStore, Expected, embedded::EmbeddedStore},
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
