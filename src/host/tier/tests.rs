#![allow(clippy::unwrap_used, reason = "tests")]

use super::probe::{distributions, git_bash_places, is_own_claude};
use super::*;

fn linux(name: &str, has_claude: bool) -> Distribution {
    Distribution { name: name.to_owned(), has_claude }
}

fn all() -> Probed {
    Probed {
        build: Some(22_631),
        distributions: vec![linux("Debian", false), linux("Ubuntu", true)],
        git_bash: Some(r"C:\Program Files\Git\bin\bash.exe".into()),
    }
}

#[test]
fn the_best_tier_that_is_there_is_chosen() {
    let ubuntu = Tier::Wsl { distribution: "Ubuntu".into() };
    assert_eq!(choose(&all(), None), Ok(ubuntu), "the Linux that has Claude Code, not the first one");
    let without = Probed { distributions: vec![linux("Debian", false)], ..all() };
    assert!(matches!(choose(&without, None), Ok(Tier::GitBash { .. })));
    let bare = Probed { git_bash: None, ..without };
    assert_eq!(choose(&bare, None), Ok(Tier::Conpty));
    assert_eq!(choose(&Probed::default(), None), Ok(Tier::Conpty), "a Windows that does not say is a current one");
    assert_eq!(choose(&Probed { build: Some(CONPTY_BUILD - 1), ..all() }, None), Ok(Tier::Pipes));
    assert_eq!(choose(&Probed { build: Some(CONPTY_BUILD), ..bare }, None), Ok(Tier::Conpty));
}

#[test]
fn a_tier_that_is_wanted_is_had_or_refused_with_the_reason() {
    let bare = Probed { build: Some(22_631), ..Probed::default() };
    let old = Probed { build: Some(17_134), ..all() };
    for (probed, wanted, outcome) in [
        (&all(), "conpty", Ok(Tier::Conpty)),
        (&all(), "pipes", Ok(Tier::Pipes)),
        (&all(), "wsl", Ok(Tier::Wsl { distribution: "Ubuntu".into() })),
        (
            &Probed { distributions: vec![linux("Debian", false)], ..all() },
            "wsl",
            Ok(Tier::Wsl { distribution: "Debian".into() }),
        ),
        (&bare, "wsl", Err(TierError::NoWsl)),
        (&bare, "git-bash", Err(TierError::NoGitBash)),
        (&old, "conpty", Err(TierError::NoConpty(17_134))),
        (&old, "wsl", Err(TierError::NoConpty(17_134))),
        (&old, "pipes", Ok(Tier::Pipes)),
    ] {
        assert_eq!(choose(probed, Some(wanted.parse().unwrap())), outcome, "{wanted} of {probed:?}");
    }
    assert!("winpty".parse::<TierName>().unwrap_err().to_string().contains("git-bash"));
}

#[test]
fn arguments_reach_a_program_of_another_tier_as_they_are() {
    let hostile = ["--resume".to_owned(), "a b".into(), "\"; rm -rf /".into(), "$(x)".into(), "%PATH%".into()];
    let wsl = Tier::Wsl { distribution: "Ubuntu".into() };
    let (program, words) = wsl.words("claude", &hostile, r"C:\my code").unwrap();
    assert_eq!(program, "wsl.exe");
    let before =
        ["--distribution", "Ubuntu", "--cd", r"C:\my code", "--exec", "/bin/bash", "-lic", EXEC_ARGUMENTS, "claude"];
    assert_eq!(words[..before.len()], before);
    assert_eq!(words[before.len()..], hostile);
    let (_, words) = Tier::GitBash { bash: "bash.exe".into() }.words("claude", &hostile, "").unwrap();
    assert_eq!(words[3..], hostile);
}

#[test]
fn what_is_windows_own_is_run_by_windows() {
    let wsl = Tier::Wsl { distribution: "Ubuntu".into() };
    for command in ["cmd", "powershell", "PowerShell.exe", r"C:\tools\thing.exe", "pwsh"] {
        assert_eq!(wsl.words(command, &[], "").map(drop), None, "{command}");
    }
    assert_eq!(Tier::Conpty.words("claude", &[], "").map(drop), None);
    assert!(wsl.words("node", &[], "").is_some());
}

#[test]
fn what_wsl_prints_is_understood_in_both_encodings() {
    let utf16: Vec<u8> =
        "\u{feff}Ubuntu-24.04\r\ndocker-desktop\r\nDebian\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(distributions(&utf16), ["Ubuntu-24.04", "Debian"]);
    // As `wsl.exe -l -q` of Windows 11 writes it into a pipe: no byte order mark, a name with a blank and one with an accent.
    let listed = b"U\0b\0u\0n\0t\0u\0\r\0\n\0m\0y\0 \0b\0o\0x\0\r\0\n\0\xe9\0\r\0\n\0d\0o\0c\0k\0e\0r\0-\0d\0e\0s\0k\0t\0o\0p\0-\0d\0a\0t\0a\0\r\0\n\0";
    assert_eq!(distributions(listed), ["Ubuntu", "my box", "é"]);
    assert_eq!(distributions(&listed[..listed.len() - 1]), ["Ubuntu", "my box", "é"], "cut within a character");
    assert_eq!(distributions(b"Ubuntu\n\n"), ["Ubuntu"]);
    assert_eq!(distributions(b""), Vec::<String>::new());
    assert!(is_own_claude("welcome!\n/root/.nvm/versions/node/v22/bin/claude\n"));
    assert!(!is_own_claude("/mnt/c/npm/claude\n") && !is_own_claude("") && !is_own_claude("no"));
}

#[test]
fn git_bash_is_looked_for_where_its_installers_put_it_and_never_where_windows_keeps_wsls() {
    let variables = [
        ("ProgramFiles", r"C:\Program Files"),
        ("LOCALAPPDATA", r"C:\Users\ada\AppData\Local\"),
        ("PATH", r"C:\Windows\System32;D:\PortableGit\cmd;C:\tools\cmd;C:\Users\ada\scoop\apps\git\CMD\"),
    ];
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let places = |installed: &[&str]| {
        let installed: Vec<String> = installed.iter().map(|it| (*it).to_owned()).collect();
        let places = git_bash_places(variable, &installed);
        places.into_iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        places(&[r"D:\Git\"]),
        [
            r"D:\Git\bin\bash.exe",
            r"C:\Program Files\Git\bin\bash.exe",
            r"C:\Users\ada\AppData\Local\Programs\Git\bin\bash.exe",
            r"D:\PortableGit\bin\bash.exe",
            r"C:\Users\ada\scoop\apps\git\bin\bash.exe",
        ]
    );
    let told = |name: &str| (name == "CLAUDE_CODE_GIT_BASH_PATH").then(|| r"E:\bash.exe".to_owned());
    assert_eq!(git_bash_places(told, &[]), [PathBuf::from(r"E:\bash.exe")], "what Claude Code was told");
    assert_eq!(git_bash_places(|_| None, &[]), Vec::<PathBuf>::new());
}
