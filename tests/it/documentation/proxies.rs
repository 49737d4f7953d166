//! `nginx` and `caddyfile`: the proxy runs with the very block, names and ports replaced, before a real server; an agent connects
//! through it, the page loads, a terminal streams, and the server knows where people come from.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::chrome::Chrome;
use crate::support::process::{Process, run};
use crate::support::tab::Tab;
use crate::support::world::{EMAIL, PASSWORD, World};

use super::blocks_of;

const PAGE: &str = "docs/self-hosting.md";

/// An unprivileged port: each test has an address of its own for it.
const PORT: u16 = 8443;

/// The program, or nothing and a loud word where proxies are not required.
fn installed(name: &str) -> Option<PathBuf> {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("SESSIONFORGE_REQUIRE_PROXIES").is_none(),
            "SESSIONFORGE_REQUIRE_PROXIES is set, but there is no {name}"
        );
        eprintln!("\n!!! SKIPPED: no {name} on the PATH (Debian: apt install nginx-light caddy).\n");
    }
    found
}

fn block(language: &str) -> String {
    let all: Vec<String> = blocks_of(PAGE).into_iter().filter(|it| it.language == language).map(|it| it.text).collect();
    assert_eq!(all.len(), 1, "{PAGE} has one configuration for {language}");
    all[0].clone()
}

/// A server behind an address that is not there yet, and everything that is to be replaced in a proxy's configuration.
struct Behind {
    world: World,
    _server: Process,
    /// `127.1.2.3:8443`
    authority: String,
    host: String,
    ca: PathBuf,
}

impl Behind {
    async fn new() -> Self {
        // All of 127/8 is this machine: an address of its own keeps this test out of everybody's way.
        let mut random = [0; 3];
        getrandom::fill(&mut random).unwrap();
        let host = Ipv4Addr::new(127, random[0] | 1, random[1], random[2] % 250 + 2).to_string();
        let authority = format!("{host}:{PORT}");
        let mut world = World::server_only().await;
        world.set_up().await;
        world.kill_server();
        let settings = format!("public-url = \"https://{authority}\"\ntrusted-proxy = [\"127.0.0.1\"]\n");
        std::fs::write(world.place().path("server/server.toml"), settings).unwrap();
        let (listen, data_dir) = (world.http.address.to_string(), world.place().path("server").display().to_string());
        let command = world.place().command(&["server", "--listen", &listen, "--data-dir", &data_dir]);
        let mut server = Process::start("server", command);
        server.expect_line("https://").await;
        let pair = rcgen::generate_simple_self_signed([host.clone()]).unwrap();
        let ca = world.place().path("cert.pem");
        std::fs::write(&ca, pair.cert.pem()).unwrap();
        std::fs::write(world.place().path("key.pem"), pair.signing_key.serialize_pem()).unwrap();
        Self { world, _server: server, authority, host, ca }
    }

    fn file(&self, name: &str) -> String {
        self.world.place().path(name).display().to_string()
    }

    /// What a person who follows the page expects of a proxy that runs.
    async fn expect_everything(&self, mut proxy: Process) {
        let url = format!("https://{}", self.authority);
        let curl = async |arguments: &[&str]| {
            let all: Vec<&str> = ["-sS", "--noproxy", "*", "--cacert", self.ca.to_str().unwrap()]
                .iter()
                .chain(arguments)
                .copied()
                .collect();
            run(self.world.place().command_of(Path::new("curl"), &all)).await
        };
        crate::support::wait::poll("the proxy answers", async || {
            let health = format!("{url}/healthz");
            (curl(&["-f", &health]).await.code == 0).then_some(())
        })
        .await;

        // A machine: its agent trusts this authority, and comes by the proxy.
        let config = serde_json::json!({"allow": ["*"], "name": "workbench", "ca_file": self.ca});
        std::fs::write(self.world.place().path("agent/agent.json"), config.to_string()).unwrap();
        let data_dir = self.file("agent");
        let mut command = self.world.place().command(&["agent", "--server", &url, "--data-dir", &data_dir]);
        command.env("SESSIONFORGE_API_KEY", self.world.key());
        let mut agent = Process::start("agent", command);
        agent.expect_line("connected to").await;

        // A person who does not know the password, and says that they are somebody else.
        let body = format!("{{\"email\": \"{EMAIL}\", \"password\": \"wrong\"}}");
        let sign_in = format!("{url}/api/v1/sign-in");
        let wrong = curl(&[
            "--interface",
            "127.9.9.9",
            "-H",
            "X-Forwarded-For: 1.2.3.4",
            "-H",
            "Content-Type: application/json",
            "-d",
            &body,
            &sign_in,
        ])
        .await;
        assert!(wrong.out.contains("not_signed_in") || wrong.out.contains("password"), "{wrong:?}");
        // A body beyond what the server takes is refused. The server answers before it has all of it, which a proxy that is
        // still sending may tell as its own 502.
        let large = self.file("large.json");
        std::fs::write(&large, vec![b' '; 2 * 1024 * 1024]).unwrap();
        let data = format!("@{large}");
        let json = "Content-Type: application/json";
        let refused =
            curl(&["-o", "/dev/null", "-w", "%{http_code}", "-H", json, "--data-binary", &data, &sign_in]).await;
        assert!(["413", "502"].contains(&refused.out.as_str()), "{refused:?}");

        // The page, in a browser, and a terminal in it.
        let Some(chrome) = Chrome::start().await else { return };
        let tab = chrome.open("about:blank").await;
        tab.call("Security.setIgnoreCertificateErrors", serde_json::json!({"ignore": true})).await;
        tab.navigate(&format!("{url}/")).await;
        sign_in_by_hand(&tab).await;
        tab.expect_text("workbench").await;
        tab.expect_text("Nothing runs yet").await;
        let made = tab
            .evaluate(
                "(async () => { const all = await (await fetch('/api/v1/machines')).json(); const start = await fetch(\
                 `/api/v1/machines/${all.machines[0].id}/sessions`, { method: 'POST', headers: { 'content-type': \
                 'application/json' }, body: JSON.stringify({ command: 'bash' }) }); return (await start.json()).id })()",
            )
            .await;
        let session = made.as_str().unwrap_or_else(|| panic!("a session starts: {made}"));
        tab.navigate(&format!("{url}/sessions/{session}?renderer=dom")).await;
        tab.focus_terminal().await;
        tab.type_text("seq 20000 | tail -1; echo thro''ugh\n").await;
        tab.expect_terminal_text("20000").await;
        tab.expect_terminal_text("through").await;

        // Where they came from is where they were, not what they said.
        let refusals: Value =
            tab.evaluate("(async () => (await (await fetch('/api/v1/audit?outcome=refused')).json()).entries)()").await;
        let from: Vec<&str> = refusals.as_array().unwrap().iter().filter_map(|it| it["from"].as_str()).collect();
        assert!(from.contains(&"127.9.9.9") && !from.contains(&"1.2.3.4"), "{refusals}");

        proxy.kill();
        agent.kill();
    }
}

async fn sign_in_by_hand(tab: &Tab) {
    tab.fill("field: E-mail", EMAIL).await;
    tab.fill("field: Password", PASSWORD).await;
    tab.click("button: Sign in").await;
}

#[tokio::test]
async fn nginx_with_the_configuration_of_the_documentation() {
    let Some(nginx) = installed("nginx") else { return };
    let behind = Behind::new().await;
    let site = block("nginx")
        .replace("listen 443 ssl http2;", &format!("listen {} ssl http2;", behind.authority))
        .replace("listen [::]:443 ssl http2;", "")
        .replace("sf.example.org;", &format!("{};", behind.host))
        .replace("/etc/ssl/sf.example.org.pem", &behind.file("cert.pem"))
        .replace("/etc/ssl/private/sf.example.org.key", &behind.file("key.pem"))
        .replace("127.0.0.1:7373", &behind.world.http.address.to_string());
    // What Debian's nginx.conf has around a site; everything that it writes stays here.
    let whole = format!(
        "daemon off; pid {0}/nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off; \
         client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; \
         scgi_temp_path {0}/s;\n{site}\n}}\n",
        behind.world.dir().display()
    );
    let file = behind.file("nginx.conf");
    std::fs::write(&file, whole).unwrap();
    let mut command = Command::new(nginx);
    command.args(["-p", &behind.file(""), "-c", &file, "-e", "stderr"]);
    let proxy = Process::start("nginx", command);
    behind.expect_everything(proxy).await;
}

#[tokio::test]
async fn caddy_with_the_configuration_of_the_documentation() {
    let Some(caddy) = installed("caddy") else { return };
    let behind = Behind::new().await;
    // The certificate is ours instead of one of the internet's authorities; nothing else listens anywhere.
    let site = block("caddyfile")
        .replace(
            "sf.example.org {",
            &format!(
                "https://{} {{\n\tbind {}\n\ttls {} {}",
                behind.authority,
                behind.host,
                behind.file("cert.pem"),
                behind.file("key.pem")
            ),
        )
        .replace("127.0.0.1:7373", &behind.world.http.address.to_string());
    let whole =
        format!("{{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {{\n\t\tprotocols h1 h2\n\t}}\n}}\n{site}");
    let file = behind.file("Caddyfile");
    std::fs::write(&file, whole).unwrap();
    let mut command = Command::new(caddy);
    command
        .args(["run", "--adapter", "caddyfile", "--config", &file])
        .env("HOME", behind.file("home"))
        .env("XDG_DATA_HOME", behind.file("home"))
        .env("XDG_CONFIG_HOME", behind.file("home"));
    let proxy = Process::start("caddy", command);
    behind.expect_everything(proxy).await;
}
