//! Sentences: findings, and captions of figures.

use super::texts;

texts! {
    /// A sentence, some with gaps.
    Sentence:
    UnfinishedNotOpen => "This sale is not over: it opens {opens}. There is nothing to judge as of {asked}.",
        "本次活动尚未结束：将于 {opens} 开售。截至 {asked} 尚无可评判的结果。";
    UnfinishedRunning => "This sale is not over: it runs until {closes}. These are its figures so far, as of {asked}; nothing is judged yet.",
        "本次活动尚未结束：将进行至 {closes}。以下为截至 {asked} 的阶段数据，尚不作评判。";
    FoundProofFailed => "The log breaks its promises: the verifier found {n} problems.",
        "日志未通过校验：发现 {n} 个问题。";
    FoundProofFailedMore => "No figure on this page can be trusted before they are explained; they are listed at the end.",
        "在问题查清之前，本页任何数字都不可信；问题列在文末。";
    FoundSoldOut => "All {units} units were gone {after} after the opening.",
        "开售后 {after}，{units} 件全部被抢光。";
    FoundSoldOutTwice => "Everything was gone for the first time within {first} of the opening, and for good after {after}, with {units} units allocated by then.",
        "开售后 {first} 内首次被抢光，{after} 后最终售罄，至此共划拨 {units} 件。";
    FoundSoldOutMore => "{unmet} of {attempts} attempts ({share}) were refused for want of stock; they asked for {units} units.",
        "{attempts} 次请求中有 {unmet} 次（{share}）因无库存被拒，共求购 {units} 件。";
    FoundUnmet => "{unmet} of {attempts} attempts found no stock.",
        "{attempts} 次请求中有 {unmet} 次没有库存。";
    FoundUnmetMore => "They asked for {units} units, {share} of all attempts; {left} units are unsold in the end.",
        "这些请求求购 {units} 件，占全部请求的 {share}；最终仍有 {left} 件未售出。";
    FoundUnsold => "{left} of {units} units were not sold.", "{units} 件中有 {left} 件未售出。";
    FoundUnsoldMore => "Sell-through was {share}; {held} of the unsold units are still held for buyers who have not paid.",
        "售罄率 {share}；未售出的部分中有 {held} 件仍被未付款订单锁定。";
    FoundNoOrders => "No order was placed.", "没有任何订单。";
    FoundNoOrdersMore => "{units} units were on offer and {attempts} attempts were counted.",
        "共有 {units} 件在售，记录到 {attempts} 次请求。";
    FoundExpired => "{expired} of {placed} holds ({share}) expired unpaid.",
        "{placed} 次锁定中有 {expired} 次（{share}）超时未付款。";
    FoundExpiredMore => "They kept {lost} unit-seconds from other buyers; {resold} of the {released} units that came back were taken again.",
        "它们占用了 {lost} 件·秒；释放的 {released} 件中有 {resold} 件再次被购买。";
    FoundGoalMissed => "The goal “{goal}” was missed: {result} of {target}.",
        "目标“{goal}”未达成：{result}，目标 {target}。";
    FoundGoalMissedMore => "That is {share} of the target.", "达成率为 {share}。";
    FoundGoalsMet => "Every goal was reached: {n} of {n}.", "全部目标均已达成：{n}/{n}。";
    FoundGoalsMetMore => "The closest was “{goal}” with {share} of its target.",
        "最接近未达成的是“{goal}”，达成率 {share}。";
    FoundPaused => "{attempts} attempts were refused because an item was paused.",
        "{attempts} 次请求因商品暂停销售被拒。";
    FoundPausedMore => "That is {share} of all attempts; pauses: {n}. The timeline says who paused and why.",
        "占全部请求的 {share}；共暂停 {n} 次。操作人与原因见时间线。";
    FoundRefunds => "{open} are due back to buyers and not settled.", "尚有 {open} 应退买家而未退还。";
    FoundRefundsSettled => "All {due} that were due back to buyers are settled.", "应退买家的 {due} 已全部退还。";
    FoundRefundsMore => "In all {due} were due, for {late} payments that came too late or twice and for {back} refunds; {settled} are settled, {n} are still open.",
        "应退合计 {due}：迟到或重复付款 {late} 笔，退货 {back} 笔；已退 {settled}，未退 {n} 笔。";
    FoundCoupons => "Coupons took {amount} off {orders} paid orders.",
        "优惠券为 {orders} 笔已支付订单优惠 {amount}。";
    FoundCouponsMore => "That is {share} of what these and all other paid orders would have brought without coupons; {used} of {budget} budget are used.",
        "占全部已支付订单券前金额的 {share}；预算 {budget} 已用 {used}。";
    FoundChannel => "{channel} brought the most: {orders} of {all} paid orders by last touch.",
        "渠道 {channel} 贡献最大：按末次触点计，{all} 笔已支付订单中占 {orders} 笔。";
    FoundChannelMore => "That is {share} of them, worth {amount}.",
        "占 {share}，成交额 {amount}。";
    FoundConversion => "{buyers} of {visitors} visitors bought: {share}.",
        "{visitors} 位访客中有 {buyers} 位购买，转化率 {share}。";
    FoundConversionMore => "Most shoppers were lost between “{from}” and “{to}”: {lost} of {before}.",
        "流失最多的一步是“{from}”到“{to}”：{before} 人中流失 {lost} 人。";
    FoundProved => "No unit was sold twice.", "没有任何一件商品被重复售出。";
    FoundProvedMore => "The verifier read all {events} events and checked {orders} orders of {items} items after each of them.",
        "校验器读取了全部 {events} 个事件，并在每个事件之后核对了 {items} 件商品的 {orders} 笔订单。";
    FoundSold => "{units} units were sold for {amount}.", "共售出 {units} 件，成交额 {amount}。";
    FoundSoldMore => "{paid} of {placed} orders were paid: {share}.",
        "{placed} 笔订单中有 {paid} 笔已支付，支付率 {share}。";

    StockLead => "Stock at the end of each step; what is available, held and sold always adds up to what is allocated. Numbered lines are acts in the timeline.",
        "每格末的库存；可售、锁定与已售之和恒等于划拨。带编号的竖线对应时间线中的操作。";
    DemandLead => "Attempts to buy in each step, also refused ones. What stock could not meet is on top.",
        "每格内的抢购请求，含被拒请求。因无库存未能满足的部分位于最上方。";
    TrafficLead => "Page views and distinct visitors in each step; a visitor who comes back counts in each of them once.",
        "每格内的浏览量与去重访客数；再次来访的访客在各格中各计一次。";
    TrafficLeadViews => "Page views in each step. Distinct visitors of several minutes are not the sum of theirs, so over so long a time they are not drawn.",
        "每格内的浏览量。多个分钟的去重访客数不能相加，因此时间较长时不绘制访客。";
    FunnelLead => "Shoppers who came through each step and all before it, in this order, within {window} of the view that the chain starts with.",
        "在起始浏览后的 {window} 内，依次完成该步骤及之前所有步骤的人数。";
    ChannelsLead => "A paid order is credited to the channel of its buyer's first touch, and beside it to that of the last touch before the order, of touches at most {window} old.",
        "每笔已支付订单分别归于买家的首次触点渠道与下单前最后触点渠道；仅计 {window} 内的触点。";
    PathsLead => "{distinct} different paths of {shoppers} shoppers; equal steps in a row count as one, and a path is cut after {steps} steps.",
        "{shoppers} 位用户共有 {distinct} 种不同路径；连续相同步骤合并，超过 {steps} 步截断。";
    RetentionLead => "Of {buyers} buyers in this sale.", "以本次活动的 {buyers} 位买家为基数。";
    LeftOut => "{n} touches of shoppers with too many of them were not looked at.",
        "触点过多的用户有 {n} 个触点未纳入统计。";
    SoldOutsCut => "Of the items that sold out, only {n} are told here.",
        "售罄的商品中，此处仅列出 {n} 种。";
    ValuesCut => "Of each attribute, the {n} values with most shoppers are shown.",
        "每个属性仅显示人数最多的 {n} 个取值。";
    ChannelsCut => "Only the {n} channels with most orders are shown; the last row is over all.",
        "仅显示订单最多的 {n} 个渠道；合计包含全部渠道。";
    PathsCut => "The paths of {n} shoppers are not told apart here: there were too many different ones.",
        "不同路径过多，有 {n} 位用户的路径未单独统计。";
    SalesCut => "Only the first {n} other sales are shown.", "仅显示前 {n} 个其他活动。";
    CouponsLead => "{orders} paid orders with {units} units had a coupon, and the coupons took {amount} off. {claimed} of {coupons} coupons were claimed or granted, {earned} of them earned by what buyers paid; {redeemed} times one was bound to an order, and {returned} times it came back.",
        "{orders} 笔已支付订单（{units} 件）使用了优惠券，共优惠 {amount}。{coupons} 张券中已领取或发放 {claimed} 张，其中消费获赠 {earned} 张；累计使用 {redeemed} 次，退回 {returned} 次。";
    CouponsDenied => "{n} orders did not get their coupon: {reasons}.", "{n} 笔订单未能使用优惠券：{reasons}。";
    SaleLimitTold => "One buyer may have {limit} units of all items together. {buyers} buyers have {units} units in held and paid orders, {full} of them as many as they may; {denied} orders were cancelled over the limit.",
        "全场每人限购 {limit} 件。{buyers} 位买家的待支付与已支付订单共 {units} 件，其中 {full} 位已达上限；{denied} 笔订单因超出限购被取消。";
    ProofLead => "An independent verifier, which shares no code with the system, read the whole log: after each event, in each warehouse of each item, held plus sold never exceeded allocated; every order ended at most once.",
        "独立校验器（与系统不共享任何代码）读取了整个日志：在每个事件之后、每件商品的每个仓库中，锁定与已售之和从未超过划拨；每笔订单至多终结一次。";
    ProofChained => "Hash chains of all streams were recomputed and are whole.", "已重算所有流的哈希链，均完整。";
    ProofNotChained => "The store keeps no hash chains: a consistent change of what it holds would not show.",
        "该存储没有哈希链：若内容被一致地篡改则无法发现。";
    ProofSplit => "The equation of each item, at the end:", "各商品在期末的等式：";
    Unfinished => "{n} units are still held: these figures can change until the last hold ends.",
        "仍有 {n} 件被锁定：在最后一个锁定结束前，这些数字仍可能变化。";
    IncidentsLead => "What went wrong, and the units and revenue that it cost against the plan by its end. Lost units may have been sold later; incidents that overlap count the same units.",
        "出现的问题，以及截至结束时相对于计划损失的件数与成交额。损失的件数之后可能售出；时间重叠的事件会重复计算。";
    IncidentsCut => "Only the first {n} incidents are shown.", "仅显示前 {n} 个事件。";
    Foot => "Written by doorbuster from the log at position {position}. The same log gives the same page.",
        "由 doorbuster 根据日志位置 {position} 生成。同一日志总是生成同一页面。";
}
