//! Titles, columns, units and short notes.

use super::texts;

texts! {
    /// A short text.
    Term:
    PostMortem => "Post-mortem", "复盘报告";
    Window => "Window", "活动时间";
    SaleId => "Sale", "活动编号";
    AsOfPosition => "As of log position", "截至日志位置";
    Times => "Times", "时区";
    Currency => "Currency", "币种";
    Closed => "closed by hand", "已手动结束";

    ThreeThings => "The three things that mattered", "最重要的三件事";
    FewThings => "What mattered", "最重要的事";
    GoalsTitle => "Goals against results", "目标与结果";
    TimelineTitle => "Timeline", "时间线";
    StockTitle => "Stock", "库存";
    DemandTitle => "Demand", "需求";
    TrafficTitle => "Traffic", "流量";
    FunnelTitle => "Funnel", "转化漏斗";
    RefusalsTitle => "Refusals", "拒绝原因";
    ItemsTitle => "Items", "商品";
    ChannelsTitle => "Channels", "渠道归因";
    ShoppersTitle => "Shoppers", "用户";
    HoldsTitle => "Holds", "库存锁定";
    ProofTitle => "No unit was sold twice", "无超卖证明";
    ProofFailedTitle => "The proof failed", "证明未通过";
    ProofMissingTitle => "The proof of no oversell", "无超卖证明";
    DefinitionsTitle => "Definitions", "指标定义";

    NoGoals => "This sale was put up without goals.", "本次活动未设定目标。";
    NoActs => "No operator acted after the sale was put up.", "活动建立后没有任何人工操作。";
    NoOrders => "No order was placed.", "没有任何订单。";
    NoTraffic => "No page views were recorded for this sale, so there is nothing to say about visitors.",
        "本次活动没有记录到浏览数据，因此无法统计访客。";
    NoRefusals => "No attempt was refused.", "没有任何请求被拒绝。";
    NoDemand => "No attempts were counted.", "没有记录到抢购请求。";
    NoChannels => "No order was paid, so there is nothing to attribute.", "没有已支付订单，无法归因。";
    NoShoppers => "No shopper is known by this log.", "日志中没有用户记录。";
    NotVerified => "The log was not verified when this page was written.", "生成本页时没有校验日志。";

    TheRush => "the rush", "抢购高峰";
    TheWhole => "from beginning to end", "全程";
    Behind => "The rows behind the chart", "图表数据";
    BehindMore => "The rows behind the chart, in coarser steps (all of them are in {file})",
        "图表数据（已合并显示，完整数据见 {file}）";
    RestOfItems => "and {n} more", "另有 {n} 种商品未列出";
    RestOfProblems => "and {n} more", "另有 {n} 个";
    AllItems => "All items", "合计";
    All => "All", "合计";
    Direct => "(direct)", "（直接访问）";
    Unknown => "(unknown)", "（未知）";
    Other => "(other)", "（其他）";
    NoneGiven => "(none)", "（无）";
    Nothing => "–", "–";
    NotSoldOut => "not sold out", "未售罄";
    UnitsCameBack => "{moment}; units came back", "{moment}，其后有库存释放";
    Yes => "reached", "达成";
    No => "missed", "未达成";
    NotOver => "not over yet", "尚未结束";
    NotJudgedYet => "Nothing is judged before the sale is over.", "活动结束前不作评判。";
    Unknowable => "cannot be known", "无法得知";

    Number => "No.", "序号";
    Time => "Time", "时间";
    What => "What", "操作";
    Item => "Item", "商品";
    Sku => "SKU", "SKU";
    Title => "Title", "名称";
    Who => "Who", "操作人";
    Why => "Why", "原因";
    Revision => "Revision", "版本";
    Goal => "Goal", "目标项";
    Target => "Target", "目标值";
    Result => "Result", "结果";
    Attainment => "Attainment", "达成率";
    Verdict => "Verdict", "结论";
    Reason => "Reason", "原因";
    Attempts => "Attempts", "请求数";
    Share => "Share", "占比";
    Step => "Step", "步骤";
    ShoppersCount => "Shoppers", "人数";
    OfPrevious => "Of previous", "较上一步";
    OfFirst => "Of first", "较第一步";
    Channel => "Channel", "渠道";
    FirstOrders => "Orders, first touch", "首触订单";
    FirstRevenue => "Revenue, first touch", "首触成交额";
    LastOrders => "Orders, last touch", "末触订单";
    LastRevenue => "Revenue, last touch", "末触成交额";
    Attribute => "Attribute", "属性";
    Value => "Value", "取值";
    Buyers => "Buyers", "买家";
    OrdersCount => "Orders", "订单";
    Revenue => "Revenue", "成交额";
    Path => "Path", "路径";
    OtherSale => "Other sale", "其他活动";
    Visited => "Visited", "访问过";
    Bought => "Bought", "购买过";
    Allocated => "Allocated", "划拨";
    Available => "Available", "可售";
    Held => "Held", "锁定";
    Sold => "Sold", "已售";
    Placed => "Placed", "已下单";
    Paid => "Paid", "已支付";
    Cancelled => "Cancelled", "已取消";
    Expired => "Expired", "超时关单";
    PaidShare => "Paid share", "支付率";
    SoldOutAt => "Sold out", "售罄时间";
    SellThrough => "Sell-through", "售罄率";
    Balance => "Adds up", "是否平衡";
    BalanceYes => "yes", "是";
    BalanceNo => "NO", "否";
    Met => "Met", "成交";
    Unmet => "Unmet: no stock", "未满足：无库存";
    RefusedOtherwise => "Refused otherwise", "其他原因拒绝";
    Repeats => "Repeated", "重复请求";
    Views => "Page views (PV)", "浏览量 (PV)";
    Visitors => "Visitors (UV)", "访客数 (UV)";
    Favourites => "Favourites", "收藏";
    Carts => "Added to cart", "加购";
    PeakDemand => "Peak", "峰值";
    PerSecond => "{n} a second", "每秒 {n}";
    TimeToPay => "Time to pay", "支付耗时";
    HalfPaid => "half paid within; 90 %: {p90}, 99 %: {p99}, max: {most}",
        "半数在此时间内；90 %：{p90}，99 %：{p99}，最长：{most}";
    ExpiredShare => "Expired share", "超时占比";
    UnitsLost => "Unit-seconds lost", "损失的件·秒";
    UnitsReleased => "Units released", "释放件数";
    UnitsResold => "Units re-sold", "再次售出";
    RefundsDue => "Refunds due", "应退款";
    Payments => "payments: {n}", "{n} 笔付款";
    HoldsOpen => "Still held", "仍锁定";
    NewBuyers => "New buyers", "新客";
    ReturningBuyers => "Returning buyers", "老客";
    RepeatBuyers => "Bought twice or more", "复购买家";
    EventsRead => "Events read", "已读事件";
    ItemsChecked => "Items", "商品数";
    OrdersChecked => "Orders", "订单数";
    ChainsChecked => "Hash chains recomputed", "重算哈希链";
    Problem => "Problem", "问题";
    PortraitTitle => "Portrait", "用户画像";
    PathsTitle => "Most common paths", "最常见路径";
    RetentionTitle => "Retention", "留存";

    AgeBand => "Age band", "年龄段";
    Gender => "Gender", "性别";
    Region => "Region", "地区";
    SpendingTier => "Spending tier", "消费层级";
    Under18 => "under-18", "18岁以下";
    From18 => "18-24", "18-24岁";
    From25 => "25-34", "25-34岁";
    From35 => "35-44", "35-44岁";
    From45 => "45-54", "45-54岁";
    From55 => "55-64", "55-64岁";
    From65 => "65-plus", "65岁及以上";
    Female => "female", "女";
    Male => "male", "男";
    OtherGender => "other", "其他";
    LowTier => "low", "低";
    MiddleTier => "middle", "中";
    HighTier => "high", "高";
    TopTier => "top", "顶级";

    GoalUnits => "Units sold", "销量（件）";
    GoalRevenue => "Revenue", "成交额";
    GoalConversion => "Conversion", "转化率";
    GoalNewBuyers => "New buyers", "新客";

    StepView => "view", "浏览";
    StepFavourite => "favourite", "收藏";
    StepCart => "cart", "加购";
    StepShare => "share", "分享";
    StepBuy => "buy", "购买";
    StepAttempt => "attempt", "抢购";
    StepRefused => "refused", "被拒";
    StepRepeated => "repeated", "重复";
    StepOrder => "order", "下单";
    StepPaid => "paid", "支付";
    StepCancelled => "cancelled", "取消";
    StepExpired => "expired", "超时";

    SoldOut => "sold out", "已售罄";
    NotEnoughUnits => "not enough units left", "库存不足";
    NotOpenYet => "not open yet", "尚未开始";
    ClosedReason => "closed", "已结束";
    PausedReason => "paused", "已暂停";
    OverBuyerLimit => "over the buyer's limit", "超过每人限购";
    OverOrderLimit => "over the order's limit", "超过单笔限购";

    PlannedOpening => "Planned opening", "计划开始";
    PlannedEnd => "Planned end", "计划结束";
    ItemSoldOut => "Sold out", "售罄";
    ItemSoldOutForGood => "Sold out for good", "最终售罄";
    ActsLeftOut => "Only the first {n} acts are shown.", "仅显示前 {n} 项操作。";
    Units => "{n} units", "{n} 件";

    IncidentsTitle => "Incidents", "事件";
    IncidentBegan => "Began", "开始";
    IncidentTitle => "Incident", "事件";
    Severity => "Severity", "严重程度";
    SeverityMinor => "minor", "轻微";
    SeverityMajor => "major", "重大";
    SeverityCritical => "critical", "严重";
    Owner => "Owner", "负责人";
    Duration => "Duration", "持续时间";
    StillOpen => "still open", "尚未解决";
    LostUnits => "Units lost", "损失件数";
    LostRevenue => "Revenue lost", "损失成交额";
    Basis => "Against", "参照";
    BasisCurve => "planned curve", "计划曲线";
    BasisGoal => "goal of units", "销量目标";
    BasisPace => "pace before it", "此前速度";
    Details => "Details", "详情";
    IncidentSteps => "Step by step", "处理过程";
    Lessons => "Causes and lessons", "原因与改进";
    AlertRaisedAct => "Alert", "告警";
    LevelSetAct => "Level of the service", "服务级别";

    InSteps => "in steps of {n}", "每格 {n}";

    Milliseconds => "{n} ms", "{n} 毫秒";
    Seconds => "{n} s", "{n} 秒";
    Minutes => "{n} min", "{n} 分";
    Hours => "{n} h", "{n} 小时";
    Days => "{n} d", "{n} 天";
}
