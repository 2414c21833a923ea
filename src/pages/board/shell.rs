//! The frame around every page of the board: head, navigation, language, and what steering needs.

use std::fmt::Write as _;

use super::{
    say::{Say, element},
    steering::Deed,
    words::Word,
};
use crate::{
    pages::{escape, words::Lang},
    values::{IncidentSeverity, ServiceLevel},
};

/// What operators who sign in on a page can steer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steers {
    Nothing,
    /// A sale, whose figures have an age.
    Sale,
    /// One order.
    Orders,
}

/// What stands around a page.
pub struct Shell<'a> {
    pub title: &'a str,
    /// Path and query without a language, for the link to the other one.
    pub path: &'a str,
    /// What the page is to the script: `list`, `live`, `after`, `log`, `order`, `waiting`.
    pub kind: &'a str,
    /// Attributes for the script, with their values.
    pub facts: &'a [(&'a str, String)],
    pub steers: Steers,
    /// Names of the script and the style sheet.
    pub assets: (&'a str, &'a str),
}

/// A whole page around its body.
pub fn page(shell: &Shell<'_>, body: &str, say: Say) -> String {
    let mut out = String::with_capacity(body.len() + 8 * 1024);
    let (script, style) = shell.assets;
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{} · doorbuster</title><link rel=\"icon\" href=\"/board.svg\">\
         <link rel=\"stylesheet\" href=\"{style}\"><script src=\"{script}\" defer></script></head>\n",
        say.lang.tag(),
        escape::html(shell.title)
    );
    let _ = write!(out, "<body data-page=\"{}\" data-lang=\"{}\"", shell.kind, say.lang.name());
    for (name, value) in shell.facts {
        let _ = write!(out, " data-{name}=\"{}\"", escape::html(value));
    }
    for (name, deed) in SAID {
        let _ = write!(out, " data-say-{name}=\"{}\"", escape::html(say.deed(deed)));
    }
    out.push_str(">\n");
    element_link(&mut out, "skip", "#main", say.word(Word::Skip));
    bar(&mut out, shell, say);
    out.push_str("<main id=\"main\">\n");
    out.push_str(body);
    out.push_str("\n</main>\n");
    if shell.steers != Steers::Nothing {
        dialogs(&mut out, say);
    }
    let _ = write!(out, "<footer><p>{}</p></footer>\n</body></html>\n", say.word(Word::Times));
    out
}

/// A link with one class.
pub fn element_link(out: &mut String, class: &str, to: &str, text: &str) {
    let (to, text) = (escape::html(to), escape::html(text));
    let _ = match class {
        "" => write!(out, "<a href=\"{to}\">{text}</a>"),
        class => write!(out, "<a class=\"{class}\" href=\"{to}\">{text}</a>"),
    };
}

/// What the script says.
const SAID: [(&str, Deed); 12] = [
    ("connecting", Deed::Connecting),
    ("updated", Deed::Updated),
    ("stale", Deed::Stale),
    ("resting", Deed::Resting),
    ("no-answer", Deed::NoAnswer),
    ("proposed", Deed::Proposed),
    ("signed-in", Deed::SignedIn),
    ("working", Deed::Working),
    ("effective", Deed::Effective),
    ("refused", Deed::Refused),
    ("unreachable", Deed::Unreachable),
    ("days", Deed::Days),
];

fn bar(out: &mut String, shell: &Shell<'_>, say: Say) {
    out.push_str("<header class=\"mast\"><a class=\"brand\" href=\"/\">doorbuster</a><nav>");
    element_link(out, "", "/", say.word(Word::Sales));
    element_link(out, "", "/log", say.word(Word::Log));
    out.push_str("</nav>");
    if shell.steers == Steers::Sale {
        let connecting = escape::html(say.deed(Deed::Connecting));
        let _ =
            write!(out, "<span id=\"fresh\" class=\"fresh\" role=\"status\">{connecting}</span>");
    }
    if shell.steers != Steers::Nothing {
        let _ = write!(
            out,
            "<span id=\"who\" class=\"quiet who\">{}</span>\
             <button type=\"button\" id=\"sign\" data-in=\"{1}\" data-out=\"{2}\">{1}</button>",
            say.deed(Deed::ReadOnly),
            say.deed(Deed::SignIn),
            say.deed(Deed::SignOut)
        );
    }
    let other = match say.lang {
        Lang::English => Lang::Chinese,
        Lang::Chinese => Lang::English,
    };
    let joint = if shell.path.contains('?') { '&' } else { '?' };
    let to = escape::html(&format!("{}{joint}lang={}", shell.path, other.name()));
    let _ = writeln!(
        out,
        "<a class=\"lang\" hreflang=\"{0}\" lang=\"{0}\" href=\"{to}\">{1}</a></header>",
        other.tag(),
        say.word(Word::OtherLanguage)
    );
}

/// What each act is called, what it will do, and what it asks for.
const ACTS: [(&str, Deed, Deed, &str); 15] = [
    ("pause-item", Deed::PauseItem, Deed::PauseItemWill, ""),
    ("resume-item", Deed::ResumeItem, Deed::ResumeItemWill, ""),
    ("pause-sale", Deed::PauseSale, Deed::PauseSaleWill, ""),
    ("resume-sale", Deed::ResumeSale, Deed::ResumeSaleWill, ""),
    ("close-sale", Deed::CloseSale, Deed::CloseSaleWill, ""),
    ("release", Deed::Release, Deed::ReleaseWill, "units warehouse"),
    ("allocate", Deed::Allocate, Deed::AllocateWill, "units warehouse newplace"),
    ("limit", Deed::SetLimit, Deed::SetLimitWill, "buyer order"),
    ("settle", Deed::SettleRefund, Deed::SettleRefundWill, "reference"),
    ("refund", Deed::Refund, Deed::RefundWill, "units restock"),
    ("level", Deed::SetLevel, Deed::SetLevelWill, "level"),
    ("open-incident", Deed::OpenIncident, Deed::OpenIncidentWill, "title"),
    ("incident-act", Deed::ActIncident, Deed::ActIncidentWill, "action"),
    ("incident-assess", Deed::AssessIncident, Deed::AssessIncidentWill, "severity impact owner"),
    ("incident-resolve", Deed::ResolveIncident, Deed::ResolveIncidentWill, ""),
];

/// A field of a dialog that has one of some values.
fn choice(out: &mut String, field: &str, name: &str, values: impl Iterator<Item = &'static str>) {
    let name = escape::html(name);
    let _ = write!(out, "<label data-field=\"{field}\">{name}<select name=\"{field}\">");
    values.for_each(|value| element(out, "option", "", value));
    out.push_str("</select></label>");
}

/// A field of a dialog that is typed.
fn entry(out: &mut String, field: &str, name: &str, kind: &str) {
    let name = escape::html(name);
    let _ =
        write!(out, "<label data-field=\"{field}\">{name}<input name=\"{field}\" {kind}></label>");
}

fn dialogs(out: &mut String, say: Say) {
    for (act, name, will, fields) in ACTS {
        let (name, will) = (escape::html(say.deed(name)), escape::html(say.deed(will)));
        let _ = write!(
            out,
            "<i hidden class=\"deed\" data-deed=\"{act}\" data-name=\"{name}\" data-will=\"{will}\" \
             data-fields=\"{fields}\"></i>"
        );
    }
    out.push_str(
        "\n<dialog id=\"steer\" aria-labelledby=\"steer-name\"><form><h2 id=\"steer-name\"></h2>\
         <p class=\"subject\"></p><p class=\"will quiet\"></p>",
    );
    for (field, deed, kind) in [
        ("units", Deed::Units, "type=\"number\" min=\"1\" step=\"1\""),
        ("buyer", Deed::PerBuyer, "type=\"number\" min=\"1\" step=\"1\""),
        ("order", Deed::PerOrder, "type=\"number\" min=\"1\" step=\"1\""),
        ("title", Deed::IncidentTitle, "type=\"text\" maxlength=\"200\""),
        ("action", Deed::Action, "type=\"text\" maxlength=\"500\""),
        ("impact", Deed::Impact, "type=\"text\" maxlength=\"500\""),
        ("owner", Deed::Owner, "type=\"text\" maxlength=\"64\""),
        ("reference", Deed::Reference, "type=\"text\" maxlength=\"128\""),
    ] {
        entry(out, field, say.deed(deed), kind);
    }
    // The browser asks for the warehouses of the item when the dialog is opened.
    choice(out, "warehouse", say.deed(Deed::Warehouse), [].into_iter());
    entry(out, "newplace", say.deed(Deed::NewWarehouse), "type=\"text\" maxlength=\"64\"");
    let levels = ServiceLevel::ALL.iter().map(|level| level.name());
    choice(out, "level", say.deed(Deed::Level), levels);
    let name = escape::html(say.deed(Deed::Restock));
    let _ = write!(
        out,
        "<label data-field=\"restock\">{name}<select name=\"restock\">\
         <option value=\"yes\">{}</option><option value=\"no\">{}</option></select></label>",
        escape::html(say.deed(Deed::Restocked)),
        escape::html(say.deed(Deed::WrittenOff))
    );
    let severities = IncidentSeverity::ALL.iter().map(|severity| severity.name());
    choice(out, "severity", say.deed(Deed::Severity), severities);
    let _ = writeln!(
        out,
        "<label>{}<input name=\"reason\" type=\"text\" required maxlength=\"200\"></label>\
         <p class=\"answer\" role=\"status\"></p><p class=\"menu\">\
         <button type=\"button\" data-close>{}</button><button type=\"submit\" class=\"go\">{}</button>\
         </p></form></dialog>",
        say.deed(Deed::Reason),
        say.deed(Deed::Cancel),
        say.deed(Deed::Confirm)
    );
    let _ = writeln!(
        out,
        "<dialog id=\"enter\" aria-labelledby=\"enter-name\"><form><h2 id=\"enter-name\">{0}</h2>\
         <label>{1}<input name=\"token\" type=\"password\" autocomplete=\"off\" required></label>\
         <p class=\"quiet\">{2}</p><p class=\"answer\" role=\"status\"></p><p class=\"menu\">\
         <button type=\"button\" data-close>{3}</button><button type=\"submit\" class=\"go\">{0}</button>\
         </p></form></dialog>",
        say.deed(Deed::SignIn),
        say.deed(Deed::Token),
        say.deed(Deed::TokenHint),
        say.deed(Deed::Cancel)
    );
}
