//! An order's story: what it says in English it says in Chinese, to the last number. Method: a story
//! with every outcome, every place in the log and every ending, and one without any.

use doorbuster::{
    domain::item::OrderState,
    events::{AttemptOutcome, OrderPrice, Position},
    pages::{
        Lang,
        board::{self, Fate},
    },
    replay::{
        Placement,
        explain::{AttemptStory, Explanation, OrderStory},
    },
    values::{Currency, ItemId, OrderId, UnixMs},
};
use uuid::Uuid;

use super::OPENS;

/// An attempt whose every figure is another one.
fn attempt(outcome: AttemptOutcome, places: (Option<u64>, Option<u64>)) -> AttemptStory {
    AttemptStory {
        at: UnixMs(OPENS * 1_000 + 17),
        units: 2,
        outcome,
        order: None,
        after_revision: places.0,
        before_revision: places.1,
        placement: Placement::ByDecision,
        available: 31,
        held: 41,
        attempts_before: 59,
        attempts_before_in_second: 53,
    }
}

fn told_order(state: OrderState, settled_at: Option<i64>) -> OrderStory {
    OrderStory {
        order_id: OrderId(Uuid::from_u128(5)),
        units: 3,
        price: OrderPrice { unit_price_minor: 500, total_minor: 1_500, ..Default::default() },
        currency: Currency::parse("currency", "EUR").unwrap(),
        state,
        placed_at: UnixMs(OPENS * 1_000 + 19),
        pay_by: UnixMs(OPENS * 1_000 + 60_019),
        settled_at: settled_at.map(UnixMs),
        paid_too_late: state == OrderState::Expired,
        revision: 8,
        position: Position(9),
    }
}

/// A story with every outcome, place and ending, and one without any.
fn stories() -> [Explanation; 2] {
    let places = [(Some(11), Some(12)), (Some(13), None), (None, Some(14)), (None, None)];
    let all = AttemptOutcome::ALL.into_iter().zip(places.into_iter().cycle());
    let mut attempts: Vec<_> = all.map(|(outcome, places)| attempt(outcome, places)).collect();
    attempts[1].placement = Placement::Certain;
    attempts[2].placement = Placement::ByTime;
    let order = Some((OrderId(Uuid::from_u128(5)), 15));
    attempts.push(AttemptStory { order, ..attempt(AttemptOutcome::Placed, (None, None)) });
    let ended = Some(OPENS * 1_000 + 23);
    let orders = vec![
        told_order(OrderState::Held, None),
        told_order(OrderState::Paid, ended),
        told_order(OrderState::Cancelled, ended),
        told_order(OrderState::Expired, ended),
    ];
    let full = Explanation {
        item: ItemId(Uuid::from_u128(1)),
        sku: "P-1".to_owned(),
        title: "手机".to_owned(),
        attempts_in_total: attempts.len() as i64 + 7,
        attempts,
        orders,
        first_sold_out_at: Some(UnixMs(OPENS * 1_000 + 29)),
        last_sold_out_at: Some(UnixMs(OPENS * 1_000 + 31)),
        attempts_of_all: 99,
        orders_without_attempt: 37,
    };
    let empty = Explanation {
        attempts: Vec::new(),
        attempts_in_total: 0,
        orders: Vec::new(),
        last_sold_out_at: None,
        orders_without_attempt: 0,
        ..full.clone()
    };
    [full, empty]
}

/// The sentences of a fragment, as they are read.
fn told(story: &Explanation, lang: Lang) -> Vec<String> {
    let fates = [Fate::Held, Fate::Paid, Fate::Cancelled, Fate::Expired];
    let html = board::story(story, &fates[..story.orders.len()], lang).replace("&#39;", "'");
    let sentences = html.split("<p>").skip(1);
    sentences.map(|sentence| sentence.trim_end_matches("</p>").to_owned()).collect()
}

#[test]
fn a_chinese_story_says_what_became_of_each_attempt_and_order() {
    let [full, _] = stories();
    let told = told(&full, Lang::Chinese);
    for (outcome, says) in [
        (AttemptOutcome::Placed, "已下单"),
        (AttemptOutcome::Repeated, "重复"),
        (AttemptOutcome::SoldOut, "已无可售库存"),
        (AttemptOutcome::NotEnoughUnits, "可售库存不足"),
        (AttemptOutcome::NotOpenYet, "尚未开售"),
        (AttemptOutcome::Closed, "已结束销售"),
        (AttemptOutcome::Paused, "已暂停"),
        (AttemptOutcome::OverBuyerLimit, "超过每人限购"),
        (AttemptOutcome::OverOrderLimit, "超过每单限购"),
    ] {
        let place = full.attempts.iter().position(|one| one.outcome == outcome).unwrap();
        assert!(told[place].contains(says), "{outcome:?}: {}", told[place]);
        assert!(told[place].contains("可售 31 件，锁定 41 件"), "{}", told[place]);
    }
    let first = told.iter().position(|sentence| sentence.starts_with("订单")).unwrap();
    let fates = ["锁定中，可在", "支付。", "取消。", "到期。付款到达时锁定已结束"];
    for (sentence, says) in told[first..].iter().zip(fates) {
        assert!(sentence.contains(says), "{says}: {sentence}");
    }
}

#[test]
fn an_order_that_ended_at_an_unknown_moment_ended_later() {
    let [mut story, _] = stories();
    story.orders = vec![told_order(OrderState::Paid, None)];
    let said = story.sentences().into_iter().find(|one| one.starts_with("Order")).unwrap();
    assert!(said.ends_with(", was paid later."), "{said}");
}

#[test]
fn an_orders_story_tells_the_same_in_chinese() {
    for story in stories() {
        let (english, chinese) = (told(&story, Lang::English), told(&story, Lang::Chinese));
        assert_eq!(english.len(), chinese.len(), "{chinese:?}");
        for (english, chinese) in english.iter().zip(&chinese) {
            let numbers = |text: &str| {
                let mut found: Vec<String> = text
                    .split(|letter: char| !letter.is_ascii_digit())
                    .filter(|digits| !digits.is_empty())
                    .map(str::to_owned)
                    .collect();
                found.sort();
                found
            };
            assert_eq!(numbers(english), numbers(chinese), "{english}\n{chinese}");
            // Of Latin letters only those of a moment are left.
            let word = |text: &str| text.len() > 1 && text.is_ascii();
            let mut words = chinese.split(|letter: char| !letter.is_ascii_alphabetic());
            assert!(!words.any(word), "{chinese}");
        }
    }
}
