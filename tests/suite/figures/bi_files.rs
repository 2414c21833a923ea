//! The real binary while it writes tables for analysts: into which directory, and what stops it.
//!
//! An export begins its directory before it opens the log. With a store that accepts connections and
//! never answers it waits there for as long as a test needs.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread::yield_now,
    time::Instant,
};

use doorbuster::whole_file::DirectoryDraft;
use serde_json::Value;
use tempfile::tempdir;

use super::{
    small_sale,
    whole_files::{doorbuster, on_a_full_disk, signal},
};
use crate::support::PATIENCE;

fn export(data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut arguments = vec!["report", "export", "--bi", "--out", out.to_str().unwrap()];
    arguments.extend(more);
    doorbuster(&arguments, data)
}

fn names(of: &Path) -> Vec<String> {
    let entries = fs::read_dir(of).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const FILES: [&str; 8] = [
    "attempts_by_second.csv",
    "incidents.csv",
    "items.csv",
    "order_events.csv",
    "orders.csv",
    "refunds.csv",
    "sales.csv",
    "traffic_by_minute.csv",
];

#[tokio::test(flavor = "multi_thread")]
async fn tables_go_into_a_new_or_empty_directory_and_replace_nothing() {
    let mut sale = small_sale().await;
    let out = tempdir().unwrap();
    let deep = out.path().join("2026/11/");
    // Beside the running server, then at rest.
    let done = export(sale.node.data(), &deep, &["--json"]).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(told["files"][0]["table"], "orders");
    assert_eq!(told["files"][0]["rows"], 4);
    assert_eq!(told["files"][0]["position"], sale.head);
    assert_eq!(names(&deep), FILES);
    let live = fs::read(deep.join("orders.csv")).unwrap();
    sale.node.stop();

    let failed = export(sale.node.data(), &deep, &[]).output().unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("--out") && said.contains("is not empty"), "{said}");
    assert_eq!(names(&deep), FILES);

    let empty = out.path().join("empty");
    fs::create_dir(&empty).unwrap();
    symlink(&empty, out.path().join("link")).unwrap();
    let done = export(sale.node.data(), &out.path().join("link"), &[]).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(fs::read(empty.join("orders.csv")).unwrap(), live);
    assert_eq!(names(out.path()), ["2026", "empty", "link"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_the_tables_and_leaves_nothing() {
    let mut sale = small_sale().await;
    sale.node.stop();
    for form in ["--csv", "--parquet"] {
        let out = tempdir().unwrap();
        let command = export(sale.node.data(), &out.path().join("tables"), &[form]);
        let failed = on_a_full_disk(&command, out.path());
        let said = String::from_utf8_lossy(&failed.stderr);
        assert_eq!(failed.status.code(), Some(1), "{said}");
        assert!(said.contains("error: table orders, orders."), "{said}");
        // The second where the disk is a limit for each file.
        assert!(said.contains("No space left") || said.contains("File too large"), "{said}");
        let left = said.ends_with("\nkept.csv\n") && !said.contains(".part\n");
        assert!(left, "only what was there: {said}");
    }
}

/// An export that waits with a directory begun.
fn waiting_export(out: &Path, store: &TcpListener) -> (Child, PathBuf) {
    let store = format!("esdb://{}?tls=false", store.local_addr().unwrap());
    let data = tempdir().unwrap();
    let child = export(data.path(), &out.join("tables"), &["--store", &store]).spawn().unwrap();
    let start = Instant::now();
    let begun = || {
        let part = names(out).into_iter().find(|name| name.contains(&child.id().to_string()));
        part.map(|name| out.join(name)).filter(|path| is_locked(path))
    };
    let part = loop {
        if let Some(part) = begun() {
            break part;
        }
        assert!(start.elapsed() < PATIENCE, "it begins a directory");
        yield_now();
    };
    (child, part)
}

/// Begins exports until one is stopped before it gives up waiting for the store, which it does after some
/// seconds: a busy machine may be slower. Gives the directory that was begun.
fn until_stopped(
    out: &Path,
    store: &TcpListener,
    mut stops: impl FnMut(&mut Child, &Path) -> bool,
) -> PathBuf {
    let start = Instant::now();
    loop {
        let (mut child, begun) = waiting_export(out, store);
        if stops(&mut child, &begun) {
            return begun;
        }
        assert!(start.elapsed() < PATIENCE, "each one ended by itself");
    }
}

/// Whether a writer holds a directory.
fn is_locked(path: &Path) -> bool {
    let locked = fs::File::open(path).map(|directory| directory.try_lock());
    matches!(locked, Ok(Err(fs::TryLockError::WouldBlock)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_stopped_leaves_no_table() {
    let mut sale = small_sale().await;
    sale.node.stop();
    let (out, store) = (tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        until_stopped(out.path(), &store, |child, begun| {
            // It may have given the store up.
            let _ = fs::write(begun.join("orders.csv"), "some rows");
            signal(child, name);
            let ended = child.wait().unwrap().code();
            assert_eq!(names(out.path()), [] as [&str; 0]);
            ended == Some(code)
        });
    }
    // A kill leaves the part; another export that is under way is not taken for one that was killed.
    let left = until_stopped(out.path(), &store, |child, begun| {
        child.kill().unwrap();
        child.wait().unwrap();
        fs::write(begun.join("orders.csv"), "some rows").is_ok()
    });
    assert!(left.exists() && !out.path().join("tables").exists());
    let other = DirectoryDraft::of(&out.path().join("tables")).unwrap();
    assert!(!left.exists(), "the next one removes it");
    assert!(export(sale.node.data(), &out.path().join("tables"), &[]).status().unwrap().success());
    assert!(other.path().exists());
    assert_eq!(names(&out.path().join("tables")), FILES);
}

#[test]
fn a_directory_gets_its_name_whole_or_not_at_all() {
    let dir = tempdir().unwrap();
    let begun = |of: &str| DirectoryDraft::of(&dir.path().join(of));
    let refused = |of: &str| begun(of).unwrap_err().to_string();
    fs::write(dir.path().join("file"), "").unwrap();
    assert_eq!(refused("file"), "is not a directory");
    assert!(refused("file/deeper").contains("Not a directory"), "{}", refused("file/deeper"));
    symlink("nowhere", dir.path().join("link")).unwrap();
    assert!(refused("link").contains("symbolic link"));
    assert!(refused(".").contains("is not empty"));
    // Dropped, it is gone with what was made above it.
    let draft = begun("a/b/c").unwrap();
    fs::write(draft.path().join("table"), "rows").unwrap();
    drop(draft);
    assert_eq!(names(dir.path()), ["file", "link"]);
    // What comes there meanwhile stays.
    let draft = begun("a/b").unwrap();
    fs::create_dir(dir.path().join("a/b")).unwrap();
    fs::write(dir.path().join("a/b/mine"), "").unwrap();
    assert!(draft.publish().is_err());
    assert_eq!(names(&dir.path().join("a")), ["b"]);
    assert_eq!(names(&dir.path().join("a/b")), ["mine"]);
}
