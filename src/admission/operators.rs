//! Permission to steer: the operators by their tokens, from a file that only the server can read.
//!
//! Tokens are kept as their SHA-256, so that no message, log line or dump of memory's structures can
//! show one. Without a file every client that reaches the server may steer, under any name.

use std::{fmt, path::Path};

use sha2::{Digest as _, Sha256};

use super::secret_file::read_secret_text;
use crate::{
    seldom::Seldom,
    values::{UnixMs, bounded_text},
};

/// What a token is announced with. Source: RFC 6750, section 2.1.
const SCHEME: &str = "Bearer ";

/// Longest name of an operator, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Shortest and longest token, in characters. Sixteen random letters and digits are more than can be
/// guessed over a network.
const TOKEN_CHARS_MIN: usize = 16;
const TOKEN_CHARS_MAX: usize = 256;

/// The operators.
pub struct Operators {
    /// Digest of the token and whose it is. One operator may have several, to change them without a
    /// gap.
    known: Vec<([u8; 32], String)>,
    wrong_tokens: Seldom,
}

/// Why a steering call has no valid operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefused {
    /// There is no token.
    Missing,
    /// The token belongs to no operator.
    Wrong,
}

/// Why a file with tokens was refused. It never holds any of the file's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} {problem}")]
pub struct BadOperators {
    file: String,
    problem: String,
}

impl Operators {
    /// No token is required.
    pub fn none() -> Self {
        Self { known: Vec::new(), wrong_tokens: Seldom::default() }
    }

    /// Reads a file of lines `name token`. Empty lines and those that start with `#` are skipped.
    ///
    /// # Errors
    /// When others can read the file, a line is invalid, or it contains no operator: an empty file
    /// must not open access.
    pub fn read(file: &Path) -> Result<Self, BadOperators> {
        let text = read_secret(file)?;
        let mut operators = Self::none();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            operators
                .add(line)
                .map_err(|problem| bad(file, format!("line {number}: {problem}")))?;
        }
        if operators.is_empty() {
            return Err(bad(file, "names no operator: write lines of a name and a token"));
        }
        Ok(operators)
    }

    /// Whether no token is required.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whose token this is. How long that takes does not depend on the token: digests are compared,
    /// all of them, each to its end.
    pub fn who(&self, token: &str) -> Option<&str> {
        let given = digest(token);
        let mut found = None;
        for (known, name) in &self.known {
            let different = known.iter().zip(&given).fold(0, |sum, (a, b)| sum | (a ^ b));
            if different == 0 {
                found = Some(name.as_str());
            }
        }
        found
    }

    /// The operator of the token in `authorization`. Wrong tokens are logged at a bounded rate, so
    /// that guessing does not fill the disk.
    ///
    /// # Errors
    /// What is wrong with the token.
    pub fn announced(
        &self,
        authorization: Option<&str>,
        now: UnixMs,
    ) -> Result<&str, TokenRefused> {
        let token = authorization.and_then(|value| value.strip_prefix(SCHEME)).map(str::trim);
        let token = token.filter(|token| !token.is_empty()).ok_or(TokenRefused::Missing)?;
        self.who(token).ok_or_else(|| {
            if let Some(count) = self.wrong_tokens.happened(now, 1) {
                tracing::warn!(count, "a steering call had a token of no operator");
            }
            TokenRefused::Wrong
        })
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<_> = line.split_whitespace().collect();
        let &[name, token] = words.as_slice() else {
            return Err("must be a name and a token, with white space between them".to_owned());
        };
        bounded_text("the name", name, NAME_CHARS_MAX).map_err(|invalid| invalid.to_string())?;
        check_token(token)?;
        let digest = digest(token);
        if self.known.iter().any(|(known, _)| *known == digest) {
            return Err("has a token that stands in an earlier line".to_owned());
        }
        self.known.push((digest, name.to_owned()));
        Ok(())
    }
}

impl fmt::Debug for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.iter().map(|(_, name)| name)).finish()
    }
}

/// Reads the token of one operator: the first line of a file that others cannot read.
///
/// # Errors
/// When others can read the file, or that line is no token.
pub fn read_token(file: &Path) -> Result<String, BadOperators> {
    let text = read_secret(file)?;
    let token = text.lines().next().unwrap_or_default().trim();
    check_token(token).map_err(|problem| bad(file, format!("line 1: {problem}")))?;
    Ok(token.to_owned())
}

fn check_token(token: &str) -> Result<(), String> {
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the token must be of ASCII letters, digits and signs".to_owned());
    }
    if !(TOKEN_CHARS_MIN..=TOKEN_CHARS_MAX).contains(&token.len()) {
        return Err(format!(
            "the token must have {TOKEN_CHARS_MIN} to {TOKEN_CHARS_MAX} characters"
        ));
    }
    Ok(())
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn read_secret(file: &Path) -> Result<String, BadOperators> {
    read_secret_text(file).map_err(|problem| bad(file, problem))
}

fn bad(file: &Path, problem: impl Into<String>) -> BadOperators {
    BadOperators { file: file.display().to_string(), problem: problem.into() }
}
