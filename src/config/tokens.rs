//! Who may call: the file of tokens, and the routes that are answered without one.

use std::path::PathBuf;

use super::setting::{Bounds, Config, PublicRoutes, Setting};

/// The name of the file of tokens in the data directory.
const NAME: &str = "tokens";

impl Config {
    /// Where the tokens are, and whether they must be there.
    pub fn tokens(&self) -> (PathBuf, bool) {
        match &self.tokens_file {
            Some(file) => (file.clone(), true),
            None => (self.data.join(NAME), false),
        }
    }
}

pub(super) const FILE: Setting = Setting {
    key: "tokens_file",
    unit: "",
    bounds: Bounds::Text("a file that others cannot read"),
    get: |config| match &config.tokens_file {
        Some(file) => file.display().to_string(),
        None => format!("{NAME} in data"),
    },
    set: |config, text, _| {
        config.tokens_file = Some(PathBuf::from(text));
        Ok(())
    },
};

pub(super) const PUBLIC_ROUTES: Setting = Setting {
    key: "public_routes",
    unit: "",
    bounds: Bounds::Text("`none`, or some of `traffic` and `board` with commas between them"),
    get: |config| {
        let PublicRoutes { traffic, board } = config.public_routes;
        let named = [("traffic", traffic), ("board", board)];
        let names: Vec<_> = named.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(",") }
    },
    set: |config, text, _| {
        let mut routes = PublicRoutes::default();
        for name in text.split(',').filter(|_| text != "none") {
            match name {
                "traffic" => routes.traffic = true,
                "board" => routes.board = true,
                _ => {
                    return Err(format!(
                        "must be none, traffic, board or traffic,board, not {text:?}"
                    ));
                }
            }
        }
        config.public_routes = routes;
        Ok(())
    },
};
