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
    /// How a command was answered, roughly.
    Outcome {
        Done => "done",
        Refused => "refused",
        Misdirected => "misdirected",
        Fault => "fault",
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
        Coupon => "coupon",
        Quota => "quota",
        Demand => "demand",
        Fulfilment => "fulfilment",
        Traffic => "traffic",
        Alert => "alert",
        Incident => "incident",
        Script => "script",
        Level => "level",
        Node => "node",
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
    /// Why a call was refused by its token.
    TokenFault {
        Missing => "missing",
        Unknown => "unknown",
        Expired => "expired",
        Revoked => "revoked",
        InUrl => "in_url",
        Role => "role",
    }
}

label! {
    /// Why a client of the board was turned away or let go.
    LeftBoard {
        TooMany => "too_many",
        Slow => "slow",
    }
}
