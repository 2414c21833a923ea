//! The definition of each figure: name, meaning, unit and source.

use super::{Lang, texts};

texts! {
    /// A figure that a page shows.
    Definition:
    Revenue => "Revenue: the sum of paid orders less what was refunded of them, in the sale's currency. Gross: before refunds. Payments that came too late or twice are in neither. From OrderPaid and OrderRefunded.",
        "成交额：已支付订单的金额之和减去其退款，以活动币种计；毛成交额未扣退款。两者均不含迟到或重复的付款。来源：OrderPaid、OrderRefunded。";
    UnitsSold => "Units sold: units of paid orders without those that came back. From OrderPaid and OrderRefunded.", "销量：已支付订单的件数，不含退货。来源：OrderPaid、OrderRefunded。";
    SellThrough => "Sell-through: units sold / units allocated.", "售罄率：已售件数 / 划拨件数。";
    PaidShare => "Paid share: orders paid / orders placed.", "支付率：已支付订单 / 已下单订单。";
    Orders => "Orders placed: attempts that got units. From OrderPlaced.", "订单：抢到库存的请求。来源：OrderPlaced。";
    Attempts => "Attempts: every request to place an order, also repeated and refused ones. From DemandTick, counted each second; a crash can lose the running second.",
        "请求数：全部下单请求，含重复与被拒。来源：每秒一次的 DemandTick；崩溃可能丢失当前秒。";
    Unmet => "Unmet demand: attempts refused because too few units were there (sold out, not enough units). One shopper who tries five times counts five times.",
        "未满足需求：因库存不足被拒的请求（已售罄、库存不足）。同一用户尝试五次计五次。";
    SoldOutTime => "Sold out: when the last available unit was taken, most recently. Units that come back from expired holds can end it; the page's head then says after which second nothing was left for the first time.",
        "售罄时间：最近一次最后一件被抢走的时刻；超时释放的库存可使其结束，此时页首显示首次全部抢空的那一秒。";
    Stock => "Allocated, available, held, sold: units of an item; the first is always the sum of the other three.",
        "划拨、可售、锁定、已售：商品件数，划拨恒等于其余三者之和。";
    Refusal => "Refused attempts: attempts answered with a business “no”. Share: of all attempts.",
        "被拒请求：以业务理由拒绝的请求。占比：占全部请求。";
    Goals => "Attainment: result / target. Conversion: buyers who paid / distinct visitors. New buyers: buyers who paid here and in no other sale before.",
        "达成率：结果 / 目标。转化率：付款买家 / 去重访客。新客：首次在本系统付款的买家。";
    Visitors => "Visitors (UV): distinct shoppers with at least one beacon, counted exactly. Page views (PV): beacons of pages seen. From TrafficRecorded.",
        "访客数 (UV)：至少有一次行为记录的去重用户，精确计数。浏览量 (PV)：页面浏览记录数。来源：TrafficRecorded。";
    Funnel => "Funnel: distinct shoppers who took a step after all steps before it, in order, within the window. Of previous: / shoppers at the step before. Of first: / shoppers at the first step.",
        "转化漏斗：在时间窗内按顺序完成该步骤及之前步骤的去重用户。较上一步：/ 上一步人数。较第一步：/ 第一步人数。";
    Attribution => "First and last touch: the channel of the buyer's first touch, and of the last one before the order, within the window; (direct) where there is none.",
        "首触与末触：时间窗内买家首次触点渠道与下单前最后触点渠道；没有则为“直接访问”。";
    Portrait => "Portrait: distinct shoppers and buyers by what the shop knew of them, the last known value each. Share: of all shoppers.",
        "用户画像：按已知属性（取最后已知值）统计的去重用户与买家。占比：占全部用户。";
    Paths => "Path: the steps of one shopper in this sale by time. Share: of all shoppers with a path.",
        "路径：用户在本次活动中按时间排列的步骤。占比：占有路径的全部用户。";
    Retention => "Returning buyers: buyers with an earlier purchase in another sale of this log; new buyers: all others.",
        "老客：在本日志的其他活动中有更早购买的买家；其余为新客。";
    Holds => "Hold: units kept for a buyer until paid, cancelled or expired. Expired share: expired / placed. Time to pay: from placing to paying, over paid holds.",
        "锁定：为买家保留的库存，直到支付、取消或超时。超时占比：超时 / 下单。支付耗时：已支付订单从下单到支付。";
    UnitSeconds => "Unit-seconds lost: units times seconds on hold, over holds that expired. Units re-sold: units taken again after they came back.",
        "损失的件·秒：超时锁定的件数乘以锁定秒数。再次售出：释放后又被购买的件数。";
    RefundsDue => "Refunds due: what is not settled of payments that came too late or twice, and of money for units that came back. From RefundDue, OrderRefunded and RefundSettled.",
        "应退款：迟到或重复的付款与退货款项中尚未退还的部分。来源：RefundDue、OrderRefunded、RefundSettled。";
}

impl Definition {
    /// Where it stands in the page.
    pub fn anchor(self) -> String {
        let place = Self::ALL.iter().position(|known| *known == self).unwrap_or(0);
        format!("d{}", place + 1)
    }

    /// Its number among the definitions.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|known| *known == self).unwrap_or(0) + 1
    }

    /// What is defined, and how.
    pub fn parts(self, lang: Lang) -> (&'static str, &'static str) {
        let text = self.text(lang);
        let split = text.split_once(": ").or_else(|| text.split_once('：'));
        split.unwrap_or((text, ""))
    }
}
