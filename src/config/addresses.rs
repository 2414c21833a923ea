//! Where a server listens.

use std::net::SocketAddr;

use super::setting::{Bounds, Setting};

/// What says that nothing is served.
pub(super) const OFF: &str = "off";

pub(super) const LISTEN: Setting = Setting {
    key: "listen",
    unit: "",
    bounds: Bounds::Text("an IP address and a port; port 0 takes a free one"),
    get: |config| config.listen.to_string(),
    set: |config, text, _| {
        config.listen = text.parse().map_err(|_| {
            format!("must be an IP address and a port such as 127.0.0.1:7420, not {text:?}")
        })?;
        Ok(())
    },
};

pub(super) const HTTP: Setting = Setting {
    key: "http",
    unit: "",
    bounds: Bounds::Text("an IP address and a port, or `off`; port 0 takes a free one"),
    get: |config| config.http.map_or(OFF.to_owned(), |address| address.to_string()),
    set: |config, text, _| {
        config.http = address_or_off(text, "127.0.0.1:7423")?;
        Ok(())
    },
};

pub(super) const WEB: Setting = Setting {
    key: "web",
    unit: "",
    bounds: Bounds::Text("an IP address and a port, or `off`; port 0 takes a free one"),
    get: |config| config.web.map_or(OFF.to_owned(), |address| address.to_string()),
    set: |config, text, _| {
        config.web = address_or_off(text, "127.0.0.1:7421")?;
        Ok(())
    },
};

pub(super) const BOARD: Setting = Setting {
    key: "board",
    unit: "",
    bounds: Bounds::Text("an IP address and a port, or `off`; port 0 takes a free one"),
    get: |config| config.board.map_or(OFF.to_owned(), |address| address.to_string()),
    set: |config, text, _| {
        config.board = address_or_off(text, "127.0.0.1:7422")?;
        Ok(())
    },
};

pub(super) const STOCK: Setting = Setting {
    key: "stock",
    unit: "",
    bounds: Bounds::Text("an IP address and a port, or `off`; port 0 takes a free one"),
    get: |config| config.stock.map_or(OFF.to_owned(), |address| address.to_string()),
    set: |config, text, _| {
        config.stock = address_or_off(text, "127.0.0.1:7425")?;
        Ok(())
    },
};

/// An address, or nothing where it says so.
pub(super) fn address_or_off(text: &str, such_as: &str) -> Result<Option<SocketAddr>, String> {
    if text == OFF {
        return Ok(None);
    }
    let address = text.parse().map_err(|_| {
        format!("must be an IP address and a port such as {such_as}, or off, not {text:?}")
    })?;
    Ok(Some(address))
}
