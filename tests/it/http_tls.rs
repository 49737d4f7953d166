//! TLS by certificate files: what browsers get, and certificates that are renewed under a running server.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName};
use sessionforge::server::{Server, ServerConfig, StartError, TlsFiles};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::server::{TestServer, config};
use super::support::wait::poll;

/// Writes a new certificate and its key into `dir`, and gives what a client must trust.
fn issue(dir: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn with_tls(dir: &TempDir) -> ServerConfig {
    let tls = TlsFiles { certificate: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
    ServerConfig { tls: Some(tls), ..config(dir) }
}

async fn start(dir: TempDir) -> TestServer {
    let config = with_tls(&dir);
    TestServer::start_as(dir, config, false).await
}

/// One request, by somebody who trusts `root` alone.
async fn get(server: &TestServer, root: &CertificateDer<'static>, path: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_comes_by_https_and_browsers_are_told_to_stay_there() {
    let dir = TempDir::new().unwrap();
    let root = issue(dir.path());
    let server = start(dir).await;
    let answer = get(&server, &root, "/").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    get(&server, other.cert.der(), "/").await.expect_err("a client that trusts another certificate gets nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_on_that_port_is_told_what_to_write() {
    let dir = TempDir::new().unwrap();
    issue(dir.path());
    let server = start(dir).await;
    let answer = server.http().get("/").await;
    assert_eq!((answer.status, answer.text().as_str()), (400, "this port speaks TLS: write https:// instead of http"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_used_without_a_restart_and_half_of_one_is_not() {
    let dir = TempDir::new().unwrap();
    let (first, path) = (issue(dir.path()), dir.path().to_owned());
    let server = start(dir).await;
    get(&server, &first, "/healthz").await.unwrap();

    // As renewing programs do it: one file after the other.
    let other = TempDir::new().unwrap();
    let second = issue(other.path());
    std::fs::copy(other.path().join("cert.pem"), path.join("cert.pem")).unwrap();
    get(&server, &first, "/healthz").await.expect("a certificate without its key replaces nothing");
    std::fs::copy(other.path().join("key.pem"), path.join("key.pem")).unwrap();
    poll("the new certificate is used", async || get(&server, &second, "/healthz").await.ok()).await;

    std::fs::write(path.join("cert.pem"), "nonsense").unwrap();
    get(&server, &second, "/healthz").await.expect("nor does nonsense");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_is_named_at_the_start() {
    let refused = async |dir: &TempDir| match Server::bind(with_tls(dir), None).await {
        Err(error @ StartError::Tls(_)) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the server started"),
    };
    let dir = TempDir::new().unwrap();
    let error = refused(&dir).await;
    assert!(error.contains("cert.pem cannot be read"), "{error}");
    issue(dir.path());
    std::fs::write(dir.path().join("cert.pem"), "nonsense").unwrap();
    let error = refused(&dir).await;
    assert!(error.contains("cert.pem holds no certificate"), "{error}");
    let other = TempDir::new().unwrap();
    issue(other.path());
    issue(dir.path());
    std::fs::copy(other.path().join("key.pem"), dir.path().join("key.pem")).unwrap();
    let error = refused(&dir).await;
    assert!(error.contains("cannot be used together"), "{error}");
    assert!(!dir.path().join("state.redb").exists(), "nothing was made");
}
