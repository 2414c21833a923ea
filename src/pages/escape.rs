//! Escaping of text from outside: names, reasons and channels are untrusted.
//!
//! Every writer of pages escapes everything it writes, including fixed text, so that the origin of
//! a text does not matter.

/// Text inside HTML or SVG, also in an attribute between double quotes.
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(visible(other)),
        }
    }
    safe
}

/// Text inside a line or a table of Markdown.
pub fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' | '$' => {
                safe.push('\\');
                safe.push(letter);
            }
            // Without a scheme, `www.` or an address there is no automatic link.
            ':' if letters.peek() == Some(&'/') => safe.push_str("&#58;"),
            // GitHub finds addresses in the rendered text: an invisible word joiner breaks them.
            '@' => safe.push_str("&#64;&#8288;"),
            '.' if ends_with_www(&safe) => safe.push_str("&#46;"),
            // Behind a bracket it would look like a link to a reader that is less exact.
            '(' if safe.ends_with(']') => safe.push_str("\\("),
            '\n' | '\r' | '\t' => safe.push(' '),
            other => safe.push(visible(other)),
        }
    }
    safe
}

fn ends_with_www(text: &str) -> bool {
    text.len()
        .checked_sub(3)
        .and_then(|start| text.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

/// Control characters are in no document, and letters that turn the direction of reading could make
/// one line look like another.
fn visible(letter: char) -> char {
    match letter {
        '\n' | '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        control if control.is_control() => '\u{fffd}',
        other => other,
    }
}
