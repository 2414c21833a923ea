//! One token: its text, which only its holder has, and its record, from which it cannot be made.
//!
//! The text is `dbt_`, the id as 12 hexadecimal digits, `_`, and 43 characters of base64url that are
//! 256 random bits. The id may be shown; the record has the SHA-256 of those 43 characters.

use std::{fmt, hint};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::roles::Role;
use crate::values::UnixMs;

/// How every token begins, so that programs that look for secrets find it.
pub const PREFIX: &str = "dbt_";

const ID_DIGITS: usize = 12;
const SECRET_CHARS: usize = 43;
const TOKEN_CHARS: usize = PREFIX.len() + ID_DIGITS + 1 + SECRET_CHARS;

/// The public part of a token: 48 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub(super) u64);

/// What the server knows of a token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRecord {
    pub id: TokenId,
    pub role: Role,
    /// Whose it is, on the record of what it does.
    pub name: String,
    pub created: UnixMs,
    pub expires: UnixMs,
    pub revoked: Option<UnixMs>,
    pub(super) digest: [u8; 32],
}

/// Why a call has no valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefused {
    Missing,
    /// It is no token of this server.
    Unknown,
    Expired,
    Revoked,
    /// It stands in the address, which is no place for it.
    InUrl,
}

impl TokenRefused {
    /// UPPER_SNAKE, part of the API.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => "TOKEN_MISSING",
            Self::Unknown => "TOKEN_UNKNOWN",
            Self::Expired => "TOKEN_EXPIRED",
            Self::Revoked => "TOKEN_REVOKED",
            Self::InUrl => "TOKEN_IN_URL",
        }
    }

    /// What is wrong and what to do, for people.
    pub fn message(self) -> &'static str {
        match self {
            Self::Missing => "this server asks for a token: send authorization: Bearer TOKEN",
            Self::Unknown => "this is no token of this server",
            Self::Expired => "the token has expired: doorbuster token rotate makes the next one",
            Self::Revoked => "the token was revoked",
            Self::InUrl => {
                "a token in an address is not read, and is in logs by now: revoke it, and send the \
                 next one as authorization: Bearer TOKEN"
            }
        }
    }
}

impl TokenId {
    /// The id with that text.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == ID_DIGITS).then(|| hex(text.as_bytes())).flatten().map(Self)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

impl fmt::Debug for TokenRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.id, self.role.name(), self.name)
    }
}

impl TokenRecord {
    /// A new token of those random bytes: its record, and its text.
    pub(super) fn new(
        random: ([u8; 6], [u8; 32]),
        (role, name): (Role, &str),
        (created, expires): (UnixMs, UnixMs),
    ) -> (Self, String) {
        let id = random.0.iter().fold(0, |id, byte| id << 8 | u64::from(*byte));
        let (id, secret) = (TokenId(id), URL_SAFE_NO_PAD.encode(random.1));
        let text = format!("{PREFIX}{id}_{secret}");
        let digest = Sha256::digest(secret.as_bytes()).into();
        let name = name.to_owned();
        (Self { id, role, name, created, expires, revoked: None, digest }, text)
    }

    /// Whether this is its secret. How long that takes does not depend on the secret.
    pub(super) fn is_opened_by(&self, secret: &[u8]) -> bool {
        let given = Sha256::digest(secret);
        let pairs = self.digest.iter().zip(&given[..]);
        hint::black_box(pairs.fold(0, |sum, (a, b)| sum | (a ^ b))) == 0
    }

    /// Why it cannot be used at that time.
    pub fn is_over(&self, now: UnixMs) -> Option<TokenRefused> {
        if self.revoked.is_some() {
            return Some(TokenRefused::Revoked);
        }
        (now >= self.expires).then_some(TokenRefused::Expired)
    }
}

/// The id and the secret of the text of a token.
pub(super) fn parts(text: &[u8]) -> Option<(TokenId, &[u8])> {
    let rest = text.strip_prefix(PREFIX.as_bytes())?;
    if text.len() != TOKEN_CHARS || rest[ID_DIGITS] != b'_' {
        return None;
    }
    let secret = &rest[ID_DIGITS + 1..];
    let is_secret =
        secret.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    hex(&rest[..ID_DIGITS]).filter(|_| is_secret).map(|id| (TokenId(id), secret))
}

/// A number of lower-case hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(sum << 4 | u64::from(value))
    })
}
