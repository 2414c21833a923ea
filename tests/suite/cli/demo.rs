//! What a demonstration may be asked for: how long it lasts, what breaks, whether it stays.

use std::{
    fs::Permissions,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Output, Stdio},
};

use clap::Parser;
use doorbuster::cli::{Cli, Verb};

/// The arguments as the command line takes them, or what it says instead.
fn asked(flags: &str) -> Result<Cli, String> {
    let words = ["doorbuster", "demo"].into_iter().chain(flags.split_whitespace());
    Cli::try_parse_from(words).map_err(|error| error.to_string())
}

/// What becomes of them: how many shoppers come, or which flag is refused.
fn planned(flags: &str) -> Result<u64, String> {
    let Cli { common, verb } = asked(flags)?;
    let Verb::Demo(args) = verb else { panic!("{flags} is no demo") };
    let script = args.script(&common).map_err(|error| format!("{error:#}"))?;
    Ok(script.shoppers())
}

#[test]
fn a_demo_lasts_as_long_as_somebody_may_watch_it() {
    assert_eq!(planned("--json"), Ok(20_000));
    assert_eq!(planned(""), Ok(7_000));
    assert_eq!(planned("--chaos"), planned("--chaos --json"));
    assert_eq!(planned("--units 50 --seconds 0"), Ok(1_000));
    assert_eq!(planned("--units 50 --seconds 10"), Ok(70));
    assert_eq!(planned("--units 100000 --json"), Ok(1_000_000));
    assert_eq!(planned("--units 50 --shoppers 60 --json"), Ok(60));
}

#[test]
fn what_does_not_go_together_is_refused_by_name() {
    for (flags, named) in [
        ("--chaos --traffic a.csv", "--traffic"),
        ("--seconds 10 --traffic a.csv", "--traffic"),
        ("--stay --exit", "--exit"),
        ("--seconds 3601", "--seconds"),
        ("--seconds -1", "-1"),
        ("--chaos --seconds 44", "--seconds must be at least 45 with --chaos"),
        ("--chaos --seconds 0", "--seconds must be at least 45 with --chaos"),
        ("--chaos --items 5", "--items must be at most 4 with --chaos"),
        ("--chaos --shoppers 1000 --units 900", "--shoppers must be at least"),
        ("--units 0", "--units"),
        ("--units 10 --shoppers 9", "--shoppers"),
    ] {
        let refused = planned(flags).unwrap_err();
        assert!(refused.contains(named), "{flags}: {refused}");
    }
}

#[test]
fn the_board_is_served_afterwards_only_where_somebody_can_end_it() {
    for (flags, terminal, stays) in [
        ("", true, true),
        ("", false, false),
        ("--exit", true, false),
        ("--json", true, false),
        ("--quiet", true, false),
        ("--stay", false, true),
        ("--stay --json", false, true),
    ] {
        let Cli { common, verb } = asked(flags).unwrap();
        let Verb::Demo(args) = verb else { panic!("{flags} is no demo") };
        assert_eq!(args.stays(&common, terminal), stays, "{flags} on a terminal: {terminal}");
    }
}

#[test]
fn people_who_steer_a_demo_show_its_token_and_break_no_promise() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("demo");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_doorbuster"))
        .args(["demo", "--json", "--units", "20", "--items", "1", "--shoppers", "30"])
        .args(["--seconds", "5", "--time-to-pay-seconds", "1"])
        .args(["--listen", "127.0.0.1:0", "--board", "127.0.0.1:0", "--data"])
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stderr.take().unwrap()).lines().map(Result::unwrap);
    let server = said.find_map(|line| line.rsplit_once(" come to ").map(|(_, url)| url.to_owned()));
    let server = server.unwrap();
    let token = said.find_map(|line| {
        let token = line.strip_prefix("token: ")?.strip_suffix(" to sign in")?;
        Some(token.to_owned())
    });
    let token = token.unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, token).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let with_token = [("DOORBUSTER_TOKEN_FILE", file.to_str().unwrap())];

    let ask = ["report", "stock", "--json", "--min-position", "4", "--server", &server];
    assert!(!run(&ask, &[]).status.success(), "there are tokens");
    let stock = run(&ask, &with_token);
    let stock: serde_json::Value = serde_json::from_slice(&stock.stdout).unwrap();
    let item = stock["levels"][0]["item_id"].as_str().unwrap().to_owned();
    let add = ["item", "allocate", &item, "--warehouse", "main", "--units", "5"];
    let add = [&add[..], &["--reason", "more came", "--server", &server]].concat();
    let refused = run(&add, &[]);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");

    let added = run(&add, &with_token);
    assert!(added.status.success(), "{added:?}");

    // The reader is gone: further output must not stop it.
    drop(said);
    let ended = demo.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let figures: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&figures["units"], &figures["oversold_units"]), (&25.into(), &0.into()));
}

/// A demonstration of a minute whose first words are read, and what it says after them.
fn begun(flags: &[&str]) -> (Child, Vec<String>) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_doorbuster"))
        .args(["demo", "--units", "2000", "--seconds", "60", "--items", "1"])
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let lines = BufReader::new(demo.stderr.take().unwrap()).lines();
    for line in lines.map(Result::unwrap) {
        // The first tenth is paid for: there are figures.
        let begun = line.contains("% ·");
        said.push(line);
        if begun {
            break;
        }
    }
    (demo, said)
}

fn interrupt(demo: Child) -> Output {
    let told = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(told.success());
    demo.wait_with_output().unwrap()
}

#[test]
fn a_demo_that_is_interrupted_shows_what_it_knows_and_is_no_error() {
    let anywhere = ["--listen", "127.0.0.1:0", "--board", "127.0.0.1:0"];
    let (demo, _) = begun(&anywhere);
    let ended = interrupt(demo);
    let shown = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{shown}");
    for entry in
        ["on offer         2000 units over 1 items", "orders placed", "until it was interrupted"]
    {
        assert!(shown.contains(entry), "{shown}");
    }

    let (demo, _) = begun(&[&anywhere[..], &["--json"]].concat());
    let ended = interrupt(demo);
    assert_eq!(ended.status.code(), Some(130));
    let figures: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&figures["interrupted"], &figures["units"]), (&true.into(), &2_000.into()));
    assert!(figures["units_paid"].as_u64() >= Some(200), "{figures}");
}

#[test]
fn a_demo_listens_where_it_is_told_to_and_says_when_it_cannot() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--board"] {
        let refused = run(&["demo", "--units", "10", flag, &taken], &[]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("{flag}: cannot listen on {taken}")), "{said}");
    }

    // Without an option it is the default port, or another one while that is in use.
    let _in_use = TcpListener::bind("127.0.0.1:7420");
    let (demo, said) = begun(&["--board", "127.0.0.1:0"]);
    let ended = interrupt(demo);
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    let other = "127.0.0.1:7420 is in use: taking a free port; --listen names one";
    assert!(said.iter().any(|line| line == other), "{said:?}");
}

#[test]
fn what_a_demo_says_fits_80_columns() {
    let shown = run(
        &["demo", "--units", "60", "--seconds", "0", "--listen=127.0.0.1:0", "--board=127.0.0.1:0"],
        &[],
    );
    assert!(shown.status.success(), "{shown:?}");
    let said = [shown.stdout, shown.stderr].map(|text| String::from_utf8(text).unwrap());
    let lines: Vec<_> = said.iter().flat_map(|text| text.lines()).collect();
    for line in &lines {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for entry in ["board: http://", "token: ", "  verify           proved: "] {
        assert!(lines.iter().any(|line| line.starts_with(entry)), "{lines:?}");
    }
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_doorbuster"))
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}
