//! The node process in which xterm.js runs, and the questions it is asked.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Makes a missing node or npm a failure instead of a loud skip.
const REQUIRED: &str = "SESSIONFORGE_REQUIRE_ORACLE";

/// One comparison: a terminal fed `raw` against one fed the snapshot at `cut` and the rest.
pub struct Case<'a> {
    pub cols: u16,
    pub rows: u16,
    pub scrollback: usize,
    pub raw: &'a [u8],
    pub cut: usize,
    pub snapshot: &'a [u8],
    pub what: What,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Everything, at the cut and at the end.
    All,
    /// The screen, at the cut; the snapshot has no scrollback.
    Screen,
    /// Everything at the cut, after a change to this size.
    Resized(u16, u16),
}

/// What the two terminals differ in. Empty is exact.
#[derive(Debug, Default, Clone)]
pub struct Difference {
    /// At the cut.
    pub at: Vec<String>,
    /// After the rest.
    pub end: Vec<String>,
    /// xterm.js itself failed on the raw stream; there is nothing to compare.
    pub skipped: bool,
}

/// A running node process.
pub struct Oracle {
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Installs xterm.js into the target directory if it is not there and starts node. `None`, after saying
    /// so, where there is no node or npm and none is required.
    pub fn start() -> Option<Self> {
        match Self::try_start() {
            Ok(oracle) => Some(oracle),
            Err(reason) if std::env::var_os(REQUIRED).is_some() => panic!("{REQUIRED} is set, but {reason}"),
            Err(reason) => {
                eprintln!("\n*** SKIPPED: the terminal model was not held against xterm.js: {reason} ***\n");
                None
            }
        }
    }

    fn try_start() -> Result<Self, String> {
        // Tests run side by side: one installs, the others wait for it.
        static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
        let modules = INSTALLED.get_or_init(|| install(&scripts)).clone()?;
        let mut child = Command::new("node")
            .arg(scripts.join("oracle.mjs"))
            .env("ORACLE_MODULES", &modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("node does not start: {error}"))?;
        let ask = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("node has no output")?);
        Ok(Self { child, ask, answers })
    }

    fn ask(&mut self, question: &Value) -> Value {
        let mut line = question.to_string();
        line.push('\n');
        self.ask.as_mut().unwrap().write_all(line.as_bytes()).expect("the oracle reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the oracle answers");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("the oracle said {answer:?}: {error}"))
    }

    pub fn compare(&mut self, case: &Case<'_>) -> Difference {
        let answer = self.ask(&json!({
            "cols": case.cols,
            "rows": case.rows,
            "scrollback": case.scrollback,
            "raw": STANDARD.encode(case.raw),
            "cut": case.cut,
            "snapshot": STANDARD.encode(case.snapshot),
            "visible": case.what == What::Screen,
            "resize": if let What::Resized(cols, rows) = case.what { json!([cols, rows]) } else { Value::Null },
        }));
        let names = |key: &str| answer[key].as_array().map_or_else(Vec::new, |names| texts(names));
        Difference { at: names("at"), end: names("end"), skipped: answer.get("skipped").is_some() }
    }

    /// Columns of every code point from U+00A0 on, as digits.
    pub fn widths(&mut self) -> String {
        self.ask(&json!({ "widths": true }))["widths"].as_str().unwrap().to_owned()
    }
}

/// Differences that can be seen; a name with `~` is one that cannot.
fn texts(names: &[Value]) -> Vec<String> {
    names.iter().filter_map(|name| name.as_str()).filter(|name| !name.starts_with('~')).map(str::to_owned).collect()
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.ask.take());
        let _ = self.child.wait();
    }
}

/// `target/oracle` with xterm.js in it.
fn install(scripts: &Path) -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    let wanted = std::fs::read(scripts.join("package.json")).map_err(|error| error.to_string())?;
    let installed = target.join("package.json");
    let complete = target.join("node_modules/@xterm/headless/package.json").exists();
    if !complete || std::fs::read(&installed).ok().as_ref() != Some(&wanted) {
        std::fs::create_dir_all(&target).map_err(|error| error.to_string())?;
        std::fs::write(&installed, &wanted).map_err(|error| error.to_string())?;
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let output = Command::new(npm)
            .args(["install", "--no-audit", "--no-fund", "--no-package-lock"])
            .current_dir(&target)
            .output()
            .map_err(|error| format!("npm does not start: {error}"))?;
        if !output.status.success() {
            return Err(format!("npm install failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(target)
}
