//! README.md and docs/: every block of code runs, or says why it cannot; every link leads somewhere; what is quoted from the
//! program is what it says. A page that is added is in all of it by itself.
//!
//! What a block of code needs is its language, behind the three backquotes:
//!
//! | language | what becomes of it |
//! |---|---|
//! | `sh` | runs, all of a page in one shell, against a real server and agent ([`shell`]) |
//! | `powershell` | each `sessionforge …` in it is a command that there is |
//! | `toml` | a server starts with it ([`settings`]) |
//! | `json`, `python` | parses |
//! | `ini` | a unit that systemd understands |
//! | `nginx`, `caddyfile` | the proxy runs with it, before a real server ([`proxies`]) |
//! | `text` | is looked at |
//!
//! `no-run reason="…"` behind the language takes a block out of it; commands in it are checked all the same.

use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

#[path = "../../build/help.rs"]
mod help;
mod proxies;
mod quotations;
mod settings;
mod shell;

/// A fenced block of code.
#[derive(Debug)]
struct Block {
    /// `docs/api.md:7`
    place: String,
    /// The page it stands in, from the root.
    page: String,
    language: String,
    /// Why it cannot run.
    no_run: Option<String>,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// README.md and every page directly in docs/.
fn pages() -> Vec<String> {
    let mut pages: Vec<String> = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|it| it == "md"))
        .map(|name| format!("docs/{name}"))
        .collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

fn blocks() -> Vec<Block> {
    pages().iter().flat_map(|page| blocks_of(page)).collect()
}

fn blocks_of(page: &str) -> Vec<Block> {
    let text = read(page);
    let mut blocks = Vec::<Block>::new();
    let mut inside = false;
    for (event, range) in Parser::new_ext(&text, help::options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = if let CodeBlockKind::Fenced(info) = kind { info.to_string() } else { String::new() };
                let (language, rest) = info.split_once(' ').unwrap_or((&info, ""));
                let reason = rest.split_once("no-run reason=\"").and_then(|(_, rest)| rest.split_once('"'));
                blocks.push(Block {
                    place: format!("{page}:{}", text[..range.start].lines().count() + 1),
                    page: page.to_owned(),
                    language: language.to_owned(),
                    no_run: reason.map(|(reason, _)| reason.to_owned()),
                    text: String::new(),
                });
                inside = true;
            }
            Event::Text(part) if inside => blocks.last_mut().unwrap().text.push_str(&part),
            Event::End(_) => inside = false,
            _ => {}
        }
    }
    blocks
}

#[test]
fn every_block_of_code_says_what_it_is() {
    let known = ["sh", "powershell", "toml", "json", "python", "ini", "nginx", "caddyfile", "text"];
    let wrong: Vec<String> = blocks()
        .iter()
        .filter(|block| !known.contains(&block.language.as_str()) && block.no_run.is_none())
        .map(|block| format!("{}: {:?}", block.place, block.language))
        .collect();
    assert!(
        wrong.is_empty(),
        "write one of {known:?} behind the three backquotes (no indented blocks), or add `no-run reason=\"…\"`:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn json_and_python_parse() {
    for block in blocks().iter().filter(|block| block.no_run.is_none()) {
        match block.language.as_str() {
            "json" => {
                let parsed = serde_json::from_str::<serde_json::Value>(&block.text);
                assert!(parsed.is_ok(), "{}: {parsed:?}", block.place);
            }
            "python" => {
                let script = "import sys; compile(sys.argv[1], 'block', 'exec')";
                let ran = std::process::Command::new("python3").args(["-c", script, &block.text]).output();
                let Ok(ran) = ran else { continue };
                assert!(ran.status.success(), "{}: {}", block.place, String::from_utf8_lossy(&ran.stderr));
            }
            _ => {}
        }
    }
}

#[test]
fn units_are_what_systemd_understands() {
    let dir = tempfile::tempdir().unwrap();
    for (number, block) in blocks().iter().filter(|it| it.language == "ini" && it.no_run.is_none()).enumerate() {
        // The program is where it is here, and its account is one that is there.
        let program = super::support::world::PROGRAM;
        let text =
            block.text.replace("/usr/local/bin/sessionforge", program).replace("User=sessionforge", "User=daemon");
        let unit = dir.path().join(format!("block-{number}.service"));
        std::fs::write(&unit, text).unwrap();
        let ran = std::process::Command::new("systemd-analyze").arg("verify").arg("--man=no").arg(&unit).output();
        let Ok(ran) = ran else {
            assert!(std::env::var_os("SESSIONFORGE_REQUIRE_SYSTEMD").is_none(), "there is no systemd-analyze");
            return;
        };
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        let ours: Vec<&str> = said.lines().filter(|line| line.contains("block-")).collect();
        assert!(ran.status.success() && ours.is_empty(), "{}: {said}", block.place);
    }
}

#[test]
fn the_unit_for_who_has_no_package_is_the_packages() {
    let packaged = read("packaging/linux/sessionforge-server.service");
    let (_about_the_package, packaged) = packaged.split_once('\n').unwrap();
    let packaged = packaged.replace("/usr/bin/sessionforge", "/usr/local/bin/sessionforge");
    let units: Vec<String> =
        blocks_of("docs/self-hosting.md").into_iter().filter(|it| it.language == "ini").map(|it| it.text).collect();
    assert_eq!(units, [packaged], "copy packaging/linux/sessionforge-server.service into docs/self-hosting.md");
}

/// The pages that links may lead to, and their anchors.
fn anchors_of(path: &Path) -> Option<Vec<String>> {
    Some(help::anchors(&std::fs::read_to_string(path).ok()?))
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_are_there() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = read(&page);
        let here = root().join(&page);
        for event in Parser::new_ext(&text, help::options()) {
            let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
                continue;
            };
            if dest_url.starts_with("https://") {
                continue;
            }
            let (file, anchor) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
            let target: PathBuf = if file.is_empty() { here.clone() } else { here.parent().unwrap().join(file) };
            if !target.exists() {
                wrong.push(format!("{page}: {dest_url}: there is no such file"));
            } else if !anchor.is_empty() && !anchors_of(&target).is_some_and(|all| all.iter().any(|it| it == anchor)) {
                let all = anchors_of(&target).unwrap_or_default().join(" ");
                wrong.push(format!("{page}: {dest_url}: there is no such heading; there are: {all}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_picture_is_one_that_a_test_takes_and_readme_shows() {
    let readme = read("README.md");
    let mut taken: Vec<String> = super::support::tab::PICTURES
        .iter()
        .flat_map(|name| ["dark", "light"].map(|shade| format!("{name}-{shade}.png")))
        .collect();
    let mut kept: Vec<String> = std::fs::read_dir(root().join("docs/images"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    taken.sort();
    kept.sort();
    assert_eq!(kept, taken, "docs/images beside PICTURES in tests/it/support/tab.rs");
    for name in taken {
        assert!(readme.contains(&format!("docs/images/{name}")), "README.md does not show {name}");
    }
}

#[test]
fn links_of_the_page_into_help_lead_somewhere() {
    let mut found = 0;
    let mut open = vec![root().join("assets/app")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let links = text.split("\"/help/").skip(1).map(|rest| rest.split('"').next().unwrap());
        for link in links.filter(|link| !link.contains('$')) {
            let (name, anchor) = link.split_once('#').unwrap_or((link, ""));
            let anchors = anchors_of(&root().join(format!("docs/{name}.md")));
            let anchors = anchors.unwrap_or_else(|| panic!("{}: there is no docs/{name}.md", path.display()));
            assert!(anchor.is_empty() || anchors.iter().any(|it| it == anchor), "{}: {link}", path.display());
            found += 1;
        }
    }
    assert!(found >= 5, "only {found} links");
}

#[test]
fn every_page_is_in_the_list_once_and_help_has_it() {
    let listed = help::list(&read("docs/README.md"));
    for page in pages().iter().filter_map(|page| page.strip_prefix("docs/")?.strip_suffix(".md")) {
        let times = listed.iter().filter(|it| it.name == page).count();
        assert!(
            times == 1 || page == "README",
            "docs/{page}.md is {times} times in docs/README.md: add a line `- [Title](name.md): one sentence`, under \
             \"{}\" if it is not for people who use or run it",
            help::NOT_IN_HELP
        );
    }
    assert!(listed.iter().all(|it| !it.title.is_empty() && !it.about.is_empty()), "{listed:#?}");
    let bundle = help::bundle(&root().join("docs")).unwrap();
    let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    let names: Vec<&str> = bundle.as_array().unwrap().iter().map(|page| page["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"troubleshooting") && !names.contains(&"architecture"), "{names:?}");
    for page in bundle.as_array().unwrap() {
        let html = page["html"].as_str().unwrap();
        assert!(html.starts_with("<h1 id=\"doc-") && !html.contains("<script"), "{}", page["name"]);
    }
}

#[test]
fn markup_in_a_page_of_help_is_shown_and_not_obeyed() {
    let dir = tempfile::tempdir().unwrap();
    let list = "## Group\n\n- [One](one.md): about `it`\n- [Two](two.md): other\n";
    std::fs::write(dir.path().join("README.md"), list).unwrap();
    let page = "# One\n\n<script>alert(1)</script>\n\nhello <img src=x onerror=alert(1)> [js](javascript:alert(1)) \
                [two](two.md#x\"y) [two.md](two.md) [out](../elsewhere.md) ![picture](a.png)\n\n```sh\na < b\n```\n";
    std::fs::write(dir.path().join("one.md"), page).unwrap();
    std::fs::write(dir.path().join("two.md"), "# Two\n\n## A\n\n## A\n").unwrap();
    let bundle: serde_json::Value = serde_json::from_slice(&help::bundle(dir.path()).unwrap()).unwrap();
    let html = bundle[0]["html"].as_str().unwrap();
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("javascript:"), "{html}");
    assert!(html.contains("&lt;script&gt;") && html.contains("a &lt; b"), "{html}");
    assert!(html.contains("href=\"/help/two#x&quot;y\"") && html.contains(">Two</a>"), "{html}");
    assert!(html.contains("out") && !html.contains("elsewhere") && !html.contains("a.png"), "{html}");
    assert_eq!(bundle[0]["about"], "about it");
    let two = bundle[1]["html"].as_str().unwrap();
    assert!(two.contains("id=\"doc-a\"") && two.contains("id=\"doc-a-1\""), "{two}");
}
