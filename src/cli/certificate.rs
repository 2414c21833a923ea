//! Certificates as files: written whole or not at all.

use std::{
    io,
    path::{Path, PathBuf},
};

use audit::{Judged, Seal};
use serde_json::{Value, json};

use super::{
    failure::{Code, Failure},
    signals,
};
use crate::whole_file;

/// A certificate that was written.
pub struct Written {
    file: PathBuf,
    seal: Seal,
}

impl Written {
    /// For programs.
    pub fn json(&self) -> Value {
        let Self { file, seal } = self;
        json!({
            "file": file.display().to_string(),
            "root": hex(&seal.root),
            "sha256": hex(&seal.sha256),
            "bytes": seal.bytes,
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let Self { file, seal } = self;
        format!(
            "The certificate is in {}, {} bytes. Publish its root, and anyone can check both it and\n\
             the proof of any one order against that: {}",
            file.display(),
            seal.bytes,
            hex(&seal.root)
        )
    }
}

/// Writes the certificate of a log that was judged; nothing if it is not sound. What stood in the
/// file before is replaced only once all is written.
pub fn write(judged: &Judged, file: &Path) -> Result<Option<Written>, Failure> {
    if !judged.proof.ok() {
        return Ok(None);
    }
    signals::leave_no_parts().map_err(|error| unwritten(file, &error))?;
    let seal = whole_file::write(file, |to| judged.certify(to));
    let seal = seal.map_err(|error| unwritten(file, &error))?;
    Ok(seal.map(|seal| Written { file: file.to_owned(), seal }))
}

/// A certificate or a proof that could not be written.
pub fn unwritten(file: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::Failed, format!("{} cannot be written: {error}", file.display()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
