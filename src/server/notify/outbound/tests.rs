#![allow(clippy::unwrap_used, reason = "tests")]

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

fn here() -> Outbound {
    Outbound::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()])
}

/// Answers one request with `answer` and gives the request's head.
async fn one<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: &str) -> String {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(head).unwrap()
}

#[test]
fn an_address_is_read_as_it_is_sent_to() {
    let target = Target::parse("https://Hooks.example.org/a/b?c=d").unwrap();
    assert_eq!((target.host.as_str(), target.port, target.path()), ("hooks.example.org", 443, "/a/b?c=d"));
    assert_eq!(Target::parse("https://[2606:4700::1]:8443").unwrap().origin(), "https://[2606:4700::1]:8443");
    let long = format!("https://example.org/{}", "a".repeat(URL_BYTES_MAX));
    for wrong in ["", "/path", "ftp://example.org/", "https://", "https://ada:secret@example.org/", &long] {
        assert!(matches!(Target::parse(wrong), Err(OutboundError::Address)), "{wrong}");
    }
}

#[test]
fn what_is_not_of_the_internet_is_refused_before_it_is_sent_to() {
    let nowhere = Outbound::new(Vec::new());
    assert!(nowhere.check("https://hooks.example.org/").is_ok() && nowhere.check("https://8.8.8.8/").is_ok());
    for private in ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://[::ffff:10.0.0.1]/"] {
        assert!(matches!(nowhere.check(private), Err(OutboundError::Private(_))), "{private}");
    }
    for plain in ["http://hooks.example.org/", "http://8.8.8.8/"] {
        assert!(matches!(nowhere.check(plain), Err(OutboundError::Plain)), "{plain}");
    }
    assert!(here().check("http://127.0.0.1:80/").is_ok());
    assert!(matches!(here().check("http://8.8.8.8/"), Err(OutboundError::Plain)), "allowed is not everything");
}

#[tokio::test]
async fn a_name_that_leads_into_the_house_is_refused_when_it_is_looked_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let nowhere = Outbound::new(Vec::new());
    let target = nowhere.check(&url).unwrap();
    let refused = nowhere.post(&target, Vec::new(), Bytes::new()).await;
    assert!(matches!(refused, Err(OutboundError::Private(_))), "{refused:?}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::parse(&format!("http://{}/hook", listener.local_addr().unwrap())).unwrap();
    let answer =
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\nretry-after: 7\r\ncontent-length: 9\r\n\r\n";
    let (outbound, type_is) = (here(), (header::CONTENT_TYPE, HeaderValue::from_static("text/plain")));
    let sent = outbound.post(&target, vec![type_is], Bytes::from_static(b"hello"));
    let answering = async { one(listener.accept().await.unwrap().0, answer).await };
    let (sent, head) = tokio::join!(sent, answering);
    assert_eq!(sent.unwrap(), Answer { status: 302, retry_after: Some(Duration::from_secs(7)) });
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n") && head.contains("content-length: 5\r\n"), "{head}");
}

#[tokio::test]
async fn over_tls_only_who_can_show_the_names_certificate_is_told() {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let own = authority.self_signed(&key).unwrap();
    let issuer = Issuer::from_params(&authority, &key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], private).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut roots = RootCertStore::empty();
    roots.add(own.der().clone()).unwrap();
    let outbound = here();
    outbound.tls.set(Arc::new(trust::client(roots).unwrap())).unwrap();
    let target = Target::parse(&format!("https://localhost:{port}/hook")).unwrap();
    let answering = async {
        let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        one(stream, "HTTP/1.1 204 No Content\r\n\r\n").await
    };
    let (sent, head) = tokio::join!(outbound.post(&target, Vec::new(), Bytes::new()), answering);
    assert_eq!(sent.unwrap().status, 204);
    assert!(head.contains(&format!("host: localhost:{port}\r\n")), "{head}");
    // The same server under a name that its certificate does not have.
    let other = Target::parse(&format!("https://127.0.0.1:{port}/hook")).unwrap();
    let answering = async { acceptor.accept(listener.accept().await.unwrap().0).await.is_err() };
    let (sent, refused) = tokio::join!(outbound.post(&other, Vec::new(), Bytes::new()), answering);
    assert!(matches!(sent, Err(OutboundError::Connect(_))) && refused, "{sent:?}");
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let hasty = Outbound { answered_within: Duration::from_millis(1), ..here() };
    let sent = hasty.post(&target, Vec::new(), Bytes::new()).await;
    assert!(matches!(sent, Err(OutboundError::Late)), "{sent:?}");
}
