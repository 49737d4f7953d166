//! One program behind each of those who keep programs: this one, tmux, dtach.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::world::Place;

/// A program that runs detached, and how a terminal is put on it.
pub struct Peer {
    pub name: &'static str,
    pub attach: Command,
    /// Nobody in between: what the system itself gives.
    pub is_limit: bool,
    /// What ends it.
    end: Option<Command>,
    directory: PathBuf,
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(end) = &mut self.end {
            let _ = end.current_dir(&self.directory).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

/// `sh -c SCRIPT` behind all who are there, ourselves first. `name` tells sets of them apart.
pub fn peers(place: &Place, name: &str, script: &str) -> Vec<Peer> {
    let home = place.path("home");
    let other = |program: &str| {
        let mut command = place.command_of(program.as_ref(), &[]);
        command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        command
    };
    let mut found = vec![ourselves(place, script)];

    let socket = place.path(&format!("{name}.tmux"));
    let tmux = |arguments: &[&str]| {
        let mut command = other("tmux");
        command.arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(arguments);
        command
    };
    let line = format!("sh -c \"{}\"", script.replace('"', "\\\""));
    // Its status line would be drawn beside what is measured.
    let arguments = ["new-session", "-d", "-x", "80", "-y", "24", &line, ";", "set", "-g", "status", "off"];
    if tmux(&arguments).status().is_ok_and(|status| status.success()) {
        let (attach, end) = (tmux(&["attach"]), Some(tmux(&["kill-server"])));
        found.push(Peer { name: "tmux attach", attach, is_limit: false, end, directory: home.clone() });
    } else {
        eprintln!("tmux is not there");
    }

    let socket = place.path(&format!("{name}.dtach"));
    let dtach = |first: &str, arguments: &[&str]| {
        let mut command = other("dtach");
        command.arg(first).arg(&socket).args(["-E", "-z", "-r", "none"]).args(arguments);
        command
    };
    if dtach("-n", &["sh", "-c", script]).status().is_ok_and(|status| status.success()) {
        // What it runs ends with the place.
        let attach = dtach("-a", &[]);
        found.push(Peer { name: "dtach -a", attach, is_limit: false, end: None, directory: home.clone() });
    } else {
        eprintln!("dtach is not there");
    }
    let mut bare = other("sh");
    bare.args(["-c", script]);
    found.push(Peer { name: "bare PTY", attach: bare, is_limit: true, end: None, directory: home });
    found
}

fn ourselves(place: &Place, script: &str) -> Peer {
    let data_dir = place.path("agent");
    let session = |arguments: &[&str]| {
        place.command(&[&["session", "--data-dir", data_dir.to_str().unwrap()], arguments].concat())
    };
    let started = session(&["start", "--", "sh", "-c", script]).output().unwrap();
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let id = String::from_utf8(started.stdout).unwrap().trim().to_owned();
    let (attach, end) = (session(&["attach", &id]), Some(session(&["stop", "--force", &id])));
    Peer { name: "session attach", attach, is_limit: false, end, directory: place.path("home") }
}
