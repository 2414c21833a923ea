//! What each kind of event is called on pages.

use super::Lang;

/// The name under which an event is stored, what it is called in English, and in Chinese.
const NAMES: &[(&str, &str, &str)] = &[
    ("SaleCreated", "Sale put up", "建立活动"),
    ("SalePaused", "Sale paused", "暂停活动"),
    ("SaleResumed", "Sale resumed", "恢复活动"),
    ("SaleRescheduled", "Sale rescheduled", "调整活动时间"),
    ("SaleClosed", "Sale closed", "结束活动"),
    ("ItemAdded", "Item added", "添加商品"),
    ("ItemScheduled", "Window set", "设定时间"),
    ("PurchaseLimitSet", "Purchase limit set", "设定限购"),
    ("ItemPaused", "Item paused", "暂停销售"),
    ("ItemResumed", "Item resumed", "恢复销售"),
    ("ItemClosed", "Item closed", "结束销售"),
    ("PricesSet", "Prices set", "设定价格"),
    ("OffersSet", "Offers set", "设定优惠"),
    ("GiftUnitsSet", "Gift units set", "设定赠品数量"),
    ("AudienceSet", "Audience set", "设定购买对象"),
    ("ReservePlanSet", "Reserve plan set", "设定备货计划"),
    ("ReserveProposed", "Release of reserve proposed", "建议释放备货"),
    ("StockAllocated", "Stock allocated", "划拨库存"),
    ("ReserveSet", "Reserve set", "设定备货"),
    ("ReserveReleased", "Reserve released", "释放备货"),
    ("StockMoved", "Stock moved", "调拨库存"),
    ("StockWithdrawn", "Stock withdrawn", "撤回库存"),
    ("OrderPlaced", "Order placed", "下单"),
    ("LimitGranted", "Limit granted", "限购通过"),
    ("CouponApplied", "Coupon applied", "使用优惠券"),
    ("CouponDenied", "Coupon denied", "优惠券未生效"),
    ("OrderPaid", "Order paid", "支付订单"),
    ("OrderCancelled", "Order cancelled", "取消订单"),
    ("OrderExpired", "Hold expired", "锁定到期"),
    ("OrderReinstated", "Order reinstated", "恢复订单"),
    ("PaymentFailed", "Payment failed", "支付失败"),
    ("HoldExtended", "Hold extended", "延长锁定"),
    ("RefundDue", "Refund due", "应退款"),
    ("OrderRefunded", "Order refunded", "订单退款"),
    ("RefundSettled", "Refund settled", "退款完成"),
    ("OrdersExported", "Orders exported", "导出订单"),
    ("CouponBatchCreated", "Coupons put up", "建立优惠券"),
    ("CouponClaimed", "Coupon claimed", "领取优惠券"),
    ("CouponRedeemed", "Coupon redeemed", "使用优惠券"),
    ("CouponReturned", "Coupon returned", "退回优惠券"),
    ("CouponRevoked", "Coupon revoked", "撤销优惠券"),
    ("BudgetRaised", "Coupon budget raised", "追加优惠券预算"),
    ("CouponBatchClosed", "Coupons closed", "停发优惠券"),
    ("QuotaTaken", "Units taken of the sale's limit", "占用整场限购额度"),
    ("QuotaReturned", "Units of the sale's limit given back", "退回整场限购额度"),
    ("AlertRaised", "Alert raised", "触发告警"),
    ("AlertCleared", "Alert cleared", "告警解除"),
    ("IncidentDetected", "Incident detected", "发现事件"),
    ("IncidentAssessed", "Incident assessed", "评估事件"),
    ("IncidentActionTaken", "Action taken", "采取措施"),
    ("IncidentResolved", "Incident resolved", "事件解决"),
    ("IncidentReviewed", "Incident reviewed", "事件复盘"),
    ("ScriptPublished", "Wording published", "发布话术"),
    ("ScriptWithdrawn", "Wording withdrawn", "撤回话术"),
    ("LevelSet", "Service level set", "设定服务级别"),
    ("NodeAnnounced", "Node announced", "节点上线"),
    ("NodeLeft", "Node left", "节点离线"),
    ("LossAccepted", "Loss in the log accepted", "确认日志丢失"),
];

/// What an event of that stored name is called; `None` for one of a later version, and for demand
/// and traffic, which no page lists.
pub fn event_name(kind: &str, lang: Lang) -> Option<&'static str> {
    let (_, english, chinese) = NAMES.iter().find(|(known, ..)| *known == kind)?;
    Some(match lang {
        Lang::English => english,
        Lang::Chinese => chinese,
    })
}
