//! Goal: whatever only reads works where nothing may be written, and leaves nothing behind. Method:
//! the data of a real server in a directory without write permission, once closed in good order and
//! once with its write-ahead log but without the index of that, as a copy has it. Whoever runs the
//! tests as root runs the binary as another user, to whom permissions apply.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use doorbuster::{app::App, clock::WallClock, config::Config};
use serde_json::Value;

use super::{binary, doorbuster, text};
use crate::support::not_verified;

/// A user without rights of their own.
const NOBODY: &str = "65534";

/// A read-only directory, and one that every user may write to.
struct Archive {
    data: PathBuf,
    work: PathBuf,
    sale: String,
    item: String,
    _root: tempfile::TempDir,
}

impl Archive {
    /// The data of a server that has stopped, or as it lies there while one runs.
    fn make(closed: bool) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (live, data) = (root.path().join("live"), root.path().join("data"));
        let work = root.path().join("work");
        let config = Config {
            data: live.clone(),
            listen: ([127, 0, 0, 1], 0).into(),
            web: None,
            http: None,
            board: None,
            ..Config::default()
        };
        let app = App::start(config, Arc::new(WallClock)).unwrap();
        let url = format!("http://{}", app.address());
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sale.toml");
        let created = doorbuster(&["sale", "create", "-f", file, "--json", "--server", &url]);
        let created: Value = serde_json::from_slice(&created.stdout).unwrap();
        let id = |value: &Value| value.as_str().unwrap().to_owned();
        let sale = id(&created["sale"]["sale_id"]);
        let item = id(&created["sale"]["items"][1]["item_id"]);
        let place = ["order", "place", "--item", &item, "--buyer", "ann", "--units", "1"];
        assert!(doorbuster(&[&place[..], &["--server", &url]].concat()).status.success());
        if closed {
            app.stop().unwrap();
            copy(&live, &data);
        } else {
            copy(&live, &data);
            assert!(data.join("log.db-wal").metadata().unwrap().len() > 0);
            app.stop().unwrap();
        }
        fs::create_dir(&work).unwrap();
        fs::set_permissions(&work, fs::Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { data, work, sale, item, _root: root }
    }

    fn run(&self, arguments: &[&str]) -> Option<Output> {
        let plain = binary(arguments);
        let mut command = if fs::write(self.data.join("probe"), "").is_ok() {
            fs::remove_file(self.data.join("probe")).unwrap();
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={NOBODY}")).arg(format!("--regid={NOBODY}"));
            command.arg("--clear-groups").arg(plain.get_program()).args(arguments);
            command.env_clear();
            command
        } else {
            plain
        };
        command.env("TMPDIR", &self.work).current_dir(&self.work).output().ok()
    }

    fn reads(&self, arguments: &[&str]) {
        let before = listed(&self.data);
        let Some(output) = self.run(arguments) else {
            not_verified("reading as another user: there is no setpriv");
            return;
        };
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(listed(&self.data), before, "{arguments:?}");
    }

    /// What is left in the directory that may be written to.
    fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(&self.work).unwrap();
        names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Archive {
    /// Makes it removable for users other than root.
    fn drop(&mut self) {
        for directory in [self.data.clone(), self.data.join("views")] {
            let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o755));
        }
    }
}

/// Copies files that are not the index of a write-ahead log, and takes the right to write away.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if from.is_dir() {
            copy(&from, &to);
        } else if !from.to_string_lossy().ends_with("-shm") {
            fs::copy(&from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o444)).unwrap();
        }
    }
    fs::set_permissions(to, fs::Permissions::from_mode(0o555)).unwrap();
}

fn listed(directory: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(listed(&path));
        } else {
            found.push((path.clone(), path.metadata().unwrap().len()));
        }
    }
    found.sort();
    found
}

fn every_reading_verb_works(archive: &Archive) {
    let (data, sale, item) = (archive.data.to_str().unwrap(), &*archive.sale, &*archive.item);
    let at = ["--data", data];
    let verbs: [&[&str]; 10] = [
        &["verify"],
        &["log", "read"],
        &["log", "streams"],
        &["report", "stock"],
        &["report", "stock", "--as-of", "1"],
        &["report", "orders", "--item", item],
        &["report", "sql", "SELECT count(*) FROM orders.orders"],
        &["replay", sale, "--unpaced"],
        &["replay", "--compare"],
        &["order", "explain", "--buyer", "ann", "--item", item],
    ];
    for verb in verbs {
        archive.reads(&[verb, &at].concat());
        assert_eq!(archive.leftovers(), Vec::<String>::new(), "{verb:?}");
    }
    archive.reads(&[&["report", "post-mortem", sale, "--out", "page"], &at[..]].concat());
    archive.reads(&["copy", "--from", data, "--to", "copied"]);
    let mut left = archive.leftovers();
    left.sort();
    assert_eq!(left, ["copied", "page"]);
}

#[test]
fn an_archive_without_write_permission_is_read_by_every_verb_that_reads() {
    every_reading_verb_works(&Archive::make(true));
}

#[test]
fn an_archive_with_a_write_ahead_log_is_read_by_every_verb_that_reads() {
    every_reading_verb_works(&Archive::make(false));
}

#[test]
fn read_models_are_made_elsewhere_and_stay_where_they_are_wanted() {
    let archive = Archive::make(true);
    let data = archive.data.to_str().unwrap();
    let verb = ["report", "stock", "--data", data, "--scratch", "models"];
    let Some(first) = archive.run(&verb) else { return };
    assert!(first.status.success(), "{}", text(&first.stderr));
    let said = text(&first.stderr);
    assert!(said.contains("its read models are queried in models"), "{said}");
    assert!(archive.work.join("models/views/stock.db").exists());
    let again = archive.run(&verb).unwrap();
    assert_eq!(text(&again.stdout), text(&first.stdout));

    // What writes says what it needs.
    let rebuilt = archive.run(&["rebuild", "--data", data]).unwrap();
    let said = text(&rebuilt.stderr);
    assert!(!rebuilt.status.success());
    assert!(said.contains("copy its directory to a place that you may write to"), "{said}");
}
