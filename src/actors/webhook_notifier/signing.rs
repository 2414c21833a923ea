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

/// Keys of a file: with two of them a receiver has the time to change from one to the other.
const KEYS_MAX: usize = 4;

/// A key that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{file} {problem}")]
pub struct BadKey {
    file: String,
    problem: String,
}

/// The keys that deliveries are signed with, by each of them. They are never shown.
#[derive(Clone)]
pub struct SigningKeys(Vec<Hmac<Sha256>>);

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKeys")
    }
}

impl SigningKeys {
    /// Reads the keys, one in a line, from a file that others cannot read.
    ///
    /// # Errors
    /// What is wrong with the file. What stands in it is not repeated.
    pub fn read(file: &Path) -> Result<Self, BadKey> {
        let bad = |problem: String| BadKey { file: file.display().to_string(), problem };
        let text = read_secret_text(file).map_err(bad)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys: Vec<_> = lines.map(parse).collect::<Result<_, _>>().map_err(bad)?;
        if !(1..=KEYS_MAX).contains(&keys.len()) {
            return Err(bad(format!("must hold 1 to {KEYS_MAX} keys, one in a line")));
        }
        Ok(Self(keys))
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: &str, body: &str) -> String {
        let signature = |hmac: &Hmac<Sha256>| {
            let mut hmac = hmac.clone();
            for part in [id, ".", timestamp, ".", body] {
                hmac.update(part.as_bytes());
            }
            format!("v1,{}", STANDARD.encode(hmac.finalize().into_bytes()))
        };
        self.0.iter().map(signature).collect::<Vec<_>>().join(" ")
    }
}

fn parse(text: &str) -> Result<Hmac<Sha256>, String> {
    let text = text.strip_prefix(PREFIX).unwrap_or(text);
    let key = STANDARD.decode(text).map_err(|_| "is not base64".to_owned())?;
    if !KEY_BYTES.contains(&key.len()) {
        return Err("must hold the base64 of 24 to 64 bytes".to_owned());
    }
    Hmac::new_from_slice(&key).map_err(|error| error.to_string())
}
