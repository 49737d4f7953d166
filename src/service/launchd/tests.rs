#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::service::run::Played;

fn definition() -> Definition {
    Definition {
        executable: "/usr/local/bin/sessionforge".into(),
        arguments: ["agent", "--data-dir", "/Library/Ada's Support/sessionforge"].map(str::to_owned).into(),
        run_as: None,
        may_become_root: false,
    }
}

#[test]
fn the_property_list_is_as_a_person_would_write_it() {
    let expected = include_str!("agent.plist");
    assert_eq!(plist(&definition()).unwrap(), expected);
}

#[test]
fn a_parser_of_property_lists_reads_back_what_was_meant_whatever_the_names_are() {
    let hostile = ["a & b <c>", "]]>", "it's \"quoted\"", "Zeile\nzwei", "mit\rReturn", "ünï 🎉", "--", ""];
    let definition = Definition {
        executable: "/opt/<&>/sessionforge".into(),
        arguments: hostile.map(str::to_owned).into(),
        run_as: Some("ada".into()),
        may_become_root: false,
    };
    let read = plist::Value::from_reader_xml(plist(&definition).unwrap().as_bytes()).unwrap();
    let read = read.as_dictionary().unwrap();
    let words: Vec<&str> =
        read["ProgramArguments"].as_array().unwrap().iter().map(|word| word.as_string().unwrap()).collect();
    assert_eq!(words[0], "/opt/<&>/sessionforge");
    assert_eq!(words[1..], hostile);
    assert_eq!(super::words(&plist(&definition).unwrap()).unwrap()[1..], hostile, "and so do we");
    assert_eq!(read["Label"].as_string(), Some(LABEL));
    assert_eq!(read["UserName"].as_string(), Some("ada"));
    for flag in ["RunAtLoad", "KeepAlive", "AbandonProcessGroup"] {
        assert_eq!(read[flag].as_boolean(), Some(true), "{flag}");
    }
    assert_eq!(read["ProcessType"].as_string(), Some("Interactive"));
}

#[test]
fn what_xml_cannot_hold_is_refused() {
    let bad = Definition { arguments: vec!["\x1b".into()], ..definition() };
    assert!(matches!(plist(&bad), Err(ServiceError::Unwritable { .. })));
}

const RUNNING: &str = "gui/501/dev.sessionforge.agent = {\n\tactive count = 1\n\tstate = running\n\n\truns = 3\n\tpid = 77\n\
                       \tlast exit code = 1\n\tspawn type = interactive (4)\n\tendpoints = {\n\t\tpid = 5\n\t}\n}\n";

#[test]
fn what_launchctl_prints_is_understood() {
    let running = state(RUNNING);
    assert_eq!((running.activity, running.pid, running.restarts), (Activity::Running, Some(77), Some(2)));
    let ended = state("x = {\n\tstate = spawn scheduled\n\truns = 4\n\tlast exit code = 3: EX_X\n}\n");
    assert_eq!((ended.activity, ended.pid, ended.ended), (Activity::Restarting, None, Some(Ended::Code(3))));
    let fresh = state("x = {\n\tstate = not running\n\tlast exit code = (never exited)\n}\n");
    assert_eq!((fresh.activity, fresh.ended), (Activity::Stopped, None));
}

#[test]
fn a_life_of_a_service_tells_launchctl_what_it_needs_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let missing = Played::default().answering("launchctl print", false, "", "Could not find service");
    let launchd = Launchd::own(&missing, home.path(), 501);
    assert!(matches!(launchd.start(), Err(ServiceError::NotInstalled)));
    assert_eq!(launchd.install(&definition()).unwrap(), Change::New);
    launchd.start().unwrap();
    let file = home.path().join("Library/LaunchAgents/dev.sessionforge.agent.plist");
    let target = "gui/501/dev.sessionforge.agent";
    let expected = [
        format!("launchctl enable {target}"),
        format!("launchctl print {target}"),
        format!("launchctl bootstrap gui/501 {}", file.display()),
    ];
    assert_eq!(missing.told(), expected);

    let known = Played::default().answering("launchctl print", true, RUNNING, "");
    let launchd = Launchd::own(&known, home.path(), 501);
    assert_eq!(launchd.install(&definition()).unwrap(), Change::None);
    assert_eq!(known.told(), [format!("launchctl enable {target}")], "one that runs goes on");
    launchd.restart().unwrap();
    assert_eq!(known.told().last().unwrap(), &format!("launchctl kickstart -k {target}"));
    assert!(launchd.uninstall().unwrap());
    assert_eq!(known.told().last().unwrap(), &format!("launchctl bootout {target}"));
    assert!(!file.exists() && !launchd.uninstall().unwrap());
}

#[test]
fn a_mac_without_anybody_at_its_screen_is_told_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let ssh = Played::default().answering("launchctl print", false, "", "").answering(
        "launchctl bootstrap",
        false,
        "",
        "Bootstrap failed: 125: Domain does not support specified action",
    );
    let launchd = Launchd::own(&ssh, home.path(), 501);
    launchd.install(&definition()).unwrap();
    let error = launchd.start().unwrap_err().to_string();
    assert!(error.contains("--system"), "{error}");
}
