//! Looks what there is on this machine for [`choose`](super::choose).

use std::path::PathBuf;

#[cfg(windows)]
use super::{Distribution, Probed, choose};
use super::{Tier, TierError, TierName};

/// What there is on this machine, WSL asked in any case; nothing on Unix.
pub fn all() -> Option<super::Probed> {
    #[cfg(windows)]
    {
        Some(probed(None))
    }
    #[cfg(not(windows))]
    None
}

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

/// Where the shell of Git for Windows may be, the likeliest first: where Claude Code was told that it is, where Git says that it
/// was installed (the registry), where it is usually installed, and beside a `git` on the PATH. Never the `bash.exe` that Windows
/// puts on the PATH itself: that is WSL's.
pub fn git_bash_places(variable: impl Fn(&str) -> Option<String>, installed: &[String]) -> Vec<PathBuf> {
    // By hand, since these are paths of Windows wherever this runs.
    let bash = |folder: &str| PathBuf::from(format!(r"{}\bin\bash.exe", folder.trim_end_matches('\\')));
    let told = variable("CLAUDE_CODE_GIT_BASH_PATH").map(PathBuf::from);
    let usual = [("ProgramFiles", r"Git"), ("ProgramFiles(x86)", r"Git"), ("LOCALAPPDATA", r"Programs\Git")];
    let usual = usual.iter().filter_map(|(name, below)| {
        let folder = variable(name)?;
        Some(bash(&format!(r"{}\{below}", folder.trim_end_matches('\\'))))
    });
    let path = variable("PATH").unwrap_or_default();
    let beside = path.split(';').filter_map(|folder| {
        let folder = folder.trim_end_matches('\\');
        let (above, last) = folder.rsplit_once('\\')?;
        (last.eq_ignore_ascii_case("cmd") && above.to_ascii_lowercase().ends_with("git")).then(|| bash(above))
    });
    told.into_iter().chain(installed.iter().map(|folder| bash(folder))).chain(usual).chain(beside).collect()
}

#[cfg(windows)]
fn git_bash() -> Option<PathBuf> {
    let places = git_bash_places(|name| std::env::var(name).ok(), &installed());
    places.into_iter().find(|path| path.is_file())
}

/// Where the installer of Git for Windows has written down that it put it, for the machine or for this person.
#[cfg(windows)]
fn installed() -> Vec<String> {
    use windows_sys::Win32::System::Registry::{HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RegGetValueW};
    let wide = |text: &str| -> Vec<u16> { text.encode_utf16().chain([0]).collect() };
    let (key, name) = (wide(r"SOFTWARE\GitForWindows"), wide("InstallPath"));
    let roots = [HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE];
    let read = roots.into_iter().filter_map(|root| {
        let mut text = [0_u16; 1024];
        let mut bytes = u32::try_from(size_of_val(&text)).ok()?;
        // SAFETY: both names end with a NUL, and the buffer is as long as is said.
        let failed = unsafe {
            let into = text.as_mut_ptr().cast();
            RegGetValueW(root, key.as_ptr(), name.as_ptr(), RRF_RT_REG_SZ, std::ptr::null_mut(), into, &raw mut bytes)
        };
        let units = usize::try_from(bytes).ok()? / 2;
        (failed == 0).then(|| String::from_utf16_lossy(&text[..units]).trim_end_matches('\0').to_owned())
    });
    read.filter(|folder| !folder.is_empty()).collect()
}
