//! Merkle trees over lines of text, as RFC 6962 section 2.1 defines them.
//!
//! Leaves and nodes are hashed with different first bytes, so that they cannot be confused. The
//! root of a tree is computed incrementally; only the path to one leaf needs all hashes.

use sha2::{Digest, Sha256};

use super::chain::Hash;

/// The hash of a leaf.
pub(super) fn leaf(line: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(line);
    hash.finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// A tree that grows leaf by leaf, in memory for its whole subtrees only.
#[derive(Default)]
pub(super) struct Tree {
    leaves: u64,
    /// Roots of whole subtrees from left to right; their sizes are the bits of `leaves`.
    whole: Vec<Hash>,
}

impl Tree {
    pub(super) fn add(&mut self, leaf: Hash) {
        let mut root = leaf;
        for _ in 0..self.leaves.trailing_ones() {
            // As many as bits are set: there is one.
            let Some(left) = self.whole.pop() else { break };
            root = node(&left, &root);
        }
        self.whole.push(root);
        self.leaves += 1;
    }

    pub(super) fn root(&self) -> Hash {
        let mut roots = self.whole.iter().rev();
        let Some(last) = roots.next() else { return Sha256::digest([]).into() };
        roots.fold(*last, |right, left| node(left, &right))
    }
}

/// The root of a tree with these leaves.
pub(super) fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.add(*leaf));
    tree.root()
}

/// The hashes beside the way from a leaf to the root, from the leaf on; none for a leaf that is not
/// there.
pub(super) fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() < 2 || index >= leaves.len() {
        return Vec::new();
    }
    // The largest power of two below their number: RFC 6962 splits there.
    let split = 1 << (leaves.len() - 1).ilog2();
    let (left, right) = leaves.split_at(split);
    let (mut path, beside) = if index < split {
        (self::path(left, index), right)
    } else {
        (self::path(right, index - split), left)
    };
    path.push(root_of(beside));
    path
}
