//! Files that change while a server runs: a new certificate is used for new connections, and what is
//! of no use changes nothing.

use std::{fs, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use super::{END_OF_2049, END_OF_2060, Files, until_counted};
use crate::support::{Node, item, order};

/// The certificate that a new connection is shown, as the file has it.
async fn shown(node: &Node, files: &Files) -> CertificateDer<'static> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(files.path("ca.crt")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(node.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let (_, session) = stream.get_ref();
    session.peer_certificates().unwrap()[0].clone().into_owned()
}

fn in_file(files: &Files) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(files.path("server.crt")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_used_for_new_connections_and_interrupts_none() {
    let files = Files::new();
    let node = Node::start_with(|config| files.secure(config)).await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 9)])]).await;
    let old = in_file(&files);
    assert_eq!(shown(&node, &files).await, old);
    files.renew(2060);
    let expires = "doorbuster_tls_certificate_expires_seconds";
    until_counted(&node, &files, &format!("{expires} {END_OF_2060}")).await;
    let new = in_file(&files);
    assert_ne!(old, new);
    assert_eq!(shown(&node, &files).await, new);
    // On the connection that was there before.
    order(&node.place(&items[0], "ann", 1).await.unwrap());
    // As Kubernetes replaces the files of a secret: by links to another directory.
    fs::create_dir(files.path("next")).unwrap();
    let (certificate, key) = files.authority.signed(2049);
    files.write("next/server.crt", &certificate);
    files.write("next/server.key", &key);
    for name in ["server.crt", "server.key"] {
        let link = files.path(&format!("{name}.link"));
        std::os::unix::fs::symlink(files.path(&format!("next/{name}")), &link).unwrap();
        fs::rename(link, files.path(name)).unwrap();
    }
    until_counted(&node, &files, &format!("{expires} {END_OF_2049}")).await;
    assert_eq!(shown(&node, &files).await, in_file(&files));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_no_use_change_nothing_and_are_told() {
    let files = Files::new();
    let node = Node::start_with(|config| files.secure(config)).await;
    let (certificate, key) = ["server.crt", "server.key"]
        .map(|name| fs::read_to_string(files.path(name)).unwrap())
        .into();
    let old = in_file(&files);
    let (_, other_key) = files.authority.signed(2049);
    let (expired, expired_key) = files.authority.signed(2021);
    let bad = [
        ("rubbish", key.as_str()),
        (&certificate, "rubbish"),
        ("", ""),
        // The key of another certificate: also how it looks when one of two files was replaced.
        (&certificate, &other_key),
        (&expired, &expired_key),
        (&certificate[..certificate.len() / 2], &key),
    ];
    for (bad_certificate, bad_key) in bad {
        files.write("server.crt", bad_certificate);
        files.write("server.key", bad_key);
        until_counted(&node, &files, "doorbuster_tls_files_refused 1").await;
        assert_eq!(shown(&node, &files).await, old);
        files.write("server.crt", &certificate);
        files.write("server.key", &key);
        until_counted(&node, &files, "doorbuster_tls_files_refused 0").await;
    }
    fs::remove_file(files.path("server.crt")).unwrap();
    until_counted(&node, &files, "doorbuster_tls_files_refused 1").await;
    assert_eq!(shown(&node, &files).await, old);
}
