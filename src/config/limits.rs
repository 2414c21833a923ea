//! Limits for clients of a server, for what a node folds when it starts, and for the time of stopping.

use super::{Bounds, Setting};
use crate::values::{narrow, short};

pub(super) const WAITING_MAX: Setting = Setting {
    key: "waiting_max",
    unit: "commands",
    bounds: Bounds::Whole(1, 1_000_000),
    get: |config| config.waiting_max.to_string(),
    set: |config, text, bounds| {
        config.waiting_max = narrow(bounds.whole(text)?);
        Ok(())
    },
};

pub(super) const STOCK_WATCHERS_MAX: Setting = Setting {
    key: "stock_watchers_max",
    unit: "watchers",
    bounds: Bounds::Whole(1, 100_000),
    get: |config| config.stock_watchers_max.to_string(),
    set: |config, text, bounds| {
        config.stock_watchers_max = narrow(bounds.whole(text)?);
        Ok(())
    },
};

pub(super) const ORDER_WAIT_MS: Setting = Setting {
    key: "order_wait_ms",
    unit: "milliseconds",
    bounds: Bounds::Whole(1, 600_000),
    get: |config| config.order_wait_ms.to_string(),
    set: |config, text, bounds| {
        config.order_wait_ms = bounds.whole(text)?;
        Ok(())
    },
};

pub(super) const DECIDE_WITHIN_MS: Setting = Setting {
    key: "decide_within_ms",
    unit: "milliseconds",
    bounds: Bounds::Whole(1_000, 600_000),
    get: |config| config.decide_within_ms.to_string(),
    set: |config, text, bounds| {
        config.decide_within_ms = bounds.whole(text)?;
        Ok(())
    },
};

pub(super) const TRAFFIC_WAITING_MAX: Setting = Setting {
    key: "traffic_waiting_max",
    unit: "beacons",
    bounds: Bounds::Whole(1, 10_000_000),
    get: |config| config.traffic_waiting_max.to_string(),
    set: |config, text, bounds| {
        config.traffic_waiting_max = narrow(bounds.whole(text)?);
        Ok(())
    },
};

pub(super) const TRAFFIC_SHED_AT_COMMANDS: Setting = Setting {
    key: "traffic_shed_at_commands",
    unit: "commands",
    bounds: Bounds::Whole(1, 1_000_000),
    get: |config| config.traffic_shed_at_commands.to_string(),
    set: |config, text, bounds| {
        let commands = bounds.whole(text)?;
        config.traffic_shed_at_commands = narrow(commands);
        Ok(())
    },
};

pub(super) const SNAPSHOT_EVENTS: Setting = Setting {
    key: "snapshot_events",
    unit: "events",
    bounds: Bounds::Whole(0, 1_000_000_000),
    get: |config| config.snapshot_events.to_string(),
    set: |config, text, bounds| {
        config.snapshot_events = bounds.whole(text)?;
        Ok(())
    },
};

pub(super) const STOP_GRACE_MS: Setting = Setting {
    key: "stop_grace_ms",
    unit: "milliseconds",
    bounds: Bounds::Whole(10, 600_000),
    get: |config| config.stop_grace_ms.to_string(),
    set: |config, text, bounds| {
        config.stop_grace_ms = bounds.whole(text)?;
        Ok(())
    },
};

pub(super) const CONNECTIONS_MAX: Setting = Setting {
    key: "connections_max",
    unit: "connections",
    bounds: Bounds::Whole(1, 100_000),
    get: |config| config.connections_max.to_string(),
    set: |config, text, bounds| {
        config.connections_max = narrow(bounds.whole(text)?);
        Ok(())
    },
};

pub(super) const CONNECTION_CALLS_MAX: Setting = Setting {
    key: "connection_calls_max",
    unit: "calls",
    bounds: Bounds::Whole(1, 10_000),
    get: |config| config.connection_calls_max.to_string(),
    set: |config, text, bounds| {
        config.connection_calls_max = short(narrow(bounds.whole(text)?));
        Ok(())
    },
};

pub(super) const CONNECTION_ORDERS_MAX: Setting = Setting {
    key: "connection_orders_max",
    unit: "orders",
    bounds: Bounds::Whole(1, 1_000_000),
    get: |config| config.connection_orders_max.to_string(),
    set: |config, text, bounds| {
        config.connection_orders_max = narrow(bounds.whole(text)?);
        Ok(())
    },
};

pub(super) const CONNECTION_REPORTS_MAX: Setting = Setting {
    key: "connection_reports_max",
    unit: "calls",
    bounds: Bounds::Whole(1, 10_000),
    get: |config| config.connection_reports_max.to_string(),
    set: |config, text, bounds| {
        config.connection_reports_max = narrow(bounds.whole(text)?);
        Ok(())
    },
};

pub(super) const CONNECTION_START_MS: Setting = Setting {
    key: "connection_start_ms",
    unit: "milliseconds",
    bounds: Bounds::Whole(10, 600_000),
    get: |config| config.connection_start_ms.to_string(),
    set: |config, text, bounds| {
        config.connection_start_ms = bounds.whole(text)?;
        Ok(())
    },
};

pub(super) const CONNECTION_IDLE_SECONDS: Setting = Setting {
    key: "connection_idle_seconds",
    unit: "seconds",
    bounds: Bounds::Whole(1, 86_400),
    get: |config| config.connection_idle_seconds.to_string(),
    set: |config, text, bounds| {
        config.connection_idle_seconds = bounds.whole(text)?;
        Ok(())
    },
};
