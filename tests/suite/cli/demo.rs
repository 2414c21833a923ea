//! What a demonstration may be asked for: how long it lasts, what breaks, whether it stays.

use std::{
    fs::Permissions,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Command, Output, Stdio},
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
        .args(["--seconds", "5", "--time-to-pay-seconds", "1", "--data"])
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stderr.take().unwrap()).lines().map(Result::unwrap);
    let server = said.find_map(|line| line.rsplit_once(" come to ").map(|(_, url)| url.to_owned()));
    let server = server.unwrap();

    let stock =
        run(&["report", "stock", "--json", "--min-position", "4", "--server", &server], &[]);
    let stock: serde_json::Value = serde_json::from_slice(&stock.stdout).unwrap();
    let item = stock["levels"][0]["item_id"].as_str().unwrap().to_owned();
    let add = ["item", "allocate", &item, "--warehouse", "main", "--units", "5"];
    let add = [&add[..], &["--reason", "more came", "--server", &server]].concat();
    let refused = run(&add, &[]);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");

    let operators = std::fs::read_to_string(data.join("operators")).unwrap();
    let token = operators.lines().find_map(|line| line.strip_prefix("operator ")).unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, token).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let added = run(&add, &[("DOORBUSTER_TOKEN_FILE", file.to_str().unwrap())]);
    assert!(added.status.success(), "{added:?}");

    // Nobody reads on: what it says from now on must not stop it.
    drop(said);
    let ended = demo.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let figures: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&figures["units"], &figures["oversold_units"]), (&25.into(), &0.into()));
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_doorbuster"))
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}
