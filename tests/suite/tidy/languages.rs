//! The README in two languages: what they must have in common so that neither falls behind.
//!
//! Words differ, everything else does not: the same headings in the same order, the same code to
//! the byte, the same links and words in backticks, the same rows in each table, as many points in
//! each list.

use super::{Complaint, source::Source};

/// What a page is made of, beside its words.
#[derive(Debug, Default, PartialEq, Eq)]
struct Skeleton {
    /// Level of each heading, in order.
    headings: Vec<usize>,
    /// Each fenced block, the fences included.
    code: Vec<String>,
    /// Rows and list points, in order, between which paragraphs may be cut differently.
    rows: Vec<&'static str>,
    /// Where links lead, sorted: sentences of two languages order them differently.
    links: Vec<String>,
    /// Words in backticks outside of blocks, sorted: commands, paths and names of the program.
    spans: Vec<String>,
}

/// What `other` lacks of `page`, or has beyond it. Links from one to the other are not compared.
pub fn in_step(page: &Source, other: &Source) -> Vec<Complaint> {
    let (mine, theirs) = (skeleton(page, &other.path), skeleton(other, &page.path));
    let mut complaints = Vec::new();
    let mut complain = |what: &str, found: String, expected: String| {
        if found != expected {
            let problem = format!("{what} are not those of {}: {found}, not {expected}", page.path);
            complaints.push(Complaint::new(other, 0, problem));
        }
    };
    complain("headings", format!("{:?}", theirs.headings), format!("{:?}", mine.headings));
    complain("links", format!("{:?}", theirs.links), format!("{:?}", mine.links));
    complain("words in backticks", format!("{:?}", theirs.spans), format!("{:?}", mine.spans));
    complain("rows and points", format!("{:?}", theirs.rows), format!("{:?}", mine.rows));
    let blocks = mine.code.len().max(theirs.code.len());
    for nth in 0..blocks {
        complain("code", block(&theirs, nth), block(&mine, nth));
    }
    for (one, another) in [(page, other), (other, page)] {
        if !one.text.contains(&format!("]({})", another.path)) {
            let problem = format!("has no link to {}", another.path);
            complaints.push(Complaint::new(one, 0, problem));
        }
    }
    complaints
}

fn block(of: &Skeleton, nth: usize) -> String {
    of.code.get(nth).cloned().unwrap_or_else(|| "no block".to_owned())
}

fn skeleton(page: &Source, elsewhere: &str) -> Skeleton {
    let mut found = Skeleton::default();
    let mut fence: Option<String> = None;
    let mut prose = String::new();
    for line in page.text.lines() {
        if let Some(block) = &mut fence {
            block.push_str(line);
            block.push('\n');
            if line == "```" {
                found.code.extend(fence.take());
            }
            continue;
        }
        if line.starts_with("```") {
            fence = Some(format!("{line}\n"));
            continue;
        }
        if line.starts_with('#') {
            found.headings.push(line.chars().take_while(|letter| *letter == '#').count());
        } else if line.starts_with('|') {
            found.rows.push("|");
        } else if line.starts_with("- ") {
            found.rows.push("-");
        }
        prose.push_str(line);
        prose.push(' ');
        found.links.extend(links(line).filter(|link| *link != elsewhere).map(str::to_owned));
    }
    // A fence that never closes swallows the rest, in both languages alike.
    found.code.extend(fence);
    found.spans.extend(prose.split('`').skip(1).step_by(2).map(str::to_owned));
    found.spans.sort();
    found.links.sort();
    found
}

fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}
