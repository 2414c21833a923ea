//! The tokens that tests call with, and files in which they stand. The lines are written here once
//! more, as `docs/configuration.md` has them, so that the program reads a form that it did not write.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use doorbuster::admission::Role;
use sha2::{Digest as _, Sha256};

pub const SHOP: &str = "dbt_0000000000a1_web-shop-ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
pub const GATEWAY: &str = "dbt_0000000000a2_gateway-ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
pub const OLGA: &str = "dbt_0000000000a3_olga-ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
pub const MING: &str = "dbt_0000000000a4_ming-ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
pub const ANALYST: &str = "dbt_0000000000a5_ann-ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
pub const AUDITOR: &str = "dbt_0000000000a6_otto-ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
pub const ADMIN: &str = "dbt_0000000000a7_olga-admin-ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";

/// Text, role and name of each token.
pub const ALL: [(&str, &str, &str); 7] = [
    (SHOP, "shop", "web-shop"),
    (GATEWAY, "buyer_gateway", "gateway"),
    (OLGA, "operator", "olga"),
    (MING, "operator", "ming"),
    (ANALYST, "analyst", "ann"),
    (AUDITOR, "auditor", "otto"),
    (ADMIN, "admin", "olga"),
];

/// The key of pseudonyms in each file.
pub const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The first token of a role.
pub fn of(role: Role) -> &'static str {
    ALL.iter().find(|(_, named, _)| *named == role.name()).unwrap().0
}

/// The id of a token.
pub fn id(token: &str) -> &str {
    &token[4..16]
}

/// The line of a token that is valid for as long as tests run.
pub fn line((token, role, name): (&str, &str, &str)) -> String {
    line_with((token, role, name), "2099-01-01T00:00:00Z", "-")
}

pub fn line_with((token, role, name): (&str, &str, &str), expires: &str, revoked: &str) -> String {
    let digest: String =
        Sha256::digest(&token[17..]).iter().map(|byte| format!("{byte:02x}")).collect();
    let id = id(token);
    format!("token {id} {role} {name} 2020-01-01T00:00:00Z {expires} {revoked} {digest}\n")
}

/// A file with those lines after the key.
pub fn text(lines: &[String]) -> String {
    format!("# of a test\n\npseudonyms {KEY}\n{}", lines.concat())
}

/// The file with all tokens, in that directory.
pub fn file(directory: &Path) -> PathBuf {
    let file = directory.join("known-tokens");
    write(&file, &text(&ALL.map(line)));
    file
}

/// Writes a file that only its owner can read, as a whole.
pub fn write(file: &Path, text: &str) {
    let part = file.with_extension("new");
    fs::write(&part, text).unwrap();
    fs::set_permissions(&part, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&part, file).unwrap();
}
