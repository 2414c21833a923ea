//! Bounded text: names, titles, references. Bounded in length, free of control characters and of
//! invisible characters.
//!
//! Text is checked where it enters and never where it is decoded: older logs keep what they hold.
//! Unicode's properties come from `icu_properties`.

use std::ops::RangeInclusive;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointSetData,
    props::{BidiControl, DefaultIgnorableCodePoint, ExtendedPictographic, NoncharacterCodePoint},
};

use super::Invalid;

/// Checks a name that came from outside: an SKU, a buyer, a warehouse, an operator. It has 1 to
/// `max` characters, and two names that differ are seen to differ.
///
/// Refused are control characters, because the text ends up in terminals, logs and CSV files, and
/// what is invisible or changes the direction of writing, because it makes one name look like
/// another: Unicode's Default_Ignorable_Code_Point and Bidi_Control, separators of lines and
/// paragraphs, blanks that are no spaces, and noncharacters.
pub fn bounded_text(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
    check(field, text, max, no_sequence)
}

/// Checks text that people read and nothing is found by: a title, a reason. As [`bounded_text`], but
/// emoji may be put together as Unicode does it: by U+200D, and by the variation selectors U+FE0E
/// and U+FE0F behind an emoji or a keycap.
pub fn bounded_prose(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
    check(field, text, max, in_emoji)
}

/// Checks a name that is only looked up: logs of earlier versions may hold names that
/// [`bounded_text`] refuses, and what they name must still be found.
pub fn known_text(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
    sized(field, text, max)?;
    match text.chars().find(|&c| c.is_control() || EVER_REFUSED.iter().any(|r| r.contains(&c))) {
        Some(c) => Err(refused(field, c)),
        None => Ok(()),
    }
}

/// What a name looks like: names of the same looks are equal after Unicode's compatibility
/// normalisation (NFKC), for example full-width and usual letters.
pub fn looks(name: &str) -> String {
    const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
    if name.is_ascii() { name.to_owned() } else { NFKC.normalize(name).into_owned() }
}

/// Whether a mark at that place of a text belongs to something that is seen.
type Excused = fn(&str, usize, char) -> bool;

fn check(field: &str, text: &str, max: usize, excused: Excused) -> Result<(), Invalid> {
    sized(field, text, max)?;
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(());
    }
    let wrong = text.char_indices().find(|&(at, c)| is_refused(c) && !excused(text, at, c));
    match wrong {
        Some((_, c)) => Err(refused(field, c)),
        None => Ok(()),
    }
}

fn sized(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
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
    Ok(())
}

fn is_refused(c: char) -> bool {
    c.is_control() || is_direction_mark(c) || is_invisible(c) || is_nothing(c)
}

fn is_direction_mark(c: char) -> bool {
    CodePointSetData::new::<BidiControl>().contains(c)
}

fn is_invisible(c: char) -> bool {
    BLANKS.contains(&c) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

fn is_nothing(c: char) -> bool {
    CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
}

/// Marks of direction that no version took.
const EVER_REFUSED: [RangeInclusive<char>; 3] =
    ['\u{200e}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];

/// Shown as nothing at all, though Unicode does not list them as ignorable.
const BLANKS: [char; 8] = [
    '\u{2028}',
    '\u{2029}',
    '\u{2800}',
    '\u{fff9}',
    '\u{fffa}',
    '\u{fffb}',
    '\u{16fe4}',
    '\u{1d159}',
];

fn refused(field: &str, c: char) -> Invalid {
    let kind = if c.is_control() {
        "control characters"
    } else if is_direction_mark(c) {
        "marks that change the direction of writing"
    } else if is_nothing(c) {
        "code points that are no characters"
    } else {
        "invisible characters"
    };
    let name = NAMES.iter().find(|(named, _)| *named == c).map_or("", |(_, name)| name);
    let code = format!("U+{:04X} {name}", u32::from(c));
    Invalid::new(field, format!("must not contain {kind}: it has {}", code.trim_end()))
}

fn no_sequence(_: &str, _: usize, _: char) -> bool {
    false
}

fn in_emoji(text: &str, at: usize, mark: char) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + mark.len_utf8()..].chars().next();
    match mark {
        '\u{fe0e}' | '\u{fe0f}' => match before {
            Some('0'..='9' | '#' | '*') => after == Some('\u{20e3}'),
            before => before.is_some_and(is_emoji),
        },
        // Behind an emoji, its skin tone or its variation selector, and before another one.
        '\u{200d}' => {
            let joins = |c| matches!(c, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}') || is_emoji(c);
            before.is_some_and(joins) && after.is_some_and(is_emoji)
        }
        _ => false,
    }
}

fn is_emoji(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

/// Unicode's names of what is refused and found in the field, in the order of the code points.
/// Source: UnicodeData.txt; control characters by their aliases (NameAliases.txt).
const NAMES: [(char, &str); 60] = [
    ('\u{0}', "NULL"),
    ('\u{7}', "ALERT"),
    ('\u{8}', "BACKSPACE"),
    ('\u{9}', "CHARACTER TABULATION"),
    ('\u{a}', "LINE FEED"),
    ('\u{d}', "CARRIAGE RETURN"),
    ('\u{1b}', "ESCAPE"),
    ('\u{7f}', "DELETE"),
    ('\u{85}', "NEXT LINE"),
    ('\u{ad}', "SOFT HYPHEN"),
    ('\u{34f}', "COMBINING GRAPHEME JOINER"),
    ('\u{61c}', "ARABIC LETTER MARK"),
    ('\u{115f}', "HANGUL CHOSEONG FILLER"),
    ('\u{1160}', "HANGUL JUNGSEONG FILLER"),
    ('\u{17b4}', "KHMER VOWEL INHERENT AQ"),
    ('\u{17b5}', "KHMER VOWEL INHERENT AA"),
    ('\u{180b}', "MONGOLIAN FREE VARIATION SELECTOR ONE"),
    ('\u{180c}', "MONGOLIAN FREE VARIATION SELECTOR TWO"),
    ('\u{180d}', "MONGOLIAN FREE VARIATION SELECTOR THREE"),
    ('\u{180e}', "MONGOLIAN VOWEL SEPARATOR"),
    ('\u{180f}', "MONGOLIAN FREE VARIATION SELECTOR FOUR"),
    ('\u{200b}', "ZERO WIDTH SPACE"),
    ('\u{200c}', "ZERO WIDTH NON-JOINER"),
    ('\u{200d}', "ZERO WIDTH JOINER"),
    ('\u{200e}', "LEFT-TO-RIGHT MARK"),
    ('\u{200f}', "RIGHT-TO-LEFT MARK"),
    ('\u{2028}', "LINE SEPARATOR"),
    ('\u{2029}', "PARAGRAPH SEPARATOR"),
    ('\u{202a}', "LEFT-TO-RIGHT EMBEDDING"),
    ('\u{202b}', "RIGHT-TO-LEFT EMBEDDING"),
    ('\u{202c}', "POP DIRECTIONAL FORMATTING"),
    ('\u{202d}', "LEFT-TO-RIGHT OVERRIDE"),
    ('\u{202e}', "RIGHT-TO-LEFT OVERRIDE"),
    ('\u{2060}', "WORD JOINER"),
    ('\u{2061}', "FUNCTION APPLICATION"),
    ('\u{2062}', "INVISIBLE TIMES"),
    ('\u{2063}', "INVISIBLE SEPARATOR"),
    ('\u{2064}', "INVISIBLE PLUS"),
    ('\u{2066}', "LEFT-TO-RIGHT ISOLATE"),
    ('\u{2067}', "RIGHT-TO-LEFT ISOLATE"),
    ('\u{2068}', "FIRST STRONG ISOLATE"),
    ('\u{2069}', "POP DIRECTIONAL ISOLATE"),
    ('\u{206a}', "INHIBIT SYMMETRIC SWAPPING"),
    ('\u{206b}', "ACTIVATE SYMMETRIC SWAPPING"),
    ('\u{206c}', "INHIBIT ARABIC FORM SHAPING"),
    ('\u{206d}', "ACTIVATE ARABIC FORM SHAPING"),
    ('\u{206e}', "NATIONAL DIGIT SHAPES"),
    ('\u{206f}', "NOMINAL DIGIT SHAPES"),
    ('\u{2800}', "BRAILLE PATTERN BLANK"),
    ('\u{3164}', "HANGUL FILLER"),
    ('\u{fe0e}', "VARIATION SELECTOR-15"),
    ('\u{fe0f}', "VARIATION SELECTOR-16"),
    ('\u{feff}', "ZERO WIDTH NO-BREAK SPACE"),
    ('\u{ffa0}', "HALFWIDTH HANGUL FILLER"),
    ('\u{fff9}', "INTERLINEAR ANNOTATION ANCHOR"),
    ('\u{fffa}', "INTERLINEAR ANNOTATION SEPARATOR"),
    ('\u{fffb}', "INTERLINEAR ANNOTATION TERMINATOR"),
    ('\u{16fe4}', "KHITAN SMALL SCRIPT FILLER"),
    ('\u{1d159}', "MUSICAL SYMBOL NULL NOTEHEAD"),
    ('\u{e0001}', "LANGUAGE TAG"),
];
