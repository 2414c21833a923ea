//! The committed code of the wire against the proto files that it is made of.

use sha2::{Digest, Sha256};

use super::source::{Source, tree};

const PROTOS: &str = "crates/wire/proto/";

/// What `crates/wire/generate` computes: SHA-256 over path and text of each proto file.
fn digest(files: &[Source]) -> String {
    let mut hash = Sha256::new();
    for file in files.iter().filter(|file| file.path.ends_with(".proto")) {
        hash.update(file.path.strip_prefix(PROTOS).unwrap());
        hash.update([0]);
        hash.update(&file.text);
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_generated_code_is_that_of_the_proto_files() {
    let protos = tree(&[PROTOS]);
    assert_eq!(digest(&protos), ::wire::PROTO_SHA256, "the proto files changed: run `just wire`");
}

#[test]
fn a_changed_or_forgotten_proto_file_is_found() {
    let file = |path: &str, text: &str| Source::new(&format!("{PROTOS}{path}"), text);
    let one = digest(&[file("a/b.proto", "message A {}")]);
    assert_ne!(one, digest(&[file("a/b.proto", "message B {}")]));
    assert_ne!(one, digest(&[file("a/c.proto", "message A {}")]));
    assert_ne!(one, digest(&[file("a/b.proto", "message A {}"), file("a/c.proto", "")]));
    assert_eq!(one, digest(&[file("a/b.proto", "message A {}"), file("buf.yaml", "")]));
}
