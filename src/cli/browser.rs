//! Opens a page in the person's browser, if there is one here.

use std::process::{Command, Stdio};

/// Tries to, and says whether it was possible to try. The link is printed in any case.
pub(super) fn open(url: &str) -> bool {
    let Some((program, arguments)) = opener() else { return false };
    Command::new(program)
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}

fn opener() -> Option<(&'static str, &'static [&'static str])> {
    if cfg!(target_os = "macos") {
        return Some(("open", &[]));
    }
    if cfg!(windows) {
        // Not through cmd's `start`, which would read `&` in the link as its own.
        return Some(("rundll32", &["url.dll,FileProtocolHandler"]));
    }
    let screen =
        ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
    screen.then_some(("xdg-open", &[]))
}
