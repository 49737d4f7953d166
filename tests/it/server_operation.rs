//! Running a server: what it is told in a file, what it tells a monitoring system, its backups, its place in the background.

use std::path::Path;

use serde_json::{Value, json};

use super::support::http::Http;
use super::support::process::{Ran, run};
use super::support::server::{TestServer, config};
use super::support::wait::poll;
use super::support::world::{EMAIL, PASSWORD, Place, World};

/// `sessionforge server …` over the data directory `name` of a place.
async fn server(place: &Place, name: &str, arguments: &[&str]) -> Ran {
    let dir = place.path(name);
    let all: Vec<&str> = ["server"].into_iter().chain(arguments.iter().copied()).collect();
    let mut command = place.command(&all);
    command.args(["--data-dir", dir.to_str().unwrap()]);
    run(command).await
}

async fn key_names(http: &mut Http) -> Vec<String> {
    let keys = http.get("/api/v1/keys").await.ok().json();
    let names = keys["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned());
    names.collect()
}

#[tokio::test]
async fn a_setting_that_does_not_exist_is_named_with_the_one_that_was_meant() {
    let place = Place::new();
    std::fs::write(place.path("server/server.toml"), "# where\nlisten = \"127.0.0.1:0\"\npublic-ulr = \"x\"\n")
        .unwrap();
    let ran = server(&place, "server", &[]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("there is no setting \"public-ulr\"") && ran.err.contains("\"public-url\""), "{ran:?}");
    assert!(!place.path("server/state.redb").exists(), "nothing was made");
}

#[tokio::test]
async fn a_backup_of_a_running_server_is_one_moment_of_it_and_is_all_there_after_a_restore() {
    let mut world = World::server_only().await;
    world.set_up().await;
    world.make_key("before").await;
    // Somebody goes on writing meanwhile.
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut http = world.http.clone();
    let writing = tokio::spawn(async move {
        let mut stopped = std::pin::pin!(stopped);
        for number in 0.. {
            http.post("/api/v1/keys", &json!({ "name": format!("key {number}") })).await.ok();
            if futures_util::FutureExt::now_or_never(&mut stopped).is_some() {
                return;
            }
        }
    });
    let file = world.place().path("backup.redb");
    poll("keys are being made", async || (key_names(&mut world.http.clone()).await.len() > 4).then_some(())).await;
    let before = key_names(&mut world.http).await;
    let ran = server(world.place(), "server", &["backup", file.to_str().unwrap()]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let after = key_names(&mut world.http).await;
    stop.send(()).unwrap();
    writing.await.unwrap();
    let again = server(world.place(), "server", &["backup", file.to_str().unwrap()]).await;
    assert!(again.code == 1 && again.err.contains("is there already"), "{again:?}");

    let ran = server(world.place(), "other", &["restore", file.to_str().unwrap()]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(world.place().path("other/state.redb"), dir.path().join("state.redb")).unwrap();
    let restored = TestServer::start_in(dir).await;
    let mut http = restored.http();
    http.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();
    let names = key_names(&mut http).await;
    assert!(before.iter().all(|name| names.contains(name)), "what was there when it began: {before:?} {names:?}");
    assert!(names.iter().all(|name| after.contains(name)), "nothing from after it ended: {names:?} {after:?}");
}

#[tokio::test]
async fn a_restore_replaces_nothing_unless_the_backup_is_whole_and_keeps_what_was_there() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let (state, file) = (world.place().path("server/state.redb"), world.place().path("backup.redb"));
    let ran = server(world.place(), "server", &["backup", file.to_str().unwrap()]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = server(world.place(), "server", &["restore", file.to_str().unwrap()]).await;
    assert!(ran.code == 4 && ran.err.contains("already uses this data directory"), "{ran:?}");
    world.make_key("later").await;
    world.interrupt_server().await;

    let before = std::fs::read(&state).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let broken = world.place().path("broken.redb");
    for bytes in [&b""[..], b"nonsense", &whole[..whole.len() / 2]] {
        std::fs::write(&broken, bytes).unwrap();
        let ran = server(world.place(), "server", &["restore", broken.to_str().unwrap()]).await;
        assert!(ran.code == 1 && ran.err.contains("no backup that can be put back"), "{ran:?}");
        assert!(std::fs::read(&state).unwrap() == before, "not a byte was changed");
    }

    let ran = server(world.place(), "server", &["restore", file.to_str().unwrap()]).await;
    assert!(ran.code == 0 && ran.out.contains("kept as"), "{ran:?}");
    let kept = ran.out.lines().find_map(|line| line.split("kept as ").nth(1)).unwrap();
    assert!(std::fs::read(kept).unwrap() == before);
    world.start_server().await;
    assert!(!key_names(&mut world.http).await.contains(&"later".to_owned()), "the state is that of the backup");
}

#[tokio::test]
async fn the_audit_log_is_checked_beside_a_running_server_and_of_one_that_stands_still() {
    let mut world = World::server_only().await;
    world.set_up().await;
    world.make_key("second").await;
    let id = world.http.get("/api/v1/keys").await.ok().json()["keys"][0]["id"].as_str().unwrap().to_owned();
    world.http.delete(&format!("/api/v1/keys/{id}")).await.ok();
    let ran = server(world.place(), "server", &["audit", "verify"]).await;
    assert!(ran.code == 0 && ran.out.contains("entries, whole"), "{ran:?}");
    let last = ran.out.lines().rev().find_map(|line| line.split("Last").nth(1)).unwrap().trim().to_owned();
    world.interrupt_server().await;
    let ran = server(world.place(), "server", &["audit", "verify", "--noted", &last]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let forged = format!("1:{}", "0".repeat(64));
    let ran = server(world.place(), "server", &["audit", "verify", "--noted", &forged]).await;
    assert!(ran.code == 1 && ran.err.contains("entry 1 is not the one whose hash was noted"), "{ran:?}");
}

#[tokio::test]
async fn a_server_in_the_background_listens_before_its_starter_ends() {
    let place = Place::new();
    let ran = server(&place, "server", &["--daemon", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("/setup#"), "the starter prints what the server has to say: {ran:?}");
    let address = ran.out.split("http://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    Http::new(address.parse().unwrap()).get("/healthz").await.ok();
    let pid_file = place.path("server/server.pid");
    let pid: u32 = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();

    let ran = server(&place, "other", &["--daemon", "--listen", &address]).await;
    assert!(ran.code == 4 && ran.err.contains("in use by another program"), "{ran:?}");
    let ran = server(&place, "server", &["--daemon", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(ran.code, 4, "one server for a data directory: {ran:?}");
    assert!(Path::new(&pid_file).exists(), "the second one left the first one's file alone");

    super::support::process::signal_pid(pid, "TERM");
    poll("the server ends and takes its pid file along", async || (!pid_file.exists()).then_some(())).await;
    let logs = std::fs::read_dir(place.path("server/logs")).unwrap().count();
    assert!(logs > 0, "it logs into its data directory");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_on_a_port_of_their_own_and_readiness_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.metrics_listen = Some(port.local_addr().unwrap());
    drop(port);
    let metrics = config.metrics_listen.unwrap();
    let server = TestServer::start_as(dir, config, false).await;
    let mut http = server.http();
    assert_eq!(http.get("/readyz").await.ok().json(), json!({ "status": "ready" }));
    assert_eq!(http.get("/metrics").await.status, 404, "not where everybody can ask");
    let text = Http::new(metrics).get("/metrics").await.ok().text();
    for line in
        ["sessionforge_agents 0", "sessionforge_http_requests_total{status=\"2xx\"} ", "sessionforge_build_info"]
    {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    let bucket = |le: &str| {
        let head = format!("sessionforge_http_request_seconds_bucket{{le=\"{le}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&head)?.parse::<f64>().ok()).unwrap()
    };
    assert!(bucket("30") <= bucket("+Inf") && bucket("0.001") <= bucket("30"), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok()), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_port_is_for_whoever_can_read_the_data_directory() {
    let server = TestServer::start().await;
    let file = server.dir.path().join("server.json");
    let said: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let mut http = Http::new(said["address"].as_str().unwrap().parse().unwrap());
    assert_eq!(http.get("/backup").await.status, 401);
    http.bearer = Some("wrong".to_owned());
    assert_eq!(http.get("/audit/verify").await.status, 401);
    http.bearer = Some(said["token"].as_str().unwrap().to_owned());
    assert_eq!(http.get("/audit/verify").await.status, 401, "a page has no business there, whatever it knows");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    server.stop().await;
    assert!(!file.exists());
}
