//! Goal: a name that looks like another one is refused, by the character that makes it so. Method: the
//! ranges of Unicode's own files, character by character.

use std::ops::RangeInclusive;

use doorbuster::values::{ShortText, bounded_prose, bounded_text, known_text, looks};

/// Default_Ignorable_Code_Point of DerivedCoreProperties.txt (Unicode 16.0), which holds all of
/// Bidi_Control of PropList.txt.
const IGNORABLE: [RangeInclusive<u32>; 17] = [
    0xad..=0xad,
    0x34f..=0x34f,
    0x61c..=0x61c,
    0x115f..=0x1160,
    0x17b4..=0x17b5,
    0x180b..=0x180f,
    0x200b..=0x200f,
    0x202a..=0x202e,
    0x2060..=0x206f,
    0x3164..=0x3164,
    0xfe00..=0xfe0f,
    0xfeff..=0xfeff,
    0xffa0..=0xffa0,
    0xfff0..=0xfff8,
    0x1bca0..=0x1bca3,
    0x1d173..=0x1d17a,
    0xe0000..=0xe0fff,
];

fn refusal(of: char) -> String {
    let text = format!("a{of}b");
    let name = bounded_text("sku", &text, 10).expect_err("a name with it is refused").to_string();
    assert_eq!(bounded_prose("sku", &text, 10).unwrap_err().to_string(), name, "prose, too");
    name
}

#[test]
fn what_nobody_sees_is_refused_and_named() {
    for of in IGNORABLE.into_iter().flatten().filter_map(char::from_u32) {
        let code = format!("it has U+{:04X}", u32::from(of));
        let said = refusal(of);
        assert!(said.starts_with("sku must not contain ") && said.contains(&code), "{said}");
    }
    for (of, says) in [
        ('\u{61c}', "marks that change the direction of writing: it has U+061C ARABIC LETTER MARK"),
        (
            '\u{200f}',
            "marks that change the direction of writing: it has U+200F RIGHT-TO-LEFT MARK",
        ),
        ('\u{200b}', "invisible characters: it has U+200B ZERO WIDTH SPACE"),
        ('\u{feff}', "invisible characters: it has U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ('\u{ad}', "invisible characters: it has U+00AD SOFT HYPHEN"),
        ('\u{2028}', "invisible characters: it has U+2028 LINE SEPARATOR"),
        ('\u{2800}', "invisible characters: it has U+2800 BRAILLE PATTERN BLANK"),
        ('\u{e0041}', "invisible characters: it has U+E0041"),
        ('\u{1b}', "control characters: it has U+001B ESCAPE"),
        ('\u{fdd0}', "code points that are no characters: it has U+FDD0"),
    ] {
        assert_eq!(refusal(of), format!("sku must not contain {says}"));
    }
}

#[test]
fn what_is_seen_is_taken() {
    for text in ["Handy, 256 GB", "手机　黑色", "تليفون", "טלפון", "Zürich", "टीवी", "№ 5 – ½"]
    {
        bounded_text("title", text, 40).unwrap();
        bounded_prose("title", text, 40).unwrap();
    }
}

#[test]
fn emoji_are_put_together_in_prose_and_never_in_names() {
    for emoji in ["❤️", "👩🏽‍🚀", "🏳️‍🌈", "👨‍👩‍👧", "5️⃣", "☎︎", "❤️‍🔥"]
    {
        bounded_prose("title", emoji, 40).unwrap();
        bounded_text("sku", emoji, 40).unwrap_err();
    }
    // Nothing is put together: the mark is only hidden.
    for text in [
        "a\u{fe0f}b",
        "a\u{200d}b",
        "🔥\u{200d}b",
        "5\u{fe0f}x",
        "🔥\u{fe0f}\u{fe0f}",
        "🏴\u{e0067}",
    ] {
        bounded_prose("title", text, 40).unwrap_err();
    }
}

#[test]
fn a_name_of_an_older_log_can_still_be_looked_up() {
    known_text("buyer", "ann\u{200b}", 10).unwrap();
    known_text("buyer", "ann\u{7}", 10).unwrap_err();
    known_text("buyer", "", 10).unwrap_err();
}

#[test]
fn names_of_the_same_looks_are_the_same_under_nfkc() {
    assert_eq!(looks("ＰＨＯＮＥ－１"), looks("PHONE-1"));
    assert_eq!(looks("ﬁg"), looks("fig"));
    assert_eq!(looks("e\u{301}"), looks("é"));
    assert_ne!(looks("phone"), looks("PHONE"));
}

#[test]
fn a_short_text_is_the_text_it_was_made_of() {
    let letters = ["a", "\u{df}", "\u{4e09}", "\u{1f680}"];
    let texts: Vec<String> =
        letters.iter().flat_map(|letter| (0..30).map(|count| letter.repeat(count))).collect();
    for text in &texts {
        let short = ShortText::from(text.as_str());
        assert_eq!(&*short, text);
        let json = serde_json::to_string(&short).unwrap();
        assert_eq!(json, serde_json::to_string(text).unwrap());
        assert_eq!(serde_json::from_str::<ShortText>(&json).unwrap(), short);
        for other in &texts {
            assert_eq!(short == ShortText::from(other.as_str()), text == other);
        }
    }
}
