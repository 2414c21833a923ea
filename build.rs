//! Compiles `proto/` into Rust with protox, a protobuf compiler written in Rust, so that nobody has
//! to install protoc before the first build.

use std::{env, error::Error, fs, path::PathBuf};

const FILES: [&str; 5] = [
    "doorbuster/v1/types.proto",
    "doorbuster/v1/sale_service.proto",
    "doorbuster/v1/item_service.proto",
    "doorbuster/v1/purchase_service.proto",
    "doorbuster/v1/report_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;

    // Served by reflection, so that grpcurl and its like need no .proto files.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("doorbuster.v1.bin"), protox::prost::Message::encode_to_vec(&descriptors))?;

    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
