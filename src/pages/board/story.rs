//! The explanation of a shopper's results in Chinese, sentence by sentence. The English sentences
//! are in the replay layer, because programs and terminals use them as well.

use super::{order::Fate, price::reasons, say::Say};
use crate::{
    events::AttemptOutcome,
    pages::{numbers::amount, words::Lang},
    replay::{
        Placement,
        explain::{AttemptStory, Explanation, OrderStory, SENTENCES_MAX},
    },
    values::{UnixMs, number_of},
};

/// The story, with what became of each of its orders.
pub fn sentences(told: &Explanation, fates: &[Fate], lang: Lang) -> Vec<String> {
    match lang {
        Lang::English => told.sentences(),
        Lang::Chinese => chinese(told, fates),
    }
}

fn chinese(told: &Explanation, fates: &[Fate]) -> Vec<String> {
    let mut out = Vec::new();
    if told.attempts.is_empty() {
        let title = &told.title;
        out.push(format!("日志中没有该买家（按编号的哈希）对“{title}”的请求。"));
        out.push(
            "请求在其所在的一秒结束后写入；崩溃可能丢失正在进行的那一秒的请求，订单绝不会丢失。"
                .to_owned(),
        );
    }
    out.extend(told.attempts.iter().take(SENTENCES_MAX).map(attempt));
    let one_by_one = number_of(told.attempts.len().min(SENTENCES_MAX));
    let more = told.attempts_in_total - one_by_one;
    if more > 0 {
        out.push(format!("此后还有 {more} 次请求。"));
    }
    let orders = told.orders.iter().zip(fates).take(SENTENCES_MAX);
    out.extend(orders.map(|(told, fate)| order(told, *fate)));
    out.push(match (told.first_sold_out_at, told.last_sold_out_at) {
        (Some(first), Some(last)) if first != last => {
            format!("该商品于 {first} 首次售罄，最近一次于 {last} 售罄：其间售出了锁定释放的库存。")
        }
        (Some(first), _) => format!("该商品于 {first} 售罄。"),
        (None, _) => "该商品从未售罄。".to_owned(),
    });
    if told.orders_without_attempt > 0 {
        let missing = told.orders_without_attempt;
        out.push(format!(
            "日志中有 {missing} 笔订单的请求不在需求统计中，因此部分请求未计入此处。"
        ));
    }
    out
}

fn attempt(told: &AttemptStory) -> String {
    let AttemptStory { at, units, attempts_before, attempts_before_in_second, .. } = told;
    format!(
        "{at}，在其他 {attempts_before} 次请求之后（其中 {attempts_before_in_second} 次在同一秒），\
         请求 {units} 件：{}当时可售 {} 件，锁定 {} 件。{}",
        came_to(told.outcome),
        told.available,
        told.held,
        place(told)
    )
}

fn came_to(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Placed => "已下单。",
        AttemptOutcome::Repeated => "是先前请求的重复，得到当时的答复。",
        AttemptOutcome::SoldOut => "被拒，已无可售库存。",
        AttemptOutcome::NotEnoughUnits => "被拒，可售库存不足。",
        AttemptOutcome::NotOpenYet => "被拒，商品尚未开售。",
        AttemptOutcome::Closed => "被拒，商品已结束销售。",
        AttemptOutcome::Paused => "被拒，商品已暂停。",
        AttemptOutcome::OverBuyerLimit => "被拒，超过每人限购。",
        AttemptOutcome::OverOrderLimit => "被拒，超过每单限购。",
        AttemptOutcome::NotEligible => "被拒，不在购买对象之内。",
        AttemptOutcome::GiftGone => "被拒，赠品已送完。",
        AttemptOutcome::PriceChanged => "被拒，价格超过所能接受的上限。",
    }
}

fn place(told: &AttemptStory) -> String {
    if let Some((order, revision)) = told.order {
        return format!("由此产生订单 {order}，即该商品的版本 {revision}。");
    }
    let between = match (told.after_revision, told.before_revision) {
        (Some(after), Some(before)) => format!("在该商品的版本 {after} 与 {before} 之间"),
        (Some(after), None) => format!("在该商品最后的版本 {after} 之后"),
        (None, Some(before)) => format!("在该商品的版本 {before} 之前"),
        (None, None) => "在该商品的任何事件之前".to_owned(),
    };
    let how = match told.placement {
        Placement::Certain => "在决定次序中唯一可能的位置",
        Placement::ByDecision => "同一毫秒内结果相同的几个位置中的第一个",
        Placement::ByTime => "仅由时间得知",
    };
    format!("决定{between}作出（{how}）。")
}

fn order(told: &OrderStory, fate: Fate) -> String {
    let OrderStory { order_id, units, placed_at, pay_by, .. } = told;
    let at = |at: Option<UnixMs>| at.map_or_else(|| "后来".to_owned(), |at| format!("于 {at} "));
    let ended = at(told.settled_at);
    let became = match fate {
        Fate::Held => format!("锁定中，可在 {pay_by} 之前支付"),
        Fate::Paid => format!("{ended}支付"),
        Fate::Cancelled => format!("{ended}取消"),
        Fate::Expired => format!("未在 {pay_by} 之前支付，{ended}到期"),
        Fate::Refunded => format!("{ended}支付，其后全部退货"),
    };
    let late =
        if told.paid_too_late { "付款到达时锁定已结束，应予退还。" } else { "" };
    let why = price(told);
    format!("订单 {order_id}，{units} 件，于 {placed_at} 下单，{became}。{late}{why}")
}

/// What it costs and why, where it is not units times one price.
fn price(told: &OrderStory) -> String {
    if told.price.is_plain() {
        return String::new();
    }
    let currency = told.currency.code();
    let total = amount(told.price.total_minor, currency);
    let why = reasons(&told.price, told.units, currency, Say { lang: Lang::Chinese });
    format!("应付 {total}：{}。", why.join("；"))
}
