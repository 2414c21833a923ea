//! Names of buyers as analysts see them: the same buyer always has the same pseudonym, and without
//! the key nobody can tell whose it is, or try names until one fits.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How a pseudonym begins, so that it is not taken for a name.
const PREFIX: &str = "pseudonym-";

/// Bytes of the digest in a pseudonym: two of a billion buyers have the same with a chance of one in
/// a hundred billion.
const DIGEST_BYTES: usize = 12;

/// The key of all pseudonyms. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Pseudonyms([u8; 32]);

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    pub(super) fn key(&self) -> &[u8; 32] {
        &self.0
    }

    /// The pseudonym of a buyer; nobody's is empty, like the name.
    pub fn of(&self, buyer: &str) -> String {
        use fmt::Write as _;

        if buyer.is_empty() {
            return String::new();
        }
        // A key of any length is one.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(buyer.as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut text = PREFIX.to_owned();
        for byte in &digest[..DIGEST_BYTES] {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}
