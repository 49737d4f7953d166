//! House rules that a machine can hold: what may import what, how large a file may grow, what must not be in a text.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Lines beyond which a file must be named in [`LARGE_FILES`] with its reason.
///
/// The readable projects of this field have a median of about 150 lines a file; above 400 one reads two subjects.
const LINES_MAX: usize = 400;

/// Files that may be longer, and why.
const LARGE_FILES: &[(&str, usize, &str)] =
    &[("src/wire/message.rs", 580, "every control message of every direction on one page, mostly documentation")];

/// What each layer may import of ours. `main` and `lib` stand above all.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &["base"]),
    ("stream", &["base"]),
    ("pty", &["base"]),
    ("store", &["base", "wire"]),
    ("service", &["base"]),
    ("update", &["base"]),
    ("host", &["base", "wire", "stream", "pty"]),
    ("agent", &["base", "wire", "stream", "host", "service", "update"]),
    ("server", &["base", "wire", "stream", "store", "service", "update"]),
    ("cli", &["base", "wire", "stream", "pty", "store", "service", "update", "host", "agent", "server"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below `dir` with one of the extensions, as paths from the root.
fn files(dir: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(dir)];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if !["vendor", "node_modules", "target", ".git"].contains(&name) {
                    open.push(path);
                }
            } else if path.extension().and_then(|it| it.to_str()).is_some_and(|it| extensions.contains(&it)) {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The layers a line names: `crate::layer` wherever it stands, also inside `use crate::{a, b::c}`.
fn layers_named(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let Some(group) = after.strip_prefix('{') else {
            named.insert(word(after));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    named.insert(word(group[start..at].trim()));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    named.insert(word(group[start..at].trim()));
                    start = at + 1;
                }
                _ => {}
            }
        }
    }
    named
}

/// Code without comments: a link in documentation is not an import.
fn code_of(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[test]
fn imports_run_one_way() {
    assert_eq!(
        layers_named("use crate::{base::{id, offset}, wire}; let x = crate::store::Store;"),
        ["base", "store", "wire"].map(str::to_owned).into(),
        "the reader of imports itself"
    );
    let mut wrong = Vec::new();
    for path in files("src", &["rs"]) {
        let inside = path.strip_prefix("src").unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if ["main", "lib"].contains(&first) {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == first) else {
            wrong.push(format!("{}: layer `{first}` is not in the table of lib.rs", path.display()));
            continue;
        };
        for named in layers_named(&code_of(&read(&path))) {
            let known = LAYERS.iter().any(|(layer, _)| *layer == named);
            if known && named != first && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{}: `{first}` must not know `{named}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_file_holds_one_subject() {
    let mut long = Vec::new();
    for dir in ["src", "tests", "benches", "assets"] {
        for path in files(dir, &["rs", "js", "css"]) {
            let lines = read(&path).lines().count();
            let shown = path.to_str().unwrap();
            let max = LARGE_FILES.iter().find(|(name, ..)| *name == shown).map_or(LINES_MAX, |(_, max, _)| *max);
            if lines > max {
                long.push(format!("{shown}: {lines} lines, more than {max}: split it, or name it in LARGE_FILES"));
            }
        }
    }
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));
}

#[test]
fn a_large_file_that_shrank_leaves_the_list() {
    for (name, max, _) in LARGE_FILES {
        let lines = read(Path::new(name)).lines().count();
        assert!(lines > LINES_MAX, "{name} has {lines} lines: strike it off LARGE_FILES");
        assert!(max - lines < 150, "{name} has {lines} lines: lower its bound of {max}");
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = read(Path::new("Cargo.toml"));
    let mut wrong = Vec::new();
    let mut section = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.to_owned();
        } else if section.contains("dependencies]") && line.contains(" = ") && !line.starts_with('#') {
            // A reason stands behind the line; names that are their own reason need none.
            let name = line.split(" = ").next().unwrap_or_default();
            let plain = ["tokio", "serde", "tracing", "libc", "flate2", "proptest", "tempfile"].contains(&name);
            if !line.contains('#') && !plain {
                wrong.push(format!("{section} {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies without a reason behind them: {wrong:#?}");
}

#[test]
fn texts_name_no_place_of_one_workshop() {
    // Absolute paths of somebody's machine, and hosts that only somebody's network knows.
    let marks = [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut wrong = Vec::new();
    for dir in ["src", "tests", "benches", "assets", "docs", ".ci", "packaging", "installer"] {
        for path in files(dir, &["rs", "js", "mjs", "css", "html", "md", "toml", "json", "sh", "py", "yml"]) {
            for (number, line) in read(&path).lines().enumerate() {
                // People of our examples: Ada, and whoever reads.
                let example = ["ada", "you", "me"].iter().any(|who| line.contains(&format!("{}{who}", marks[1])));
                if marks.iter().any(|mark| line.contains(mark)) && !example {
                    wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn what_the_security_page_names_as_its_test_is_one() {
    let sources: String = ["src", "tests"].iter().flat_map(|dir| files(dir, &["rs"])).map(|path| read(&path)).collect();
    let text = read(Path::new("docs/security.md"));
    let named: Vec<&str> =
        text.split('`').skip(1).step_by(2).filter(|it| it.contains("::") && !it.contains('*')).collect();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        let function = name.rsplit("::").next().unwrap();
        assert!(sources.contains(&format!("fn {function}()")), "docs/security.md: there is no test {name}");
    }
}
