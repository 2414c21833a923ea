//! Signatures of webhooks, as Standard Webhooks 1.0.0 says (scheme `v1`, symmetric).

use std::{fmt, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::admission::read_secret_text;

/// What may stand before the key, so that people recognise it.
const PREFIX: &str = "whsec_";

/// Bytes of a key, by the standard.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{file} {problem}")]
pub struct BadKey {
    file: String,
    problem: String,
}

/// The key that deliveries are signed with. It is never shown.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads the key from a file that others cannot read.
    ///
    /// # Errors
    /// What is wrong with the file. What stands in it is not repeated.
    pub fn read(file: &Path) -> Result<Self, BadKey> {
        let bad = |problem: String| BadKey { file: file.display().to_string(), problem };
        Self::parse(&read_secret_text(file).map_err(bad)?).map_err(bad)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let key = STANDARD.decode(text).map_err(|_| "is not base64".to_owned())?;
        if !KEY_BYTES.contains(&key.len()) {
            return Err("must hold the base64 of 24 to 64 bytes".to_owned());
        }
        let hmac = Hmac::new_from_slice(&key).map_err(|error| error.to_string())?;
        Ok(Self(hmac))
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp: &str, body: &str) -> String {
        let mut hmac = self.0.clone();
        for part in [id, ".", timestamp, ".", body] {
            hmac.update(part.as_bytes());
        }
        format!("v1,{}", STANDARD.encode(hmac.finalize().into_bytes()))
    }
}
