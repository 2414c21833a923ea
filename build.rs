//! Compiles `proto/` into Rust with protox, a protobuf compiler written in Rust, so that nobody has
//! to install protoc before the first build.

use std::{env, error::Error, fs, path::PathBuf};

const FILES: &[&str] = &[
    "doorbuster/v1/types.proto",
    "doorbuster/v1/alerts.proto",
    "doorbuster/v1/alert_service.proto",
    "doorbuster/v1/sale_service.proto",
    "doorbuster/v1/item_service.proto",
    "doorbuster/v1/purchase_service.proto",
    "doorbuster/v1/figures.proto",
    "doorbuster/v1/report_service.proto",
    "doorbuster/v1/verification.proto",
    "doorbuster/v1/replay_service.proto",
    "doorbuster/v1/journeys.proto",
    "doorbuster/v1/traffic_service.proto",
    "doorbuster/v1/degradation_service.proto",
    "doorbuster/v1/incident_service.proto",
    "doorbuster/v1/script_service.proto",
];

/// The wire of EventStoreDB, which the development server speaks. No client of it is made: tests
/// use the official ones.
const EVENT_STORE_FILES: [&str; 4] = [
    "event_store/client/shared.proto",
    "event_store/client/streams.proto",
    "event_store/client/gossip.proto",
    "event_store/client/server_features.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;

    // Served by reflection, so that grpcurl and its like need no .proto files.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("doorbuster.v1.bin"), protox::prost::Message::encode_to_vec(&descriptors))?;

    tonic_prost_build::configure().compile_fds(descriptors)?;

    // The details of a failure say which message they are.
    let mut names = tonic_prost_build::Config::new();
    names.enable_type_names();
    let event_store = protox::compile(EVENT_STORE_FILES, ["proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .compile_fds_with_config(event_store, names)?;
    Ok(())
}
