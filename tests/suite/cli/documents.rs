//! The commands that documents tell people to type are commands that the program takes.
//!
//! Method: every line of a fenced block that calls `doorbuster` is parsed by the real command line.
//! Words in capitals stand for ids and directories; one that fits both is put in their place.

use std::path::Path;

use clap::Parser;
use doorbuster::cli::Cli;

const DOCUMENTS: [&str; 3] = ["README.md", "README.zh.md", "docs/playbook.md"];

/// Fits an id, a directory and a file.
const SOME_ID: &str = "0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77";

#[test]
fn every_command_in_the_readme_and_the_playbook_is_taken() {
    for document in DOCUMENTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        let text = std::fs::read_to_string(path).unwrap();
        let mut taken = 0;
        for line in commands(&text) {
            if let Err(error) = Cli::try_parse_from(words(&line)) {
                panic!("{document}: {line}\n{error}");
            }
            taken += 1;
        }
        assert!(taken >= 10, "{document} has only {taken} commands");
    }
}

#[test]
fn a_command_that_is_not_there_is_found() {
    let text = "doorbuster outside\n```sh\nx && doorbuster report stock  # `stock`\ndoorbuster nope \"a b\" SALE\n```\n";
    let found: Vec<String> = commands(text).collect();
    assert_eq!(found, ["doorbuster report stock", "doorbuster nope \"a b\" SALE"]);
    assert!(Cli::try_parse_from(words(&found[0])).is_ok());
    assert_eq!(words(&found[1]), ["doorbuster", "nope", "a b", SOME_ID]);
    assert!(Cli::try_parse_from(words(&found[1])).is_err());
}

/// The calls in a document's shell blocks, without remarks. What is continued on the next line is
/// one call.
fn commands(text: &str) -> impl Iterator<Item = String> {
    let mut blocks = Vec::new();
    let mut inside: Option<String> = None;
    for line in text.lines() {
        match &mut inside {
            None if line.trim_start() == "```sh" => inside = Some(String::new()),
            None => {}
            Some(_) if line.trim_start() == "```" => blocks.extend(inside.take()),
            Some(block) => {
                block.push_str(line.split(" #").next().unwrap_or_default().trim_end());
                block.push('\n');
            }
        }
    }
    let lines = blocks.join("\n").replace("\\\n", " ");
    let calls = lines.lines().filter_map(|line| {
        let at = line.find("doorbuster ")?;
        let begins = at == 0 || line[..at].ends_with(' ');
        // What follows a pipe or a redirection is the shell's.
        let call = line[at..].split([';', '|', '>', '&']).next()?;
        begins.then(|| call.trim_end().to_owned())
    });
    calls.collect::<Vec<_>>().into_iter()
}

/// The words of a call, quotes resolved as a shell does.
fn words(call: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in call.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => word.get_or_insert_default().push(letter),
            None if letter == '"' || letter == '\'' => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    for word in &mut words {
        let stands_in = word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        if stands_in {
            SOME_ID.clone_into(word);
        }
    }
    words
}
