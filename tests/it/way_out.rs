//! The way from a machine to its server where a company has put something in between: a proxy, an authority of its own.

use std::path::Path;
use std::sync::{Arc, Mutex};

use sessionforge::server::{Server, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::support::process::{Process, Ran, run};
use super::support::world::Place;

/// A name that leads nowhere but through the proxy.
const SERVER: &str = "https://sf.example.org";

/// An HTTP proxy that wants a password, and what it was asked.
struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Leads every name to `server`.
    async fn start(server: std::net::SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://ada:pass%20word@{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tunnel(stream, server, Arc::clone(&seen)));
            }
        });
        Self { url, asked }
    }
}

async fn tunnel(mut stream: TcpStream, server: std::net::SocketAddr, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    seen.lock().unwrap().push(head.lines().next().unwrap().to_owned());
    // ada:pass word
    if !head.to_ascii_lowercase().contains("proxy-authorization: basic ywrhonbhc3mgd29yza==") {
        let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n").await;
        return;
    }
    let mut onward = TcpStream::connect(server).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
}

/// A server under [`SERVER`], with a certificate of nobody's authority, behind a proxy.
struct Company {
    place: Place,
    proxy: Proxy,
    key: String,
    _stop: tokio_util::sync::DropGuard,
}

impl Company {
    async fn start() -> Self {
        let place = Place::new();
        let made = rcgen::generate_simple_self_signed(["sf.example.org".to_owned()]).unwrap();
        let (certificate, key) = (place.path("ca.pem"), place.path("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let config = ServerConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: Some(sessionforge::server::TlsFiles { certificate, key }),
            public_url: Some(SERVER.parse().unwrap()),
            ..ServerConfig::new(place.path("server"))
        };
        let server = Server::bind(config, None).await.unwrap();
        let owner = server.ensure_local_owner("Ada".to_owned()).await.unwrap();
        let key = server.local_agent_key(&owner, "key".to_owned(), None).await.unwrap().expose().to_owned();
        let proxy = Proxy::start(server.address()).await;
        let stop = CancellationToken::new();
        tokio::spawn(server.run(stop.clone()));
        Self { place, proxy, key, _stop: stop.drop_guard() }
    }

    fn configure(&self, json: &str) {
        std::fs::write(self.place.path("agent/agent.json"), json).unwrap();
    }

    async fn log_in(&self, proxy: &[(&str, &str)]) -> Ran {
        let data_dir = self.place.path("agent");
        let arguments = ["auth", "login", "--server", SERVER, "--data-dir", data_dir.to_str().unwrap()];
        let mut command = self.place.command(&arguments);
        command.env("SESSIONFORGE_API_KEY", &self.key).envs(proxy.iter().copied());
        run(command).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_and_an_authority_of_ones_own_lead_login_and_agent_to_the_server() {
    let company = Company::start().await;
    let ca = company.place.path("ca.pem");
    company.configure(&serde_json::json!({"ca_file": ca}).to_string());
    let proxy = company.proxy.url.clone();
    let ran = company.log_in(&[("HTTPS_PROXY", &proxy)]).await;
    assert!(ran.code == 0 && ran.out.contains("Logged in"), "{ran:?}");
    // The agent's is in its configuration: a service has no such environment. And a relative file is the directory's.
    std::fs::copy(&ca, company.place.path("agent/ca.pem")).unwrap();
    company.configure(&serde_json::json!({"ca_file": "ca.pem", "proxy": proxy}).to_string());
    let data_dir = company.place.path("agent");
    let arguments = ["agent", "--data-dir", data_dir.to_str().unwrap()];
    let mut agent = Process::start("agent", company.place.command(&arguments));
    agent.expect_line("connected to").await;
    let asked = company.proxy.asked.lock().unwrap().clone();
    assert!(asked.len() >= 2 && asked.iter().all(|line| line == "CONNECT sf.example.org:443 HTTP/1.1"), "{asked:?}");
    assert!(!agent.log().contains("pass%20word") && !agent.log().contains("pass word"), "{}", agent.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_named_with_what_to_do() {
    let company = Company::start().await;
    let (proxy, empty) = (company.proxy.url.clone(), company.place.path("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    let stranger = proxy.replace("pass", "word");
    let nobody = "http://127.0.0.1:1";
    for (configuration, proxy, words) in [
        ("{}".to_owned(), proxy.as_str(), &["certificate is not trusted", "ca_file"][..]),
        (r#"{"ca_file": "no.pem"}"#.to_owned(), &proxy, &["no.pem"]),
        (serde_json::json!({"ca_file": empty}).to_string(), &proxy, &["empty.pem", "no certificate"]),
        ("{}".to_owned(), &stranger, &["proxy http://127.0.0.1", "407", "HTTPS_PROXY"]),
        ("{}".to_owned(), nobody, &["proxy http://127.0.0.1:1", "HTTPS_PROXY"]),
        ("{}".to_owned(), "socks5://127.0.0.1:1", &["not supported", "http://"]),
    ] {
        company.configure(&configuration);
        let ran = company.log_in(&[("https_proxy", proxy)]).await;
        assert!(ran.code == 1 && words.iter().all(|word| ran.err.contains(word)), "{configuration} {proxy}: {ran:?}");
        assert!(!ran.err.contains("20word"), "{ran:?}");
    }
    let asked = company.proxy.asked.lock().unwrap().len();
    company.configure("{}");
    let straight = company.log_in(&[("HTTPS_PROXY", &proxy), ("NO_PROXY", "example.org")]).await;
    assert_eq!(straight.code, 1, "there is no such name outside of the proxy: {straight:?}");
    assert_eq!(company.proxy.asked.lock().unwrap().len(), asked, "NO_PROXY holds");
    assert!(Path::new(&company.place.path("agent/agent/credentials.json")).metadata().is_err(), "nothing was stored");
}
