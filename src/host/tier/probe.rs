//! Looks what there is on this machine for [`choose`](super::choose).

#[cfg(windows)]
use std::path::PathBuf;

#[cfg(windows)]
use super::{Distribution, Probed, choose};
use super::{Tier, TierError, TierName};

/// The tier of this machine, or the one that is `wanted`.
pub fn tier(wanted: Option<TierName>) -> Result<Tier, TierError> {
    #[cfg(windows)]
    {
        choose(&probed(wanted), wanted)
    }
    #[cfg(not(windows))]
    match wanted {
        Some(_) => Err(TierError::NotWindows),
        None => Ok(Tier::Pty),
    }
}

/// `wsl --list --quiet`: UTF-16 by default, UTF-8 with `WSL_UTF8=1` in later versions; one name a line, the default first.
pub fn distributions(out: &[u8]) -> Vec<String> {
    let utf16 = out.contains(&0);
    let text = if utf16 {
        let units: Vec<u16> = out.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(out).into_owned()
    };
    let names = text.lines().map(|line| line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}'));
    // Docker Desktop's have no shell to speak of.
    names.filter(|name| !name.is_empty() && !name.starts_with("docker-desktop")).map(str::to_owned).collect()
}

/// Whether the path that `command -v claude` printed in a Linux is one of that Linux's own: below `/mnt` are Windows' drives.
pub fn is_own_claude(out: &str) -> bool {
    // An interactive shell may greet before it answers.
    out.lines().last().map(str::trim).is_some_and(|path| path.starts_with('/') && !path.starts_with("/mnt/"))
}

/// One call of `wsl.exe`. Starting its machine takes seconds; a broken WSL hangs for ever.
#[cfg(windows)]
const WSL_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);

/// Linuxes that are asked for Claude Code.
#[cfg(windows)]
const DISTRIBUTIONS_MAX: usize = 4;

#[cfg(windows)]
fn probed(wanted: Option<TierName>) -> Probed {
    let build = sysinfo::System::kernel_version().ok().and_then(|version| version.rsplit('.').next()?.parse().ok());
    // Asking WSL takes long: only where the answer matters.
    let asks_wsl = matches!(wanted, None | Some(TierName::Wsl));
    let names = if asks_wsl { wsl(&["--list", "--quiet"]).map(|out| distributions(&out)) } else { None };
    let distributions = names.unwrap_or_default().into_iter().take(DISTRIBUTIONS_MAX).map(|name| {
        let asked = ["--distribution", &name, "--exec", "/bin/bash", "-lic", "command -v claude"];
        let has_claude = wsl(&asked).is_some_and(|out| is_own_claude(&String::from_utf8_lossy(&out)));
        Distribution { name, has_claude }
    });
    Probed { build, distributions: distributions.collect(), git_bash: git_bash() }
}

/// What `wsl.exe` printed, if it succeeded in time.
#[cfg(windows)]
fn wsl(arguments: &[&str]) -> Option<Vec<u8>> {
    use std::io::Read as _;
    use std::os::windows::process::CommandExt as _;
    use std::process::{Command, Stdio};
    /// `CREATE_NO_WINDOW`.
    const NO_WINDOW: u32 = 0x0800_0000;
    /// What it could print that is of use, in bytes.
    const OUT_BYTES_MAX: u64 = 64 * 1024;
    let mut child = Command::new("wsl.exe")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .creation_flags(NO_WINDOW)
        .spawn()
        .ok()?;
    let stdout = child.stdout.take()?;
    let (done, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut out = Vec::new();
        // Whoever waits has given up when this fails.
        let _ = stdout.take(OUT_BYTES_MAX).read_to_end(&mut out).map(|_| done.send(out));
    });
    let Ok(out) = told.recv_timeout(WSL_WITHIN) else {
        let _ = child.kill();
        return None;
    };
    child.wait().ok()?.success().then_some(out)
}

/// Where Git for Windows puts its shell, and where Claude Code was told that it is.
#[cfg(windows)]
fn git_bash() -> Option<PathBuf> {
    let told = std::env::var_os("CLAUDE_CODE_GIT_BASH_PATH").map(PathBuf::from);
    let folders = [("ProgramFiles", ""), ("ProgramFiles(x86)", ""), ("LOCALAPPDATA", "Programs")];
    let usual = folders.iter().filter_map(|(variable, below)| {
        Some(PathBuf::from(std::env::var_os(variable)?).join(below).join(r"Git\bin\bash.exe"))
    });
    told.into_iter().chain(usual).find(|path| path.is_file())
}
