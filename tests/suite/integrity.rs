//! Goal: a log that lost anything that was answered is never taken for a whole one, and a whole one
//! is never refused, whatever a crash or a power loss did to it.
//!
//! Method: a real node sells, its directory is copied as a kill would leave it, and copies are
//! damaged; the real binary runs under a recorder of its writes and syncs, and power losses are
//! replayed from what was recorded. `DOORBUSTER_INTEGRITY_CASES=200` tries more of each. Kills of
//! the real binary are in `crash`; what one file alone does is in `store::witness`.

mod damage;
mod power;
mod read_models;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use doorbuster::{
    clock::WallClock,
    events::{Position, Recorded},
    store::{
        ReadError,
        embedded::{EmbeddedStore, LOCK_FILE, LogReader, OpenError},
    },
};

/// How many copies are damaged, and how many power losses replayed.
fn cases(usually: usize) -> usize {
    let asked = std::env::var("DOORBUSTER_INTEGRITY_CASES").ok();
    asked.map_or(usually, |count| count.parse().expect("a number of cases"))
}

/// Every file below a directory, by its path in it.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                left.push(path);
            // The index of a write-ahead log is made from it, and the lock file means nothing.
            } else if !name.ends_with("-shm") && name != LOCK_FILE {
                let inside = path.strip_prefix(directory).unwrap().to_owned();
                found.insert(inside, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn write(directory: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for (path, bytes) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn everything(log: &LogReader) -> Result<Vec<Recorded>, ReadError> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |event| event.position);
        let page = log.read_all(after, 1_000)?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Opens a log as a server does and closes it again.
fn open(directory: &Path) -> Result<(), OpenError> {
    EmbeddedStore::open(directory, Arc::new(WallClock)).map(|store| {
        use doorbuster::store::EventStore as _;
        store.close();
    })
}
