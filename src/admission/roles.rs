//! The roles of tokens, and the sets of them that may call something.
//!
//! A role is a job, not a rank: only `admin` may do what every other role may.

use std::fmt;

use crate::values::Invalid;

/// What the holder of a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The shop's backend: orders and payments of any buyer.
    Shop,
    /// A gateway in front of buyers: their orders, no payments and no lists.
    BuyerGateway,
    /// Sets sales up and steers them.
    Operator,
    /// Reads reports, in which buyers are pseudonyms.
    Analyst,
    /// Reads everything and changes nothing.
    Auditor,
    /// May do everything.
    Admin,
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles(u8);

impl Role {
    pub const ALL: [Self; 6] =
        [Self::Shop, Self::BuyerGateway, Self::Operator, Self::Analyst, Self::Auditor, Self::Admin];

    /// The word in files, flags and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::BuyerGateway => "buyer_gateway",
            Self::Operator => "operator",
            Self::Analyst => "analyst",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    /// # Errors
    /// When it is the name of no role.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Invalid::new(field, format!("must be one of {names}"))
        })
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Roles {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Every role.
    pub const ANY: Self = Self(0b11_1111);
    /// The orders of one buyer at a time.
    pub const BUYING: Self = Self::of(&[Role::Shop, Role::BuyerGateway, Role::Admin]);
    /// Payments.
    pub const PAYING: Self = Self::of(&[Role::Shop, Role::Admin]);
    /// An order whose buyer the caller names.
    pub const KNOWING: Self = Self::ANY.without(Role::Analyst);
    /// Lists without names, or whose names are pseudonyms to analysts.
    pub const LISTING: Self = Self::ANY.without(Role::BuyerGateway);
    /// Orders of any buyer, under their names.
    pub const SERVING: Self = Self::LISTING.without(Role::Analyst);
    /// Acts on sales, items, orders and the service.
    pub const STEERING: Self = Self::of(&[Role::Operator, Role::Admin]);
    /// What operators do and write.
    pub const WATCHING: Self = Self::of(&[Role::Operator, Role::Auditor, Role::Admin]);
    /// Figures and replays.
    pub const REPORTING: Self =
        Self::of(&[Role::Operator, Role::Analyst, Role::Auditor, Role::Admin]);

    const fn of(roles: &[Role]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < roles.len() {
            bits |= roles[at].bit();
            at += 1;
        }
        Self(bits)
    }

    const fn without(self, role: Role) -> Self {
        Self(self.0 & !role.bit())
    }

    /// Whether the role is in the set.
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Those of the set, in their order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, role) in self.iter().enumerate() {
            let joint = if nth == 0 { "" } else { ", " };
            write!(f, "{joint}{}", role.name())?;
        }
        Ok(())
    }
}
