//! How two nodes prove to each other that they know the secret, before either says anything else.
//!
//! Each sends 32 random bytes, and answers with the HMAC-SHA-256 (RFC 2104) of both nonces, both ids
//! and both versions under a word for its side, so that no message can be sent back as the other
//! side's. The secret itself never travels: an address in the log may lead anywhere. What follows is
//! neither encrypted nor signed; it belongs into a network of its own, or into a tunnel.

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;
use wire::peers::{Challenge, Hello, Proof};

use crate::{admission::PeerSecret, clock, values::NodeId};

/// Version of the protocol between nodes, and of the commands and answers in it. A node sends commands
/// only to nodes of its own or a later version: those can read what they are sent, and what they answer
/// can be read by the sender.
pub const WIRE: u32 = 2;

/// Bytes of a nonce.
const NONCE_BYTES: usize = 32;

/// Who this node is.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) node_id: NodeId,
    pub(super) secret: PeerSecret,
}

impl Identity {
    fn proof(&self, message: &[u8]) -> Bytes {
        Bytes::copy_from_slice(&self.hmac(message).finalize().into_bytes())
    }

    /// Found out in the same time whatever the proof is.
    fn proves(&self, message: &[u8], proof: &[u8]) -> bool {
        self.hmac(message).verify_slice(proof).is_ok()
    }

    #[expect(clippy::expect_used, reason = "an HMAC takes keys of any length")]
    fn hmac(&self, message: &[u8]) -> Hmac<Sha256> {
        let keyed = Hmac::<Sha256>::new_from_slice(self.secret.bytes());
        keyed.expect("keys of any length").chain_update(message)
    }
}

/// Why the other side is not who it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    #[error("it does not know the secret of this service")]
    WrongSecret,
    #[error("it is node {0}, not the one that was announced under its address")]
    OtherNode(String),
    #[error("it means to have reached node {0}, which this is not")]
    NotMe(String),
    #[error("it speaks version {theirs} of the protocol between nodes, this one speaks {WIRE}")]
    Older { theirs: u32 },
    #[error("it sent something else than the handshake asks for: {0}")]
    Unexpected(&'static str),
}

/// The two sides of a call.
#[derive(Debug, Clone, Copy)]
enum Side {
    Calls,
    Answers,
}

/// What both said, as the caller's side and the answerer's side know it.
#[derive(Debug, Clone)]
struct Said {
    nonces: [Vec<u8>; 2],
    nodes: [NodeId; 2],
    wires: [u32; 2],
}

impl Said {
    /// Everything that is signed; each part has a fixed length.
    fn signed(&self, side: Side) -> Vec<u8> {
        let mut all = match side {
            Side::Calls => b"doorbuster peer calls   ".to_vec(),
            Side::Answers => b"doorbuster peer answers ".to_vec(),
        };
        for index in [0, 1] {
            all.extend_from_slice(&self.nonces[index]);
            all.extend_from_slice(self.nodes[index].0.as_bytes());
            all.extend_from_slice(&self.wires[index].to_be_bytes());
        }
        all
    }
}

/// The caller's side, from its first message on.
pub(super) struct Calling {
    own: Identity,
    expected: NodeId,
    nonce: Vec<u8>,
}

impl Calling {
    /// The first message.
    pub(super) fn begin(own: &Identity, expected: NodeId) -> (Self, Hello) {
        let nonce = clock::new_nonce().to_vec();
        let hello = Hello {
            node_id: own.node_id.to_string(),
            expected_node_id: expected.to_string(),
            wire: WIRE,
            nonce: nonce.clone().into(),
        };
        (Self { own: own.clone(), expected, nonce }, hello)
    }

    /// Judges the answer, and proves who this is.
    pub(super) fn prove(self, challenge: &Challenge) -> Result<Proof, Stranger> {
        let node = node_id(&challenge.node_id)?;
        let said = Said {
            nonces: [self.nonce, checked(&challenge.nonce)?],
            nodes: [self.own.node_id, node],
            wires: [WIRE, challenge.wire],
        };
        if !self.own.proves(&said.signed(Side::Answers), &challenge.mac) {
            return Err(Stranger::WrongSecret);
        }
        if node != self.expected {
            return Err(Stranger::OtherNode(node.to_string()));
        }
        if challenge.wire < WIRE {
            return Err(Stranger::Older { theirs: challenge.wire });
        }
        Ok(Proof { mac: self.own.proof(&said.signed(Side::Calls)) })
    }
}

/// The answerer's side.
pub(super) struct Answering {
    own: Identity,
    said: Said,
}

impl Answering {
    /// Answers the first message.
    pub(super) fn begin(own: &Identity, hello: &Hello) -> Result<(Self, Challenge), Stranger> {
        if hello.expected_node_id != own.node_id.to_string() {
            return Err(Stranger::NotMe(shortened(&hello.expected_node_id)));
        }
        let nonce = clock::new_nonce().to_vec();
        let said = Said {
            nonces: [checked(&hello.nonce)?, nonce.clone()],
            nodes: [node_id(&hello.node_id)?, own.node_id],
            wires: [hello.wire, WIRE],
        };
        let mac = own.proof(&said.signed(Side::Answers));
        let challenge =
            Challenge { node_id: own.node_id.to_string(), wire: WIRE, nonce: nonce.into(), mac };
        Ok((Self { own: own.clone(), said }, challenge))
    }

    /// Judges the proof; gives the node that called.
    pub(super) fn judge(self, proof: &Proof) -> Result<NodeId, Stranger> {
        let [caller, _] = self.said.nodes;
        let proven = self.own.proves(&self.said.signed(Side::Calls), &proof.mac);
        proven.then_some(caller).ok_or(Stranger::WrongSecret)
    }
}

fn checked(nonce: &[u8]) -> Result<Vec<u8>, Stranger> {
    let fits = nonce.len() == NONCE_BYTES;
    fits.then(|| nonce.to_vec()).ok_or(Stranger::Unexpected("a nonce of another length"))
}

fn node_id(text: &str) -> Result<NodeId, Stranger> {
    Uuid::try_parse(text).map(NodeId).map_err(|_| Stranger::Unexpected("an id that is no UUID"))
}

/// Strangers may send anything, and it is logged.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
