#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::service::run::Played;

fn definition() -> Definition {
    Definition {
        executable: "/usr/local/bin/sessionforge".into(),
        arguments: ["agent", "--data-dir", "/home/ada/.local/share/sessionforge"].map(str::to_owned).into(),
        run_as: None,
        may_become_root: false,
    }
}

#[test]
fn the_units_are_as_a_person_would_write_them() {
    assert_eq!(unit(&definition(), Scope::Own, true).unwrap(), include_str!("own.service"));
    let system = Definition { run_as: Some("ada".into()), ..definition() };
    assert_eq!(unit(&system, Scope::System, false).unwrap(), include_str!("system.service"));
    let with_sudo = unit(&Definition { may_become_root: true, ..system }, Scope::System, false).unwrap();
    assert!(!with_sudo.contains("NoNewPrivileges"), "{with_sudo}");
}

#[test]
fn no_name_adds_a_line_of_its_own() {
    let hostile = Definition { arguments: vec!["x\nExecStartPre=/bin/evil".into()], ..definition() };
    let text = unit(&hostile, Scope::Own, false).unwrap();
    assert!(!text.lines().any(|line| line.starts_with("ExecStartPre")), "{text}");
    let user = Definition { run_as: Some("ada\nExecStartPre=/bin/evil".into()), ..definition() };
    assert!(matches!(unit(&user, Scope::System, false), Err(ServiceError::Unwritable { .. })));
}

/// systemd's own opinion of what is rendered, hostile names among it.
#[cfg(target_os = "linux")]
#[test]
fn systemd_analyze_finds_nothing_to_complain_of() {
    let home = tempfile::tempdir().unwrap();
    let executable = home.path().join("a $dir 50%");
    std::fs::create_dir(&executable).unwrap();
    let executable = executable.join("sessionforge");
    std::fs::copy("/bin/true", &executable).unwrap();
    let hostile = Definition {
        executable: executable.to_str().unwrap().to_owned(),
        arguments: ["a b", "$HOME", "100%", "it's \"quoted\"", "back\\slash", "ünï 🎉"].map(str::to_owned).into(),
        run_as: None,
        may_become_root: false,
    };
    let root = Definition { run_as: Some("root".into()), ..hostile.clone() };
    let own = unit(&hostile, Scope::Own, true).unwrap();
    for (name, manager, text) in [
        ("wrong", "--user", own.replace("KillMode=process", "KillMode=programs")),
        ("own", "--user", own),
        ("system", "--system", unit(&root, Scope::System, false).unwrap()),
        (
            "sudo",
            "--system",
            unit(&Definition { may_become_root: true, ..root.clone() }, Scope::System, false).unwrap(),
        ),
    ] {
        let file = home.path().join(format!("sessionforge-{name}.service"));
        std::fs::write(&file, text).unwrap();
        let verified = std::process::Command::new("systemd-analyze")
            .args([manager, "--man=no", "verify", file.to_str().unwrap()])
            .env("XDG_RUNTIME_DIR", home.path())
            .output();
        let Ok(verified) = verified else {
            assert!(std::env::var_os("SESSIONFORGE_REQUIRE_SYSTEMD").is_none(), "systemd-analyze is not there");
            return;
        };
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        let complains = !verified.status.success() || said.contains("sessionforge-");
        assert_eq!(complains, name == "wrong", "{name}: {said}");
    }
}

#[test]
fn a_life_of_a_service_tells_systemctl_what_it_needs_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let played = Played::default();
    let systemd = Systemd { lingering_users: home.path().join("linger"), ..Systemd::own(&played, home.path(), "ada") };
    assert!(matches!(systemd.stop(), Err(ServiceError::NotInstalled)));
    assert_eq!(systemd.install(&definition()).unwrap(), Change::New);
    assert_eq!(
        played.told(),
        [
            "systemctl --user show --property=Version",
            "systemctl --user daemon-reload",
            "systemctl --user enable --quiet sessionforge.service",
        ]
    );
    assert!(systemd.make_linger().unwrap());
    assert_eq!(played.told(), ["loginctl enable-linger ada", "systemctl --user daemon-reload"]);
    assert_eq!(systemd.install(&definition()).unwrap(), Change::None, "and it still knows that it turned lingering on");
    played.told();
    assert!(systemd.uninstall().unwrap());
    assert_eq!(
        played.told(),
        [
            "systemctl --user disable --now --quiet sessionforge.service",
            "systemctl --user daemon-reload",
            "systemctl --user reset-failed sessionforge.service",
            "loginctl disable-linger ada",
        ]
    );
    assert!(!systemd.is_installed() && !systemd.uninstall().unwrap());
}

#[test]
fn lingering_that_was_on_before_stays_on_after() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("linger")).unwrap();
    std::fs::write(home.path().join("linger/ada"), "").unwrap();
    let played = Played::default();
    let systemd = Systemd { lingering_users: home.path().join("linger"), ..Systemd::own(&played, home.path(), "ada") };
    systemd.install(&definition()).unwrap();
    assert!(!systemd.make_linger().unwrap());
    systemd.uninstall().unwrap();
    assert!(!played.told().iter().any(|line| line.starts_with("loginctl")));
}

#[test]
fn a_machine_without_systemd_gets_no_unit() {
    let home = tempfile::tempdir().unwrap();
    for said in ["Failed to connect to bus: No medium found", "System has not been booted with systemd as init system"]
    {
        let played = Played::default().answering("systemctl", false, "", said);
        let systemd = Systemd::own(&played, home.path(), "ada");
        assert!(matches!(
            systemd.install(&definition()),
            Err(ServiceError::NoOwnManager(_) | ServiceError::NoManager(_))
        ));
        assert!(!systemd.is_installed());
    }
    let denied = Played::default().answering("systemctl start", false, "", "Interactive authentication required.");
    let systemd = Systemd::at(&denied, Scope::System, home.path(), "root");
    std::fs::write(systemd.file(), "").unwrap();
    assert!(matches!(systemd.start(), Err(ServiceError::NeedsRoot)));
}
