//! The values that labels can have: closed sets, so that no buyer, order or item ever becomes a
//! series of its own, and every series is there from the start.

/// Makes an enum whose variants have the names under which they are shown.
macro_rules! label {
    ($(#[$about:meta])* $label:ident { $($variant:ident => $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $label {
            $($variant,)+
        }

        impl Label for $label {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

/// A closed set of label values.
pub trait Label: Copy + 'static {
    /// All of them, each at its place.
    const ALL: &'static [Self];

    /// The value as it is shown.
    fn name(self) -> &'static str;

    /// Where it stands in [`Self::ALL`].
    fn place(self) -> usize;
}

label! {
    /// What can be asked of an item or a sale.
    CommandKind {
        AddItem => "add_item",
        PlaceOrder => "place_order",
        RecordPayment => "record_payment",
        CancelOrder => "cancel_order",
        AllocateStock => "allocate_stock",
        SetReserve => "set_reserve",
        ReleaseReserve => "release_reserve",
        SetPurchaseLimit => "set_purchase_limit",
        PauseItem => "pause_item",
        ResumeItem => "resume_item",
        CloseItem => "close_item",
        ShowItem => "show_item",
        ShowOrder => "show_order",
        CreateSale => "create_sale",
        PauseSale => "pause_sale",
        ResumeSale => "resume_sale",
        CloseSale => "close_sale",
        ShowSale => "show_sale",
        RaiseAlert => "raise_alert",
        ClearAlert => "clear_alert",
        ShowAlerts => "show_alerts",
        OpenIncident => "open_incident",
        AssessIncident => "assess_incident",
        RecordAction => "record_action",
        ResolveIncident => "resolve_incident",
        ReviewIncident => "review_incident",
        ShowIncident => "show_incident",
        PublishScript => "publish_script",
        WithdrawScript => "withdraw_script",
        ShowScript => "show_script",
        SetLevel => "set_level",
        ShowLevel => "show_level",
    }
}

label! {
    /// How a command was answered, roughly.
    Outcome {
        Done => "done",
        Refused => "refused",
        Misdirected => "misdirected",
        Fault => "fault",
    }
}

label! {
    /// Business "no"s, named as in the contract.
    RefusalReason {
        SoldOut => "SOLD_OUT",
        NotEnoughUnits => "NOT_ENOUGH_UNITS",
        NotOpenYet => "NOT_OPEN_YET",
        Closed => "CLOSED",
        Paused => "PAUSED",
        OverBuyerLimit => "OVER_BUYER_LIMIT",
        OverOrderLimit => "OVER_ORDER_LIMIT",
        OrderExpired => "ORDER_EXPIRED",
        OrderCancelled => "ORDER_CANCELLED",
        AlreadyPaid => "ALREADY_PAID",
        WrongAmount => "WRONG_AMOUNT",
        NotPaused => "NOT_PAUSED",
        IncidentResolved => "INCIDENT_RESOLVED",
        IncidentNotResolved => "INCIDENT_NOT_RESOLVED",
        IncidentReviewed => "INCIDENT_REVIEWED",
        IncidentEndsTooEarly => "INCIDENT_ENDS_TOO_EARLY",
        IncidentTooLong => "INCIDENT_TOO_LONG",
        ScriptVersion => "SCRIPT_VERSION",
        ScriptNotPublished => "SCRIPT_NOT_PUBLISHED",
        NotEnoughReserve => "NOT_ENOUGH_RESERVE",
    }
}

label! {
    /// Mistakes of the caller that only the item or sale can see, named as in the contract.
    MisdirectedReason {
        NotFound => "NOT_FOUND",
        RequestIdReused => "REQUEST_ID_REUSED",
        Invalid => "INVALID_ARGUMENT",
    }
}

label! {
    /// Failures of the outside world, named as in the contract.
    FaultReason {
        Overloaded => "OVERLOADED",
        StoreUnavailable => "STORE_UNAVAILABLE",
        LostOwnership => "LOST_OWNERSHIP",
        DeadlineExceeded => "DEADLINE_EXCEEDED",
        LogUnreadable => "LOG_UNREADABLE",
        Stopping => "STOPPING",
    }
}

label! {
    /// Kinds of streams.
    StreamKind {
        Sale => "sale",
        Item => "item",
        Demand => "demand",
        Traffic => "traffic",
        Alert => "alert",
        Incident => "incident",
        Script => "script",
        Level => "level",
    }
}

label! {
    /// What became of an append.
    AppendResult {
        Written => "written",
        Conflict => "conflict",
        NotWritten => "not_written",
        Unknown => "unknown",
    }
}

label! {
    /// What is left out at a level of the service.
    LeftOut {
        Traffic => "traffic",
        Board => "board",
        Reports => "reports",
        Orders => "orders",
    }
}

label! {
    /// How urgent an alert is.
    Severity {
        Info => "info",
        Warning => "warning",
        Critical => "critical",
    }
}

label! {
    /// What became of something that was to be delivered to the webhook.
    DeliveryResult {
        Delivered => "delivered",
        Retried => "retried",
        GivenUp => "given_up",
    }
}

label! {
    /// What became of a beacon.
    BeaconResult {
        Accepted => "accepted",
        Duplicate => "duplicate",
        Invalid => "invalid",
        UnknownItem => "unknown_item",
        UnknownSale => "unknown_sale",
        TimeOutOfRange => "time_out_of_range",
        Shed => "shed",
        SwitchedOff => "switched_off",
        Unanswered => "unanswered",
    }
}

label! {
    /// Why a token was refused.
    TokenFault {
        Missing => "missing",
        Wrong => "wrong",
    }
}

label! {
    /// Why a client of the board was turned away or let go.
    LeftBoard {
        TooMany => "too_many",
        Slow => "slow",
    }
}
