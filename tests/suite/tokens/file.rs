//! The file of tokens: what is read, what is refused, and what a check says.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use doorbuster::{
    admission::{Role, TokenRefused, Tokens, TokensFile, read_token},
    values::UnixMs,
};

use crate::known_tokens::{
    ADMIN, ALL, ANALYST, MING, OLGA, SHOP, file, line, line_with, text, write,
};

const NOW: UnixMs = UnixMs(1_794_355_200_000);

fn checked(tokens: &Tokens, header: &str) -> Result<Option<(String, Role)>, TokenRefused> {
    let found = tokens.check(Some(header.as_bytes()), NOW)?;
    Ok(found.map(|token| (token.name.clone(), token.role)))
}

fn read(lines: &str) -> Result<TokensFile, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tokens");
    write(&file, lines);
    TokensFile::read(&file)
        .map_err(|error| error.to_string().replace(&format!("{}/", directory.path().display()), ""))
}

#[test]
fn a_token_is_known_by_its_owner_and_role_and_nothing_like_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = Tokens::of(&file(directory.path()), true).unwrap();
    assert!(!tokens.is_open());
    for (token, role, name) in ALL {
        for scheme in ["Bearer ", "bearer ", "BEARER  "] {
            let (found, its_role) = checked(&tokens, &format!("{scheme}{token}")).unwrap().unwrap();
            assert_eq!((found.as_str(), its_role.name()), (name, role));
        }
    }
    let other_secret = format!("{}{}", &OLGA[..17], &MING[17..]);
    let other_id = format!("{}{}", &MING[..17], &OLGA[17..]);
    let upper = format!("dbt_{}{}", OLGA[4..16].to_uppercase(), &OLGA[16..]);
    let unknown = OLGA.replace("0000000000a3", "0000000000ff");
    let long = format!("{OLGA}Z");
    for wrong in [&other_secret, &other_id, &upper, &unknown, &long, &OLGA[..59], "olga", "dbt_"] {
        let said = checked(&tokens, &format!("Bearer {wrong}"));
        assert_eq!(said, Err(TokenRefused::Unknown), "{wrong}");
    }
    for missing in ["", "Bearer", "Bearer ", "Basic b2xnYQ==", OLGA] {
        assert_eq!(checked(&tokens, missing), Err(TokenRefused::Missing), "{missing}");
    }
    assert_eq!(tokens.check(None, NOW).err(), Some(TokenRefused::Missing));
    assert_eq!(Tokens::open().check(None, NOW), Ok(None));
    assert_eq!(checked(&Tokens::open(), &format!("Bearer {OLGA}")), Ok(None));
}

#[test]
fn a_token_ends_at_its_expiry_and_when_it_is_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tokens");
    let [olga, ming] = [ALL[2], ALL[3]];
    let lines = [
        line_with(olga, &NOW.to_string(), "-"),
        line_with(ming, "2099-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
    ];
    write(&file, &text(&lines));
    let tokens = Tokens::of(&file, true).unwrap();
    let at = |token: &str, now| {
        tokens.check(Some(format!("Bearer {token}").as_bytes()), now).map(|found| found.is_some())
    };
    assert_eq!(at(OLGA, NOW.plus(-1)), Ok(true));
    assert_eq!(at(OLGA, NOW), Err(TokenRefused::Expired));
    assert_eq!(at(MING, NOW.plus(-1)), Err(TokenRefused::Revoked));
}

#[test]
fn what_is_made_is_random_and_is_read_back_without_the_secret() {
    let mut tokens = TokensFile::new().unwrap();
    let times = (NOW, NOW.plus(1_000));
    let (record, first) = tokens.add(Role::Shop, "web-shop", times).unwrap();
    let (_, second) = tokens.add(Role::Admin, "ada", times).unwrap();
    assert_eq!(first.len(), 60);
    assert_ne!(first[17..], second[17..]);
    assert!(first.starts_with(&format!("dbt_{}_", record.id)));
    let written = tokens.text();
    for secret in [&first[17..], &second[17..]] {
        assert!(!written.contains(secret), "{written}");
    }
    assert!(read(&written).unwrap() == tokens);
    assert!(!format!("{tokens:?}{record:?}").contains(&first[17..]));
    for wrong in ["", "a b", "a\tb", &"x".repeat(65)] {
        assert!(tokens.add(Role::Shop, wrong, times).is_err(), "{wrong}");
    }
}

#[test]
fn a_wrong_file_is_refused_with_its_line_and_without_its_text() {
    let shop = line(ALL[0]);
    let key = text(&[]);
    for (lines, expected) in [
        (String::new(), "tokens has no token: doorbuster token new makes one"),
        (key.clone(), "tokens has no token: doorbuster token new makes one"),
        (shop.clone(), "tokens has no line with the key of pseudonyms"),
        (
            format!("{key}{key}{shop}"),
            "tokens line 6: is neither a token nor the only key of pseudonyms",
        ),
        (
            format!("{key}olga secretsecretsecret\n"),
            "tokens line 4: is neither a token nor the only key of pseudonyms",
        ),
        (
            "pseudonyms secretsecret\n".to_owned(),
            "tokens line 1: the key must be 64 hexadecimal digits",
        ),
        (format!("{key}{shop}{shop}"), "tokens line 5: has the id of an earlier line"),
        (
            format!("{key}token secretsecret shop\n"),
            "tokens line 4: a token has 7 fields: id, role, name, created, expires, revoked, SHA-256",
        ),
        (
            format!("{key}{}", shop.replace("shop web", "secret web")),
            "tokens line 4: the role must be one of shop, buyer_gateway, operator, analyst, auditor, admin",
        ),
        (
            format!("{key}{}", shop.replace("2099-01-01", "secret")),
            "tokens line 4: the expiry is not a time such as 2026-11-11T00:00:00+08:00 (RFC 3339)",
        ),
        (
            format!("{key}{}é\n", shop.trim_end()),
            "tokens line 4: the SHA-256 must be 64 hexadecimal digits",
        ),
        (
            format!("{key}{}", shop.replace("0000000000a1", "0000000000G1")),
            "tokens line 4: the id must be 12 hexadecimal digits",
        ),
    ] {
        let error = read(&lines).err().unwrap_or_else(|| panic!("{lines}"));
        assert_eq!(error, expected);
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_file_that_everybody_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let [file, own] = ["tokens", "token"].map(|name| directory.path().join(name));
    for mode in [0o644, 0o604, 0o602] {
        write(&file, &text(&ALL.map(line)));
        write(&own, OLGA);
        for file in [&file, &own] {
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        }
        let error = Tokens::of(&file, true).unwrap_err().to_string();
        assert!(error.ends_with("by other users: chmod 600 it"), "{error}");
        assert!(read_token(&own).is_err());
    }
    write(&own, &format!("{OLGA}\nnot read\n"));
    assert_eq!(read_token(&own).unwrap(), OLGA);
    write(&own, "secretsecretsecret\n");
    let error = read_token(&own).unwrap_err().to_string();
    assert!(error.contains("is no token") && !error.contains("secret"), "{error}");
    assert!(Tokens::of(Path::new("/nowhere/tokens"), true).is_err());
    assert!(Tokens::of(Path::new("/nowhere/tokens"), false).unwrap().is_open());
}

#[test]
fn a_file_that_became_rubbish_or_is_gone_keeps_the_last_good_tokens() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens");
    let tokens = Tokens::of(&path, false).unwrap();
    assert!(tokens.is_open());
    assert_eq!(tokens.reload(), Ok(None));

    write(&path, &text(&[line(ALL[0])]));
    let changes = tokens.reload().unwrap().unwrap();
    assert!(changes.closed && changes.added.len() == 1, "{changes:?}");
    assert!(!tokens.is_open());
    assert_eq!(tokens.reload(), Ok(None), "it is read once");

    let shop = || checked(&tokens, &format!("Bearer {SHOP}")).map(|found| found.is_some());
    for rubbish in ["", "\u{0}\u{1}", "token", "[operators]\n"] {
        write(&path, rubbish);
        assert!(tokens.reload().is_err(), "{rubbish:?}");
        assert_eq!(shop(), Ok(true), "{rubbish:?}");
    }
    fs::remove_file(&path).unwrap();
    assert!(tokens.reload().unwrap_err().to_string().ends_with("is missing"));
    assert_eq!(shop(), Ok(true));
    assert!(!tokens.is_open());

    write(
        &path,
        &text(&[line_with(ALL[0], "2099-01-01T00:00:00Z", "2020-01-02T00:00:00Z"), line(ALL[6])]),
    );
    let changes = tokens.reload().unwrap().unwrap();
    assert_eq!((changes.closed, changes.added.len(), changes.changed.len()), (false, 1, 1));
    assert_eq!(shop(), Err(TokenRefused::Revoked));
    assert!(checked(&tokens, &format!("Bearer {ADMIN}")).is_ok());
    assert_eq!(checked(&tokens, &format!("Bearer {ANALYST}")), Err(TokenRefused::Unknown));
}
