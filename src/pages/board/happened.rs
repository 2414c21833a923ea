//! What events are called that no post-mortem told of before.

use crate::pages::words::texts;

texts! {
    /// The name of an event.
    Happened:
    SalePaused => "Sale paused", "暂停活动";
    SaleResumed => "Sale resumed", "恢复活动";
    ReserveSet => "Reserve set", "设定备货";
    ReserveReleased => "Reserve released", "释放备货";
    AlertRaised => "Alert raised", "触发告警";
    AlertCleared => "Alert cleared", "告警解除";
    IncidentDetected => "Incident opened", "新建事件";
    IncidentAssessed => "Incident assessed", "评估事件";
    IncidentActionTaken => "Action taken", "采取处置";
    IncidentResolved => "Incident resolved", "事件解决";
    IncidentReviewed => "Incident reviewed", "事件复盘";
    ScriptPublished => "Wording published", "发布话术";
    ScriptWithdrawn => "Wording withdrawn", "撤回话术";
    LevelSet => "Service level set", "设定服务级别";
    LossAccepted => "Loss in the log accepted", "确认日志丢失";
    OrderPlaced => "Order placed", "下单";
    OrderPaid => "Order paid", "支付订单";
    OrderCancelled => "Order cancelled", "取消订单";
    OrderExpired => "Hold expired", "锁定到期";
    RefundDue => "Refund due", "应退款";
}

/// By the name under which it is stored; `None` for one that is not known here.
pub fn name(kind: &str) -> Option<Happened> {
    Happened::ALL.iter().copied().find(|known| format!("{known:?}") == kind)
}
