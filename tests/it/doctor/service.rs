//! The service that should run the agent, and settings of Claude Code that keep it silent.

use super::*;
use crate::support::systemd::{UserSystemd, with};

async fn doctor_of_service(place: &Place, check: &str) -> Value {
    let data_dir = place.path("agent");
    let ran = run(with(place, place.command(&["doctor", "--json", "--data-dir", data_dir.to_str().unwrap()]))).await;
    let shown: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let findings = shown["findings"].as_array().unwrap().clone();
    findings.into_iter().find(|it| it["check"] == check).unwrap_or_else(|| panic!("{check} in {}", ran.out))
}

#[tokio::test]
async fn a_service_that_is_missing_stopped_or_ends_with_the_sign_in_is_told() {
    let mut world = logged_in().await;
    world.terminate_agent().await;
    let Some(_systemd) = UserSystemd::start(world.place()).await else { return };
    let place = world.place();
    let data_dir = place.path("agent").display().to_string();
    let found = doctor_of_service(place, "service").await;
    assert_finding(&found, "warning", &["not installed", "does not start with the machine", "service install"]);
    let types = async |arguments: &[&str]| {
        let ran = run(with(place, place.command(arguments))).await;
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    };
    types(&["service", "install", "--data-dir", &data_dir]).await;
    let found = doctor_of_service(place, "service").await;
    assert_finding(&found, "warning", &["lingering is off", "sign out", "loginctl enable-linger"]);
    types(&["service", "stop"]).await;
    let found = doctor_of_service(place, "service").await;
    assert_finding(&found, "bad", &["agent does not run", "service restart", "sessionforge logs"]);
    let found = doctor_of_service(place, "agent").await;
    assert_finding(&found, "bad", &["no agent is running", "offline", "service start"]);
    let found = doctor_of_service(place, "log").await;
    assert_finding(&found, "good", &["agent.log"]);
    types(&["service", "uninstall"]).await;
}

#[tokio::test]
async fn settings_that_keep_claude_code_from_telling_are_named_with_what_to_take_out() {
    let place = Place::new();
    let settings = place.path("home/.claude/settings.json");
    std::fs::create_dir_all(settings.parent().unwrap()).unwrap();
    let ran = doctor(&place, &["--json"]).await;
    assert!(!ran.out.contains("\"hooks\""), "nothing to tell: {}", ran.out);
    std::fs::write(&settings, r#"{"disableAllHooks": true}"#).unwrap();
    let found = finding(&place, "hooks").await;
    assert_finding(
        &found,
        "warning",
        &["settings.json sets disableAllHooks", "when it needs you", "take disableAllHooks"],
    );
    let ran = run(place.command(&["init"])).await;
    assert!(ran.code == 0 && ran.out.contains("disableAllHooks"), "init tells it too: {ran:?}");
}
