//! Bounded text: names, titles, references. Bounded in length, free of control characters.

use super::Invalid;

/// Checks text that came from outside: 1 to `max` characters, none of them a control character.
///
/// Control characters are refused because the text ends up in terminals, logs and CSV files; so
/// are the marks that change the direction of writing, which make one name look like another.
pub fn bounded_text(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::new(field, "is missing"));
    }
    // Bytes bound characters from above, so most text is accepted without being counted.
    if text.len() > max && text.chars().count() > max {
        return Err(Invalid::new(field, format!("must have at most {max} characters")));
    }
    if text.trim().len() != text.len() {
        return Err(Invalid::new(field, "must not start or end with white space"));
    }
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(());
    }
    if text.chars().any(|c| c.is_control() || is_direction_mark(c)) {
        return Err(Invalid::new(field, "must not contain control characters"));
    }
    Ok(())
}

fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
