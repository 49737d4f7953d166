//! Troubleshooting: what it says that the program says, the program says.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::{help, read, root};

const PAGE: &str = "docs/troubleshooting.md";

/// Everything that can be said: sources, with texts that go over several lines in one.
fn said() -> String {
    let mut all = String::new();
    let mut open = ["src", "assets/app", "installer"].map(|dir| root().join(dir)).to_vec();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            all += &text;
        }
    }
    let joined: Vec<&str> = all.split("\\\n").map(str::trim_start).collect();
    joined.concat()
}

/// Quotations, and the first column of the tables that are called *it says*.
fn quoted() -> Vec<String> {
    let text = read(PAGE);
    let mut quoted = Vec::new();
    let (mut inside, mut column, mut says, mut words) = (false, 0, false, String::new());
    for event in Parser::new_ext(&text, help::options()) {
        match event {
            Event::Start(Tag::BlockQuote(_) | Tag::TableCell) => {
                inside = true;
                words.clear();
            }
            Event::End(TagEnd::BlockQuote(_)) => {
                inside = false;
                quoted.push(std::mem::take(&mut words));
            }
            Event::Start(Tag::Table(_)) => says = false,
            Event::Start(Tag::TableHead | Tag::TableRow) => column = 0,
            Event::End(TagEnd::TableCell) => {
                inside = false;
                if column == 0 && says {
                    quoted.push(words.clone());
                }
                says |= column == 0 && words == "it says";
                column += 1;
            }
            Event::Text(text) | Event::Code(text) if inside => words.push_str(&text),
            Event::SoftBreak if inside => words.push(' '),
            _ => {}
        }
    }
    quoted
}

#[test]
fn what_troubleshooting_quotes_is_what_the_program_says() {
    let said = said();
    let quoted = quoted();
    assert!(quoted.len() > 20, "{quoted:#?}");
    let wrong: Vec<&str> = quoted
        .iter()
        .flat_map(|text| text.split('…'))
        .map(str::trim)
        .filter(|part| !part.is_empty() && !said.contains(part))
        .collect();
    assert!(wrong.is_empty(), "{PAGE} quotes what nothing says any more: {wrong:#?}");
}

#[test]
fn every_row_of_doctor_is_explained_and_no_other() {
    let text = read(PAGE);
    let table = text.split("## What doctor says").nth(1).unwrap();
    let mut explained: Vec<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    explained.sort_unstable();
    let mut rows = Vec::new();
    for file in std::fs::read_dir(root().join("src/cli/doctor")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        for call in ["Finding::new(", "Finding::good("] {
            rows.extend(
                text.split(call)
                    .skip(1)
                    .filter_map(|rest| Some(rest.trim().strip_prefix('"')?.split('"').next()?.to_owned())),
            );
        }
    }
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(explained, rows, "the table in {PAGE} beside src/cli/doctor/");
}

#[test]
fn every_entry_that_people_look_for_is_there() {
    let anchors = help::anchors(&read(PAGE));
    for entry in [
        "a-session-starts-and-shows-nothing",
        "the-service-does-not-start",
        "where-the-log-is",
        "access-denied-when-installing-the-service",
        "command-not-found-claude",
        "permission-denied-on-service-install",
        "a-machine-is-offline",
        "authentication-failed",
        "a-session-hangs-and-never-closes",
    ] {
        assert!(anchors.iter().any(|it| it == entry), "{entry} is not in {anchors:#?}");
    }
}
