//! The built-in wordings: friendly, and based only on the log. They promise no refund times and no
//! restocks, because these are unknown here.

use super::{Language, Situation};
use crate::domain::item::{OrderState, Refusal};

/// The wording that comes with doorbuster, with its variables unfilled.
pub fn builtin(situation: Situation, language: Language) -> &'static str {
    let (english, chinese) = match situation {
        Situation::Refused(refusal) => refused(refusal),
        Situation::Order(state) => of_order(state),
        Situation::RefundDue => (
            "Your payment for {item_title} arrived when the hold of order {order_id} had already \
             ended, so nothing was bought with it. {total} is due back to you.",
            "您为「{item_title}」支付的款项到账时，订单 {order_id} 的保留时间已经结束，\
             未能成交。应退还您 {total}。",
        ),
        Situation::Incident => (
            "We know of a problem with {sale_name} since {incident_time}: {incident_title}. We are \
             working on it, and orders that were confirmed stay valid.",
            "我们已知「{sale_name}」自 {incident_time} 起出现问题：{incident_title}。\
             我们正在处理，已确认的订单仍然有效。",
        ),
    };
    match language {
        Language::English => english,
        Language::Chinese => chinese,
    }
}

const SOLD_OUT: (&str, &str) = (
    "We are sorry: when your request for {item_title} was decided at {attempt_time}, no \
     unit was available. Nothing was charged. Units of unpaid orders may come back.",
    "很抱歉：您对「{item_title}」的请求在 {attempt_time} 处理时已经售罄。\
     未扣取任何费用。未付款订单的库存可能会重新释放。",
);

const NOT_ENOUGH_UNITS: (&str, &str) = (
    "We are sorry: you asked for {units} of {item_title}, and fewer were available at \
     {attempt_time}. Nothing was charged; a smaller order may succeed.",
    "很抱歉：您请求购买 {units} 件「{item_title}」，但 {attempt_time} 时库存不足。\
     未扣取任何费用，减少数量可能成功。",
);

const NOT_ELIGIBLE: (&str, &str) = (
    "{item_title} is on sale for a part of our customers only, and your request of \
     {attempt_time} was not among them. Nothing was charged.",
    "「{item_title}」仅面向部分顾客销售，您在 {attempt_time} 的请求不在其中。\
     未扣取任何费用。",
);

const GIFT_GONE: (&str, &str) = (
    "The gift that comes with {units} of {item_title} was used up when your request was \
     decided at {attempt_time}. Nothing was charged.",
    "您对 {units} 件「{item_title}」的请求在 {attempt_time} 处理时，赠品已经送完。\
     未扣取任何费用。",
);

const PRICE_CHANGED: (&str, &str) = (
    "The price of {item_title} had changed when your request for {units} was decided at \
     {attempt_time}. Nothing was charged; you can order again at the price in force.",
    "您对 {units} 件「{item_title}」的请求在 {attempt_time} 处理时，价格已经变化。\
     未扣取任何费用，您可以按当前价格重新下单。",
);

const NOT_ENOUGH_FREE: (&str, &str) = (
    "Fewer units of {item_title} are available in that warehouse than were to be taken \
     from it.",
    "该仓库中「{item_title}」的可售库存少于要调出的数量。",
);

const NOT_PAUSED: (&str, &str) =
    ("{item_title} is on sale: it was not paused.", "「{item_title}」正在销售，并未暂停。");

const NOT_ENOUGH_RESERVE: (&str, &str) = (
    "The reserve of {item_title} holds fewer units than were to be released.",
    "「{item_title}」的预留库存少于要释放的数量。",
);

const NOT_PAID: (&str, &str) = (
    "Order {order_id} for {item_title} is not paid, so there is nothing to give back.",
    "「{item_title}」的订单 {order_id} 尚未付款，没有可退的款项。",
);

const ORDER_REFUNDED: (&str, &str) = (
    "All units of order {order_id} for {item_title} came back already.",
    "「{item_title}」的订单 {order_id} 已全部退货。",
);

const ALREADY_SETTLED: (&str, &str) = (
    "The refund for order {order_id} for {item_title} was sent before, with another reference.",
    "「{item_title}」订单 {order_id} 的退款此前已使用其他流水号退回。",
);

const AWAITING_COUPON: (&str, &str) = (
    "Order {order_id} for {item_title} is still being priced. Please pay in a moment; your units \
     are held until {pay_by_time}.",
    "「{item_title}」的订单 {order_id} 正在计算优惠，请稍后付款。商品为您保留至 {pay_by_time}。",
);

const COUPON_REFUSED: (&str, &str) = (
    "Your coupon could not be used for {item_title}, so order {order_id} was not taken. Nothing \
     was charged; you can order again without it.",
    "您的优惠券无法用于「{item_title}」，订单 {order_id} 未成立。未扣取任何费用，您可以不使用优惠券重新下单。",
);

const OVER_SALE_LIMIT: (&str, &str) = (
    "With order {order_id} for {item_title} you would have had more units than one buyer may have \
     in this sale. Nothing was charged for it.",
    "加上「{item_title}」的订单 {order_id}，您在本次活动中的购买数量会超出限购。该订单未扣取任何费用。",
);

fn refused(refusal: Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::SoldOut => SOLD_OUT,
        Refusal::NotEnoughUnits => NOT_ENOUGH_UNITS,
        Refusal::NotOpenYet => (
            "{item_title} opens at {open_time}; your request came at {attempt_time}. Please try \
             again when it is open.",
            "「{item_title}」将于 {open_time} 开售，您的请求在 {attempt_time} 到达。\
             请在开售后再试。",
        ),
        Refusal::Closed => (
            "{item_title} was closed when your request came at {attempt_time}. Nothing was \
             charged.",
            "您的请求在 {attempt_time} 到达时，「{item_title}」已停止销售。未扣取任何费用。",
        ),
        Refusal::Paused => (
            "The sale of {item_title} was paused when your request came at {attempt_time}. \
             Nothing was charged. Please try again when it goes on.",
            "您的请求在 {attempt_time} 到达时，「{item_title}」暂停销售。\
             未扣取任何费用，请在恢复后再试。",
        ),
        Refusal::OverBuyerLimit => (
            "Each buyer may have {limit_per_buyer} of {item_title}, and with your request for \
             {units} you would have had more. Nothing was charged for it.",
            "每位买家限购 {limit_per_buyer} 件「{item_title}」，您请求的 {units} 件会超出限购。\
             该请求未扣取任何费用。",
        ),
        Refusal::OverOrderLimit => (
            "One order may have {limit_per_order} of {item_title}; yours asked for {units}. \
             Nothing was charged, and a smaller order is welcome.",
            "每个订单限购 {limit_per_order} 件「{item_title}」，您请求了 {units} 件。\
             未扣取任何费用，欢迎减少数量后下单。",
        ),
        Refusal::OrderExpired => (
            "Order {order_id} for {item_title} could be paid until {pay_by_time}. That time is \
             over and its units went back on sale.",
            "「{item_title}」的订单 {order_id} 需在 {pay_by_time} 前付款。\
             时间已过，商品已重新上架。",
        ),
        Refusal::OrderCancelled => (
            "Order {order_id} for {item_title} is cancelled, so it can be neither paid nor \
             changed.",
            "「{item_title}」的订单 {order_id} 已取消，无法付款或更改。",
        ),
        Refusal::AlreadyPaid => (
            "Order {order_id} for {item_title} is paid already: there is nothing more to pay.",
            "「{item_title}」的订单 {order_id} 已经付款，无需再次支付。",
        ),
        Refusal::WrongAmount => (
            "The total of order {order_id} is {total}; the payment was of another amount and was \
             not taken. Please pay the total until {pay_by_time}.",
            "订单 {order_id} 的总额为 {total}，付款金额不符，未予接受。\
             请在 {pay_by_time} 前支付总额。",
        ),
        Refusal::NotPaused => NOT_PAUSED,
        Refusal::NotEnoughReserve => NOT_ENOUGH_RESERVE,
        Refusal::NotEligible => NOT_ELIGIBLE,
        Refusal::GiftGone => GIFT_GONE,
        Refusal::PriceChanged => PRICE_CHANGED,
        Refusal::NotEnoughFree => NOT_ENOUGH_FREE,
        Refusal::NotPaid => NOT_PAID,
        Refusal::OrderRefunded => ORDER_REFUNDED,
        Refusal::AlreadySettled => ALREADY_SETTLED,
        Refusal::AwaitingCoupon => AWAITING_COUPON,
        Refusal::CouponRefused => COUPON_REFUSED,
        Refusal::OverSaleLimit => OVER_SALE_LIMIT,
    }
}

fn of_order(state: OrderState) -> (&'static str, &'static str) {
    match state {
        OrderState::Held => (
            "{units} of {item_title} are yours until {pay_by_time} (order {order_id}). Please pay \
             {total} by then; afterwards they go back on sale.",
            "已为您保留 {units} 件「{item_title}」至 {pay_by_time}（订单 {order_id}）。\
             请在此之前支付 {total}，逾期将重新上架。",
        ),
        OrderState::Paid => (
            "Order {order_id} is paid: {units} of {item_title} for {total}, at {settle_time}. \
             Thank you!",
            "订单 {order_id} 已付款：{units} 件「{item_title}」，共 {total}，\
             付款时间 {settle_time}。感谢您的购买！",
        ),
        OrderState::Cancelled => (
            "Order {order_id} for {units} of {item_title} was cancelled at {settle_time} before it \
             was paid.",
            "订单 {order_id}（{units} 件「{item_title}」）在付款前已于 {settle_time} 取消。",
        ),
        OrderState::Refunded => (
            "All {units} of {item_title} of order {order_id} came back. The money is on its way to \
             you, or will be soon.",
            "订单 {order_id} 的 {units} 件「{item_title}」已全部退货，款项已退回或即将退回。",
        ),
        OrderState::Expired => (
            "Order {order_id} held {units} of {item_title} until {pay_by_time}. It was not paid by \
             then, so the units went back on sale.",
            "订单 {order_id} 为您保留了 {units} 件「{item_title}」至 {pay_by_time}。\
             因未按时付款，商品已重新上架。",
        ),
    }
}
