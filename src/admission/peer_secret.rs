//! The secret by which nodes on one store know one another. It is the same on all of them and never
//! sent: each side proves that it has it.

use std::{fmt, path::Path};

use super::secret_file::read_secret_file;

/// Fewest bytes of the secret: as many as the digest that is made with it.
const SECRET_BYTES_MIN: usize = 32;

/// The secret of the nodes. It is never shown.
#[derive(Clone)]
pub struct PeerSecret(Vec<u8>);

/// A file with a secret that was refused. It never holds any of the file's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} {problem}")]
pub struct BadPeerSecret {
    file: String,
    problem: String,
}

impl fmt::Debug for PeerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerSecret")
    }
}

impl PeerSecret {
    /// Reads the secret: the bytes of the file without white space at its ends.
    ///
    /// # Errors
    /// When others can read or write the file, or it has fewer than 32 bytes.
    pub fn read(file: &Path) -> Result<Self, BadPeerSecret> {
        let bad = |problem| BadPeerSecret { file: file.display().to_string(), problem };
        let secret = read_secret_file(file).map_err(bad)?.trim_ascii().to_vec();
        if secret.len() < SECRET_BYTES_MIN {
            let problem = format!(
                "has {} bytes: write at least {SECRET_BYTES_MIN}, for example by openssl rand -hex 32",
                secret.len()
            );
            return Err(bad(problem));
        }
        Ok(Self(secret))
    }

    /// The bytes of it, for a digest.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
