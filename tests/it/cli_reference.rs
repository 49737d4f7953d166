//! Every line of the command line's reference, as somebody types it who has just installed the program: on the real binary,
//! with no option that the line does not have, in the usual data directory, with a service manager of their own.

use super::support::local::Local;
use super::support::process::{Ran, run};
use super::support::systemd::{UserSystemd, with};
use super::support::wait::poll;
use super::support::world::World;

/// A server, somebody who has its address and a key, and a machine on which nothing was done yet.
struct Newcomer {
    world: World,
    systemd: Option<UserSystemd>,
}

impl Newcomer {
    async fn new() -> Self {
        let mut world = World::server_only().await;
        world.set_up().await;
        Self { world, systemd: None }
    }

    /// Logged in, and with a service manager; nothing where none can be started.
    async fn with_systemd() -> Option<Self> {
        let mut this = Self::new().await;
        this.systemd = Some(UserSystemd::start(this.world.place()).await?);
        this.log_in().await;
        Some(this)
    }

    /// The same, and the service is installed.
    async fn with_service() -> Option<Self> {
        let this = Self::with_systemd().await?;
        this.done("service install").await;
        Some(this)
    }

    fn server(&self) -> String {
        format!("http://{}", self.world.http.address)
    }

    async fn log_in(&self) -> String {
        self.done(&format!("auth login --key {} --server {} --name notebook", self.world.key(), self.server())).await
    }

    /// Types a line of words without blanks in them.
    async fn types(&self, line: &str) -> Ran {
        let words: Vec<&str> = line.split(' ').collect();
        run(with(self.world.place(), self.world.place().command(&words))).await
    }

    /// The same for one that works; what it says.
    async fn done(&self, line: &str) -> String {
        let ran = self.types(line).await;
        assert_eq!(ran.code, 0, "sessionforge {line}: {ran:?}");
        ran.out + &ran.err
    }

    /// Starts a session and tells its id.
    async fn session(&self) -> String {
        self.done("session start --command bash --workdir .").await.trim().to_owned()
    }

    /// Whether the server sees the machine.
    async fn is_online(&self) -> bool {
        let machines = self.world.http.clone().get("/api/v1/machines").await.json();
        machines["machines"].as_array().is_some_and(|all| all.iter().any(|machine| machine["online"] == true))
    }
}

#[tokio::test]
async fn auth_login() {
    let newcomer = Newcomer::new().await;
    let said = newcomer.log_in().await;
    assert!(
        said.contains("Logged in to http://") && said.contains("Ada, in Acme") && said.contains("notebook"),
        "{said}"
    );
    let wrong = newcomer.types("auth login --key sf_live_oops").await;
    assert!(wrong.code == 2 && wrong.err.contains("not an API key"), "{wrong:?}");
}

#[tokio::test]
async fn auth_logout() {
    let newcomer = Newcomer::new().await;
    newcomer.log_in().await;
    let said = newcomer.done("auth logout").await;
    assert!(said.contains("no longer on this machine"), "{said}");
    assert!(newcomer.done("auth logout").await.contains("Not logged in"));
    let agent = newcomer.types("agent").await;
    assert!(agent.code == 2 && agent.err.contains("server"), "nothing is left to connect with: {agent:?}");
}

#[tokio::test]
async fn status() {
    let newcomer = Newcomer::new().await;
    let nothing = newcomer.types("status").await;
    assert!(
        nothing.code == 1 && nothing.out.contains("not running") && nothing.out.contains("auth login"),
        "{nothing:?}"
    );
    newcomer.log_in().await;
    let id = newcomer.session().await;
    let server = newcomer.server();
    let knows = newcomer.types("status").await;
    assert!(knows.code == 1 && knows.out.contains(&server) && knows.out.contains(&id), "{knows:?}");
}

#[tokio::test]
async fn session_list() {
    let newcomer = Newcomer::new().await;
    assert!(newcomer.done("session list").await.contains("No sessions"));
    let id = newcomer.session().await;
    let listed = newcomer.done("session list").await;
    assert!(listed.contains(&id) && listed.contains("running") && listed.contains("bash"), "{listed}");
}

#[tokio::test]
async fn session_start() {
    let newcomer = Newcomer::new().await;
    let claude = newcomer.world.place().path("bin/claude");
    std::fs::write(&claude, "#!/bin/sh\npwd\nread line\n").unwrap();
    std::fs::set_permissions(&claude, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let id = newcomer.done("session start").await.trim().to_owned();
    let home = newcomer.world.place().path("home").display().to_string();
    poll("claude runs in the current directory", async || {
        newcomer.done(&format!("session screen {id}")).await.replace('\n', "").contains(&home).then_some(())
    })
    .await;
    assert!(newcomer.done("session list").await.contains(" claude "));
    assert!(newcomer.session().await.starts_with("ses_"));
}

#[tokio::test]
async fn session_stop() {
    let newcomer = Newcomer::new().await;
    let id = newcomer.session().await;
    let said = newcomer.done(&format!("session stop {id}")).await;
    assert_eq!(said.trim(), format!("{id} has ended"));
    assert!(newcomer.done(&format!("session stop {id}")).await.contains(&id), "twice does no harm");
}

#[tokio::test]
async fn session_attach() {
    let newcomer = Newcomer::new().await;
    let id = newcomer.session().await;
    let mut local = Local::start(&newcomer.world.place().command(&["session", "attach", &id]), 80, 24);
    local.expect_text("$").await;
    local.type_text("echo it-is-$((6*7))\r");
    local.expect_text("it-is-42").await;
    local.type_text("\x1d");
    assert_eq!(local.expect_exit().await, 0);
    local.expect_text(&format!("sessionforge session attach {id}")).await;
    local.expect_restored().await;
}

#[tokio::test]
async fn service_install() {
    let Some(newcomer) = Newcomer::with_systemd().await else { return };
    let said = newcomer.done("service install").await;
    assert!(said.contains("installed: ") && said.contains("connected as mac_") && said.contains("of Acme"), "{said}");
    assert!(newcomer.is_online().await);
    assert!(newcomer.done("service install").await.contains("installed already"));
    let status = newcomer.done("status").await;
    assert!(status.contains("running for") && status.contains("Acme"), "{status}");
}

#[tokio::test]
async fn service_uninstall() {
    let Some(newcomer) = Newcomer::with_service().await else { return };
    assert!(newcomer.done("service uninstall").await.contains("removed"));
    assert_eq!(newcomer.types("service status").await.code, 1);
    poll("the machine is offline", async || (!newcomer.is_online().await).then_some(())).await;
    assert!(newcomer.done("service uninstall").await.contains("no service"));
}

#[tokio::test]
async fn service_start() {
    let Some(newcomer) = Newcomer::with_service().await else { return };
    newcomer.done("service stop").await;
    let said = newcomer.done("service start").await;
    assert!(said.contains("connected as mac_"), "{said}");
    assert!(newcomer.is_online().await);
}

#[tokio::test]
async fn service_stop() {
    let Some(newcomer) = Newcomer::with_service().await else { return };
    let id = newcomer.session().await;
    let said = newcomer.done("service stop").await;
    assert!(said.contains("Sessions go on"), "{said}");
    assert!(newcomer.done("session list").await.contains(&id), "and they do");
    poll("the machine is offline", async || (!newcomer.is_online().await).then_some(())).await;
}

#[tokio::test]
async fn service_restart() {
    let Some(newcomer) = Newcomer::with_service().await else { return };
    let pid = async || {
        let json: serde_json::Value = serde_json::from_str(&newcomer.done("service status --json").await).unwrap();
        json["found"]["pid"].as_u64().unwrap()
    };
    let before = pid().await;
    let said = newcomer.done("service restart").await;
    assert!(said.contains("connected as mac_"), "{said}");
    assert_ne!(pid().await, before);
}

#[tokio::test]
async fn service_status() {
    let Some(newcomer) = Newcomer::with_service().await else { return };
    let said = newcomer.done("service status").await;
    for word in ["running for", "connected", "agent.log"] {
        assert!(said.contains(word), "{word:?} in {said}");
    }
}

#[tokio::test]
async fn update() {
    let Some(newcomer) = Newcomer::with_service().await else { return };
    let said = newcomer.done("update").await;
    assert!(said.contains(env!("CARGO_PKG_VERSION")), "the server runs the same version: {said}");
    newcomer.done("service stop").await;
    newcomer.done("auth logout").await;
    let alone = newcomer.types("update").await;
    assert!(alone.code == 1 && alone.err.contains("not logged in"), "{alone:?}");
}
