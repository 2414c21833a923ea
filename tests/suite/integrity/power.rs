//! Power losses, replayed: the real binary sells while each of its writes and syncs is recorded. At
//! any point of that record the disk holds what was synced, and any of the writes since, whole, in
//! part or not at all, in any order; a sector of 512 bytes is whole. Each such disk must be accepted
//! and hold everything that was answered before that point.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use doorbuster::{
    grpc::proto::purchase_service_client::PurchaseServiceClient,
    store::embedded::{LogReader, WITNESS_FILE},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tonic::transport::Channel;

use super::{cases, files, open, write};
use crate::{
    crash::put_up,
    support::{not_verified, place},
};

const SECTOR_BYTES: usize = 512;

/// Compiles the recorder; nothing where there is no compiler.
pub fn recorder() -> Option<(TempDir, PathBuf)> {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("recorder.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/integrity/recorder.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .args(["-ldl", "-lpthread"])
        .status();
    match compiled {
        Ok(status) if status.success() => Some((directory, library)),
        compiled => {
            not_verified(&format!("no C compiler for the recorder: {compiled:?}"));
            None
        }
    }
}

/// The real server under the recorder; killed on drop.
pub struct Recorded {
    child: Child,
    address: String,
    trace: Option<PathBuf>,
}

impl Recorded {
    /// `more` is in its environment: what the recorder is to do beside recording.
    pub fn start(
        library: &Path,
        data: &Path,
        trace: Option<&Path>,
        more: Option<(&str, &str)>,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorbuster"));
        command
            .args([
                "serve",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--http",
                "off",
                "--web",
                "off",
                "--board",
                "off",
            ])
            .arg("--data")
            .arg(data)
            .env("LD_PRELOAD", library)
            .env("RECORD_DIR", data)
            .envs(trace.map(|trace| ("RECORD_TO", trace)))
            .envs(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).expect("its address as JSON");
        let address = format!("http://{}", said["address"].as_str().unwrap());
        Self { child, address, trace: trace.map(Path::to_owned) }
    }

    pub async fn channel(&self) -> Channel {
        Channel::from_shared(self.address.clone()).unwrap().connect().await.unwrap()
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// Bytes recorded by now: whatever was answered by now rests on them.
    fn recorded(&self) -> u64 {
        fs::metadata(self.trace.as_ref().unwrap()).unwrap().len()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One record of the trace.
#[derive(Debug)]
struct Op {
    what: u8,
    thread: u64,
    at: u64,
    path: PathBuf,
    data: Vec<u8>,
    /// Where in the trace it ends.
    end: u64,
}

fn read_trace(bytes: &[u8], below: &Path) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut from = 0;
    while from + 25 <= bytes.len() {
        let long = |at: usize| u64::from_le_bytes(bytes[from + at..][..8].try_into().unwrap());
        let short =
            |at: usize| u32::from_le_bytes(bytes[from + at..][..4].try_into().unwrap()) as usize;
        let (what, thread, at) = (bytes[from], long(1), long(9));
        let (path_bytes, data_bytes) = (short(17), short(21));
        let end = from + 25 + path_bytes + data_bytes;
        // The kill may have cut the last one.
        if end > bytes.len() {
            break;
        }
        let path = PathBuf::from(std::str::from_utf8(&bytes[from + 25..][..path_bytes]).unwrap());
        let data = bytes[from + 25 + path_bytes..end].to_vec();
        let path = path.strip_prefix(below).unwrap().to_owned();
        ops.push(Op { what, thread, at, path, data, end: end as u64 });
        from = end;
    }
    ops
}

/// A disk: what of each file is synced, and what was done to it since, by the number of the op.
#[derive(Default)]
struct Disk {
    synced: BTreeMap<PathBuf, Vec<u8>>,
    since: BTreeMap<PathBuf, Vec<usize>>,
    /// Syncs that have begun, with the number of the op where they did.
    syncing: BTreeMap<(u64, PathBuf), usize>,
}

impl Disk {
    fn apply(&mut self, number: usize, ops: &[Op], below: &Path) {
        let op = &ops[number];
        match op.what {
            b'w' | b't' => self.since.entry(op.path.clone()).or_default().push(number),
            b'b' => _ = self.syncing.insert((op.thread, op.path.clone()), number),
            b'f' => {
                let Some(began) = self.syncing.remove(&(op.thread, op.path.clone())) else {
                    return;
                };
                // A directory: what is in it is there at once.
                let Some(since) = self.since.get_mut(&op.path) else { return };
                let (done, left) = since.iter().partition(|change| **change < began);
                *since = left;
                let bytes = self.synced.entry(op.path.clone()).or_default();
                let done: Vec<usize> = done;
                for change in done {
                    change_whole(bytes, &ops[change]);
                }
            }
            b'u' => {
                self.synced.remove(&op.path);
                self.since.remove(&op.path);
            }
            b'r' => {
                let to = PathBuf::from(std::str::from_utf8(&op.data).unwrap());
                let to = to.strip_prefix(below).unwrap().to_owned();
                if let Some(bytes) = self.synced.remove(&op.path) {
                    self.synced.insert(to.clone(), bytes);
                }
                if let Some(since) = self.since.remove(&op.path) {
                    self.since.insert(to, since);
                }
            }
            what => panic!("op {what}"),
        }
    }

    /// What a power loss leaves now.
    fn lose_power(&self, ops: &[Op], random: &mut StdRng) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut left = self.synced.clone();
        for (path, since) in &self.since {
            // One mood for each file, so that whole and lost tails come, too, not only a mix.
            let mood = random.random_range(0..4_u8);
            for change in since {
                let bytes = left.entry(path.clone()).or_default();
                match if mood == 3 { random.random_range(0..3_u8) } else { mood } {
                    0 => {}
                    1 => change_whole(bytes, &ops[*change]),
                    _ => change_torn(bytes, &ops[*change], random),
                }
            }
        }
        left
    }
}

fn change_whole(bytes: &mut Vec<u8>, op: &Op) {
    let at = usize::try_from(op.at).unwrap();
    if op.what == b't' {
        bytes.resize(at, 0);
        return;
    }
    let end = at + op.data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(&op.data);
}

/// Only some of its sectors reach the disk.
fn change_torn(bytes: &mut Vec<u8>, op: &Op, random: &mut StdRng) {
    let mut at = op.at;
    let mut data = op.data.as_slice();
    while !data.is_empty() {
        let room = SECTOR_BYTES - usize::try_from(at).unwrap() % SECTOR_BYTES;
        let (sector, rest) = data.split_at(room.min(data.len()));
        if random.random_bool(0.5) {
            let data = sector.to_vec();
            let part = Op { what: b'w', thread: 0, at, path: PathBuf::new(), data, end: 0 };
            change_whole(bytes, &part);
        }
        at += sector.len() as u64;
        data = rest;
    }
}

/// What was answered, and how much was recorded by then.
type Answers = Arc<Mutex<Vec<(u64, u64)>>>;

async fn buy(server: &Recorded, item: &str, clients: usize, orders: usize) -> Answers {
    let answers = Answers::default();
    let buyers = (0..clients).map(|client| {
        let (answers, item) = (Arc::clone(&answers), item.to_owned());
        async move {
            let mut purchases = PurchaseServiceClient::new(server.channel().await);
            for number in 0..orders {
                let request = place(&item, &format!("buyer-{client}-{number}"), 1);
                let answer = purchases.place_order(request).await.unwrap().into_inner();
                answers.lock().unwrap().push((server.recorded(), answer.position));
            }
        }
    });
    futures_util::future::join_all(buyers).await;
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_loss_at_any_moment_leaves_a_log_that_is_accepted_and_lost_nothing() {
    let Some((_library, library)) = recorder() else { return };
    let data = tempfile::tempdir().unwrap();
    let traces = tempfile::tempdir().unwrap();
    // The directory is made before, so that the record begins with a disk that is known.
    open(data.path()).unwrap();
    let before = files(data.path());
    let trace = traces.path().join("trace");
    let server = Recorded::start(&library, data.path(), Some(&trace), None);
    let item = put_up(server.channel().await).await;
    let answers = buy(&server, &item, 4, 40).await;
    drop(server);

    let below = data.path();
    let bytes = fs::read(&trace).unwrap();
    let ops = read_trace(&bytes, below);
    let answers = answers.lock().unwrap().clone();
    let mut random = StdRng::seed_from_u64(41);
    let count = cases(40);
    let mut points: Vec<usize> = (0..count).map(|_| random.random_range(0..=ops.len())).collect();
    points.sort_unstable();
    let mut disk = Disk { synced: before, ..Disk::default() };
    let (mut done, mut kept) = (0, 0);
    for point in points {
        while done < point {
            disk.apply(done, &ops, below);
            done += 1;
        }
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &disk.lose_power(&ops, &mut random));
        let reached = if point == 0 { 0 } else { ops[point - 1].end };
        let answered = answers.iter().filter(|(recorded, _)| *recorded <= reached);
        let answered = answered.map(|(_, position)| *position).max().unwrap_or(0);
        open(directory.path()).unwrap_or_else(|error| {
            panic!("a false alarm after {point} of {} writes and syncs: {error}", ops.len())
        });
        let head = LogReader::open(directory.path()).unwrap().head().unwrap();
        assert!(head.0 >= answered, "after {point}: {answered} was answered, {head} is left");
        let proof = audit::verify(directory.path(), &mut |_, _| {}).unwrap();
        assert!(proof.ok(), "after {point}: {proof}");
        kept += usize::from(answered > 0);
    }
    println!(
        "{count} power losses replayed at {} recorded writes and syncs of a server that answered \
         {} orders: 0 false alarms, 0 acknowledged events lost, {kept} of them after the first \
         answer",
        ops.len(),
        answers.len()
    );
    assert!(kept > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_before_the_witness_names_it() {
    let Some((_library, library)) = recorder() else { return };
    let data = tempfile::tempdir().unwrap();
    let traces = tempfile::tempdir().unwrap();
    let trace = traces.path().join("trace");
    // An answer before the write to the witness would come long before it is done.
    let server = Recorded::start(
        &library,
        data.path(),
        Some(&trace),
        Some(("RECORD_SLOW_WITNESS_US", "20000")),
    );
    let item = put_up(server.channel().await).await;
    let mut purchases = PurchaseServiceClient::new(server.channel().await);
    for number in 0..15 {
        let request = place(&item, &format!("buyer-{number}"), 1);
        let answer = purchases.place_order(request).await.unwrap().into_inner();
        let named = named_by_the_witness(data.path());
        assert!(
            named >= answer.position,
            "position {} is answered, the witness knows {named}",
            answer.position
        );
    }
}

/// The position in the newest slot, read as `docs/log-integrity.md` describes it.
fn named_by_the_witness(data: &Path) -> u64 {
    let bytes = fs::read(data.join(WITNESS_FILE)).unwrap();
    assert_eq!(bytes.len(), 1_024);
    let number = |from: usize| u64::from_be_bytes(bytes[from..from + 8].try_into().unwrap());
    let newest = [0, 512].into_iter().max_by_key(|slot| number(slot + 16)).unwrap();
    assert_eq!(&bytes[newest..newest + 16], b"doorbuster wit 1");
    number(newest + 24)
}
