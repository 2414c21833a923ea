//! The listeners for clients, and lists of them.

/// What says that nothing is set.
pub(super) const NONE: &str = "none";
/// What names every listener.
pub(super) const ALL: &str = "all";

/// A listener for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Listen,
    Http,
    Web,
    Board,
    Stock,
}

impl Port {
    pub const ALL: [Self; 5] = [Self::Listen, Self::Http, Self::Web, Self::Board, Self::Stock];

    /// The setting with its address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Http => "http",
            Self::Web => "web",
            Self::Board => "board",
            Self::Stock => "stock",
        }
    }
}

/// The listeners that a text names, each once.
pub(super) fn ports(text: &str) -> Result<Vec<Port>, String> {
    match text {
        NONE => return Ok(Vec::new()),
        ALL => return Ok(Port::ALL.to_vec()),
        _ => {}
    }
    let names: Vec<_> = text.split(',').map(str::trim).collect();
    if let Some(unknown) =
        names.iter().find(|name| Port::ALL.iter().all(|port| port.name() != **name))
    {
        let known =
            "none, all, or some of listen, http, web, board and stock, with commas between them";
        return Err(format!("must be {known}, not {unknown:?}"));
    }
    Ok(Port::ALL.into_iter().filter(|port| names.contains(&port.name())).collect())
}
