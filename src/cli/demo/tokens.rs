//! The tokens of a demonstration: one for the user of its board, one for the demonstration itself.
//!
//! They are made anew for each run and kept beside its log, in a file that others cannot read.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{
    clock::new_request_id,
    crowd::operator::{Operator, Token},
    events::OWN_OPERATOR,
};

/// The name under which the demonstration itself puts up, steers and closes its sale.
pub const OWN_NAME: &str = "demo";
/// The operators that act without a person: the demonstration, and the server by a reserve plan.
pub const AUTOMATIC: [&str; 2] = [OWN_NAME, OWN_OPERATOR];
/// The operator of the printed token.
const GUEST_NAME: &str = "operator";

const FILE: &str = "operators";

/// Those tokens, and where the server finds them.
pub struct Tokens {
    pub file: PathBuf,
    /// For the address of the board.
    pub guest: String,
    /// The demonstration itself.
    pub own: Operator,
}

impl Tokens {
    /// Makes them and writes them into a directory that is ours.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn make(directory: &Path) -> anyhow::Result<Self> {
        let token = || new_request_id().0.simple().to_string();
        let (guest, own) = (token(), token());
        let file = directory.join(FILE);
        let mut written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)
            .with_context(|| format!("{} cannot be written", file.display()))?;
        writeln!(written, "{GUEST_NAME} {guest}\n{OWN_NAME} {own}")?;
        let own = Operator { name: OWN_NAME.to_owned(), token: Token::bearer(&own)? };
        Ok(Self { file, guest, own })
    }
}
