//! How long a recording plays is said before it is played, and silences in it can be shortened.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use doorbuster::crowd::{
    pace::Silence,
    recording::{ItemBy, Recording},
};

use super::traffic::read;

/// A view months before sixty purchases, one every half minute.
fn far_away() -> String {
    let buys = (0..60).map(|n| format!("{n},{},1,buy,{}\n", n % 5, 1_511_544_070 + n * 30));
    format!("1,1,1,pv,1505117799\n{}", buys.collect::<String>())
}

fn moments(recording: &Recording) -> Vec<u64> {
    let buys = recording.items.iter().flat_map(|item| &item.buys);
    let mut moments: Vec<u64> = buys.map(|buy| buy.after_seconds).collect();
    moments.sort_unstable();
    moments
}

#[test]
fn silences_are_found_and_shortened_and_the_rest_stays() {
    let rows = "1,1,1,pv,1000\n2,1,1,buy,1100\n3,2,1,buy,1105\n4,1,1,buy,9000\n5,2,1,buy,1105\n";
    let recording = read(rows.as_bytes(), ItemBy::Item, false).unwrap();
    assert_eq!(recording.lasts_seconds(), 8_000);
    let silence = |from_seconds, seconds| Silence { from_seconds, seconds };
    assert_eq!(recording.silences(99), [silence(105, 7_895), silence(0, 100)]);
    assert_eq!(recording.silences(100), [silence(105, 7_895)]);
    let shorter = recording.clone().with_silences_of(60);
    assert_eq!(moments(&shorter), [60, 65, 65, 125]);
    assert_eq!((shorter.totals, shorter.items.len()), (recording.totals, recording.items.len()));
    assert_eq!(recording.clone().with_silences_of(7_895), recording);
}

fn demo(file: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorbuster"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .args(["demo", "--exit", "--json", "--traffic"])
        .arg(file);
    command.env("TMPDIR", file.parent().unwrap()).args(more).output().unwrap()
}

#[test]
fn a_demonstration_says_how_long_it_plays_before_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("far.csv");
    fs::write(&file, far_away()).unwrap();
    let refused = demo(&file, &["--speed", "60"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    let expected = [
        "74 d 9 h from the first row to the last purchase: plays for 1 d 5 h",
        "warning: no purchase for 74 d 9 h (1 d 5 h played) from 2017-09-11T08:16:39Z",
        "--gap-max 10m plays each as if it were 10 minutes",
        "error: --traffic: it would play for 1 d 5 h, and its sale is open for a day",
    ];
    for expected in expected {
        assert!(said.contains(expected), "{said}");
    }
    let played = demo(&file, &["--speed", "6000", "--gap-max", "1m"]);
    let said = String::from_utf8(played.stderr).unwrap();
    assert_eq!(played.status.code(), Some(0), "{said}");
    assert!(
        said.contains("30 min 30 s from the first row to the last purchase: plays for 0 s"),
        "{said}"
    );
    assert!(!said.contains("warning"), "{said}");
    let summary: serde_json::Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!(summary["orders_placed"], 36, "{summary}");
    for wrong in ["0s", "500ms", "10", "long"] {
        let refused = demo(&file, &["--gap-max", wrong]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8(refused.stderr).unwrap().contains("--gap-max"), "{wrong}");
    }
}
