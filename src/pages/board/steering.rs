//! Texts of steering, and the dialogs that the browser fills in.

use crate::pages::words::texts;

texts! {
    /// What operators read before they change something.
    Deed:
    SignIn => "Sign in", "登录";
    SignOut => "Sign out", "退出";
    Token => "Operator token", "操作员令牌";
    TokenHint => "Kept in this tab only, until it is closed.", "仅保存在本标签页，关闭即清除。";
    ReadOnly => "Read-only: sign in with an operator's token to steer.", "只读：使用操作员令牌登录后可操作。";
    SignedIn => "Operator: {name}", "操作员：{name}";
    Reason => "Reason (required, on the record)", "原因（必填，将被记录）";
    Confirm => "Do it", "确认执行";
    Cancel => "Cancel", "取消";
    Close => "Close", "关闭";
    Working => "Asking…", "提交中…";
    Effective => "Effective at revision {revision}.", "自版本 {revision} 起生效。";
    Refused => "Not done: {error}", "未执行：{error}";
    Unreachable => "The server did not answer. It may have been done: the same request can be sent again safely.",
        "服务器无响应，操作可能已执行；可安全地重复提交同一请求。";

    PauseItem => "Pause", "暂停";
    PauseItemWill => "Every further order for this item is refused as paused until it is resumed. Held orders can still be paid.",
        "恢复前，该商品的所有新订单将以“已暂停”被拒；已锁定的订单仍可支付。";
    ResumeItem => "Resume", "恢复";
    ResumeItemWill => "The item is on offer again at once.", "该商品立即恢复销售。";
    PauseSale => "Pause the sale", "暂停活动";
    PauseSaleWill => "Every further order for any item of this sale is refused as paused until it is resumed. Held orders can still be paid.",
        "恢复前，本活动所有商品的新订单将以“已暂停”被拒；已锁定的订单仍可支付。";
    ResumeSale => "Resume the sale", "恢复活动";
    ResumeSaleWill => "All items are on offer again at once, except those that were paused on their own.",
        "所有商品立即恢复销售，单独暂停的商品除外。";
    CloseSale => "Close the sale", "结束活动";
    CloseSaleWill => "No order is taken any more. This cannot be undone. Held orders can still be paid.",
        "不再接受任何订单，且不可撤销；已锁定的订单仍可支付。";
    Release => "Release reserve", "释放备货";
    ReleaseWill => "So many units of the reserve are on offer at once.", "相应件数的备货立即上架。";
    Allocate => "Add units", "增加库存";
    AllocateWill => "So many units are added to those on offer, at once.", "立即增加相应件数的可售库存。";
    SetLimit => "Set limit", "设定限购";
    SetLimitWill => "For orders from now on; held and paid ones stay as they are. Empty means no limit.",
        "仅对之后的订单生效；已锁定和已支付的不变。留空表示不限。";
    SettleRefund => "Settle", "退还";
    SettleRefundWill => "It is on the record that this money is on its way back. Transfer it first: nothing is paid from here.",
        "登记该款项已退还。请先完成转账：此处不会付款。";
    Refund => "Take units back", "退货";
    RefundWill => "So many units come back, the last ones of the order first. Their money is due back until it is settled.",
        "退回相应件数（从订单最后的件数起），对应款项在退还前列为待退款。";
    Restock => "The units are", "退回的商品";
    Restocked => "available again", "重新上架";
    WrittenOff => "of no use", "报废";
    Reference => "Reference of the transfer", "转账凭证号";
    SetLevel => "Set service level", "设定服务级别";
    SetLevelWill => "For every node. Each level leaves out what the one before it did, and more.",
        "对所有节点生效；每一级在上一级基础上进一步降级。";
    Units => "Units", "件数";
    Warehouse => "Warehouse", "仓库";
    NewWarehouse => "Or a new warehouse (empty: the one above)", "或新仓库（留空则用上面的仓库）";
    PerBuyer => "Units per buyer", "每人限购";
    PerOrder => "Units per order", "每单限购";
    Level => "Level", "级别";
    OpenIncident => "Open an incident", "新建事件";
    OpenIncidentWill => "An incident about this sale is put on the record.", "为本活动登记一个事件。";
    IncidentTitle => "What is wrong", "问题描述";
    ActIncident => "Record an action", "记录处置";
    ActIncidentWill => "What was done about it is put on the record.", "登记所采取的处置措施。";
    Action => "What was done", "处置措施";
    ResolveIncident => "Resolve", "解决";
    ResolveIncidentWill => "The incident ends now; its cost is computed from the log.",
        "事件到此结束，其影响根据日志计算。";
    AssessIncident => "Assess", "评估";
    AssessIncidentWill => "How bad it is, what buyers suffer and who sees to it is put on the record.",
        "登记事件级别、影响和负责人。";
    Severity => "Severity", "级别";
    Impact => "What buyers and the sale suffer", "对买家和活动的影响";
    Owner => "Who sees to it", "负责人";

    Connecting => "connecting…", "连接中…";
    Updated => "updated {age} s ago", "{age} 秒前更新";
    Stale => "stale since {moment}", "数据已过期：自 {moment}";
    Resting => "resting: the tab is hidden", "标签页隐藏，已暂停更新";
    Proposed => "{n} proposed by the reserve plan", "备货计划建议释放 {n} 件";
    NoAnswer => "no answer", "无响应";
    Days => "{n} d", "{n} 天";
}
