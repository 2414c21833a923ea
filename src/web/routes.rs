//! The table of routes of the web port and of the board: one row for each, and who may ask for it
//! where the server has tokens.
//!
//! A route without a row is not answered. `docs/rpcs.md` shows the rows beside those of the RPCs.

use crate::admission::Roles;

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub port: Port,
    /// `GET` stands for `HEAD`, too.
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

/// Where it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Web,
    Board,
    /// A port of its own for the pages of a shop; it asks nobody, and is off unless it is set.
    Stock,
}

/// Who may ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, always: what says nothing of sales.
    Open,
    /// Holders of these roles.
    Asks(Roles),
    /// Everybody where `public_routes` names it, else holders of these roles.
    Public(Public, Roles),
}

/// What `public_routes` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Public {
    Traffic,
    Board,
}

/// The routes that are answered without a token.
#[derive(Debug, Clone, Copy, Default)]
pub struct Opened {
    pub traffic: bool,
    pub board: bool,
}

impl Port {
    /// The setting of its address.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Board => "board",
            Self::Stock => "stock",
        }
    }
}

impl Public {
    /// The word in settings and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traffic => "traffic",
            Self::Board => "board",
        }
    }
}

impl Access {
    /// The roles that are asked for; `None` where nobody is asked.
    pub fn asks(self, opened: Opened) -> Option<Roles> {
        match self {
            Self::Open => None,
            Self::Public(Public::Traffic, _) if opened.traffic => None,
            Self::Public(Public::Board, _) if opened.board => None,
            Self::Asks(roles) | Self::Public(_, roles) => Some(roles),
        }
    }
}

/// The row of a request.
pub fn row(port: Port, method: &str, path: &str) -> Option<&'static Route> {
    let method = if method == "HEAD" { "GET" } else { method };
    ROUTES.iter().find(|row| (row.port, row.method, row.path) == (port, method, path))
}

/// The row of any method of a path, for the answer to a wrong one.
pub fn row_of_path(port: Port, path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|row| (row.port, row.path) == (port, path))
}

const fn web(method: &'static str, path: &'static str, access: Access) -> Route {
    Route { port: Port::Web, method, path, access }
}

const fn page(path: &'static str) -> Route {
    let access = Access::Public(Public::Board, Roles::WATCHING);
    Route { port: Port::Board, method: "GET", path, access }
}

const fn board(method: &'static str, path: &'static str, access: Access) -> Route {
    Route { port: Port::Board, method, path, access }
}

const STEERS: Access = Access::Asks(Roles::STEERING);

/// All routes.
pub const ROUTES: &[Route] = &[
    web("GET", "/healthz", Access::Open),
    web("GET", "/readyz", Access::Open),
    web("GET", "/metrics", Access::Asks(Roles::REPORTING)),
    web("POST", "/traffic", Access::Public(Public::Traffic, Roles::BUYING)),
    Route { port: Port::Stock, method: "GET", path: "/stock/{sale_id}", access: Access::Open },
    board("GET", "/board.js", Access::Open),
    board("GET", "/board.css", Access::Open),
    board("GET", "/board.svg", Access::Open),
    board("GET", "/whoami", Access::Asks(Roles::WATCHING)),
    board("POST", "/session", Access::Asks(Roles::WATCHING)),
    board("DELETE", "/session", Access::Open),
    page("/"),
    page("/sales/{sale_id}"),
    page("/sales/{sale_id}/items"),
    page("/sales/{sale_id}/rows"),
    page("/sales/{sale_id}/events"),
    page("/sales/{sale_id}/after"),
    page("/sales/{sale_id}/at"),
    page("/sales/{sale_id}/figures"),
    page("/sales/{sale_id}/post-mortem"),
    page("/log"),
    page("/log/{stream}"),
    page("/orders/{order_id}"),
    page("/orders/{order_id}/story"),
    board("GET", "/items/{item_id}/warehouses", STEERS),
    board("POST", "/sales/{sale_id}/steer", STEERS),
    board("POST", "/items/{item_id}/steer", STEERS),
    board("POST", "/items/{item_id}/orders", STEERS),
    board("POST", "/level", STEERS),
    board("POST", "/incidents", STEERS),
    board("POST", "/incidents/{incident_id}/{step}", STEERS),
];
