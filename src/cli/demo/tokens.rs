//! The tokens of a demonstration: one for the user of its board, one for the demonstration itself.
//!
//! They are made anew for each run and kept beside its log, in a file that others cannot read. A server
//! that is started on the data later does not ask for them: the file has another name than its own.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{
    admission::{Role, TokensFile},
    clock::{Clock as _, WallClock},
    crowd::operator::{Operator, Token},
    events::OWN_OPERATOR,
};

/// The name under which the demonstration itself puts up, steers and closes its sale.
pub const OWN_NAME: &str = "demo";
/// The operators that act without a person: the demonstration, and the server by a reserve plan.
pub const AUTOMATIC: [&str; 2] = [OWN_NAME, OWN_OPERATOR];
/// The operator of the printed token.
const GUEST_NAME: &str = "operator";

const FILE: &str = "demo-tokens";

/// A board that stays is looked at for a while.
const LIFE_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// Those tokens, and where the server finds them.
pub struct Tokens {
    pub file: PathBuf,
    /// For the board, and for whatever else its user tries.
    pub guest: String,
    /// The demonstration itself, which is the shop, too.
    pub own: Operator,
}

impl Tokens {
    /// Makes them and writes them into a directory that is ours.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn make(directory: &Path) -> anyhow::Result<Self> {
        let now = WallClock.now();
        let times = (now, now.plus(LIFE_MS));
        let mut tokens = TokensFile::new()?;
        let (_, guest) = tokens.add(Role::Admin, GUEST_NAME, times)?;
        let (_, own) = tokens.add(Role::Admin, OWN_NAME, times)?;
        let file = directory.join(FILE);
        let mut written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)
            .with_context(|| format!("{} cannot be written", file.display()))?;
        written.write_all(tokens.text().as_bytes())?;
        let own = Operator { name: OWN_NAME.to_owned(), token: Token::bearer(&own)? };
        Ok(Self { file, guest, own })
    }
}
