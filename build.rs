//! Names the sources that decide what a state looks like: a snapshot that other sources wrote is of no
//! use to this program. See `docs/adr/0010-snapshots.md`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// What is folded, how, and how the result is written down.
const SOURCES: [&str; 8] = [
    "src/domain/mod.rs",
    "src/domain/snapshot.rs",
    "src/domain/selling/item",
    "src/domain/selling/price",
    "src/events/act.rs",
    "src/events/codec.rs",
    "src/events/selling",
    "src/values",
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut hash = Fnv::default();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        for file in files(&root.join(source))? {
            let name = file.strip_prefix(&root).unwrap_or(&file);
            hash.add(name.to_string_lossy().as_bytes());
            for line in fs::read_to_string(&file)?.lines().map(str::trim) {
                // A comment changes no state.
                if !line.starts_with("//") {
                    hash.add(line.as_bytes());
                }
            }
        }
    }
    println!("cargo::rustc-env=DOORBUSTER_STATE_SOURCES={:016x}", hash.0);
    Ok(())
}

/// The files at a path, in a fixed sequence.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.path());
    }
    names.sort();
    let below = names.iter().map(|name| files(name)).collect::<io::Result<Vec<_>>>()?;
    Ok(below.concat())
}

/// FNV-1a of 64 bits: told apart are versions of our own sources, and nothing hostile.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        // With an end, so that lines cannot run into each other.
        for byte in bytes.iter().chain(b"\n") {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
