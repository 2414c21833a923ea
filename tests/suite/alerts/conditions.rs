//! Texts that are conditions, with what they come to; and texts that are not, with the complaint.

use doorbuster::domain::alert::{Condition, Figure, Readings, Scope};
use proptest::prelude::*;

/// available 10, allocated 100, orders placed 3, no visitors.
fn readings() -> Readings {
    Readings::default()
        .with(Figure::AvailableUnits, 10)
        .with(Figure::AllocatedUnits, 100)
        .with(Figure::OrdersPlaced, 3)
        .with(Figure::OrdersPaid, 0)
        .with(Figure::SecondsSinceOpen, -5)
}

fn read(text: &str) -> Condition {
    Condition::parse("when", text, Scope::Sale).unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
}

#[test]
fn conditions_come_to_what_they_say() {
    for (text, expected) in [
        ("available_units < 0.1 * allocated_units", Some(false)),
        ("available_units <= 0.1 * allocated_units", Some(true)),
        ("available_units == 10", Some(true)),
        ("available_units != 10", Some(false)),
        ("available_units >= 10.000001", Some(false)),
        ("available_units + 1 > 10", Some(true)),
        ("2 + 3 * available_units == 32", Some(true)),
        ("(2 + 3) * available_units == 50", Some(true)),
        ("100 - available_units - 40 == 50", Some(true)),
        ("allocated_units / available_units / 2 == 5", Some(true)),
        ("orders_placed / 7 == 0.428571", Some(true)),
        ("-available_units < -9", Some(true)),
        ("seconds_since_open < 0", Some(true)),
        ("available_units == 10 and allocated_units == 100 or orders_placed == 9", Some(true)),
        ("available_units == 9 and (allocated_units == 100 or orders_placed == 3)", Some(false)),
        // Unknown: no visitors, no payments.
        ("visitors > 0", None),
        ("allocated_units / orders_paid > 1", None),
        ("visitors > 0 and available_units == 9", Some(false)),
        ("visitors > 0 and available_units == 10", None),
        ("visitors > 0 or available_units == 10", Some(true)),
        ("visitors > 0 or available_units == 9", None),
        // What grows too large stays at the end of the range.
        ("999999999999999 * 999999999999999 * 999999999999999 * available_units > 1", Some(true)),
    ] {
        assert_eq!(read(text).holds(&readings()), expected, "{text}");
    }
}

#[test]
fn what_is_no_condition_is_refused_with_its_place() {
    for (text, complaint) in [
        ("", "when is missing"),
        ("   ", "when is missing"),
        ("available_units", "when compares nothing"),
        ("available_units + 1", "when compares nothing"),
        ("1 < 2", "when names no figure"),
        (
            "avialable_units < 3",
            "when names avialable_units at character 1, which is not a figure; did you mean available_units?",
        ),
        ("3 > stock", "at character 5, which is not a figure; the nearest are "),
        ("item_closed == 1", "when names item_closed at character 1, which is not known of a sale"),
        ("available_units / 0 > 1", "when divides by zero at character 17"),
        ("available_units / (2 - 2) > 1", "when divides by zero at character 17"),
        ("available_units / (1 / 3 * 0) > 1", "when divides by zero"),
        ("available_units <", "when ends where a number or a figure should stand"),
        ("< available_units", "when has \"<\" at character 1"),
        ("available_units < 3 3", "when has a number at character 21, where it should end"),
        ("available_units < (3", "when opens a parenthesis at character 19"),
        ("available_units < 3)", "when has \")\" at character 20"),
        ("1 < available_units < 3", "when compares twice at character 21"),
        ("(available_units < 3) < 3", "when compares a comparison at character 23"),
        ("(available_units < 3) + 1 > 3", "when calculates with a comparison at character 23"),
        ("-(available_units < 3)", "when negates a comparison at character 1"),
        ("available_units and 3 < 4", "when joins what is not a comparison by and at character 17"),
        ("available_units = 3", "when has '=' at character 17"),
        ("available_units < 3; drop", "when has ';' at character 20"),
        ("available_units < 1.2.3", "when has \"1.2.3\" at character 19, which is not a number"),
        ("available_units < 3.", "when has \"3.\" at character 19"),
        ("available_units < 0.1234567", "when has a number at character 19 with more than"),
        ("available_units < 1234567890123456", "when has a number at character 19 with more than"),
        ("available_units < é", "when has 'é' at character 19"),
        ("available_units < 3\u{0}", "when has '\\0' at character 20"),
    ] {
        let wrong = Condition::parse("when", text, Scope::Sale).expect_err(text).to_string();
        assert!(wrong.contains(complaint), "{text}: {wrong}");
    }
}

#[test]
fn conditions_are_bounded_in_length_and_depth() {
    let deep = |depth| format!("{}sold_units{} > 1", "(".repeat(depth), ")".repeat(depth));
    assert!(Condition::parse("when", &deep(32), Scope::Sale).is_ok());
    let wrong = Condition::parse("when", &deep(33), Scope::Sale).unwrap_err();
    assert!(wrong.problem.contains("nests more than 32 deep"), "{wrong}");
    let signs = format!("{}sold_units > 1", "-".repeat(33));
    assert!(Condition::parse("when", &signs, Scope::Sale).is_err());
    let long = |spaces| format!("sold_units{}>1", " ".repeat(spaces));
    assert!(Condition::parse("when", &long(488), Scope::Sale).is_ok());
    assert!(Condition::parse("when", &long(489), Scope::Sale).is_err());
}

#[test]
fn the_figures_of_a_condition_are_told_with_their_values() {
    let condition = read("available_units < 0.5 * visitors or available_units < orders_placed");
    let signals: Vec<(String, i64)> = condition
        .signals(&readings())
        .into_iter()
        .map(|signal| (signal.name, signal.millionths))
        .collect();
    // Each once, in the order of their mention; what is absent is left out.
    let expected = [("available_units", 10_000_000), ("orders_placed", 3_000_000)];
    assert_eq!(signals, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn every_figure_is_documented_and_known_somewhere() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md"));
    let page = page.unwrap();
    for figure in Figure::ALL {
        let row = format!("| `{}` | ", figure.name());
        assert!(page.contains(&row), "docs/alerts.md does not say what {} is", figure.name());
        assert!(page.contains(figure.sentence()), "docs/alerts.md: {}", figure.sentence());
        let scopes = [Scope::Service, Scope::Sale, Scope::Item];
        assert!(scopes.into_iter().any(|scope| figure.is_known_in(scope)));
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}") {
        let _ = Condition::parse("when", &text, Scope::Sale);
    }

    #[test]
    fn no_words_of_conditions_make_it_panic_or_judge_wrongly(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "available_units", "visitors", "and", "or", "(", ")", "<", ">=", "==", "+", "-",
                "*", "/", "0", "1.5", "999999999999999",
            ]),
            0..24,
        )
    ) {
        if let Ok(condition) = Condition::parse("when", &words.join(" "), Scope::Sale) {
            let _ = condition.holds(&readings());
            let _ = condition.holds(&Readings::default());
        }
    }
}
