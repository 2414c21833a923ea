//! The house rules, held by reading the tree.
//!
//! Goal: `cargo test` reports every broken rule with file, line and reason. Method: each
//! rule is a function from a file to complaints; it is run over the tree here, and beside each rule
//! a test feeds it what it must complain about. The rules and their reasons for people stand in
//! `docs/style.md`.

mod circles;
mod imports;
mod languages;
mod shape;
mod source;
mod wire;

use std::{fmt, path::Path};

use self::source::{Source, tree};

/// What is wrong, and where.
#[derive(Debug)]
pub struct Complaint {
    place: String,
    problem: String,
}

impl Complaint {
    pub fn new(file: &Source, at: usize, problem: String) -> Self {
        Self { place: format!("{}:{}", file.path, file.line(at)), problem }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

#[track_caller]
fn hold(rule: fn(&Source) -> Vec<Complaint>, files: &[Source]) {
    assert!(!files.is_empty(), "a rule over nothing holds nothing");
    let complaints: Vec<String> = files.iter().flat_map(rule).map(|c| c.to_string()).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The Rust files below some folders that people write.
fn rust(of: &[&str]) -> Vec<Source> {
    let mut files = tree(of);
    files.retain(|file| file.path.ends_with(".rs") && !file.path.contains("/generated/"));
    files
}

#[test]
fn imports_point_one_way() {
    hold(imports::direction, &rust(&["src"]));
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let found = circles::circles(&rust(&["src"]));
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn crates_and_queues_are_named_only_where_they_belong() {
    hold(imports::reserved_words, &rust(&["src"]));
}

#[test]
fn what_does_not_fit_is_not_saturated_away() {
    hold(shape::saturations, &rust(&["src"]));
}

#[test]
fn facts_and_deciders_are_pure() {
    hold(imports::purity, &rust(&["src"]));
}

#[test]
fn the_verifier_depends_on_nothing_of_ours() {
    hold(imports::independence, &tree(&["crates/audit/Cargo.toml"]));
}

#[test]
fn only_servers_and_clients_see_the_wire() {
    hold(imports::wire, &rust(&["src"]));
}

#[test]
fn files_are_one_idea_long() {
    hold(shape::size, &rust(&["src", "crates", "tests", "benches"]));
}

#[test]
fn files_open_by_saying_what_they_hold() {
    hold(shape::opening, &rust(&["src", "crates", "tests", "benches"]));
}

#[test]
fn functions_can_be_read_at_once() {
    hold(shape::functions, &rust(&["src", "crates", "benches"]));
}

#[test]
fn exceptions_are_needed() {
    let files = rust(&["src"]);
    hold(shape::stale_exceptions, &files);
    for (path, _, _) in shape::LONG_FUNCTIONS {
        assert!(files.iter().any(|file| file.path == *path), "{path} is gone");
    }
}

#[test]
fn names_of_files_say_something() {
    hold(shape::name, &tree(&["src", "crates", "tests", "docs", "benches"]));
}

#[test]
fn nothing_is_left_unfinished() {
    let all = ["src", "crates", "tests", "docs", "benches", "Cargo.toml"];
    hold(shape::leftovers, &tree(&all));
}

#[test]
fn documents_name_only_what_exists() {
    let mut documents =
        tree(&["docs", "README.md", "README.zh.md", "ARCHITECTURE.md", "CHANGELOG.md"]);
    documents.retain(|file| file.path.ends_with(".md"));
    hold(dead_references, &documents);
}

/// Links to files that are not there, and paths in backticks that lead nowhere.
fn dead_references(file: &Source) -> Vec<Complaint> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join(&file.path).parent().map(Path::to_path_buf).unwrap_or_default();
    let mut dead = Vec::new();
    for (at, _) in file.text.match_indices("](") {
        let target = file.text[at + 2..].split([')', '#', ' ']).next().unwrap_or_default();
        let elsewhere =
            target.is_empty() || target.contains("://") || target.starts_with("mailto:");
        if !elsewhere && !folder.join(target).exists() {
            dead.push(Complaint::new(file, at, format!("links to {target}, which does not exist")));
        }
    }
    let mut at = 0;
    for (index, part) in file.text.split('`').enumerate() {
        let inside = index % 2 == 1;
        let ours = ["src/", "crates/", "tests/", "docs/", "deploy/", "benches/", "examples/"];
        let a_path = ours.iter().any(|start| part.starts_with(start))
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        if inside && a_path && !root.join(part).exists() {
            dead.push(Complaint::new(file, at, format!("names {part}, which does not exist")));
        }
        at += part.len() + 1;
    }
    dead
}

#[test]
fn the_chinese_readme_is_in_step_with_the_english_one() {
    let (english, chinese) = (&tree(&["README.md"])[0], &tree(&["README.zh.md"])[0]);
    let complaints: Vec<String> =
        languages::in_step(english, chinese).iter().map(Complaint::to_string).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn a_readme_that_falls_behind_is_found() {
    let english = "# a\n[zh](b.md)\n```sh\ndemo  # says\n```\n| a |\n- [x](x.md) `p`\n## c\n";
    let chinese = english.replace("[zh](b.md)", "[en](a.md)");
    let complaints = |text: &str| {
        let found = languages::in_step(&Source::new("a.md", english), &Source::new("b.md", text));
        found.iter().map(Complaint::to_string).collect::<Vec<_>>()
    };
    assert_eq!(complaints(&chinese), Vec::<String>::new());
    for (from, to, what) in [
        ("## c", "### c", "headings"),
        ("demo  # says", "demo # says", "code"),
        ("```sh\ndemo  # says\n```\n", "", "code"),
        ("| a |\n", "", "rows and points"),
        ("- [x]", "[x]", "rows and points"),
        ("x.md", "y.md", "links"),
        ("`p`", "`q`", "words in backticks"),
        ("a.md", "c.md", "links"),
    ] {
        let found = complaints(&chinese.replace(from, to));
        assert!(found.iter().any(|found| found.contains(what)), "{from} to {to}: {found:?}");
    }
    assert!(complaints(&chinese.replace("[en](a.md)", ""))[0].contains("no link to a.md"));
}

#[test]
fn dead_references_are_found() {
    let text = "[a](nowhere.md) [b](https://example.com) [c](#here)\n`src/nowhere.rs` `src/lib.rs` `src/<x>.rs`";
    let found = dead_references(&Source::new("docs/a.md", text));
    let found: Vec<String> = found.iter().map(Complaint::to_string).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("docs/a.md:1:") && found[1].starts_with("docs/a.md:2:"));
}
