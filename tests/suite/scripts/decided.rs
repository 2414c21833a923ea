//! Versions count, wordings are checked, and what comes with doorbuster is itself in order.

use doorbuster::{
    domain::{
        Decider, Misdirected,
        script::{
            ChangeScript, Language, Script, ScriptCommand, ScriptOutcome, ScriptRefusal, Situation,
            Variable, WORDING_CHARS_MAX, builtin, check_wording, fill_wording,
        },
    },
    events::{ScriptEvent, StreamName},
    values::{RequestId, UnixMs},
};
use uuid::Uuid;

const SITUATION: Situation = Situation::RefundDue;

fn change(number: u128, text: Option<&str>, expected_version: Option<i64>) -> ChangeScript {
    ChangeScript {
        request_id: RequestId(Uuid::from_u128(0x4000 + number)),
        situation: SITUATION,
        language: Language::English,
        text: text.map(str::to_owned),
        expected_version,
        operator: "olga".to_owned(),
        reason: "a test".to_owned(),
    }
}

#[derive(Debug)]
struct Live {
    script: Script,
    log: Vec<ScriptEvent>,
}

impl Live {
    fn new() -> Self {
        let stream = StreamName::script(&SITUATION.name(), Language::English.name());
        Self { script: Script::initial(stream.id), log: Vec::new() }
    }

    fn run(&mut self, change: ChangeScript) -> ScriptOutcome {
        let now = UnixMs(1_000 * (1 + self.log.len() as i64));
        let decided = self.script.decide(ScriptCommand::Change(Box::new(change)), now);
        for caused in decided.events {
            let revision = self.log.len() as u64;
            self.script.evolve(&caused.event, revision);
            self.log.push(caused.event);
        }
        self.script.answer(decided.outcome, now)
    }

    fn in_force(&mut self, change: ChangeScript) -> (i64, Option<String>) {
        match self.run(change) {
            ScriptOutcome::Script(view) => (view.version, view.text),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn versions_count_through_publishing_and_withdrawing() {
    let mut live = Live::new();
    assert_eq!(live.in_force(change(1, Some("one"), None)), (1, Some("one".to_owned())));
    assert_eq!(live.in_force(change(2, Some("two"), None)), (2, Some("two".to_owned())));
    assert_eq!(live.in_force(change(3, None, None)), (3, None));
    assert_eq!(live.in_force(change(4, Some("four"), None)), (4, Some("four".to_owned())));
    // The first answer again, and nothing happens.
    assert_eq!(live.in_force(change(2, Some("two"), None)), (2, Some("two".to_owned())));
    assert_eq!(live.log.len(), 4);
}

#[test]
fn two_who_edit_at_once_do_not_overwrite_each_other() {
    let mut live = Live::new();
    assert_eq!(live.in_force(change(1, Some("one"), Some(0))).0, 1);
    let late = live.run(change(2, Some("other"), Some(0)));
    let refusal = ScriptRefusal::VersionNotExpected { in_force: 1 };
    assert_eq!(late, ScriptOutcome::Refused(refusal));
    assert_eq!(live.in_force(change(3, Some("other"), Some(1))).0, 2);
}

#[test]
fn what_is_not_published_cannot_be_withdrawn() {
    let mut live = Live::new();
    let refused = ScriptOutcome::Refused(ScriptRefusal::NotPublished);
    assert_eq!(live.run(change(1, None, None)), refused);
    live.run(change(2, Some("one"), None));
    live.run(change(3, None, None));
    assert_eq!(live.run(change(4, None, None)), refused);
}

#[test]
fn a_request_id_of_another_change_is_refused() {
    let mut live = Live::new();
    live.run(change(1, Some("one"), None));
    let reused = change(1, Some("two"), None);
    let why = Misdirected::RequestIdReused(reused.request_id);
    assert_eq!(live.run(reused), ScriptOutcome::Misdirected(why));
}

#[test]
fn every_situation_has_a_wording_in_both_languages_that_keeps_its_own_rules() {
    let situations: Vec<Situation> = Situation::all().collect();
    assert!(situations.len() > 15);
    for situation in situations {
        assert_eq!(Situation::parse("situation", &situation.name()), Ok(situation));
        let texts = Language::ALL.map(|language| builtin(situation, language));
        for text in texts {
            check_wording("text", situation, text).unwrap();
        }
        assert!(texts[0].is_ascii(), "{}", texts[0]);
        assert!(texts[1].contains('。'), "{}", texts[1]);
        assert!(!texts.iter().any(|text| text.contains("  ")), "{texts:?}");
    }
}

#[test]
fn wordings_that_cannot_be_filled_are_refused_with_what_there_is() {
    let long = "a".repeat(WORDING_CHARS_MAX + 1);
    let cases = [
        ("", "is missing"),
        (long.as_str(), "at most 1000 characters"),
        ("bell\u{7}", "control characters"),
        ("hello {itemtitle}", "names the variable \"itemtitle\""),
        ("hello {}", "names the variable \"\""),
        ("hello {pay_by_time}", "there are {item_title}, {sku}"),
        ("hello {item_title", "has a '{' without its counterpart"),
        ("hello item_title}", "has a '}' without its counterpart"),
        ("hello {{item_title}}", "has a '{' without its counterpart"),
    ];
    let sold_out = Situation::parse("situation", "refusal.sold_out").unwrap();
    for (text, words) in cases {
        let said = check_wording("text", sold_out, text).unwrap_err().to_string();
        assert!(said.starts_with("text") && said.contains(words), "{text}: {said}");
    }
    check_wording("text", sold_out, "{item_title} ({sku}): {units}").unwrap();
}

#[test]
fn what_fills_a_variable_is_not_read_again() {
    let facts = [(Variable::ItemTitle, "{sku} <b>".to_owned()), (Variable::Sku, "A".to_owned())];
    let said = fill_wording("{item_title} is {sku}, {units}", &facts);
    assert_eq!(said, "{sku} <b> is A, {units}");
}
