//! `toml`: the server starts with it.

use crate::support::process::Process;
use crate::support::world::Place;

use super::blocks;

#[tokio::test]
async fn a_server_starts_with_every_configuration_in_the_documentation() {
    let mut names = 0;
    for block in blocks().into_iter().filter(|block| block.language == "toml" && block.no_run.is_none()) {
        names += 1;
        let place = Place::new();
        let pair = rcgen::generate_simple_self_signed(["sf.example.org".to_owned()]).unwrap();
        let file = |name: &str| place.path(name).display().to_string();
        std::fs::write(file("cert.pem"), pair.cert.pem()).unwrap();
        std::fs::write(file("key.pem"), pair.signing_key.serialize_pem()).unwrap();
        // Places of a real machine become places of this one; the settings stay what they are.
        let text = block
            .text
            .replace("0.0.0.0:443", "127.0.0.1:0")
            .replace("127.0.0.1:9464", "127.0.0.1:0")
            .replace("/etc/ssl/sf.example.org.pem", &file("cert.pem"))
            .replace("/etc/ssl/private/sf.example.org.key", &file("key.pem"))
            .replace("/var/log/sessionforge", &file("log"))
            // The key of minisign's own documentation.
            .replace("RWT…", "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3");
        std::fs::write(file("server/server.toml"), &text).unwrap();
        let mut arguments = vec!["server".to_owned(), "--data-dir".to_owned(), file("server")];
        if !text.contains("listen =") {
            arguments.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
        }
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut server = Process::start("server", place.command(&words));
        // It says so once it listens; a configuration that it does not take ends it.
        let line = server.expect_line("/setup#").await;
        assert!(line.contains("http"), "{}: {line}", block.place);
    }
    assert!(names > 0, "no page has a configuration");
}
