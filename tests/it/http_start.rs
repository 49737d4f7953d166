//! A server that cannot start says why in one sentence, and what to do.

use sessionforge::server::{Server, ServerConfig, StartError};
use tempfile::TempDir;

use crate::support::server::{TestServer, config};

async fn refused(config: ServerConfig) -> StartError {
    match Server::bind(config, None).await {
        Ok(_) => panic!("the server started"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = TempDir::new().unwrap();
    let listen = taken.local_addr().unwrap();
    let error = refused(ServerConfig { listen, ..config(&dir) }).await;
    let said = format!("port {} is in use by another program: choose another with --listen", listen.port());
    assert_eq!(error.to_string(), said);
    assert!(!dir.path().join("state.redb").exists(), "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_directory() {
    let server = TestServer::start().await;
    let error = refused(config(&server.dir)).await;
    let dir = server.dir.path().display();
    let said = format!("a server already uses this data directory: {dir}; stop it or give another one with --data-dir");
    assert_eq!(error.to_string(), said);
    let dir = server.stop().await;
    drop(TestServer::start_in(dir).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("state.redb"), "nonsense").unwrap();
    let error = refused(config(&dir)).await.to_string();
    assert!(error.contains("is damaged") && error.contains("restore it from a backup"), "{error}");
    assert_eq!(std::fs::read(dir.path().join("state.redb")).unwrap(), b"nonsense", "the file was not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_can_reach() {
    let dir = TempDir::new().unwrap();
    let everywhere = ServerConfig { listen: "0.0.0.0:0".parse().unwrap(), ..config(&dir) };
    let error = refused(everywhere.clone()).await.to_string();
    assert!(error.contains("--insecure-http") && error.contains("--trusted-proxy"), "{error}");
    drop(Server::bind(ServerConfig { insecure_http: true, ..everywhere }, None).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_that_is_a_file() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refused(ServerConfig { data_dir: file.clone(), ..config(&dir) }).await.to_string();
    assert!(error.starts_with(&format!("{} cannot be used: ", file.display())), "{error}");
}
