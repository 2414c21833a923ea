//! Files and settings with which no server starts, and what it says.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use doorbuster::{app::App, clock::ManualClock, config::Config};

use super::Files;
use crate::support::OPENS_AT;

/// What a server says that does not start.
fn refused(files: &Files, change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config {
        data: files.path("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        alerts: false,
        ..Config::default()
    };
    files.secure(&mut config);
    change(&mut config);
    match App::start(config, Arc::new(ManualClock::at(OPENS_AT))) {
        Ok(app) => {
            app.stop().unwrap();
            "nothing".to_owned()
        }
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn files_of_no_use_are_refused_by_the_setting_that_names_them() {
    let files = Files::new();
    assert_eq!(refused(&files, |_| {}), "nothing");
    files.write("rubbish", "rubbish");
    let (_, other_key) = files.authority.signed(2049);
    files.write("other.key", &other_key);
    let rubbish = Some(files.path("rubbish"));
    let missing = Some(files.path("missing"));
    let wrong: [(&str, Config); 6] = [
        (
            "tls_key does not belong to the certificate in tls_certificate",
            Config { tls_key: Some(files.path("other.key")), ..Config::default() },
        ),
        (
            "tls_certificate holds no certificate in PEM",
            Config { tls_certificate: rubbish.clone(), ..Config::default() },
        ),
        (
            "tls_key holds no private key in PEM",
            Config { tls_key: rubbish.clone(), ..Config::default() },
        ),
        (
            "tls_client_ca holds no certificate in PEM",
            Config { tls_client_ca: rubbish, ..Config::default() },
        ),
        ("tls_certificate is ", Config { tls_certificate: missing.clone(), ..Config::default() }),
        ("tls_key is ", Config { tls_key: missing, ..Config::default() }),
    ];
    for (message, wrong) in wrong {
        let said = refused(&files, |config| {
            config.tls_certificate = wrong.tls_certificate.or(config.tls_certificate.take());
            config.tls_key = wrong.tls_key.or(config.tls_key.take());
            config.tls_client_ca = wrong.tls_client_ca;
        });
        assert!(said.contains(message), "{said}\nmust contain\n{message}");
    }
    fs::set_permissions(files.path("server.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = refused(&files, |_| {});
    assert!(said.contains("tls_key is ") && said.contains("chmod 600"), "{said}");
}

#[test]
fn a_listener_in_plain_text_for_other_machines_is_refused() {
    let files = Files::new();
    let open = |config: &mut Config| {
        (config.tls_certificate, config.tls_key) = (None, None);
        config.board = Some(([0, 0, 0, 0], 0).into());
    };
    let said = refused(&files, open);
    assert!(said.contains("board is 0.0.0.0:0, which other machines can reach"), "{said}");
    for way_out in ["tls_certificate and tls_key", "--insecure board", "DOORBUSTER_INSECURE=board"]
    {
        assert!(said.contains(way_out), "{said}");
    }
    let said = refused(&files, |config| {
        open(config);
        config.insecure = vec![doorbuster::config::Port::Board];
    });
    assert_eq!(said, "nothing");
}
