//! Goal: a node that is to meet others cannot be started in a way in which it could not. Method: the
//! settings together, and files with secrets.

use std::{ffi::OsString, fs, os::unix::fs::PermissionsExt as _, path::Path};

use doorbuster::{
    admission::PeerSecret,
    config::{Config, Overrides},
};
use tempfile::tempdir;

/// The settings that these flags come to: `peers_listen`, `peers_address`, `peers_secret_file`.
fn settings(flags: [&str; 3]) -> Result<Config, String> {
    let [listen, address, secret] =
        flags.map(|flag| Some(OsString::from(flag)).filter(|flag| !flag.is_empty()));
    let overrides = Overrides {
        peers_listen: listen,
        peers_address: address,
        peers_secret_file: secret,
        ..Overrides::default()
    };
    let missing = tempdir().unwrap().path().join("doorbuster.toml");
    Config::load_from(&overrides, &|_| None, &missing).map_err(|error| error.to_string())
}

#[test]
fn the_address_is_that_of_the_listener_unless_another_is_set() {
    let cases = [
        (["10.0.0.1:7430", "", "secret"], "10.0.0.1:7430", "10.0.0.1:7430"),
        // Port 0 takes a free one.
        (["[::1]:0", "", "secret"], "[::1]:4711", "[::1]:4711"),
        (["0.0.0.0:7430", "node-1:7430", "secret"], "0.0.0.0:7430", "node-1:7430"),
        (["10.0.0.1:7430", "[fd00::1]:9", "secret"], "10.0.0.1:7430", "[fd00::1]:9"),
    ];
    for (flags, bound, address) in cases {
        let peers = settings(flags).unwrap().peers().unwrap().unwrap();
        assert_eq!(peers.address(bound.parse().unwrap()), address, "{flags:?}");
        assert_eq!(peers.secret_file, Path::new("secret"));
    }
}

#[test]
fn a_node_meets_no_others_unless_it_listens_for_them() {
    for flags in [["", "", ""], ["off", "", ""], ["off", "host:7", "secret"], ["", "host:7", ""]] {
        assert_eq!(settings(flags).unwrap().peers(), Ok(None), "{flags:?}");
    }
}

#[test]
fn settings_with_which_no_other_node_could_be_met_are_refused_by_name() {
    let cases = [
        (["0.0.0.0:7430", "", "secret"], "peers_address is missing: peers_listen is 0.0.0.0:7430"),
        (["[::]:7430", "", "secret"], "peers_address is missing: peers_listen is [::]:7430"),
        (["10.0.0.1:7430", "", ""], "peers_secret_file is missing"),
        (
            ["10.0.0.1", "", "secret"],
            "peers_listen (from --peers-listen) must be an IP address and",
        ),
        (
            ["host:7430", "", "secret"],
            "peers_listen (from --peers-listen) must be an IP address and",
        ),
        (["off", "host", ""], "peers_address (from --peers-address) must be a host and a port"),
        (["off", "0.0.0.0:7", ""], "peers_address (from --peers-address) is 0.0.0.0:7, which no"),
    ];
    for (flags, problem) in cases {
        let refused = settings(flags).unwrap_err();
        assert!(refused.starts_with(problem), "{flags:?}: {refused}");
    }
}

#[test]
fn a_secret_is_long_enough_and_no_other_user_reads_it() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("peers");
    let write = |bytes: &[u8], mode| {
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        PeerSecret::read(&file).map_err(|error| error.to_string())
    };
    let secret = write(b" \n0123456789abcdef0123456789abcdef\r\n", 0o600).unwrap();
    assert_eq!(secret.bytes(), b"0123456789abcdef0123456789abcdef");
    assert_eq!(format!("{secret:?}"), "PeerSecret");
    // Any bytes are a secret.
    assert_eq!(write(&[0xff; 32], 0o640).unwrap().bytes(), [0xff; 32]);
    for (bytes, mode, problem) in [
        (&b"0123456789abcdef0123456789abcde \n"[..], 0o600, "has 31 bytes: write at least 32"),
        (b"", 0o600, "has 0 bytes"),
        (b"0123456789abcdef0123456789abcdef", 0o604, "can be read or written by other users"),
        (b"0123456789abcdef0123456789abcdef", 0o602, "can be read or written by other users"),
    ] {
        let refused = write(bytes, mode).unwrap_err();
        assert!(refused.contains(problem) && refused.contains("/peers "), "{refused}");
        assert!(!refused.contains("abcd"), "{refused}");
    }
    for (path, problem) in
        [(dir.path(), "is no regular file"), (Path::new("/no"), "cannot be read")]
    {
        let refused = PeerSecret::read(path).unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused}");
    }
}
