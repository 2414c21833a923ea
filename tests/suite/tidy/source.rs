//! A source file as the rules see it: its text, and its code with comments and literals blanked.
//!
//! Blanking keeps every line break, so a place in the code is a place in the text. It is a scanner
//! for the Rust of this tree, not for all Rust there is.

use std::{fs, path::Path};

/// A file of the tree.
pub struct Source {
    /// Path from the package's root, with forward slashes.
    pub path: String,
    pub text: String,
    /// The text without comments and literals; empty for files that are not Rust.
    pub code: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { blank(text) } else { String::new() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    /// The module under `src/` that the file belongs to: `domain`, `clock`, or nothing for others.
    pub fn module(&self) -> Option<&str> {
        let inner = self.path.strip_prefix("src/")?;
        let first = inner.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }

    /// Line number of a byte of `text` or `code`.
    pub fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// Identifiers of the code with the byte they start at.
    pub fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        let start = self.code.as_ptr() as usize;
        let words = self.code.split(|c: char| !c.is_alphanumeric() && c != '_');
        words
            .filter(|word| !word.is_empty())
            .map(move |word| (word.as_ptr() as usize - start, word))
    }
}

/// Every file below some folders and files, sorted by path.
pub fn tree(of: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for start in of {
        collect(root, &root.join(start), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Path, at: &Path, found: &mut Vec<Source>) {
    if at.is_dir() {
        for entry in fs::read_dir(at).unwrap() {
            collect(root, &entry.unwrap().path(), found);
        }
    } else if let Ok(text) = fs::read_to_string(at) {
        let path = at.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        found.push(Source::new(&path, &text));
    }
}

/// Replaces comments and the contents of literals by spaces.
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text.as_bytes()[at..];
        let length = if rest.starts_with(b"//") {
            rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(bytes, at) {
            length
        } else if rest[0] == b'"' {
            quoted(rest, b'"')
        } else if rest[0] == b'\'' && is_char(rest) {
            quoted(rest, b'\'')
        } else {
            at += 1;
            continue;
        };
        for byte in &mut code[at..at + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length;
    }
    String::from_utf8_lossy(&code).into_owned()
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Length of a raw string that starts here, with its `r`.
fn raw_string(bytes: &[u8], at: usize) -> Option<usize> {
    let inside_a_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    let after_b = at > 0 && bytes[at - 1] == b'b';
    if bytes[at] != b'r' || (inside_a_word && !after_b) {
        return None;
    }
    let hashes = bytes[at + 1..].iter().take_while(|&&b| b == b'#').count();
    if bytes.get(at + 1 + hashes) != Some(&b'"') {
        return None;
    }
    let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let body = &bytes[at + 2 + hashes..];
    let length = body.windows(end.len()).position(|window| window == end)?;
    Some(2 + hashes + length + end.len())
}

/// Length of a literal that starts with its quote.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Whether a `'` starts a character and not a lifetime.
fn is_char(rest: &[u8]) -> bool {
    match rest.get(1) {
        Some(b'\\') => true,
        Some(first) => {
            let width = match first {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            };
            rest.get(1 + width) == Some(&b'\'')
        }
        None => false,
    }
}

#[test]
fn literals_and_comments_are_blanked_and_nothing_else_is() {
    let blanked = |text: &str| blank(text).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(blanked("a // b\nc"), "a c");
    assert_eq!(blanked("a /* b /* c */ d */ e"), "a e");
    assert_eq!(blanked(r#"a("b\"c{", d)"#), "a( , d)");
    assert_eq!(blanked("a(r#\"b\"c{\"#, br\"d\", e)"), "a( , b , e)");
    assert_eq!(blanked("fn a<'b>(c: &'b str) { '{' }"), "fn a<'b>(c: &'b str) { }");
    assert_eq!(blanked(r"['\'', 'é', b'}']"), "[ , , b ]");
    assert_eq!(blank("\"a\nb\"\nc").matches('\n').count(), 2);
}
