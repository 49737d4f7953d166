//! Peers and hosts that are gone from one moment to the next.

use sessionforge::host::client::{ConnectError, HostClient};
use sessionforge::host::{launch, runtime_dir};
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{SessionAsk, Take};
use sessionforge::wire::session::SessionState;

use super::probe::{Probe, TestHost, binary, shell, signal, spec};

#[tokio::test]
async fn a_stop_is_heard_though_who_asked_for_it_is_gone_at_once() {
    for _ in 0..20 {
        let host = TestHost::shell("read line").await;
        let mut watching = host.attach().await;
        watching.until("the first screen", |probe| probe.repaints > 0).await;
        let mut leaving = HostClient::connect(&host.socket, Role::Viewer).await.unwrap();
        leaving.ask(&SessionAsk::Stop { force: true }).await.unwrap();
        drop(leaving); // Without having read what the host says to everybody.
        watching.until("the end", |probe| probe.ended.is_some()).await;
    }
}

#[tokio::test]
async fn a_host_that_crashed_leaves_a_socket_that_the_next_one_replaces() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(shell("echo up; read line"), dir.path());
    let first = launch::start(binary(), &spec, None).await.unwrap();
    let mut probe = Probe::new(HostClient::connect(&first.socket, Role::Agent).await.unwrap());
    signal(first.pid, libc::SIGKILL);
    while probe.next().await.is_some() {}
    assert!(first.socket.exists());
    assert!(matches!(HostClient::connect(&first.socket, Role::Agent).await, Err(ConnectError::Gone)));
    let facts = runtime_dir::read_facts(&spec.runtime_dir, spec.session).unwrap();
    assert_eq!(facts.info.state, SessionState::Running, "with nobody listening: lost");

    let second = launch::start(binary(), &spec, None).await.unwrap();
    assert!(HostClient::connect(&second.socket, Role::Agent).await.is_ok());
    signal(second.pid, libc::SIGKILL);
}

#[tokio::test]
async fn a_key_is_typed_though_who_typed_it_is_gone_at_once() {
    for _ in 0..20 {
        let host = TestHost::shell("read line; echo got:$line; read line").await;
        let mut watching = host.connect().await;
        watching.ask(SessionAsk::Subscribe { from: sessionforge::wire::message::From::Snapshot }).await;
        let mut leaving = host.connect().await;
        leaving.join(Take::Always, 80, 24).await;
        leaving.type_text("hello\r").await;
        drop(leaving);
        watching.until_text("got:hello").await;
    }
}
