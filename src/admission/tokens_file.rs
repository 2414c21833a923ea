//! The file of tokens: who may call, as records from which no token can be made.
//!
//! One line for each token and one for the key of pseudonyms, with white space between the fields:
//!
//! ```text
//! pseudonyms KEY
//! token ID ROLE NAME CREATED EXPIRES REVOKED SHA256
//! ```
//!
//! Times are RFC 3339; REVOKED is `-` for a token that was not. Empty lines and lines that begin with
//! `#` are skipped. Records are not removed, so that the file says who could call, and when.

use std::{
    fmt::{self, Write as _},
    io,
    path::Path,
};

use super::{
    pseudonyms::Pseudonyms,
    roles::Role,
    secret_file::read_secret_text,
    token::{TokenId, TokenRecord, parts},
};
use crate::{
    clock::new_secret,
    values::{UnixMs, bounded_text},
};

/// Longest name of a token, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Longest life of a token.
pub const LIFE_DAYS_MAX: u32 = 366;

const HEAD: &str =
    "# Tokens of doorbuster, as hashes. To change it: doorbuster token new, rotate, revoke\n";

/// All tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct TokensFile {
    pub(super) pseudonyms: Pseudonyms,
    pub tokens: Vec<TokenRecord>,
}

/// Why a file with tokens was refused. It never holds any of the file's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} {problem}")]
pub struct BadTokens {
    file: String,
    problem: String,
}

pub(super) fn bad(file: &Path, problem: impl Into<String>) -> BadTokens {
    BadTokens { file: file.display().to_string(), problem: problem.into() }
}

impl fmt::Debug for TokensFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.tokens).finish()
    }
}

impl TokensFile {
    /// One without tokens, with a new key of pseudonyms.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new() -> io::Result<Self> {
        Ok(Self { pseudonyms: Pseudonyms::new(new_secret()?), tokens: Vec::new() })
    }

    /// Adds a token and gives its text, which is nowhere else.
    ///
    /// # Errors
    /// When the name is wrong or the system gives no random bytes.
    pub fn add(
        &mut self,
        role: Role,
        name: &str,
        times: (UnixMs, UnixMs),
    ) -> io::Result<(TokenRecord, String)> {
        check_name(name).map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
        loop {
            let mut id = [0; 6];
            id.copy_from_slice(&new_secret()?[..6]);
            let (record, text) = TokenRecord::new((id, new_secret()?), (role, name), times);
            if self.tokens.iter().all(|known| known.id != record.id) {
                self.tokens.push(record.clone());
                return Ok((record, text));
            }
        }
    }

    /// The token with that id.
    pub fn find(&mut self, id: TokenId) -> Option<&mut TokenRecord> {
        self.tokens.iter_mut().find(|token| token.id == id)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When others can read the file, a line is wrong, or it has no token: a file that was emptied by
    /// mistake must not pass for one.
    pub fn read(file: &Path) -> Result<Self, BadTokens> {
        let text = read_secret_text(file).map_err(|problem| bad(file, problem))?;
        Self::parse(&text).map_err(|problem| bad(file, problem))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (mut pseudonyms, mut tokens) = (None, Vec::<TokenRecord>::new());
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |problem: String| format!("line {number}: {problem}");
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["pseudonyms", key] if pseudonyms.is_none() => {
                    let key = bytes(key)
                        .ok_or_else(|| wrong("the key must be 64 hexadecimal digits".to_owned()))?;
                    pseudonyms = Some(Pseudonyms::new(key));
                }
                ["token", fields @ ..] => {
                    let token = record(fields).map_err(wrong)?;
                    if tokens.iter().any(|known| known.id == token.id) {
                        return Err(wrong("has the id of an earlier line".to_owned()));
                    }
                    tokens.push(token);
                }
                _ => {
                    return Err(wrong(
                        "is neither a token nor the only key of pseudonyms".to_owned(),
                    ));
                }
            }
        }
        if tokens.is_empty() {
            return Err("has no token: doorbuster token new makes one".to_owned());
        }
        let pseudonyms = pseudonyms.ok_or("has no line with the key of pseudonyms")?;
        Ok(Self { pseudonyms, tokens })
    }

    /// What stands in the file.
    pub fn text(&self) -> String {
        let mut text = format!("{HEAD}pseudonyms {}\n", digits(self.pseudonyms.key()));
        for token in &self.tokens {
            let TokenRecord { id, role, name, created, expires, revoked, digest } = token;
            let revoked = revoked.map_or_else(|| "-".to_owned(), |at| at.to_string());
            let (role, digest) = (role.name(), digits(digest));
            let _ =
                writeln!(text, "token {id} {role} {name} {created} {expires} {revoked} {digest}");
        }
        text
    }
}

/// # Errors
/// What is wrong with a name, as the rest of a sentence about it.
pub fn check_name(name: &str) -> Result<(), String> {
    bounded_text("the name", name, NAME_CHARS_MAX).map_err(|invalid| invalid.to_string())?;
    if name.contains(char::is_whitespace) {
        return Err("the name must have no white space".to_owned());
    }
    Ok(())
}

fn record(fields: &[&str]) -> Result<TokenRecord, String> {
    let &[id, role, name, created, expires, revoked, digest] = fields else {
        return Err(
            "a token has 7 fields: id, role, name, created, expires, revoked, SHA-256".into()
        );
    };
    let id = TokenId::parse(id).ok_or("the id must be 12 hexadecimal digits")?;
    let role = Role::parse("the role", role).map_err(|invalid| invalid.to_string())?;
    check_name(name)?;
    let time =
        |field: &str, text: &str| UnixMs::parse(field, text).map_err(|invalid| invalid.to_string());
    let created = time("the time of creation", created)?;
    let expires = time("the expiry", expires)?;
    let revoked = match revoked {
        "-" => None,
        at => Some(time("the time of revocation", at)?),
    };
    let digest = bytes(digest).ok_or("the SHA-256 must be 64 hexadecimal digits")?;
    let name = name.to_owned();
    Ok(TokenRecord { id, role, name, created, expires, revoked, digest })
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn digits(bytes: &[u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads the token of a client: the first line of a file that others cannot read.
///
/// # Errors
/// When others can read the file, or that line is no token.
pub fn read_token(file: &Path) -> Result<String, BadTokens> {
    let text = read_secret_text(file).map_err(|problem| bad(file, problem))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if parts(token.as_bytes()).is_none() {
        let problem = "line 1: is no token: doorbuster token new prints one that begins with dbt_";
        return Err(bad(file, problem));
    }
    Ok(token.to_owned())
}
