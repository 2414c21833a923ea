//! Whether alert rules are judged, and the settings of the webhooks.

use std::path::PathBuf;

use reqwest::Url;

use super::{Bounds, Setting};

pub(super) const ALERTS: Setting = Setting {
    key: "alerts",
    unit: "",
    bounds: Bounds::Text("`on` or `off`"),
    get: |config| if config.alerts { "on" } else { "off" }.to_owned(),
    set: |config, text, _| {
        config.alerts = match text {
            "on" => true,
            "off" => false,
            _ => return Err(format!("must be on or off, not {text:?}")),
        };
        Ok(())
    },
};

pub(super) const URL: Setting = Setting {
    key: "webhook_url",
    unit: "",
    bounds: Bounds::Text("an `https://` URL, or an `http://` one of this machine"),
    get: |config| config.webhook_url.clone().unwrap_or_else(|| "none".to_owned()),
    set: |config, text, _| {
        config.webhook_url = if text == "none" { None } else { Some(judged(text)?) };
        Ok(())
    },
};

pub(super) const SECRET_FILE: Setting = Setting {
    key: "webhook_secret_file",
    unit: "",
    bounds: Bounds::Text("a file that others cannot read"),
    get: |config| {
        let file = config.webhook_secret_file.as_deref();
        file.map_or_else(|| "none".to_owned(), |file| file.display().to_string())
    },
    set: |config, text, _| {
        config.webhook_secret_file = Some(PathBuf::from(text));
        Ok(())
    },
};

pub(super) const TIMEOUT_MS: Setting = Setting {
    key: "webhook_timeout_ms",
    unit: "milliseconds",
    bounds: Bounds::Whole(10, 60_000),
    get: |config| config.webhook_timeout_ms.to_string(),
    set: |config, text, bounds| {
        config.webhook_timeout_ms = bounds.whole(text)?;
        Ok(())
    },
};

pub(super) const ATTEMPTS: Setting = Setting {
    key: "webhook_attempts",
    unit: "tries",
    bounds: Bounds::Whole(1, 100),
    get: |config| config.webhook_attempts.to_string(),
    set: |config, text, bounds| {
        config.webhook_attempts = bounds.whole(text)?;
        Ok(())
    },
};

pub(super) const ORDER_URL: Setting = Setting {
    key: "order_webhook_url",
    unit: "",
    bounds: Bounds::Text("an `https://` URL, or an `http://` one of this machine"),
    get: |config| config.order_webhook_url.clone().unwrap_or_else(|| "none".to_owned()),
    set: |config, text, _| {
        config.order_webhook_url = Some(judged(text)?);
        Ok(())
    },
};

pub(super) const ORDER_SECRET_FILE: Setting = Setting {
    key: "order_webhook_secret_file",
    unit: "",
    bounds: Bounds::Text("a file that others cannot read"),
    get: |config| {
        let file = config.order_webhook_secret_file.as_deref();
        file.map_or_else(|| "none".to_owned(), |file| file.display().to_string())
    },
    set: |config, text, _| {
        config.order_webhook_secret_file = Some(PathBuf::from(text));
        Ok(())
    },
};

pub(super) const ORDER_KINDS: Setting = Setting {
    key: "order_webhook_kinds",
    unit: "",
    bounds: Bounds::Text("kinds of order events with commas between, or `all`"),
    get: |config| match config.order_webhook_kinds.as_slice() {
        [] => "all".to_owned(),
        kinds => kinds.join(","),
    },
    set: |config, text, _| {
        let kinds = text.split(',').map(|kind| kind.trim().to_owned());
        config.order_webhook_kinds = if text == "all" { Vec::new() } else { kinds.collect() };
        Ok(())
    },
};

pub(super) const ORDER_PRIVATE: Setting = Setting {
    key: "order_webhook_private",
    unit: "",
    bounds: Bounds::Text("`refused` or `allowed`"),
    get: |config| if config.order_webhook_private { "allowed" } else { "refused" }.to_owned(),
    set: |config, text, _| {
        config.order_webhook_private = match text {
            "refused" => false,
            "allowed" => true,
            _ => return Err(format!("must be refused or allowed, not {text:?}")),
        };
        Ok(())
    },
};

/// A URL that business data may be sent to: encrypted, or on this machine.
fn judged(text: &str) -> Result<String, String> {
    let wrong = || {
        let kinds = "an https:// URL, or an http:// one of this machine";
        // A URL may hold a password or a token, so it is not repeated.
        format!("must be {kinds}, without user and password")
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_here;
    if is_safe && !host.is_empty() && url.username().is_empty() && url.password().is_none() {
        return Ok(text.to_owned());
    }
    Err(wrong())
}
