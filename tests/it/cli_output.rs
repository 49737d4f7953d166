//! What each command says, in plain words and as JSON, and where it cannot work: all of it in one text that was read by a
//! person (`tests/fixtures/output.txt`). What differs from run to run (ids, times, ports, directories) is replaced by what it is.

use regex::Regex;

use super::support::process::run;
use super::support::wait::poll;
use super::support::world::{PROGRAM, Place, World};

/// What is never twice the same, and what stands for it.
const CHANGING: [(&str, &str); 11] = [
    (r"/tmp/sf-\w+", "/place"),
    (r"\bses_[0-9a-z]{12}\b", "ses_ID"),
    (r"\bmac_[0-9a-z]{12}\b", "mac_ID"),
    (r"(127\.0\.0\.1|localhost):\d+", "$1:PORT"),
    (r"sf_live_\w{2,}…?", "sf_live_KEY"),
    (r"there and back in .*", "there and back in TIME"),
    (r"\bfor \d+ (s|min)\b", "for TIME"),
    (r"process \d+", "process PID"),
    (r#"("(?:pid|round_trip_us|started_at|link_since)"): \d+"#, "$1: N"),
    (r#""activity": "\w+""#, "\"activity\": \"STATE\""),
    (r"  +\d+ (s|min)  ", "  AGE  "),
];

/// The text so far, and the place in which commands are typed.
struct Transcript<'a> {
    place: &'a Place,
    text: String,
    changing: Vec<(Regex, &'static str)>,
}

impl<'a> Transcript<'a> {
    fn new(place: &'a Place) -> Self {
        let changing = CHANGING.iter().map(|(what, name)| (Regex::new(what).unwrap(), *name)).collect();
        Self { place, text: String::new(), changing }
    }

    /// Types it, takes down what it said, and gives standard output back as it was.
    async fn types(&mut self, arguments: &[&str]) -> String {
        let mut command = self.place.command(arguments);
        command.env("SESSIONFORGE_DATA_DIR", self.place.path("agent"));
        let ran = run(command).await;
        let words: Vec<String> = arguments
            .iter()
            .map(|word| if word.is_empty() || word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() })
            .collect();
        let mut said = format!("$ sessionforge {}\n{}", words.join(" "), ran.out);
        for line in ran.err.lines() {
            said += &format!("! {line}\n");
        }
        if ran.code != 0 {
            said += &format!("= {}\n", ran.code);
        }
        said = said.replace(PROGRAM, "/usr/bin/sessionforge").replace(env!("CARGO_PKG_VERSION"), "VERSION");
        for (what, name) in &self.changing {
            said = what.replace_all(&said, *name).into_owned();
        }
        // Columns are as wide as what is in them.
        let is_row = |line: &str| line.starts_with("ID ") || line.starts_with("ses_ID ");
        for line in said.lines() {
            let words = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>();
            self.text += &if is_row(line) { words.join("  ") } else { line.to_owned() };
            self.text.push('\n');
        }
        self.text.push('\n');
        ran.out
    }

    /// A heading.
    fn now(&mut self, heading: &str) {
        self.text += &format!("# {heading}\n\n");
    }
}

#[tokio::test]
async fn every_command_says_what_it_said_when_it_was_read_last() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let server = format!("http://{}", world.http.address);
    let key = world.key().to_owned();
    let (mut text, place) = (String::new(), Place::new());
    {
        let mut typed = Transcript::new(&place);
        typed.now("Nothing was done yet");
        for line in [
            "version",
            "status",
            "status --json",
            "session list",
            "session list --json",
            "session list --all",
            "config show",
            "config show --json",
            "config get name",
            "config set name bench",
            "config unset name",
            "config path",
            "config get nothing",
            "config set keep_screens maybe",
            "logs",
            "logs --path",
            "auth logout",
            "auth login",
            "auth login --server http://127.0.0.1:1",
            "auth login --server nowhere --key x",
            "agent",
            "update",
            "update --check",
            "update --from /nowhere",
            "pause",
            "pause nobody",
            "resume nobody",
            "session start --command no-such-program",
            "session start --workdir /no/such/directory -- cat",
            "session stop nobody",
            "session send nobody hello",
            "session screen nobody",
            "session attach nobody",
            "run no-such-program",
            "completions tcsh",
            "man --directory /dev/null/x",
            "skill install",
            "skill install",
            "skill uninstall",
            "init --dry-run",
            "init --shell tcsh",
            "session",
            "session start --size 80",
            "nothing",
            "server --listen 192.0.2.1:80",
            "up --port x",
            "doctor --wrong",
        ] {
            typed.types(&line.split(' ').collect::<Vec<_>>()).await;
        }
        text += &typed.text;
    }
    world.start_agent().await;
    {
        let mut typed = Transcript::new(world.place());
        typed.now("A machine that is on a server");
        typed.types(&["auth", "login", "--server", &server, "--key", &key, "--name", "it's a bench"]).await;
        poll("the way was measured", async || {
            let mut command = world.place().command(&["status", "--json"]);
            command.env("SESSIONFORGE_DATA_DIR", world.place().path("agent"));
            run(command).await.out.contains("round_trip_us").then_some(())
        })
        .await;
        typed.types(&["status"]).await;
        typed.types(&["status", "--json"]).await;
        let start =
            ["session", "start", "--name", "two words", "--workdir", "/", "--", "sh", "-c", "printf 'a\\nb'; exec cat"];
        let id = typed.types(&start).await.trim().to_owned();
        typed.types(&["session", "list"]).await;
        poll("it has printed", async || {
            let mut command = world.place().command(&["session", "screen", &id]);
            command.env("SESSIONFORGE_DATA_DIR", world.place().path("agent"));
            (run(command).await.out == "a\nb\n").then_some(())
        })
        .await;
        typed.types(&["session", "list", "--json"]).await;
        typed.types(&["session", "screen", "two words"]).await;
        typed.types(&["session", "screen", "--json", "two words"]).await;
        typed.types(&["session", "send", "two words", "typed"]).await;
        typed.types(&["session", "attach", &id]).await;
        let wanted = world.http.clone();
        poll("the server knows it", async || {
            (wanted.clone().get(&format!("/api/v1/sessions/{id}")).await.status == 200).then_some(())
        })
        .await;
        typed.types(&["pause", &id, "--note", "look at this"]).await;
        typed.types(&["resume", &id]).await;
        typed.types(&["session", "stop", "--force", &id]).await;
        typed.types(&["session", "send", &id, "more"]).await;
        typed.types(&["session", "list"]).await;
        typed.types(&["session", "list", "--all"]).await;
        typed.types(&["update"]).await;
        typed.types(&["update", "--check", "--json"]).await;
        typed.types(&["auth", "logout"]).await;
        text += &typed.text;
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/output.txt");
    if std::env::var_os("SESSIONFORGE_BLESS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = expected.lines().zip(text.lines()).find(|(then, now)| then != now);
    assert!(text == expected, "read it, then run this test with SESSIONFORGE_BLESS=1; first: {differs:#?}\n{text}");
}
