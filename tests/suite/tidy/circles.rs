//! No circle between files: what two files share stands in a third.
//!
//! A file names another where one of its paths leads into it, through any number of re-exports. A
//! module that only declares or re-exports what is below it does not name it; so a folder's `mod.rs`
//! may list its parts, and a part may name what the folder re-exports from another part.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// Circles that are still there, by one of their files. Each entry is a debt; the list only shrinks.
const KNOWN: &[&str] = &["src/store/embedded/mod.rs", "src/store/embedded/schema.rs"];

/// A path of names from the top of the crate.
type Path = Vec<String>;

/// What the rule sees of one file.
#[derive(Default)]
struct File {
    at: String,
    /// Names that paths through this module may go on with, and where they lead.
    leads: BTreeMap<String, Path>,
    /// Modules all of whose names may be taken from here.
    globs: Vec<Path>,
    /// What the file itself defines.
    defines: BTreeSet<String>,
    /// Paths of other modules that the code names.
    names: Vec<Path>,
}

/// One complaint for each circle that is not known, and for each known one that is gone.
pub fn circles(files: &[Source]) -> Vec<String> {
    let modules = read(files);
    let named = |module: &File, own: &Path| {
        let to = module.names.iter().map(|path| resolve(&modules, path.clone()));
        to.filter(|to| to != own && modules.contains_key(to)).collect::<BTreeSet<_>>()
    };
    let edges: BTreeMap<&Path, BTreeSet<Path>> =
        modules.iter().map(|(path, module)| (path, named(module, path))).collect();
    let mut found: BTreeSet<Vec<&str>> = BTreeSet::new();
    for start in modules.keys() {
        let circle = reached(&edges, start)
            .into_iter()
            .filter(|other| reached(&edges, other).contains(start))
            .map(|path| modules[&path].at.as_str())
            .collect::<Vec<_>>();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    let known = |circle: &Vec<&str>| circle.iter().any(|file| KNOWN.contains(file));
    let mut complaints: Vec<String> = found
        .iter()
        .filter(|circle| !known(circle))
        .map(|circle| format!("name each other in a circle: {}", circle.join(", ")))
        .collect();
    for file in KNOWN {
        if !found.iter().any(|circle| circle.contains(file)) {
            complaints.push(format!("{file} is in no circle any more: take it off the list"));
        }
    }
    complaints
}

/// Everything that can be reached from a file.
fn reached(edges: &BTreeMap<&Path, BTreeSet<Path>>, start: &Path) -> BTreeSet<Path> {
    let mut reached = BTreeSet::new();
    let mut next = vec![start];
    while let Some(path) = next.pop() {
        for to in &edges[path] {
            if reached.insert(to.clone()) {
                next.push(to);
            }
        }
    }
    reached
}

fn read(files: &[Source]) -> BTreeMap<Path, File> {
    let mut modules = BTreeMap::new();
    for file in files {
        let (at, defines) = (file.path.clone(), defined_in(&file.code));
        modules.insert(module_of(file), File { at, defines, ..File::default() });
    }
    // Twice: what a path leads to may be known by a re-export that is read later.
    for _ in 0..2 {
        for file in files {
            let own = module_of(file);
            let (leads, globs, names) = look(&file.code, &own, &modules);
            let module = modules.get_mut(&own).unwrap();
            (module.leads, module.globs, module.names) = (leads, globs, names);
        }
    }
    modules
}

fn module_of(file: &Source) -> Path {
    let inner = file.path.trim_start_matches("src/").trim_end_matches(".rs");
    let inner = inner.trim_end_matches("/mod");
    let top = matches!(inner, "lib" | "main" | "mod");
    if top { Vec::new() } else { inner.split('/').map(str::to_owned).collect() }
}

fn look(
    code: &str,
    own: &Path,
    modules: &BTreeMap<Path, File>,
) -> (BTreeMap<String, Path>, Vec<Path>, Vec<Path>) {
    let (mut leads, mut globs, mut names) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        // A `use` ends its statement; what stands before it is code.
        let Some(at) = use_at(statement) else {
            rest.push_str(statement);
            continue;
        };
        let (before, tree) = statement.split_at(at);
        let public = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
        rest.push_str(before);
        let tree = tree.trim_start_matches("use").trim().trim_end_matches(';');
        for (path, name) in branches(tree, &Vec::new()) {
            let Some(path) = absolute(&path, own, modules) else { continue };
            let below = path.len() > own.len() && path.starts_with(own);
            if public && name == "*" {
                globs.push(path[..path.len() - 1].to_vec());
            } else if public || below {
                leads.insert(name, path.clone());
            }
            if !(public && below) {
                names.push(path);
            }
        }
    }
    names.extend(paths_in(&rest).filter_map(|path| absolute(&path, own, modules)));
    (leads, globs, names)
}

/// The names of the items that others may take from a file.
fn defined_in(code: &str) -> BTreeSet<String> {
    const ITEMS: [&str; 7] = ["struct", "enum", "trait", "fn", "const", "static", "type"];
    let mut found = BTreeSet::new();
    for line in code.lines().filter(|line| line.starts_with("pub")) {
        let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let items = words.windows(2).filter(|pair| ITEMS.contains(&pair[0]));
        found.extend(items.map(|pair| pair[1].to_owned()));
    }
    found
}

/// Where a `use` starts in a statement, if it is one.
fn use_at(statement: &str) -> Option<usize> {
    let at = statement.rfind("use ")?;
    let before = statement[..at].trim_end();
    let starts = before.is_empty()
        || before.ends_with(['{', '}', ']', ';'])
        || before.ends_with("pub")
        || (before.ends_with(')') && before.contains("pub("));
    starts.then_some(at)
}

/// The paths of a tree of imports, each with the name it is known by.
fn branches(tree: &str, before: &Path) -> Vec<(Path, String)> {
    let tree = tree.trim();
    if let Some((head, inner)) = tree.split_once('{') {
        let mut path = before.clone();
        path.extend(
            head.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned),
        );
        let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
        return parts(inner).into_iter().flat_map(|part| branches(part, &path)).collect();
    }
    let (tree, alias) =
        tree.split_once(" as ").map_or((tree, None), |(tree, name)| (tree, Some(name)));
    let mut path = before.clone();
    path.extend(tree.split("::").map(|name| name.trim().to_owned()));
    if path.last().is_some_and(|name| name == "self") && path.len() > 1 {
        path.pop();
    }
    let name = alias
        .map_or_else(|| path.last().cloned().unwrap_or_default(), |name| name.trim().to_owned());
    vec![(path, name)]
}

/// What stands between commas outside of braces.
fn parts(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Paths of two names or more in code that is no import.
fn paths_in(code: &str) -> impl Iterator<Item = Path> + '_ {
    let mut paths = Vec::new();
    let bytes = code.as_bytes();
    let mut at = 0;
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && in_name(bytes[at]) {
            at += 1;
        }
        let word = &code[start..at];
        if word.contains("::") && !word.starts_with(':') {
            let path = word.trim_end_matches(':').split("::").map(str::to_owned);
            // Neither a method of a value nor how far something may be seen is a path.
            if !code[..start].ends_with('.') && !code[..start].ends_with("pub(in ") {
                paths.push(path.collect());
            }
        }
        at = at.max(start) + 1;
    }
    paths.into_iter()
}

/// The same path from the top of the crate; nothing where it leads out of the crate.
fn absolute(path: &Path, own: &Path, modules: &BTreeMap<Path, File>) -> Option<Path> {
    let (first, more) = path.split_first()?;
    let ups = path.iter().take_while(|name| *name == "super").count();
    let base = match first.as_str() {
        "crate" => Vec::new(),
        "self" => own.clone(),
        "super" => own[..own.len().checked_sub(ups)?].to_vec(),
        child => {
            let below = [own.as_slice(), &[child.to_owned()]].concat();
            if modules.contains_key(&below) {
                below
            } else {
                modules.get(own)?.leads.get(child)?.clone()
            }
        }
    };
    let rest = if ups > 0 { &path[ups..] } else { more };
    Some([base, rest.to_vec()].concat())
}

/// The file that a path leads into, through re-exports.
fn resolve(modules: &BTreeMap<Path, File>, mut path: Path) -> Path {
    // More re-exports than that in a row are a re-export of itself.
    for _ in 0..16 {
        let mut depth = 0;
        while depth < path.len() && modules.contains_key(&path[..=depth]) {
            depth += 1;
        }
        let onward = path.get(depth).and_then(|name| onward(modules, &path[..depth], name));
        match onward {
            Some(to) if to != path[..=depth] => path = [to, path[depth + 1..].to_vec()].concat(),
            _ => return path[..depth].to_vec(),
        }
    }
    path
}

/// Where a name leads that a module re-exports, by itself or with all others.
fn onward(modules: &BTreeMap<Path, File>, module: &[String], name: &String) -> Option<Path> {
    let file = modules.get(module)?;
    if let Some(to) = file.leads.get(name) {
        return Some(to.clone());
    }
    let mut below = file.globs.iter().filter_map(|from| {
        let named = [from.as_slice(), std::slice::from_ref(name)].concat();
        let own = modules.get(from)?.defines.contains(name) || modules.contains_key(&named);
        if own { Some(named) } else { onward(modules, from, name) }
    });
    below.next()
}

#[test]
fn circles_are_found_in_every_spelling() {
    let circle = |a: &str, b: &str| {
        let files = [
            Source::new("src/lib.rs", "mod x;"),
            Source::new("src/x/mod.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;"),
            Source::new("src/x/a.rs", a),
            Source::new("src/x/b.rs", b),
        ];
        circles(&files).iter().filter(|found| found.contains("circle:")).count()
    };
    for (a, b) in [
        ("use super::b::B;", "use super::a::A;"),
        ("use super::B;", "use super::A;"),
        ("use crate::x::{b::B as C};", "use crate::{x::A};"),
        ("fn f() -> super::b::B {}", "fn g(a: crate::x::A) {}"),
        ("use crate::x::b;\nfn f() { b::g() }", "use super::{a::{self, A}};"),
    ] {
        assert_eq!(circle(a, b), 1, "{a} {b}");
    }
    for (a, b) in [
        ("use super::b::B;", "use crate::y::A;"),
        ("use super::B; // super::a", "// use super::A;"),
        ("pub(in super::b) struct A(super::B);", "pub(in super::a) struct B;"),
    ] {
        assert_eq!(circle(a, b), 0, "{a} {b}");
    }
}

#[test]
fn circles_are_found_through_globs() {
    let circle = |family: &str, b: &str| {
        let files = [
            Source::new("src/lib.rs", "mod x;"),
            Source::new("src/x/mod.rs", "mod y;\npub use y::*;"),
            Source::new("src/x/y/mod.rs", family),
            Source::new("src/x/y/a.rs", "use crate::x::B;\npub struct A(B);"),
            Source::new("src/x/y/b.rs", b),
        ];
        circles(&files).iter().filter(|found| found.contains("circle:")).count()
    };
    let all = "mod a;\nmod b;\npub use a::*;\npub use b::*;";
    assert_eq!(circle(all, "use crate::x::A;\npub struct B(A);"), 1);
    assert_eq!(circle(all, "pub struct B;"), 0);
    assert_eq!(circle("mod a;\nmod b;", "use crate::x::A;\npub struct B(A);"), 0);
}

#[test]
fn a_parent_that_holds_what_its_parts_need_is_found() {
    let parts = |parent: &str| {
        let files = [
            Source::new("src/x.rs", parent),
            Source::new("src/x/a.rs", "use super::T;\npub struct A(T);"),
            Source::new("src/x/t.rs", "pub struct T;"),
        ];
        circles(&files).iter().filter(|found| found.contains("circle:")).count()
    };
    assert_eq!(parts("mod a;\npub struct T;\nfn f() -> a::A {}"), 1);
    assert_eq!(parts("mod a;\nmod t;\npub use t::T;\nfn f() -> a::A {}"), 0);
}
