//! The shape of files and functions: sizes, openings, names, leftovers.

use super::{Complaint, source::Source};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Functions that may be longer, each with its reason. An entry that is not needed any more is a
/// complaint too.
pub const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[(
    "src/cli/demo/account.rs",
    "account",
    "one line for each figure, in the order in which they are printed",
)];

/// Words that say nothing about what is in a file.
const EMPTY_WORDS: &[&str] =
    &["helper", "util", "common", "misc", "manager", "data", "info", "process"];

/// Files that are too long to be one idea.
pub fn size(file: &Source) -> Vec<Complaint> {
    let lines = file.text.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![Complaint::new(file, 0, format!("{lines} lines, more than {FILE_LINES_MAX}: split it"))]
}

/// Files that do not say what they hold.
pub fn opening(file: &Source) -> Vec<Complaint> {
    let opening: String = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
    // Shorter is the file's name again.
    if opening.len() >= 20 {
        return Vec::new();
    }
    vec![Complaint::new(
        file,
        0,
        "does not open with a `//!` paragraph on what it holds".to_owned(),
    )]
}

/// Functions that are too long to be read at once.
pub fn functions(file: &Source) -> Vec<Complaint> {
    let long = lengths(file).into_iter().filter(|(_, _, lines)| *lines > FUNCTION_LINES_MAX);
    long.filter(|(_, name, _)| !excepted(&file.path, name))
        .map(|(at, name, lines)| {
            Complaint::new(file, at, format!("`{name}` has {lines} lines: split it"))
        })
        .collect()
}

/// Exceptions of a file that it does not need any more.
pub fn stale_exceptions(file: &Source) -> Vec<Complaint> {
    let lengths = lengths(file);
    let needed = |name: &str| {
        lengths.iter().any(|(_, known, lines)| *known == name && *lines > FUNCTION_LINES_MAX)
    };
    let mine = LONG_FUNCTIONS.iter().filter(|(path, _, _)| *path == file.path);
    mine.filter(|(_, name, _)| !needed(name))
        .map(|(_, name, _)| {
            Complaint::new(file, 0, format!("`{name}` needs no exception any more"))
        })
        .collect()
}

fn excepted(path: &str, name: &str) -> bool {
    LONG_FUNCTIONS.iter().any(|(file, function, _)| *file == path && *function == name)
}

/// Start, name and lines of each function with a body.
fn lengths(file: &Source) -> Vec<(usize, &str, usize)> {
    let words: Vec<(usize, &str)> = file.words().collect();
    let names =
        words.windows(2).filter(|pair| pair[0].1 == "fn").map(|pair| (pair[0].0, pair[1].1));
    names
        .filter_map(|(at, name)| {
            let end = body_end(&file.code[at..])?;
            Some((at, name, file.line(at + end) - file.line(at) + 1))
        })
        .collect()
}

/// Where the body ends of the function that starts here; nothing if it has none.
fn body_end(code: &str) -> Option<usize> {
    let (mut braces, mut parens) = (0, 0);
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' => parens += 1,
            ')' | ']' => parens -= 1,
            ';' if braces == 0 && parens == 0 => return None,
            // A function's type, as in `change: fn(&mut Line)`, ends with what it stands in.
            ',' | '=' if braces == 0 && parens < 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces <= 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Names of files that say nothing.
pub fn name(file: &Source) -> Vec<Complaint> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let said = stem.split(['_', '-']).find(|word| {
        EMPTY_WORDS.iter().any(|empty| word == empty || word.strip_suffix('s') == Some(empty))
    });
    let said = said.map(|word| format!("`{word}` says nothing about what is in the file"));
    said.map(|problem| Complaint::new(file, 0, problem)).into_iter().collect()
}

/// Notes of unfinished work.
pub fn leftovers(file: &Source) -> Vec<Complaint> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let found = marks.iter().flat_map(|mark| file.text.match_indices(mark));
    found.map(|(at, mark)| Complaint::new(file, at, format!("{mark}: finish it"))).collect()
}

/// The file that may turn what does not fit into the largest number: what it means is said there.
const NUMBERS: &str = "src/values/number.rs";

/// A number that does not fit, or is absent, and becomes the largest one on the spot.
pub fn saturations(file: &Source) -> Vec<Complaint> {
    if file.path == NUMBERS {
        return Vec::new();
    }
    let calls = ["unwrap_or(", "map_or("].into_iter().flat_map(|call| {
        file.code.match_indices(call).map(move |(at, _)| (at, &file.code[at + call.len()..]))
    });
    let found = calls.filter(|(_, argument)| {
        let argument = argument.split([',', ')']).next().unwrap_or_default();
        argument.trim_end().ends_with("::MAX")
    });
    let why = "state the bound where the number enters, or give an error (src/values/number.rs)";
    found.map(|(at, _)| Complaint::new(file, at, why.to_owned())).collect()
}

#[test]
fn saturations_are_found() {
    for code in [
        "let a = u32::try_from(b).unwrap_or(u32::MAX);",
        "let a = b.unwrap_or(std::i64::MAX)",
        "let a = b.map_or(\n    usize::MAX,\n    |b| b + 1);",
    ] {
        assert_eq!(saturations(&Source::new("src/a.rs", code)).len(), 1, "{code}");
        assert!(saturations(&Source::new(NUMBERS, code)).is_empty(), "{code}");
    }
    for code in ["a.unwrap_or(0)", "// a.unwrap_or(u8::MAX)", "a.map_or(1, |a| a.min(u8::MAX))"] {
        assert!(saturations(&Source::new("src/a.rs", code)).is_empty(), "{code}");
    }
}

#[test]
fn files_of_a_wrong_shape_are_found() {
    let long = "//! A paragraph that is long enough to say something.\n".repeat(FILE_LINES_MAX + 1);
    assert_eq!(size(&Source::new("src/a.rs", &long)).len(), 1);
    assert!(size(&Source::new("src/a.rs", &long[1 + long.len() / 2..])).is_empty());
    assert!(opening(&Source::new("src/a.rs", &long)).is_empty());
    for text in ["use std::fs;", "", "//! store\n", "// A comment that is not the file's own one."]
    {
        assert_eq!(opening(&Source::new("src/a.rs", text)).len(), 1, "{text}");
    }
    for path in ["src/utils.rs", "src/store/helper.rs", "src/item_manager.rs", "docs/misc.md"] {
        assert_eq!(name(&Source::new(path, "")).len(), 1, "{path}");
    }
    for path in ["src/processor.rs", "src/database.rs", "tests/golden/events/ItemAdded.json"] {
        assert!(name(&Source::new(path, "")).is_empty(), "{path}");
    }
    let unfinished = concat!("// TO", "DO: later\n// FIX", "ME\n");
    assert_eq!(leftovers(&Source::new("src/a.rs", unfinished)).len(), 2);
}

#[test]
fn long_functions_are_found() {
    let body = "    let a = [0; 3];\n".repeat(FUNCTION_LINES_MAX);
    let long =
        Source::new("src/a.rs", &format!("impl A {{\nfn short() {{}}\nfn long() {{\n{body}}}\n}}"));
    let found = functions(&long);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].to_string().starts_with("src/a.rs:3: `long` has 72 lines"), "{}", found[0]);
    let declared = format!(
        "trait A {{\nfn a(b: [u8; 3]) -> u8;\nconst B: fn(u8) = c;\n}}\n{}",
        "\n".repeat(99)
    );
    assert!(functions(&Source::new("src/a.rs", &declared)).is_empty());
}

#[test]
fn exceptions_nobody_needs_are_found() {
    let (path, name, _) = LONG_FUNCTIONS[0];
    let short = Source::new(path, &format!("fn {name}() {{}}"));
    assert_eq!(stale_exceptions(&short).len(), 1);
}
