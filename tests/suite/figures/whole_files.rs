//! The real binary while it writes files for people, and what stops it: a kill, Ctrl-C, a full disk.
//!
//! One of the files of an export is a named pipe without a reader, so the export waits there, in the
//! middle, for as long as a test needs.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread::yield_now,
    time::Instant,
};

use doorbuster::whole_file;
use tempfile::{TempDir, tempdir};

use super::{SmallSale, small_sale};
use crate::support::PATIENCE;

/// The file that an export waits at, and one that it has written by then.
const LATE: &str = "orders.orders.csv";
const EARLY: &str = "acts.acts.csv";

pub fn doorbuster(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorbuster"));
    command.env_clear().stdin(Stdio::null()).args(arguments).arg("--data").arg(data);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn export(data: &Path, out: &Path) -> Command {
    doorbuster(&["report", "export", "--csv", "--out", out.to_str().unwrap()], data)
}

/// The data of a sale that is over, and what a whole export of it is.
async fn exported() -> (SmallSale, TempDir, BTreeMap<OsString, Vec<u8>>) {
    let mut sale = small_sale().await;
    sale.node.stop();
    let out = tempdir().unwrap();
    let done = export(sale.node.data(), out.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let files = files(out.path());
    assert!(files.len() > 10 && files[&OsString::from(LATE)].len() > 100, "{:?}", files.keys());
    (sale, out, files)
}

fn files(of: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let entries = fs::read_dir(of).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|file| (file.file_name(), fs::read(file.path()).unwrap())).collect()
}

fn parts(of: &Path) -> usize {
    files(of).keys().filter(|name| name.to_str().unwrap().ends_with(".part")).count()
}

/// An export that waits in the middle.
fn waiting_export(data: &Path, out: &Path) -> Child {
    let pipe = out.join(LATE);
    let _ = fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let child = export(data, out).spawn().unwrap();
    let start = Instant::now();
    // It sleeps in the call that opens the pipe.
    let asleep = || {
        let at = fs::read_to_string(format!("/proc/{}/wchan", child.id())).unwrap_or_default();
        let call = fs::read_to_string(format!("/proc/{}/syscall", child.id())).unwrap_or_default();
        at.contains("pipe") || at.contains("fifo") || call.starts_with("257 ")
    };
    while !(parts(out) > 3 && asleep()) {
        assert!(start.elapsed() < PATIENCE, "it comes to the pipe");
        yield_now();
    }
    child
}

pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_killed_leaves_no_file_that_is_not_whole() {
    let (sale, good, whole) = exported().await;
    // Into an empty directory: nothing has its name before all is written.
    let fresh = tempdir().unwrap();
    let mut child = waiting_export(sale.node.data(), fresh.path());
    child.kill().unwrap();
    child.wait().unwrap();
    let left = files(fresh.path());
    assert!(left.keys().all(|name| name.to_str().unwrap().ends_with(".part")), "{left:?}");
    // Over an earlier one: that is still there.
    fs::write(good.path().join(EARLY), "an earlier export").unwrap();
    let mut child = waiting_export(sale.node.data(), good.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read(good.path().join(EARLY)).unwrap(), b"an earlier export");
    // The next one comes through and removes what was left behind.
    for out in [fresh.path(), good.path()] {
        assert!(parts(out) > 3);
        fs::remove_file(out.join(LATE)).unwrap();
        assert!(export(sale.node.data(), out).status().unwrap().success());
        assert_eq!(files(out), whole);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_interrupted_leaves_nothing() {
    let (sale, ..) = exported().await;
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let out = tempdir().unwrap();
        let mut child = waiting_export(sale.node.data(), out.path());
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(files(out.path()).is_empty(), "{:?}", files(out.path()).keys());
    }
}

/// Runs a command with an output directory that takes 64 KiB in all: a small file system where this
/// machine lets a test mount one, else a limit for each file.
pub fn on_a_full_disk(command: &Command, out: &Path) -> Output {
    let mut line = vec![command.get_program().to_owned()];
    line.extend(command.get_args().map(ToOwned::to_owned));
    let mut mount = Command::new("unshare");
    mount.args(["-rm", "mount", "-t", "tmpfs", "none"]).arg(out);
    let may_mount = mount.output().is_ok_and(|done| done.status.success());
    let mut limited = if may_mount {
        let script = r#"out=$1; shift; mount -t tmpfs -o size=64k none "$out" || exit 99
            printf 'an earlier one' > "$out/kept.csv"; head -c 1000000 /dev/zero > "$out/filler" 2>/dev/null
            "$@"; code=$?; rm "$out/filler"; ls -A "$out" >&2; exit $code"#;
        let mut limited = Command::new("unshare");
        limited.args(["-rm", "sh", "-c", script, "sh"]).arg(out);
        limited
    } else {
        let script = r#"out=$1; shift; trap '' XFSZ; printf 'an earlier one' > "$out/kept.csv"
            (ulimit -f 0; "$@"); code=$?; ls -A "$out" >&2; exit $code"#;
        let mut limited = Command::new("sh");
        limited.args(["-c", script, "sh"]).arg(out);
        limited
    };
    limited.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    limited.args(line).stdin(Stdio::null()).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_an_export_and_leaves_what_was_there() {
    let (sale, ..) = exported().await;
    for form in ["--csv", "--parquet"] {
        let out = tempdir().unwrap();
        let to = out.path().to_str().unwrap();
        let export = doorbuster(&["report", "export", form, "--out", to], sale.node.data());
        let failed = on_a_full_disk(&export, out.path());
        let said = String::from_utf8_lossy(&failed.stderr);
        assert_eq!(failed.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot be written"), "{said}");
        assert!(said.ends_with("kept.csv\n") && !said.contains(".part\n"), "{said}");
    }
    let out = tempdir().unwrap();
    let certificate = out.path().join("kept.csv");
    let verify = ["verify", "--certificate", certificate.to_str().unwrap()];
    let failed = on_a_full_disk(&doorbuster(&verify, sale.node.data()), out.path());
    let said = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.ends_with("\nkept.csv\n") && !said.contains(".part\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_can_go_to_an_output_of_the_program_and_never_replaces_it() {
    let (sale, ..) = exported().await;
    let orders = doorbuster(&["order", "list", "--json"], sale.node.data()).output().unwrap();
    let orders: serde_json::Value = serde_json::from_slice(&orders.stdout).unwrap();
    let order = orders["orders"][0]["order_id"].as_str().unwrap().to_owned();
    let before = fs::symlink_metadata("/dev/stdout").unwrap();
    let to = |out: &str| doorbuster(&["order", "proof", &order, "--out", out], sale.node.data());
    let piped = to("/dev/stdout").output().unwrap();
    let text = String::from_utf8(piped.stdout).unwrap();
    assert!(piped.status.success() && text.starts_with('{'), "{text}");
    // A file behind it is not replaced, and nothing in it overwritten.
    let dir = tempdir().unwrap();
    let file = dir.path().join("all.txt");
    let mut all = fs::File::create(&file).unwrap();
    all.write_all(b"before\n").unwrap();
    let inode = all.metadata().unwrap().ino();
    assert!(to("/dev/stdout").stdout(all).status().unwrap().success());
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("before\n{text}"));
    assert_eq!(fs::metadata(&file).unwrap().ino(), inode);
    assert_eq!(fs::symlink_metadata("/dev/stdout").unwrap().ino(), before.ino());
}

fn written(path: &Path, text: &str) -> std::io::Result<()> {
    whole_file::write(path, |to| to.write_all(text.as_bytes()))
}

#[test]
fn a_file_that_is_replaced_keeps_its_rights_and_links_lead_to_it() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("figures.csv");
    written(&file, "one").unwrap();
    let of_new = fs::metadata(&file).unwrap().mode() & 0o777;
    fs::write(dir.path().join("plain"), "").unwrap();
    assert_eq!(of_new, fs::metadata(dir.path().join("plain")).unwrap().mode() & 0o777);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(dir.path().join("links")).unwrap();
    symlink("../figures.csv", dir.path().join("links/relative")).unwrap();
    symlink(dir.path().join("links/relative"), dir.path().join("absolute")).unwrap();
    written(&dir.path().join("absolute"), "two").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "two");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(dir.path().join("absolute")).unwrap().is_symlink());
    // A link to what is not there yet makes that.
    symlink("later.csv", dir.path().join("to-later")).unwrap();
    written(&dir.path().join("to-later"), "three").unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("later.csv")).unwrap(), "three");
    symlink("circle", dir.path().join("circle")).unwrap();
    assert!(written(&dir.path().join("circle"), "").is_err());
    assert!(written(dir.path(), "").is_err(), "a directory is no file");
    assert_eq!(parts(dir.path()), 0);
}

#[test]
fn a_writer_that_fails_leaves_the_file_as_it_was() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("figures.csv");
    let fail = |path: &Path| {
        whole_file::write(path, |to| {
            to.write_all(&[b'x'; 1 << 20])?;
            Err::<(), _>(std::io::Error::other("no more"))
        })
    };
    assert!(fail(&file).is_err());
    assert!(files(dir.path()).is_empty());
    written(&file, "one").unwrap();
    assert!(fail(&file).is_err());
    assert_eq!(files(dir.path()), BTreeMap::from([("figures.csv".into(), b"one".to_vec())]));
}

#[test]
fn two_writers_of_one_file_do_not_meet_and_names_may_be_long() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("x".repeat(255));
    whole_file::write(&file, |to| {
        to.write_all(b"outer")?;
        // Begun later, it does not take the other's part for one that was left behind.
        written(&file, "inner")
    })
    .unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "outer");
    assert_eq!(parts(dir.path()), 0);
    // What is only named alike stays.
    fs::write(dir.path().join(".x.part"), "mine").unwrap();
    written(&dir.path().join("x"), "").unwrap();
    assert_eq!(parts(dir.path()), 1);
}
