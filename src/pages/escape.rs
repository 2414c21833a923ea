//! Text from outside, made harmless: names, reasons and channels are written by whoever likes to.
//!
//! Every writer of pages escapes everything it writes, also its own words, so that nobody has to
//! know where a text came from.

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
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' | '$' => {
                safe.push('\\');
                safe.push(letter);
            }
            // Without a scheme there is no link that nobody asked for.
            ':' => safe.push_str(if safe.ends_with("http") || safe.ends_with("https") {
                "&#58;"
            } else {
                ":"
            }),
            // Behind a bracket it would look like a link to a reader that is less exact.
            '(' if safe.ends_with(']') => safe.push_str("\\("),
            '\n' | '\r' | '\t' => safe.push(' '),
            other => safe.push(visible(other)),
        }
    }
    safe
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
