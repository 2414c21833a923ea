//! `doorbuster token`: a token is shown once, is good at once, and ends when it is told to.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Output};

use doorbuster::admission::TokensFile;
use serde_json::Value;

use crate::cli::{doorbuster, text};

struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("data/tokens")
    }

    fn run(&self, words: &[&str]) -> Output {
        let data = self.directory.path().join("data");
        doorbuster(&[&["token"], words, &["--data", data.to_str().unwrap()]].concat())
    }

    fn done(&self, words: &[&str]) -> Value {
        let output = self.run(&[words, &["--json"]].concat());
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty());
        text(&output.stderr).to_owned()
    }

    fn states(&self) -> Vec<(String, String)> {
        let listed = self.done(&["list"]);
        let of = |token: &Value, field: &str| token[field].as_str().unwrap().to_owned();
        let tokens = listed["tokens"].as_array().unwrap().iter();
        tokens.map(|token| (of(token, "id"), of(token, "state"))).collect()
    }
}

#[test]
fn a_token_is_shown_once_and_kept_as_a_hash_in_a_file_of_its_owner() {
    let desk = Desk::new();
    let made = desk.done(&["new", "--role", "shop", "--name", "web-shop", "--days", "7"]);
    let token = made["token"].as_str().unwrap();
    assert_eq!((made["role"].as_str(), made["state"].as_str()), (Some("shop"), Some("valid")));
    let mode = fs::metadata(desk.file()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let kept = fs::read_to_string(desk.file()).unwrap();
    assert!(!kept.contains(&token[17..]) && kept.contains(made["id"].as_str().unwrap()));
    let listed = text(&desk.run(&["list"]).stdout).to_owned();
    assert!(listed.contains("web-shop") && !listed.contains(&token[17..]), "{listed}");

    let plain = desk.run(&["new", "--role", "auditor", "--name", "otto"]);
    assert!(text(&plain.stdout).starts_with("dbt_") && text(&plain.stdout).len() == 61);
    assert!(!text(&plain.stderr).contains(text(&plain.stdout).trim_end()));
    let out = desk.directory.path().join("own");
    let flag = out.to_str().unwrap();
    let told = desk.done(&["new", "--role", "admin", "--name", "ada", "--out", flag]);
    assert!(told["token"].is_null(), "{told}");
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&out).unwrap().starts_with("dbt_"));
    assert!(
        desk.refused(&["new", "--role", "shop", "--name", "x", "--out", flag]).contains("--out")
    );
    assert_eq!(TokensFile::read(&desk.file()).unwrap().tokens.len(), 3, "none that nobody sees");
}

#[test]
fn a_token_is_rotated_with_an_overlap_and_revoked_at_once() {
    let desk = Desk::new();
    let first = desk.done(&["new", "--role", "operator", "--name", "olga"]);
    let first = first["id"].as_str().unwrap();
    let second = desk.done(&["rotate", first, "--overlap-hours", "2"]);
    assert_eq!(
        (second["role"].as_str(), second["name"].as_str()),
        (Some("operator"), Some("olga"))
    );
    let second = second["id"].as_str().unwrap();
    let valid = |id: &str| (id.to_owned(), "valid".to_owned());
    assert_eq!(desk.states(), [valid(first), valid(second)]);
    let third = desk.done(&["rotate", second, "--overlap-hours", "0"]);
    let third = third["id"].as_str().unwrap();
    assert_eq!(desk.done(&["revoke", first])["state"], "revoked");
    let (revoked, expired) = ("revoked".to_owned(), "expired".to_owned());
    let states = [(first.to_owned(), revoked), (second.to_owned(), expired), valid(third)];
    assert_eq!(desk.states(), states);
    for (id, why) in [(first, "was revoked"), (second, "has expired")] {
        assert!(desk.refused(&["rotate", id]).contains(why), "{id}");
    }
}

#[test]
fn what_is_wrong_is_named_and_changes_nothing() {
    let desk = Desk::new();
    assert!(desk.refused(&["list"]).contains("cannot be read"));
    for (words, why) in [
        (
            &["new", "--role", "root", "--name", "x"][..],
            "--role must be one of shop, buyer_gateway",
        ),
        (&["new", "--role", "shop", "--name", "a b"], "--name: the name must have no white space"),
        (&["new", "--role", "shop", "--name", "x", "--days", "367"], "367"),
        (&["revoke", "00000000000g"], "ID must be 12 hexadecimal digits"),
    ] {
        let said = desk.refused(words);
        assert!(said.contains(why), "{words:?}: {said}");
    }
    desk.done(&["new", "--role", "shop", "--name", "x"]);
    assert!(desk.refused(&["revoke", "000000000000"]).contains("is no token in this file"));
    fs::write(desk.file(), "rubbish secretsecret\n").unwrap();
    let said = desk.refused(&["new", "--role", "shop", "--name", "x"]);
    assert!(said.contains("line 1") && !said.contains("secret"), "{said}");
    assert_eq!(fs::read_to_string(desk.file()).unwrap(), "rubbish secretsecret\n");
}
