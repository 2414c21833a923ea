//! The tokens of a running server: checked at every call, changed by its file without a restart.
//!
//! Without a file every client may call everything. Once there was one, a missing or damaged file does
//! not open the server: the last good tokens stay.

use std::{
    collections::HashMap,
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    pseudonyms::Pseudonyms,
    token::{PREFIX, TokenId, TokenRecord, TokenRefused, parts},
    tokens_file::{BadTokens, TokensFile, bad},
};
use crate::{seldom::Seldom, values::UnixMs};

/// What a token is announced with; case does not matter. Source: RFC 9110, section 11.1.
const SCHEME: &[u8] = b"bearer ";

/// The tokens of a server.
pub struct Tokens {
    file: Option<PathBuf>,
    known: watch::Sender<Arc<Known>>,
    /// The file as it was when it was last read.
    seen: Mutex<Option<Stamp>>,
    refused: Seldom,
}

/// The tokens at one moment; none while there was no file.
#[derive(Default)]
struct Known(Option<Book>);

struct Book {
    by_id: HashMap<TokenId, Arc<TokenRecord>>,
    pseudonyms: Arc<Pseudonyms>,
}

/// What tells one state of a file from another: inode, size, and times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp([i128; 6]);

/// How tokens changed, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Whether every client was let in until then.
    pub closed: bool,
    pub added: Vec<TokenRecord>,
    /// Those that were revoked, removed, or have another expiry or role, as they are now or were last.
    pub changed: Vec<TokenRecord>,
    pub all: usize,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Every client may call everything, for good.
    pub fn open() -> Self {
        Self {
            file: None,
            known: watch::Sender::default(),
            seen: Mutex::default(),
            refused: Seldom::default(),
        }
    }

    /// The tokens of a file; without it every client may call until there is one.
    ///
    /// # Errors
    /// When the file is wrong, or is missing though it is `required`.
    pub fn of(file: &Path, required: bool) -> Result<Self, BadTokens> {
        let tokens = Self { file: Some(file.to_owned()), ..Self::open() };
        tokens.reload()?;
        if required && tokens.is_open() {
            return Err(bad(file, "does not exist: doorbuster token new makes it"));
        }
        Ok(tokens)
    }

    /// Whether every client may call everything.
    pub fn is_open(&self) -> bool {
        self.known.borrow().0.is_none()
    }

    /// Reads the file if it changed since it was last read, and says how the tokens changed.
    ///
    /// # Errors
    /// What is wrong with the file; the last good tokens stay.
    pub fn reload(&self) -> Result<Option<Changes>, BadTokens> {
        let Some(file) = &self.file else { return Ok(None) };
        let found = stamp(file).map_err(|error| bad(file, format!("cannot be read: {error}")))?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == found {
            return Ok(None);
        }
        if found.is_none() {
            return match self.is_open() {
                true => Ok(None),
                false => Err(bad(file, "is missing")),
            };
        }
        // What cannot be read now is tried again, whether it changes or not.
        let read = TokensFile::read(file)?;
        *seen = found;
        let book = Book::of(read);
        let changes = changes(&self.known.borrow().0, &book);
        self.known.send_replace(Arc::new(Known(Some(book))));
        Ok(Some(changes))
    }

    /// The token of the header `authorization`; none where every client may call.
    ///
    /// # Errors
    /// Why it is no token that is valid at that time.
    pub fn check(
        &self,
        authorization: Option<&[u8]>,
        now: UnixMs,
    ) -> Result<Option<Arc<TokenRecord>>, TokenRefused> {
        let known = self.known.borrow();
        let Some(book) = &known.0 else { return Ok(None) };
        let text = authorization.and_then(bearer).ok_or(TokenRefused::Missing)?;
        let (id, secret) = parts(text).ok_or(TokenRefused::Unknown)?;
        let token = book.by_id.get(&id).filter(|token| token.is_opened_by(secret));
        let token = token.ok_or(TokenRefused::Unknown)?;
        match token.is_over(now) {
            None => Ok(Some(Arc::clone(token))),
            Some(why) => Err(why),
        }
    }

    /// A call was refused by its token: how many were, where that is worth a line in the log now.
    pub fn refused(&self, now: UnixMs) -> Option<u64> {
        self.refused.happened(now, 1)
    }

    /// The key of the pseudonyms that analysts see.
    pub fn pseudonyms(&self) -> Option<Arc<Pseudonyms>> {
        self.known.borrow().0.as_ref().map(|book| Arc::clone(&book.pseudonyms))
    }

    /// Waits until a token that was valid is not any more, for whatever holds on to it.
    pub fn end_of(
        &self,
        token: &TokenRecord,
        now: impl Fn() -> UnixMs + Send + 'static,
    ) -> impl Future<Output = TokenRefused> + Send + 'static {
        let (mut known, held) = (self.known.subscribe(), token.clone());
        async move {
            loop {
                let current = {
                    let known = known.borrow_and_update();
                    let book = known.0.as_ref();
                    book.and_then(|book| book.by_id.get(&held.id).cloned())
                };
                // Another secret or role under the same id is another token.
                let current =
                    current.filter(|token| (token.digest, token.role) == (held.digest, held.role));
                let Some(current) = current else { return TokenRefused::Revoked };
                if let Some(why) = current.is_over(now()) {
                    return why;
                }
                // The clock of sales may jump, so it is looked at rather than slept to.
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    changed = known.changed() => if changed.is_err() {
                        std::future::pending::<()>().await;
                    },
                }
            }
        }
    }
}

/// How often something that holds on to a token looks whether it expired.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Book {
    fn of(file: TokensFile) -> Self {
        let tokens = file.tokens.into_iter();
        Self {
            by_id: tokens.map(|token| (token.id, Arc::new(token))).collect(),
            pseudonyms: Arc::new(file.pseudonyms),
        }
    }
}

fn changes(before: &Option<Book>, after: &Book) -> Changes {
    let known = |id| before.as_ref().and_then(|book| book.by_id.get(id));
    let mut added: Vec<_> =
        after.by_id.values().filter(|token| known(&token.id).is_none()).collect();
    let old = before.iter().flat_map(|book| book.by_id.values());
    let mut changed: Vec<_> = old
        .filter_map(|token| match after.by_id.get(&token.id) {
            None => Some(token),
            Some(now) => (now != token).then_some(now),
        })
        .collect();
    added.sort_by_key(|token| token.created);
    changed.sort_by_key(|token| token.created);
    let owned = |tokens: Vec<&Arc<TokenRecord>>| {
        tokens.into_iter().map(|token| (**token).clone()).collect()
    };
    let (added, changed) = (owned(added), owned(changed));
    Changes { closed: before.is_none(), added, changed, all: after.by_id.len() }
}

fn stamp(file: &Path) -> io::Result<Option<Stamp>> {
    let found = match fs::metadata(file) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let nanos = |seconds: i64, part: i64| i128::from(seconds) * 1_000_000_000 + i128::from(part);
    Ok(Some(Stamp([
        found.dev().into(),
        found.ino().into(),
        found.len().into(),
        found.mode().into(),
        nanos(found.mtime(), found.mtime_nsec()),
        nanos(found.ctime(), found.ctime_nsec()),
    ])))
}

/// The token that a header announces.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(SCHEME.len())?;
    let token = scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())?;
    (!token.is_empty()).then_some(token)
}

/// Whether the query of an address has a token in it, which is then in logs.
pub fn is_in_url(query: Option<&str>) -> bool {
    let Some(query) = query else { return false };
    let names = ["access_token=", "authorization=", "token="];
    query.contains(PREFIX)
        || query.split('&').any(|pair| names.iter().any(|name| pair.starts_with(name)))
}
