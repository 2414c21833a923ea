//! Writes `crates/wire/src/generated` from `crates/wire/proto` with protox, a protobuf compiler
//! written in Rust, so that protoc need not be installed. `just wire` runs it.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use protox::prost::Message;
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let wire = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (protos, out) = (wire.join("proto"), wire.join("src/generated"));
    // What no proto file asks for any more must not stay.
    fs::remove_dir_all(&out)?;
    fs::create_dir(&out)?;

    let descriptors = protox::compile(below(&protos.join("doorbuster"))?, [&protos])?;
    // Served by reflection, so that grpcurl and its like need no proto files.
    fs::write(out.join("doorbuster.v1.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().build_transport(false).out_dir(&out).compile_fds(descriptors)?;

    // The protocol of EventStoreDB, which the development server speaks. No client of it is made:
    // tests use the official ones. The details of a failure say which message they are.
    let event_store = protox::compile(below(&protos.join("event_store"))?, [&protos])?;
    let mut names = tonic_prost_build::Config::new();
    names.enable_type_names().out_dir(&out);
    tonic_prost_build::configure()
        .build_client(false)
        .out_dir(&out)
        .compile_fds_with_config(event_store, names)?;

    fs::write(out.join("proto.sha256"), digest(&protos)?)?;
    Ok(())
}

/// The proto files below a folder, sorted.
fn below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// SHA-256 over path and text of each proto file. `tests/suite/tidy/wire.rs` computes the same.
fn digest(protos: &Path) -> Result<String, Box<dyn Error>> {
    let mut hash = Sha256::new();
    for path in below(protos)? {
        hash.update(path.strip_prefix(protos)?.to_string_lossy().as_bytes());
        hash.update([0]);
        hash.update(fs::read(&path)?);
        hash.update([0]);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
