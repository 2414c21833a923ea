//! Goal: a wrong address of a store is refused before anything connects, by the name of what is
//! wrong, and no secret is ever shown.
//!
//! Method: tables of addresses, through the public functions: parse, show, open.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use doorbuster::{
    clock::WallClock,
    store::{self, StoreAddress},
};

async fn refused(address: StoreAddress) -> String {
    match store::open(&address, Path::new("nowhere"), Arc::new(WallClock)).await {
        Ok(_) => panic!("{address} was opened"),
        Err(error) => error.to_string(),
    }
}

fn address(text: &str) -> StoreAddress {
    text.parse().unwrap()
}

#[test]
fn an_address_is_embedded_or_a_connection_string() {
    assert_eq!(address("embedded"), StoreAddress::Embedded);
    for scheme in ["esdb", "esdb+discover", "kurrentdb", "kurrentdb+discover", "kurrent", "kdb"] {
        let text = format!("{scheme}://db:2113?tls=false");
        assert_eq!(address(&text).to_string(), text);
    }
    for text in ["", "memory", "postgres://db", "ESDB://db", "esdb:db", "admin:secret@db"] {
        let problem = text.parse::<StoreAddress>().unwrap_err();
        assert!(problem.contains("esdb://"), "{problem}");
        assert!(!problem.contains("secret"), "{problem}");
    }
}

#[test]
fn credentials_are_never_shown() {
    let cases = [
        ("esdb://admin:s3cret@db:2113?tls=true", "esdb://***@db:2113?tls=true"),
        ("esdb://admin:s3%40cret@a:1,b:2,c:3", "esdb://***@a:1,b:2,c:3"),
        ("esdb+discover://s3cret@db", "esdb+discover://***@db"),
        // Not percent-encoded as it should be; what is before the last @ is still secret.
        ("kurrentdb://admin:s3@cret@db/", "kurrentdb://***@db/"),
        ("esdb://admin:s3/cret@db:1?tls=true", "esdb://***@db:1?tls=true"),
        ("esdb://admin:s3?cret@db:1?tls=true", "esdb://***@db:1?tls=true"),
        ("esdb://db?tls=true&pasword=s3cret", "esdb://db?tls=true&pasword=***"),
    ];
    for (text, shown) in cases {
        assert_eq!(address(text).to_string(), shown);
        let debug = format!("{:?}", address(text));
        assert!(!debug.contains("s3"), "{debug}");
    }
}

#[tokio::test]
async fn a_wrong_connection_string_is_refused_by_the_name_of_what_is_wrong() {
    let cases = [
        ("esdb://db?tsl=false", "tsl is not a known parameter"),
        ("esdb://db?tls=perhaps", "tls"),
        ("esdb://db?tls=true&tlsVerifyCert=false", "tlsVerifyCert=false"),
        ("esdb://db?maxDiscoverAttempts=1", "maxDiscoverAttempts"),
        ("esdb://db?nodePreference=king", "king"),
        ("esdb://db?nodePreference=follower", "nodePreference must be leader"),
        ("esdb://db?tlsCaFile=/nowhere/ca.crt", "tlsCaFile /nowhere/ca.crt"),
        ("esdb://db?userCertFile=/nowhere/a.crt&userKeyFile=/nowhere/a.key", "userCertFile"),
        ("esdb://db?userCertFile=/nowhere/a.crt", "userKeyFile"),
        ("esdb://admin:s3cret/x@db", "percent-encoded"),
        ("esdb://admin:s3cret?x@db?tls=true", "percent-encoded"),
        ("esdb://db?pasword=s3cret", "pasword is not a known parameter"),
        ("esdb://db:99999", "port"),
        ("esdb://", "host"),
        // In the clear only to this machine.
        ("esdb://admin:s3cret@db.example:2113?tls=false", "in the clear"),
        ("esdb://admin:s3cret@db:99999", "port"),
    ];
    for (text, named) in cases {
        let problem = refused(address(text)).await;
        assert!(problem.contains(named), "{text}: {problem}");
        assert!(!problem.contains("s3cret"), "{problem}");
    }
}

#[tokio::test]
async fn a_file_of_credentials_must_be_one_and_be_private() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("credentials");
    let with_file = |text: &str| address(text).with_credentials_file(Some(file.clone()));
    let local = "esdb://127.0.0.1:1?tls=false";
    assert!(refused(with_file(local)).await.contains("cannot be read"));
    let write = |text: &str, mode| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("admin:s3cret\n", 0o644);
    assert!(refused(with_file(local)).await.contains("chmod 600"));
    write("s3cret\n", 0o600);
    let problem = refused(with_file(local)).await;
    assert!(problem.contains("user:password") && !problem.contains("s3cret"), "{problem}");
    write("admin:s3cret\n", 0o600);
    let both = refused(with_file("esdb://admin:other@127.0.0.1:1?tls=false")).await;
    assert!(both.contains("give one"), "{both}");
    let open = store::open(&with_file(local), directory.path(), Arc::new(WallClock)).await;
    open.unwrap().close();
}
