//! The roll of the nodes that share a store: which of them are announced.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use uuid::Uuid;

use super::{
    auditor::Event,
    bodies::{NodeAnnounced, NodeLeft},
};

/// How long an announcement counts.
const LASTS_MS: i64 = 3 * 60 * 60 * 1000;

/// Longest address and version, in bytes and in characters.
const ADDRESS_BYTES_MAX: usize = 255;
const VERSION_CHARS_MAX: usize = 64;

/// The nodes that are announced, by id.
#[derive(Default)]
pub(super) struct Nodes(HashMap<Uuid, Node>);

struct Node {
    address: String,
    started_ms: i64,
    announced_ms: i64,
}

impl Nodes {
    /// Applies an event. Gives its node and its time, if it is one of nodes.
    pub(super) fn apply(
        &mut self,
        event: &Event<'_>,
        say: &mut dyn FnMut(String),
    ) -> Result<Option<(Uuid, i64)>, serde_json::Error> {
        Ok(match event.kind {
            "NodeAnnounced" => {
                let announced: NodeAnnounced<'_> = serde_json::from_slice(event.data)?;
                let at = (announced.node_id.0, announced.announced_at_ms);
                let judged_ms = event.judged_ms(announced.announced_at_ms);
                self.announced(&announced, judged_ms, say);
                Some(at)
            }
            "NodeLeft" => {
                let left: NodeLeft = serde_json::from_slice(event.data)?;
                if self.0.remove(&left.node_id.0).is_none() {
                    say(format!("node {} leaves but is not announced", left.node_id.0));
                }
                Some((left.node_id.0, left.left_at_ms))
            }
            kind => {
                say(format!("no event of nodes is called {kind:?}"));
                None
            }
        })
    }

    fn announced(
        &mut self,
        announced: &NodeAnnounced<'_>,
        judged_ms: i64,
        say: &mut dyn FnMut(String),
    ) {
        let (id, at_ms) = (announced.node_id.0, announced.announced_at_ms);
        let started_ms = announced.started_at_ms;
        let address = announced.address.as_ref();
        if !is_address(address) {
            say(format!("node {id} announces {address:?}, which is no host with a port"));
        }
        let version = announced.version.as_ref();
        if version.is_empty() || version.chars().count() > VERSION_CHARS_MAX {
            say(format!("node {id} is of no version"));
        }
        let lasts = |node: &Node| at_ms.saturating_sub(node.announced_ms) < LASTS_MS;
        if let Some(before) = self.0.get(&id).filter(|before| lasts(before))
            && (before.address.as_str(), before.started_ms) != (address, started_ms)
        {
            say(format!("node {id} is announced with another address or start"));
        }
        // A clock that is further ahead keeps no address from others.
        let latest_ms = judged_ms.saturating_add(LASTS_MS);
        let later = self.0.iter().find(|(other, node)| {
            node.address == address
                && (node.started_ms, **other) > (started_ms, id)
                && node.started_ms <= latest_ms
                && lasts(node)
        });
        if let Some((later, _)) = later {
            say(format!("node {id} takes {address:?} from node {later}, which started later"));
        }
        self.0.retain(|_, node| node.address != address);
        let address = address.to_owned();
        self.0.insert(id, Node { address, started_ms, announced_ms: at_ms });
    }
}

/// Whether it is a name or an IP address with a port.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let has_port = port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port > 0);
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match in_brackets {
        Some(host) => host.parse::<Ipv6Addr>().is_ok_and(|host| !host.is_unspecified()),
        None => {
            let is_nowhere = host.parse::<IpAddr>().is_ok_and(|host| host.is_unspecified());
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !host.is_empty() && !is_nowhere && host.bytes().all(allowed)
        }
    };
    text.len() <= ADDRESS_BYTES_MAX && has_port && is_host
}
