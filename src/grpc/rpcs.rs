//! The table of RPCs: one row for each method of the contract, in the order of the proto files.
//!
//! Everything that depends on the method is made from its row: the part of the service that a level
//! sheds, the limits of a call, the name under which calls are counted, the metadata that routes
//! them, and the table in `docs/rpcs.md`. A test compares the rows with the descriptors in both
//! directions, so an RPC without a row fails by name.

use super::proto;
use crate::admission::{Roles, ServicePart};

/// One RPC.
#[derive(Debug, Clone, Copy)]
pub struct Rpc {
    /// Name of the service without its package.
    pub service: &'static str,
    pub method: &'static str,
    pub purpose: Purpose,
    /// The roles of tokens that may call it, where the server has tokens.
    pub roles: Roles,
    /// The part of the service that answers it; `None` where it is answered at every level.
    pub part: Option<ServicePart>,
    pub weight: Weight,
    pub size: Size,
    /// The field of the request whose value is sent as `x-item-id`.
    pub routed_by: Option<&'static str>,
}

/// What an RPC is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A buyer's command to an item or a batch of coupons.
    Order,
    /// A query for the current state of something.
    Look,
    /// An operator's act.
    Steer,
    /// Figures, replays and verifications.
    Report,
    /// Beacons of traffic.
    Record,
}

/// What a call holds of the share of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// A few hundred bytes, or a stream with a window of its own.
    Light,
    /// A large answer, which holds a permit until the client has read it.
    Answer,
    /// No RPC of the contract: health and reflection.
    Beside,
    /// A stream that lasts until the client ends it.
    Following,
}

/// Largest message that an RPC takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A command or a query: an order has about 150 bytes.
    Command,
    /// The plan of a sale.
    Plan,
    /// A message of beacons.
    Beacons,
}

/// The package of all services.
const PACKAGE: &str = "doorbuster.v1";

impl Rpc {
    /// The name under which calls are counted: `doorbuster.v1.PurchaseService/PlaceOrder`.
    pub fn name(&self) -> String {
        format!("{PACKAGE}.{}/{}", self.service, self.method)
    }

    /// The row with that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        let (service, method) = name.strip_prefix(PACKAGE)?.strip_prefix('.')?.split_once('/')?;
        ALL.iter().find(|rpc| rpc.service == service && rpc.method == method)
    }
}

impl Purpose {
    /// The word in documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Look => "look",
            Self::Steer => "steer",
            Self::Report => "report",
            Self::Record => "record",
        }
    }

    /// Whether calls append to the log.
    pub fn writes(self) -> bool {
        match self {
            Self::Order | Self::Steer | Self::Record => true,
            Self::Look | Self::Report => false,
        }
    }
}

impl Weight {
    /// The words in documents.
    pub fn words(self) -> &'static str {
        match self {
            Self::Light => "",
            Self::Answer => "`connection_reports_max`",
            Self::Beside | Self::Following => "16 on a connection",
        }
    }
}

impl Size {
    /// The limit, in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Command => 64 << 10,
            Self::Plan => 4 << 20,
            Self::Beacons => 1 << 20,
        }
    }

    /// The largest message of a service, given by its full name.
    pub(super) fn of_service(service: &str) -> Self {
        let name = service.strip_prefix(PACKAGE).and_then(|name| name.strip_prefix('.'));
        let row = ALL.iter().find(|rpc| name == Some(rpc.service));
        row.map_or(Self::Command, |rpc| rpc.size)
    }
}

/// A message, or a stream of messages, about exactly one item.
pub trait AboutItem {
    fn item_id(&self) -> &str;
}

/// Writes the rows, and for each routed one the trait by which clients route its request.
macro_rules! rpcs {
    ($($service:ident $method:ident: $purpose:ident, $roles:ident, $part:tt, $weight:ident, $size:ident
        $(, by $request:ident.$field:ident)?;)+) => {
        /// All RPCs.
        pub const ALL: &[Rpc] = &[$(Rpc {
            service: stringify!($service),
            method: stringify!($method),
            purpose: Purpose::$purpose,
            roles: Roles::$roles,
            part: rpcs!(@part $part),
            weight: Weight::$weight,
            size: Size::$size,
            routed_by: rpcs!(@field $($field)?),
        }),+];
        $($(impl AboutItem for proto::$request {
            fn item_id(&self) -> &str {
                &self.$field
            }
        })?)+
    };
    (@part -) => { None };
    (@part $part:ident) => { Some(ServicePart::$part) };
    (@field) => { None };
    (@field $field:ident) => { Some(stringify!($field)) };
}

// service, method: purpose, roles, part that a level sheds, share of the connection, message size,
// and the field that routes.
rpcs! {
    AlertService ListAlerts: Look, REPORTING, -, Answer, Command;
    AlertService FollowAlerts: Look, REPORTING, -, Following, Command;
    AlertService ListAlertRules: Look, REPORTING, -, Answer, Command;
    AlertService CheckAlertRule: Look, REPORTING, -, Light, Command;

    CouponService ClaimCoupon: Order, BUYING, -, Light, Command;
    CouponService GrantCoupon: Steer, STEERING, -, Light, Command;
    CouponService CloseBatch: Steer, STEERING, -, Light, Command;
    CouponService RaiseBudget: Steer, STEERING, -, Light, Command;
    CouponService RevokeCoupon: Steer, STEERING, -, Light, Command;
    CouponService GetBatch: Look, ANY, -, Light, Command;
    CouponService ListCoupons: Look, SERVING, -, Answer, Command;

    DegradationService SetLevel: Steer, STEERING, -, Light, Command;
    DegradationService GetLevel: Look, ANY, -, Light, Command;
    DegradationService ListLevelChanges: Look, WATCHING, -, Answer, Command;

    IncidentService OpenIncident: Steer, STEERING, -, Light, Command;
    IncidentService AssessIncident: Steer, STEERING, -, Light, Command;
    IncidentService RecordAction: Steer, STEERING, -, Light, Command;
    IncidentService ResolveIncident: Steer, STEERING, -, Light, Command;
    IncidentService ReviewIncident: Steer, STEERING, -, Light, Command;
    IncidentService GetIncident: Look, WATCHING, -, Light, Command;
    IncidentService ListIncidents: Look, WATCHING, -, Answer, Command;

    ItemService GetItem: Look, ANY, -, Light, Command, by GetItemRequest.item_id;
    ItemService AllocateStock: Steer, STEERING, -, Light, Command, by AllocateStockRequest.item_id;
    ItemService SetReserve: Steer, STEERING, -, Light, Command, by SetReserveRequest.item_id;
    ItemService MoveStock: Steer, STEERING, -, Light, Command, by MoveStockRequest.item_id;
    ItemService WithdrawStock: Steer, STEERING, -, Light, Command, by WithdrawStockRequest.item_id;
    ItemService ReleaseReserve: Steer, STEERING, -, Light, Command, by ReleaseReserveRequest.item_id;
    ItemService SetPurchaseLimit: Steer, STEERING, -, Light, Command,
        by SetPurchaseLimitRequest.item_id;
    ItemService SetPrices: Steer, STEERING, -, Light, Command, by SetPricesRequest.item_id;
    ItemService SetOffers: Steer, STEERING, -, Light, Command, by SetOffersRequest.item_id;
    ItemService SetGiftUnits: Steer, STEERING, -, Light, Command, by SetGiftUnitsRequest.item_id;
    ItemService SetAudience: Steer, STEERING, -, Light, Command, by SetAudienceRequest.item_id;
    ItemService SetReservePlan: Steer, STEERING, -, Light, Command, by SetReservePlanRequest.item_id;
    ItemService PauseItem: Steer, STEERING, -, Light, Command, by PauseItemRequest.item_id;
    ItemService ResumeItem: Steer, STEERING, -, Light, Command, by ResumeItemRequest.item_id;
    ItemService CloseItem: Steer, STEERING, -, Light, Command, by CloseItemRequest.item_id;
    ItemService WatchStock: Look, ANY, -, Following, Command;

    NodeService ListNodes: Look, WATCHING, -, Answer, Command;

    OrderService CancelHold: Steer, STEERING, -, Light, Command, by CancelHoldRequest.item_id;
    OrderService ExtendHold: Steer, STEERING, -, Light, Command, by ExtendHoldRequest.item_id;
    OrderService RefundOrder: Steer, STEERING, -, Light, Command, by RefundOrderRequest.item_id;
    OrderService SettleRefund: Steer, STEERING, -, Light, Command, by SettleRefundRequest.item_id;
    OrderService ExportOrders: Steer, STEERING, -, Light, Command;
    OrderService FetchExport: Look, SERVING, -, Following, Command;
    OrderService ListExports: Look, SERVING, -, Answer, Command;
    OrderService FindOrder: Look, SERVING, -, Answer, Command;
    OrderService FollowOrders: Look, SERVING, -, Following, Command;

    PurchaseService PlaceOrder: Order, BUYING, Orders, Light, Command, by PlaceOrderRequest.item_id;
    PurchaseService PlaceOrders: Order, BUYING, Orders, Light, Command;
    PurchaseService GetOutcome: Look, KNOWING, -, Light, Command, by GetOutcomeRequest.item_id;
    PurchaseService RecordPayment: Order, PAYING, -, Light, Command, by RecordPaymentRequest.item_id;
    PurchaseService RecordPaymentFailure: Order, PAYING, -, Light, Command,
        by RecordPaymentFailureRequest.item_id;
    PurchaseService CancelOrder: Order, BUYING, -, Light, Command, by CancelOrderRequest.item_id;
    PurchaseService GetOrder: Look, KNOWING, -, Light, Command, by GetOrderRequest.item_id;
    PurchaseService QuotePrice: Look, ANY, -, Light, Command, by QuotePriceRequest.item_id;

    ReplayService GetStateAt: Report, REPORTING, Reports, Answer, Command;
    ReplayService ReplayItem: Report, WATCHING, Reports, Following, Command;
    ReplayService CompareReplay: Report, WATCHING, Reports, Answer, Command;
    ReplayService RunWhatIf: Report, REPORTING, Reports, Answer, Command;
    ReplayService ExplainPurchase: Report, SERVING, Reports, Answer, Command;
    ReplayService VerifySale: Report, WATCHING, Reports, Answer, Command;

    ReportService GetStockLevels: Report, LISTING, Reports, Answer, Command;
    ReportService ListOrders: Report, LISTING, Reports, Answer, Command;
    ReportService GetSalesSummary: Report, REPORTING, Reports, Answer, Command;
    ReportService GetTimeline: Report, REPORTING, Reports, Answer, Command;
    ReportService GetFunnel: Report, REPORTING, Reports, Answer, Command;
    ReportService GetTraffic: Report, REPORTING, Reports, Answer, Command;
    ReportService GetAttribution: Report, REPORTING, Reports, Answer, Command;
    ReportService GetPortrait: Report, REPORTING, Reports, Answer, Command;
    ReportService GetPaths: Report, REPORTING, Reports, Answer, Command;
    ReportService GetRetention: Report, REPORTING, Reports, Answer, Command;
    ReportService GetStockCurve: Report, REPORTING, Reports, Answer, Command;
    ReportService GetDemand: Report, REPORTING, Reports, Answer, Command;
    ReportService GetRefusals: Report, REPORTING, Reports, Answer, Command;
    ReportService GetHolds: Report, REPORTING, Reports, Answer, Command;
    ReportService GetPriceFigures: Report, REPORTING, Reports, Answer, Command;
    ReportService GetOfferFigures: Report, REPORTING, Reports, Answer, Command;
    ReportService GetCouponFigures: Report, REPORTING, Reports, Answer, Command;
    ReportService ListRefundsDue: Report, LISTING, Reports, Answer, Command;
    ReportService GetRefundReport: Report, REPORTING, Reports, Answer, Command;
    ReportService ListActs: Report, WATCHING, Reports, Answer, Command;
    ReportService GetGoalAttainment: Report, REPORTING, Reports, Answer, Command;
    ReportService CompareSales: Report, REPORTING, Reports, Answer, Command;

    SaleService CreateSale: Steer, STEERING, -, Light, Plan;
    SaleService RescheduleSale: Steer, STEERING, -, Light, Plan;
    SaleService CancelSale: Steer, STEERING, -, Light, Plan;
    SaleService PauseSale: Steer, STEERING, -, Light, Plan;
    SaleService ResumeSale: Steer, STEERING, -, Light, Plan;
    SaleService CloseSale: Steer, STEERING, -, Light, Plan;
    SaleService GetSale: Look, ANY, -, Light, Plan;
    SaleService ListSales: Look, LISTING, -, Answer, Plan;

    ScriptService PublishScript: Steer, STEERING, -, Light, Command;
    ScriptService WithdrawScript: Steer, STEERING, -, Light, Command;
    ScriptService ListScripts: Look, LISTING, -, Answer, Command;
    ScriptService ListScriptVersions: Look, LISTING, -, Answer, Command;
    // The wording follows from a replay of the item.
    ScriptService RenderScript: Look, SERVING, Reports, Light, Command;

    // A stream outlasts a level, so its messages are judged one by one; PlaceOrders likewise.
    TrafficService RecordTraffic: Record, BUYING, Traffic, Light, Beacons;

    // What it changes is kept by the node and is no part of the log.
    WebhookService ListWebhooks: Look, WATCHING, -, Answer, Command;
    WebhookService ListFailedDeliveries: Look, WATCHING, -, Answer, Command;
    WebhookService ResendDeliveries: Steer, STEERING, -, Light, Command;
    WebhookService PauseWebhook: Steer, STEERING, -, Light, Command;
    WebhookService ResumeWebhook: Steer, STEERING, -, Light, Command;
}
