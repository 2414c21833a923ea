//! Writes `crates/wire/src/generated` from `crates/wire/proto` with protox, a protobuf compiler
//! written in Rust, so that protoc need not be installed. `just wire` runs it.

use std::{
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use protox::{
    prost::Message,
    prost_reflect::prost_types::{DescriptorProto, FileDescriptorSet},
};
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
    let writes = write_responses(&descriptors)? + &write_requests(&descriptors)?;
    fs::write(out.join("writes.rs"), writes)?;
    // The command line finds the descriptor of a message by its name.
    let mut names = tonic_prost_build::Config::new();
    names.enable_type_names().out_dir(&out);
    tonic_prost_build::configure()
        .build_transport(false)
        .out_dir(&out)
        .compile_fds_with_config(descriptors, names)?;

    // What nodes say to each other: no part of the contract, and no reflection tells of it.
    let peers = protox::compile(below(&protos.join("peers"))?, [&protos])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".doorbuster.peers")
        .out_dir(&out)
        .compile_fds(peers)?;

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

/// Implements `WriteResponse` for the responses that have its form.
fn write_responses(descriptors: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let mut code = "// This file is @generated.\n".to_owned();
    for message in descriptors.file.iter().flat_map(|file| &file.message_type) {
        let Some(subject) = written_subject(message) else { continue };
        let response = message.name();
        let module = snake_case(response);
        write!(
            code,
            "impl WriteResponse for {response} {{
    type Subject = {subject};
    type Refusal = {refusal};

    fn new(outcome: Result<{subject}, {refusal}>, revision: u64, position: u64) -> Self {{
        let outcome = match outcome {{
            Ok(subject) => {module}::Outcome::{subject}(subject),
            Err(refusal) => {module}::Outcome::Refusal(refusal),
        }};
        Self {{ outcome: Some(outcome), revision, position }}
    }}

    fn into_parts(self) -> (Option<Result<{subject}, {refusal}>>, u64, u64) {{
        let outcome = self.outcome.map(|outcome| match outcome {{
            {module}::Outcome::{subject}(subject) => Ok(subject),
            {module}::Outcome::Refusal(refusal) => Err(refusal),
        }});
        (outcome, self.revision, self.position)
    }}
}}
",
            refusal = refusal_of(message),
        )?;
    }
    Ok(code)
}

/// Implements `WriteRequest` for the requests of operators about an item or a sale.
fn write_requests(descriptors: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let mut code = String::new();
    for message in descriptors.file.iter().flat_map(|file| &file.message_type) {
        let has = |name: &str| message.field.iter().any(|field| field.name() == name);
        let subject = ["item_id", "sale_id"].into_iter().find(|name| has(name));
        let Some(subject) = subject else { continue };
        if !["request_id", "operator", "reason"].into_iter().all(has) {
            continue;
        }
        write!(
            code,
            "impl WriteRequest for {request} {{
    fn write_fields(&mut self) -> WriteFields<&mut String> {{
        WriteFields {{
            request_id: &mut self.request_id,
            subject_id: &mut self.{subject},
            operator: &mut self.operator,
            reason: &mut self.reason,
        }}
    }}
}}
",
            request = message.name(),
        )?;
    }
    Ok(code)
}

/// The subject of a response that is a subject or a refusal, with a revision and a position. Its
/// field has the name of its type.
fn written_subject(message: &DescriptorProto) -> Option<&str> {
    let [oneof] = message.oneof_decl.as_slice() else { return None };
    let [subject, refusal, revision, position] = message.field.as_slice() else { return None };
    let has_the_form = oneof.name() == "outcome"
        && subject.oneof_index == Some(0)
        && refusal.oneof_index == Some(0)
        && [refusal.name(), revision.name(), position.name()] == ["refusal", "revision", "position"];
    let subject_type = last_name(subject.type_name());
    (has_the_form && snake_case(subject_type) == subject.name()).then_some(subject_type)
}

fn refusal_of(message: &DescriptorProto) -> &str {
    message.field.get(1).map_or("", |refusal| last_name(refusal.type_name()))
}

fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
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
