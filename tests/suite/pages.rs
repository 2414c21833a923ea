//! Goal: a post-mortem says what the read models say, the same way every time, and nothing that was
//! written into a name can do anything in it.
//!
//! Method: hand-made logs folded by the real projections, asked through the real reports. The pages
//! of one fixed sale are golden files; `UPDATE_GOLDEN=1` rewrites them, and the difference is read.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "pages/coupons.rs"]
mod coupons;
#[path = "pages/sale.rs"]
mod sale;
#[path = "pages/told.rs"]
mod told;

use std::{env, fs, path::PathBuf};

use doorbuster::{
    pages::{Clock, Lang, PageFile, PostMortem, ProofFacts, Stage, Style, files, findings},
    projections::{ReadModel, all},
    reports::{CsvManner, ReportError, Reports, SaleLine},
    values::{SaleId, UnixMs},
};
use sale::{HOSTILE, empty_sale, faithful_visitor, full_sale, sale_id, wide_sale};
use uuid::Uuid;

use crate::fold::log::Log;

const ENGLISH: Style = Style { lang: Lang::English, clock: Clock::UTC };

/// Folds a log in pages of that size and asks everything about the sale.
fn post_mortem_of(log: &Log, page: usize, proof: Option<ProofFacts>) -> PostMortem {
    let data = tempfile::tempdir().unwrap();
    for projection in all() {
        let mut model = ReadModel::open(data.path(), projection).unwrap();
        log.events.chunks(page).for_each(|page| model.apply_page(page).unwrap());
    }
    PostMortem::of(&Reports::open(data.path()), sale_id(), proof, UnixMs::LATEST).unwrap()
}

/// The same of a sale at that moment.
fn asked_at(log: &Log, now: UnixMs) -> PostMortem {
    let facts = post_mortem_of(log, 1_000, proved());
    PostMortem { stage: Stage::of(&facts.sale, now), asked_at: now, ..facts }
}

fn proved() -> Option<ProofFacts> {
    let (events, items, orders) = (135, 3, 45);
    Some(ProofFacts { events, items, orders, chained: true, chains: 8, ..ProofFacts::default() })
}

fn text<'a>(files: &'a [PageFile], path: &str) -> &'a str {
    &files.iter().find(|file| file.path == path).unwrap().text
}

fn is_golden(name: &str, written: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pages").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, written).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if let Some((line, (now, then))) =
        written.lines().zip(kept.lines()).enumerate().find(|(_, (now, then))| now != then)
    {
        panic!("{name} differs in line {}:\n  now: {now}\n then: {then}", line + 1);
    }
    assert_eq!(
        written.len(),
        kept.len(),
        "{name} is longer or shorter; UPDATE_GOLDEN=1 rewrites it"
    );
}

#[test]
fn the_pages_of_a_fixed_sale_are_their_golden_files() {
    let facts = post_mortem_of(&full_sale(), 1_000, proved());
    let english = files(&facts, ENGLISH, CsvManner::default());
    is_golden("post-mortem.en.html", text(&english, "post-mortem.html"));
    is_golden("post-mortem.en.md", text(&english, "post-mortem.md"));
    for name in ["stock", "demand", "demand-rush", "traffic", "funnel", "refusals", "holds"] {
        is_golden(&format!("{name}.csv"), text(&english, &format!("charts/{name}.csv")));
    }
    let clock = Clock::parse("offset", "+08:00").unwrap();
    let chinese = files(&facts, Style { lang: Lang::Chinese, clock }, CsvManner::default());
    is_golden("post-mortem.zh.html", text(&chinese, "post-mortem.html"));
    is_golden("post-mortem.zh.md", text(&chinese, "post-mortem.md"));
}

#[test]
fn a_page_does_not_depend_on_how_the_log_was_cut() {
    let whole =
        files(&post_mortem_of(&full_sale(), 1_000, proved()), ENGLISH, CsvManner::default());
    for page in [1, 7] {
        assert_eq!(
            files(&post_mortem_of(&full_sale(), page, proved()), ENGLISH, CsvManner::default()),
            whole
        );
    }
}

#[test]
fn names_that_were_meant_to_do_harm_do_none() {
    let written =
        files(&post_mortem_of(&full_sale(), 1_000, proved()), ENGLISH, CsvManner::default());
    let page = text(&written, "post-mortem.html");
    for harm in ["<script", "onload=\"", "\u{202e}", "\u{7}"] {
        assert!(!page.contains(harm), "{harm:?} is in the page");
    }
    assert!(page.contains("=&lt;script&gt;alert(1)&lt;/script&gt;|**b**|"), "but it is shown");
    let markdown = text(&written, "post-mortem.md");
    for harm in ["<script", "[x](", "**b**", "http://", "\u{202e}"] {
        assert!(!markdown.contains(harm), "{harm:?} is in the Markdown");
    }
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let hostile = markdown.lines().filter(|line| line.contains("alert(1)"));
    for line in hostile.filter(|line| line.starts_with('|')) {
        assert!([5, 7, 8, 9, 11].contains(&columns(line)), "a cell became several: {line}");
    }
    for PageFile { path, text } in written.iter().filter(|file| file.path.ends_with(".csv")) {
        let formula = text
            .lines()
            .flat_map(|line| line.split(','))
            .any(|cell| cell.trim_start_matches('"').starts_with(['=', '+', '@', '\t']));
        assert!(!formula, "{path} has a formula");
    }
    assert!(HOSTILE.starts_with('='), "it would be one");
}

#[test]
fn a_page_needs_nothing_but_itself() {
    let written =
        files(&post_mortem_of(&full_sale(), 1_000, proved()), ENGLISH, CsvManner::default());
    let page = text(&written, "post-mortem.html");
    for outside in ["src=", "url(", "@import", "<link", "<iframe", "style=\"", "javascript:"] {
        assert!(!page.contains(outside), "{outside} is in the page");
    }
    let links = page.match_indices("href=\"").map(|(at, _)| &page[at + 6..at + 7]);
    assert!(links.collect::<Vec<_>>().iter().all(|first| *first == "#"), "every link stays inside");
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn every_link_in_a_page_leads_somewhere() {
    let written =
        files(&post_mortem_of(&full_sale(), 1_000, proved()), ENGLISH, CsvManner::default());
    let page = text(&written, "post-mortem.html");
    for (at, _) in page.match_indices("href=\"#") {
        let anchor = page[at + 7..].split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{anchor}\"")), "#{anchor} is nowhere");
    }
}

#[test]
fn a_sale_that_nobody_came_to_has_a_page_that_says_so() {
    let facts = post_mortem_of(&empty_sale(), 1_000, None);
    let written = files(&facts, ENGLISH, CsvManner::default());
    let page = text(&written, "post-mortem.html");
    for said in [
        "This sale was put up without goals.",
        "No attempts were counted.",
        "No page views were recorded",
        "No attempt was refused.",
        "The log was not verified when this page was written.",
    ] {
        assert!(page.contains(said), "it does not say: {said}");
    }
    assert!(written.iter().all(|file| !file.path.ends_with(".csv")), "no chart, no rows");
    let told = findings(&facts, Lang::English);
    assert_eq!(told[0].0, "No order was placed.");
}

#[test]
fn of_many_items_fifty_are_shown_and_all_are_counted() {
    let facts = post_mortem_of(&wide_sale(53), 1_000, None);
    let written = files(&facts, ENGLISH, CsvManner::default());
    let markdown = text(&written, "post-mortem.md");
    let shown = markdown.lines().filter(|line| line.contains("| One of many |")).count();
    assert_eq!(shown, 50);
    assert!(markdown.contains("| **All items (and 3 more)** |"), "the rest is named");
    assert!(markdown.contains("**159**"), "and its units are in the sum");
}

#[test]
fn a_proof_that_failed_is_the_first_thing_that_matters() {
    let problem = format!("position 7, item-1: {HOSTILE}");
    let proof = ProofFacts { problems: vec![problem], more_problems: 2, ..ProofFacts::default() };
    let facts = post_mortem_of(&full_sale(), 1_000, Some(proof));
    let told = findings(&facts, Lang::English);
    assert_eq!(told[0].0, "The log breaks its promises: the verifier found 3 problems.");
    let written = files(&facts, ENGLISH, CsvManner::default());
    let page = text(&written, "post-mortem.html");
    assert!(page.contains("<h2>The proof failed</h2>"));
    assert!(!page.contains("No unit was sold twice"));
}

#[test]
fn what_mattered_has_its_figures() {
    let facts = post_mortem_of(&full_sale(), 1_000, proved());
    let told = findings(&facts, Lang::English);
    let says: Vec<&str> = told.iter().map(|(says, _)| says.as_str()).collect();
    assert_eq!(says.len(), 3);
    assert_eq!(says[0], "The goal “Units sold” was missed: 43 of 60.");
    assert_eq!(told[0].1, "That is 71.6\u{202f}% of the target.");
}

#[test]
fn distinct_visitors_are_never_added_up() {
    // Forty minutes are put together in the page's table, one visitor comes in each of them.
    let facts = post_mortem_of(&faithful_visitor(40), 1_000, None);
    let written = files(&facts, ENGLISH, CsvManner::default());
    let markdown = text(&written, "post-mortem.md");
    let traffic = markdown.split("## Traffic").nth(1).unwrap().split("## ").next().unwrap();
    assert!(traffic.contains("Visitors (UV) \\[12\\]: **1**"), "one visitor: {traffic}");
    let header = traffic.lines().find(|line| line.starts_with("| Time")).unwrap();
    assert_eq!(header, "| Time | Page views (PV) |");
    let rows = text(&written, "charts/traffic.csv");
    assert_eq!(rows.lines().filter(|line| line.ends_with(",1,1")).count(), 40, "by minute there");
}

#[test]
fn a_sale_that_does_not_exist_has_no_page() {
    let data = tempfile::tempdir().unwrap();
    for projection in all() {
        let mut model = ReadModel::open(data.path(), projection).unwrap();
        model.apply_page(&full_sale().events).unwrap();
    }
    let other = SaleId(Uuid::from_u128(1));
    let asked = PostMortem::of(&Reports::open(data.path()), other, None, UnixMs::LATEST);
    assert!(matches!(asked, Err(ReportError::NotFound("sale_id"))));
}

#[test]
fn offsets_from_utc_are_read_or_refused() {
    for good in ["+08:00", "-03:30", "+00:00", "+14:00"] {
        assert!(Clock::parse("offset", good).is_ok(), "{good}");
    }
    for bad in ["", "8", "08:00", "+8:00", "+08", "+24:00", "+08:60", "+０8:00", "+ 8:00", "é"] {
        let refused = Clock::parse("offset", bad).unwrap_err();
        assert!(refused.to_string().contains("offset"), "{bad}");
    }
}

#[test]
fn a_sale_that_is_not_over_is_not_judged_and_the_page_says_so_on_top() {
    let log = full_sale();
    let sale = post_mortem_of(&log, 1_000, None).sale;
    let cases = [
        (sale.opens_at.plus(-1), "it opens ", "尚未结束：将于 "),
        (sale.opens_at, "it runs until ", "尚未结束：将进行至 "),
        (sale.closes_at.plus(-1), "it runs until ", "尚未结束：将进行至 "),
    ];
    for (now, english, chinese) in cases {
        let facts = asked_at(&log, now);
        assert_eq!(findings(&facts, Lang::English), [], "nothing mattered yet");
        for (lang, says) in [(Lang::English, english), (Lang::Chinese, chinese)] {
            let files = files(&facts, Style { lang, ..ENGLISH }, CsvManner::default());
            let page = text(&files, "post-mortem.html");
            let (top, rest) = page.split_once("<main>").unwrap();
            assert!(top.contains("class=\"unfinished\"") && top.contains(says), "{says}: {top}");
            let markdown = text(&files, "post-mortem.md");
            let top: Vec<_> = markdown.lines().take(3).collect();
            assert!(top[2].starts_with("> **") && top[2].contains(says), "{top:?}");
            for verdict in ["missed", "reached", "未达成", "没有任何订单"] {
                let judged = format!(">{verdict}<");
                assert!(!rest.contains(&judged), "{verdict} is said of a sale that is not over");
            }
        }
    }
    assert!(
        !text(
            &files(&asked_at(&log, sale.closes_at), ENGLISH, CsvManner::default()),
            "post-mortem.html"
        )
        .contains("not over")
    );
    let closed =
        PostMortem { sale: SaleLine { closed: true, ..sale }, ..asked_at(&log, UnixMs(0)) };
    assert_eq!(Stage::of(&closed.sale, UnixMs(0)), Stage::Over, "closed by hand is over");
}
