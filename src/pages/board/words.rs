//! The texts of the board, in English and in Chinese; texts shared with the post-mortem are there.

use crate::pages::words::texts;

texts! {
    /// A text of the board, some with gaps.
    Word:
    Board => "Board", "实时看板";
    Sales => "Sales", "活动列表";
    Log => "Log", "日志";
    Skip => "Skip to the figures", "跳到数据";
    Live => "Live", "实时";
    After => "Afterwards", "回看";
    FullReport => "Full post-mortem", "完整复盘报告";
    OtherLanguage => "中文", "English";
    NoSales => "No sale has been put up yet.", "还没有任何活动。";
    NoSalesMore => "Put one up with: doorbuster sale create FILE. Or see everything at work with: doorbuster demo.",
        "用 doorbuster sale create 文件 建立活动；或用 doorbuster demo 观看完整演示。";
    Older => "Older", "更早";
    Newer => "Newer", "更新";
    First => "Newest", "最新";
    State => "State", "状态";
    Times => "All times are UTC", "所有时间均为 UTC";

    NotOpen => "not open yet", "未开始";
    Open => "open", "进行中";
    Paused => "paused", "已暂停";
    SoldOut => "sold out", "已售罄";
    Closed => "closed", "已结束";
    OpensIn => "opens in", "距开始";
    EndsIn => "ends in", "距结束";
    EndedBefore => "ended", "已结束";

    LevelNoTraffic => "Reduced service: no beacons of traffic are taken.", "服务降级：不采集流量。";
    LevelNoDetail => "Reduced service: the board shows only what is sold.", "服务降级：看板仅显示销售数据。";
    LevelCoreOnly => "Reduced service: orders and payments only.", "服务降级：仅保留下单与支付。";
    LevelClosed => "Closed: no new orders are taken. Held orders can be paid.", "已关闭：不接受新订单，已锁定订单仍可支付。";
    LevelIs => "Service", "服务级别";
    LevelFull => "full", "完整";

    Participants => "Participants", "参与人数";
    Oversold => "Oversold units", "超卖件数";
    NoneSoldTwice => "none sold twice", "没有重复售出";
    Conversion => "Conversion", "转化率";
    OfVisitors => "{buyers} of {visitors} visitors", "{visitors} 位访客中 {buyers} 位购买";
    NoVisitors => "no visitors recorded", "没有访客数据";
    OfTarget => "{share} of {target}", "目标 {target} 的 {share}";
    ASecond => "{n} a second", "每秒 {n}";
    BuyersPaid => "{n} buyers paid", "{n} 位买家已支付";
    UnitsAll => "{sold} sold, {held} held", "已售 {sold}，锁定 {held}";
    OrdersOpen => "{n} on hold", "{n} 笔待支付";
    Attempted => "{n} attempts", "{n} 次请求";
    Reserve => "Reserve", "备货";

    Stock => "Units available", "可售库存";
    Planned => "as planned", "计划曲线";
    RateTitle => "Attempts and orders a second", "每秒请求与订单";
    Attempts => "attempts", "请求";
    Orders => "orders", "下单";
    OrdersPaid => "paid", "支付";
    LatencyTitle => "How long orders take, ms", "下单耗时，毫秒";
    Median => "half took no longer (p50)", "半数不超过（p50）";
    Slowest => "99 of 100 took no longer (p99)", "99% 不超过（p99）";
    LatencyWindow => "Each point: attempts to order that were answered here within the ten seconds before.",
        "每个点：截至该时刻的 10 秒内在此答复的下单请求。";
    NoLatency => "No attempts on this node within the last two minutes.", "最近两分钟本节点没有下单请求。";
    RefusalsTitle => "Refusals a second, by reason", "每秒拒绝数（按原因）";
    NoRefusals => "Nothing was refused within the last two minutes.", "最近两分钟没有任何拒绝。";
    InAll => "{n} in all", "共 {n}";
    FunnelTitle => "From view to payment", "从浏览到支付";
    Viewed => "Visitors", "访客";
    Tried => "Tried to buy", "参与抢购";
    Ordered => "Orders placed", "已下单";
    PaidFor => "Orders paid", "已支付";
    NothingYet => "Nothing has happened yet.", "尚无数据。";
    Rows => "The rows behind the chart", "图表数据";

    Gone => "Sold out.", "已售罄。";
    GoneAt => "At the pace of the last 30 seconds ({pace} units a second, net of what came back) sold out in {span}, at {moment}.",
        "按最近 30 秒的净销速（每秒 {pace} 件，已扣除释放）推算，{span} 后（{moment}）售罄。";
    NotAtThisPace => "At the pace of the last 30 seconds it does not sell out: {pace} units a second, net of what came back.",
        "按最近 30 秒的净销速（每秒 {pace} 件，已扣除释放）推算，不会售罄。";
    AfterTheEnd => "At the pace of the last 30 seconds ({pace} units a second, net of what came back) {left} units are left when the sale ends.",
        "按最近 30 秒的净销速（每秒 {pace} 件，已扣除释放）推算，活动结束时剩余 {left} 件。";

    ItemsTitle => "Items", "商品";
    Search => "Search SKU or title", "搜索 SKU 或名称";
    Price => "Price", "单价";
    SoldShare => "Sell-through", "售罄率";
    Pace => "In 10 s", "近 10 秒";
    Low => "low", "库存低";
    NoItems => "No item is like that.", "没有符合条件的商品。";
    PageOf => "{from}–{until} of {all}", "第 {from}–{until} 项，共 {all} 项";
    Before => "Previous", "上一页";
    Next => "Next", "下一页";
    Steer => "Steer", "操作";
    Limit => "limit {n}", "限购 {n}";

    ProposalsTitle => "Proposed by the reserve plan", "备货计划建议释放";
    ProposedUnits => "release {n} in {warehouse}", "释放 {warehouse} 备货 {n} 件";
    ProposedBecause => "step {step}: fewer than {below} were available", "第 {step} 档：可售不足 {below} 件";
    ProposedReason => "proposed by step {step} of the reserve plan", "备货计划第 {step} 档建议";
    LeftOfStep => "{n} left at this price", "此价剩 {n} 件";
    WhyThisPrice => "Why this price", "价格说明";
    PartOfStep => "{n} at {price} (step {step})", "{n} 件，单价 {price}（第 {step} 档）";
    PartAtTimePrice => "{n} at {price} (time price)", "{n} 件，单价 {price}（限时价）";
    PartAtBasePrice => "{n} at {price} (base price)", "{n} 件，单价 {price}（基准价）";
    OfferTakes => "offer {offer} takes {amount} off", "优惠 {offer} 减 {amount}";
    GiftAdded => "offer {offer} adds {n} {sku}", "优惠 {offer} 赠送 {n} 件 {sku}";
    GiftUsedUp => "the gift of offer {offer} is used up", "优惠 {offer} 的赠品已赠完";

    DuesTitle => "Money due back", "待退款";
    DuesOpen => "{n} open, the oldest for {span}", "{n} 笔未退，最早一笔已 {span}";
    DuesSettled => "all {n} settled", "{n} 笔已全部退还";
    NoDues => "No money is due back.", "没有待退款项。";
    MoreDues => "and {n} more, {amount} in all", "另有 {n} 笔，合计 {amount}";
    SettledSoFar => "Settled so far: {n}, {amount}.", "已退还 {n} 笔，共 {amount}。";
    AmountOf => "Amount", "金额";
    DueSince => "Due since", "应退自";
    Due => "Due", "款项";
    SettledAs => "Settled", "退还";

    CouponsTitle => "Coupons and limit over the sale", "优惠券与全场限购";
    CouponCode => "code {code}", "券码 {code}";
    ClaimedOf => "{n} of {all}", "{n} / {all}";
    BudgetLeft => "Left of budget", "剩余预算";
    CouponsSpent => "Discounts", "优惠金额";
    BatchClosed => "closed", "已停发";

    ChannelsTitle => "Channels", "渠道";
    NoChannels => "No order named a channel yet.", "尚无渠道数据。";
    AlertsTitle => "Alerts", "告警";
    NoAlerts => "No alert fires.", "没有告警。";
    IncidentsTitle => "Open incidents", "未解决事件";
    NoIncidents => "No incident is open.", "没有未解决的事件。";
    NotAssessed => "not assessed", "未评估";
    NoOwner => "no owner", "无负责人";
    Since => "since {moment}", "自 {moment}";
    MoreOfThem => "and {n} more", "另有 {n} 项";
    HappeningsTitle => "What happened last", "最近动态";
    NoHappenings => "No acts yet.", "尚无操作。";

    HealthTitle => "Health", "健康状况";
    Ready => "ready", "就绪";
    NotReady => "not ready", "未就绪";
    StoreAway => "store away since {moment}", "存储自 {moment} 起无响应";
    Lag => "read models behind", "读模型延迟";
    Behind => "{name}: {span} behind", "{name}：延迟 {span}";
    Stopped => "{name}: stopped", "{name}：已停止";
    OrderTime => "order p50 / p99", "下单耗时 p50 / p99";
    AppendTime => "append p99", "写入 p99";
    Waiting => "commands waiting", "排队命令";
    Mailbox => "fullest item", "最满队列";
    Position => "log position", "日志位置";
    NodesTitle => "Nodes", "节点";
    NodeAddress => "Address", "地址";
    NodeVersion => "Version", "版本";
    NodeItems => "Items owned", "负责商品";
    NodeForwarded => "Forwarded", "转出";
    NodeReceived => "Received", "转入";
    NodeSuspicions => "Times suspected", "疑似失联次数";
    NodeThis => "this node", "本节点";
    NodeAnswers => "answers", "正常";
    NodeSuspected => "suspected", "疑似失联";
    NodeLeaves => "leaves", "正在退出";
    NodeOlder => "older version", "版本较旧";
    Critical => "critical", "严重";
    Warning => "warning", "警告";
    Notice => "notice", "提示";
    Minor => "minor", "轻微";
    Major => "major", "重大";

    AllOfIt => "Whole sale", "整场活动";
    AsOf => "The sale as of", "活动状态截至";
    Play => "Play", "播放";
    PlayPause => "Pause", "暂停";
    Speed => "Speed", "速度";
    Moment => "Moment", "时刻";
    Marks => "Acts and incidents: press one to go there", "操作与事件：点击跳转";
    NoMarks => "No acts and no incidents.", "没有人工操作，也没有事件。";
    RefusedSoFar => "Refused", "已拒绝";
    NotYet => "The sale has not opened yet; there is nothing to look back at.", "活动尚未开始，无可回看。";
    NothingThen => "At that second nothing was on offer yet.", "该时刻尚无商品上架。";
    ItemsCut => "The first {n} items are shown.", "仅显示前 {n} 种商品。";
    BeingWritten => "The post-mortem is being written. This page shows it as soon as it is there.",
        "复盘报告正在生成，完成后本页会自动显示。";
    LookAgain => "Look again", "重新查看";
    OnItsWay => "The page is being made…", "页面生成中…";

    Stream => "Stream", "流";
    Event => "Event", "事件";
    Content => "Content", "内容";
    AllStreams => "All", "全部";
    NoEvents => "There are no events here.", "这里没有事件。";
    EventsOf => "Events of one stream, from revision {n} on", "单个流的事件，自版本 {n} 起";
    NewestEvents => "The newest events of the log", "日志中的最新事件";
    SearchedBack => "Looked back as far as position {n}.", "已回溯至位置 {n}。";
    FindOrder => "Order id", "订单号";
    Find => "Find", "查找";
    Order => "Order", "订单";
    Buyer => "Buyer", "买家";
    UnitsOf => "Units", "件数";
    Total => "Total", "金额";
    FromTheAttempt => "From the attempt to the end", "从请求到结束";
    After1 => "after {span}", "{span} 后";
    AttemptMade => "Attempt", "请求";
    OrderPlaced => "Order placed", "下单";
    OrderPaid => "Paid", "支付";
    OrderCancelled => "Cancelled", "取消";
    OrderExpired => "Hold expired", "锁定到期";
    OrderReinstated => "Brought back by a late payment", "逾期付款恢复订单";
    PartlyRefunded => "Partly refunded", "部分退款";
    Refunded => "Refunded", "已退款";
    UnitsBack => "{n} units came back", "退回 {n} 件";
    MoneySettled => "Money settled", "款项退还";
    ShopOrderId => "The shop's order {id}", "商城订单号 {id}";
    OrderLabels => "Labels: {labels}", "标签：{labels}";
    FailedPayments => "Failed payments: {n}", "支付失败 {n} 次";
    MoneyTitle => "Money", "款项";
    PaidWith => "{amount} were paid with {reference}.", "已支付 {amount}，付款凭证 {reference}。";
    CameBack => "{n} of {of} units came back for {amount}; {kept} stay paid.",
        "{of} 件中退回 {n} 件，退款 {amount}；实收 {kept}。";
    PayBy => "Payable until", "支付截止";
    AllAttempts => "What the log tells of this buyer and item", "日志中该买家对此商品的记录";
    NoOrder => "There is no such order here, or the read model has not come that far.", "没有该订单，或读模型尚未更新到那里。";
    OnHold => "on hold", "待支付";
}
