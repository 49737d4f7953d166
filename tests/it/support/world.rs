//! A world: the real server and the real agent in a directory of their own, as a person would have them, and that person.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sessionforge::base::id::{MachineId, SessionId};
use sessionforge::host::runtime_dir::{Facts, scan};

use super::http::Http;
use super::process::{Process, end_all_at_home};
use super::viewer::{Manners, Viewer};
use super::wait::poll;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_sessionforge");

/// The owner's account.
pub const EMAIL: &str = "owner@example.org";
/// The owner's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// Server, agent and owner. Dropping it ends every process in it.
pub struct World {
    /// The owner's browser, signed in.
    pub http: Http,
    server: Option<Process>,
    agent: Option<Process>,
    /// Files that the next server and the next agent are started from.
    programs: [PathBuf; 2],
    /// Where the agent looks for the server.
    route: SocketAddr,
    key: String,
    machine: Option<MachineId>,
    place: Place,
}

/// The directory of a world, and the processes that live in it.
pub struct Place {
    dir: tempfile::TempDir,
    /// What the processes log.
    log: String,
}

impl Place {
    /// A new one, with a home directory whose shell has a plain prompt.
    pub fn new() -> Self {
        // Directly in /tmp: the path of a Unix socket is short (107 bytes).
        let dir = tempfile::Builder::new().prefix("sf-").tempdir_in("/tmp").unwrap();
        for name in ["home", "server", "agent", "bin"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::fs::write(dir.path().join("home/.bashrc"), "PS1='$ '\n").unwrap();
        // /etc/profile begins a PATH of its own; a person puts theirs in front again.
        std::fs::write(dir.path().join("home/.profile"), ". ~/.bashrc\nPATH=~/../bin:$PATH\n").unwrap();
        std::fs::write(dir.path().join("agent/agent.json"), r#"{"allow": ["*"], "name": "workbench"}"#).unwrap();
        let log = std::env::var("SESSIONFORGE_LOG").unwrap_or_else(|_| "info".to_owned());
        Self { dir, log }
    }

    /// A file or directory in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program with arguments, in the clean environment of this place.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(PROGRAM), arguments)
    }

    /// The same with another build of the program.
    pub fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("SHELL", "/bin/bash")
            .env("LANG", "C.UTF-8")
            .env("RUST_BACKTRACE", "1")
            .env("SESSIONFORGE_LOG", &self.log)
            .current_dir(self.path("home"));
        command
    }

    /// The program, for which a write beyond the kernel's limit on file sizes fails and does not end it: so that the limit
    /// can play a full disk.
    pub fn program_for_small_disks(&self) -> PathBuf {
        let path = self.path("bin/sessionforge-for-small-disks");
        std::fs::write(&path, format!("#!/bin/bash\ntrap '' XFSZ\nexec '{PROGRAM}' \"$@\"\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    /// What is known of every session that has or had a PTY host here.
    pub fn hosts(&self) -> Vec<Facts> {
        scan(&self.path("agent/run")).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        end_all_at_home(&self.path("home"));
    }
}

impl World {
    /// Server and agent run, the owner is signed in, the machine is connected.
    pub async fn start() -> Self {
        let mut world = Self::server_only().await;
        world.set_up().await;
        world.start_agent().await;
        world
    }

    /// The same, with more in the logs.
    pub async fn start_logging(filter: &str) -> Self {
        let mut place = Place::new();
        filter.clone_into(&mut place.log);
        let mut world = Self::server_in(place, PathBuf::from(PROGRAM)).await;
        world.set_up().await;
        world.start_agent().await;
        world
    }

    /// The same, with [`Place::program_for_small_disks`].
    pub async fn start_on_small_disks() -> Self {
        let place = Place::new();
        let program = place.program_for_small_disks();
        let mut world = Self::server_in(place, program).await;
        world.set_up().await;
        world.start_agent().await;
        world
    }

    /// Only a server, freshly started; nobody has an account yet.
    pub async fn server_only() -> Self {
        Self::server_in(Place::new(), PathBuf::from(PROGRAM)).await
    }

    async fn server_in(place: Place, program: PathBuf) -> Self {
        let (server, address) = start_server(&place, &program, "127.0.0.1:0").await;
        Self {
            http: Http::new(address),
            server: Some(server),
            agent: None,
            programs: [program.clone(), program],
            route: address,
            key: String::new(),
            machine: None,
            place,
        }
    }

    /// The one-time link that the server printed.
    pub async fn setup_link(&mut self) -> String {
        let line = self.server.as_mut().expect("a server runs").expect_line("/setup#").await;
        line.split_whitespace().find(|word| word.contains("/setup#")).expect("just found").to_owned()
    }

    /// Makes the owner's account by the set-up link, signs in, and makes a key for the agent.
    pub async fn set_up(&mut self) {
        let link = self.setup_link().await;
        let token = link.split('#').nth(1).expect("a token");
        let account =
            json!({"token": token, "organisation": "Acme", "name": "Ada", "email": EMAIL, "password": PASSWORD});
        self.http.post("/api/v1/setup", &account).await.ok();
        self.key_for_agent().await;
    }

    /// Signs in to an account that was made elsewhere.
    pub async fn sign_in(&mut self) {
        self.http.post("/api/v1/sign-in", &json!({"email": EMAIL, "password": PASSWORD})).await.ok();
    }

    /// Makes the key that this world's agent uses.
    pub async fn key_for_agent(&mut self) {
        self.key = self.make_key("workbench").await;
    }

    /// An API key for an agent.
    pub async fn make_key(&mut self, name: &str) -> String {
        let answer = self.http.post("/api/v1/keys", &json!({"name": name})).await.ok().json();
        answer["key"].as_str().unwrap_or_else(|| panic!("no key in {answer}")).to_owned()
    }

    /// Starts the server again where it was.
    pub async fn start_server(&mut self) {
        assert!(self.server.is_none(), "a server runs already");
        let (server, _) = start_server(&self.place, &self.programs[0], &self.http.address.to_string()).await;
        self.server = Some(server);
    }

    /// From the next start on, server and agent run from these files.
    pub fn run_from(&mut self, server: &Path, agent: &Path) {
        self.programs = [server, agent].map(Path::to_owned);
    }

    /// From the next start on, the agent looks for the server at `address`: a proxy in front of it.
    pub fn route_agent(&mut self, address: SocketAddr) {
        self.route = address;
    }

    /// Starts the agent and waits until the server knows it.
    pub async fn start_agent(&mut self) {
        self.spawn_agent();
        self.expect_machine().await;
        // One that is killed before it has written down its machine's id comes back as another machine.
        self.agent.as_mut().expect("just started").expect_line("connected to").await;
    }

    /// Starts the agent, whether or not there is a server for it.
    pub fn spawn_agent(&mut self) {
        assert!(self.agent.is_none(), "an agent runs already");
        self.agent = Some(Process::start("agent", self.agent_command()));
    }

    /// What starts the agent.
    pub fn agent_command(&self) -> Command {
        let url = format!("http://{}", self.route);
        let data_dir = self.place.path("agent");
        let arguments = ["agent", "--server", &url, "--data-dir", data_dir.to_str().unwrap()];
        let mut command = self.place.command_of(&self.programs[1], &arguments);
        command.env("SESSIONFORGE_API_KEY", &self.key);
        command
    }

    /// Waits until the server knows the agent.
    pub async fn expect_machine(&mut self) {
        let who = self.http.clone();
        let machine = poll("the machine is connected", async || {
            let machines = who.clone().get("/api/v1/machines").await.json();
            let machine = machines["machines"].as_array()?.iter().find(|machine| machine["online"] == true)?;
            machine["id"].as_str()?.parse().ok()
        })
        .await;
        self.machine = Some(machine);
    }

    /// The machine of this world's agent.
    pub fn machine(&self) -> MachineId {
        self.machine.expect("an agent was started")
    }

    /// Kills the server, as a crash would.
    pub fn kill_server(&mut self) {
        self.server.take().expect("a server runs").kill();
    }

    /// Kills the agent, as a crash would.
    pub fn kill_agent(&mut self) {
        self.agent.take().expect("an agent runs").kill();
    }

    /// SIGTERM to the agent, as a service manager stops it.
    pub async fn terminate_agent(&mut self) {
        self.agent.as_ref().expect("an agent runs").signal("TERM");
        let (status, said) = self.agent_end().await;
        assert!(status.success(), "{status}: {said}");
    }

    /// The key of this world's agent.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Waits until the agent ends by itself.
    pub async fn agent_end(&mut self) -> (std::process::ExitStatus, String) {
        let mut agent = self.agent.take().expect("an agent runs");
        let status = agent.expect_exit().await;
        (status, agent.log())
    }

    /// Ctrl-C on the server.
    pub async fn interrupt_server(&mut self) {
        let mut server = self.server.take().expect("a server runs");
        server.signal("INT");
        let status = server.expect_exit().await;
        assert!(status.success(), "{status}: {}", server.log());
    }

    /// Starts a session in the home directory.
    pub async fn start_session(&self, command: &str, args: &[&str]) -> SessionId {
        self.try_start_session(&json!({"command": command, "args": args, "cols": 80, "rows": 24}))
            .await
            .unwrap_or_else(|(status, problem)| panic!("{command} does not start: {status} {problem}"))
    }

    /// Asks for a session; a refusal comes back as status and problem.
    pub async fn try_start_session(&self, launch: &serde_json::Value) -> Result<SessionId, (u16, serde_json::Value)> {
        let path = format!("/api/v1/machines/{}/sessions", self.machine());
        let answer = self.http.clone().post(&path, launch).await;
        if !(200..300).contains(&answer.status) {
            return Err((answer.status, answer.json()));
        }
        let session = answer.json();
        Ok(session["id"].as_str().unwrap_or_else(|| panic!("no id in {session}")).parse().unwrap())
    }

    /// A shell with a plain prompt.
    pub async fn bash(&self) -> SessionId {
        self.start_session("bash", &[]).await
    }

    /// Ends a session's program.
    pub async fn stop_session(&self, session: SessionId) {
        self.http.clone().post(&format!("/api/v1/sessions/{session}/stop"), &json!({"force": true})).await.ok();
    }

    /// A viewer on `session`, attached and painted.
    pub async fn viewer(&self, session: SessionId, manners: Manners) -> Viewer {
        let viewer = Viewer::open(&self.http, session, manners);
        viewer.expect_attached().await;
        viewer
    }

    /// Where all of it is.
    pub fn dir(&self) -> &Path {
        self.place.dir.path()
    }

    /// The place itself, to run further commands in.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Process id of the server.
    pub fn server_pid(&self) -> u32 {
        self.server.as_ref().expect("a server runs").pid()
    }

    /// Process id of the agent.
    pub fn agent_pid(&self) -> u32 {
        self.agent.as_ref().expect("an agent runs").pid()
    }

    /// Process id of the PTY host of `session`.
    pub fn host_pid(&self, session: SessionId) -> u32 {
        let hosts = self.place.hosts();
        hosts.iter().find(|facts| facts.info.id == session).expect("a host has written its facts").host_pid
    }

    /// What server and agent said so far.
    pub fn logs(&self) -> (String, String) {
        let log = |process: &Option<Process>| process.as_ref().map(Process::log).unwrap_or_default();
        (log(&self.server), log(&self.agent))
    }
}

async fn start_server(place: &Place, program: &Path, listen: &str) -> (Process, SocketAddr) {
    let data_dir = place.path("server");
    let arguments = ["server", "--listen", listen, "--data-dir", data_dir.to_str().unwrap()];
    let mut server = Process::start("server", place.command_of(program, &arguments));
    let line = server.expect_line("http://").await;
    let address = line.split("http://").nth(1).expect("just found");
    let address: String = address.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
    let address = address.trim_end_matches(':').parse().unwrap_or_else(|_| panic!("no address in {line:?}"));
    (server, address)
}
