//! The way to the server: what stands in it, and what stands at its end.

use sessionforge::server::{Server, ServerConfig, TlsFiles};
use tokio_util::sync::CancellationToken;

use super::*;

/// What `auth login` would have stored, had the way been open then.
fn store(place: &Place, server: &str, key: &str) {
    std::fs::create_dir_all(place.path("agent/agent")).unwrap();
    let file = place.path("agent/agent/credentials.json");
    std::fs::write(&file, json!({"server": server, "key": key}).to_string()).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_proxy_is_named_and_one_that_does_not_lead_there_is_told_with_where_it_comes_from() {
    let place = Place::new();
    store(&place, "https://sf.example.org", "sf_live_x");
    std::fs::write(place.path("agent/agent.json"), r#"{"proxy": "http://ada:secret@127.0.0.1:1"}"#).unwrap();
    let found = finding(&place, "proxy").await;
    assert_finding(&found, "good", &["http://127.0.0.1:1", "leads to https://sf.example.org"]);
    let found = finding(&place, "server").await;
    assert_finding(&found, "bad", &["does not lead to the server", "HTTPS_PROXY", "config set proxy"]);
    let ran = doctor(&place, &[]).await;
    assert!(!ran.out.contains("secret"), "its password is nobody's to read: {ran:?}");
    std::fs::write(place.path("agent/agent.json"), r#"{"proxy": "socks5://127.0.0.1:1"}"#).unwrap();
    assert_finding(&finding(&place, "server").await, "bad", &["of a kind that is not supported", "config set proxy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_ones_own_authority_is_told_with_the_setting_that_trusts_it() {
    let place = Place::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (place.path("ca.pem"), place.path("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let config = ServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: Some(TlsFiles { certificate: certificate.clone(), key }),
        ..ServerConfig::new(place.path("server"))
    };
    let server = Server::bind(config, None).await.unwrap();
    let owner = server.ensure_local_owner("Ada".to_owned()).await.unwrap();
    let api_key = server.local_agent_key(&owner, "key".to_owned(), None).await.unwrap().expose().to_owned();
    let url = format!("https://localhost:{}", server.address().port());
    let stop = CancellationToken::new();
    tokio::spawn(server.run(stop.clone()));
    let _stop = stop.drop_guard();

    store(&place, &url, &api_key);
    let found = finding(&place, "server").await;
    assert_finding(&found, "bad", &["certificate is not trusted", "in between", "config set ca_file"]);
    let set = ["config", "set", "ca_file", certificate.to_str().unwrap(), "--data-dir"];
    let data_dir = place.path("agent");
    let ran = run(place.command(&[&set[..], &[data_dir.to_str().unwrap()]].concat())).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_finding(&finding(&place, "server").await, "good", &["answers in"]);
    std::fs::write(&certificate, "not a certificate").unwrap();
    assert_finding(&finding(&place, "server").await, "bad", &["ca.pem", "config unset ca_file"]);
}

#[tokio::test]
async fn a_usual_port_that_another_program_has_is_told_with_the_one_in_its_place() {
    loop {
        // Another test's agent may have it, and give it back at any time.
        let held = std::net::TcpListener::bind(("127.0.0.1", 3457)).ok();
        let world = World::start().await;
        if crate::local_api::found(world.place()).0.port() == 3457 {
            assert!(held.is_none(), "two have one port");
            continue;
        }
        let found = finding(world.place(), "port").await;
        assert_finding(&found, "warning", &["127.0.0.1:", "port 3457 is another program's", "api.json"]);
        return;
    }
}
