//! Files that somebody may have damaged, and what starts a PTY host: facts, last screen, spec, report, the agent's own.
#![no_main]

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sessionforge::agent::config::ConfigFile;
use sessionforge::agent::credentials::Credentials;
use sessionforge::base::id::SessionId;
use sessionforge::host::last_screen;
use sessionforge::host::runtime_dir::Facts;
use sessionforge::host::spec::{self, Report, Spec};

fuzz_target!(|data: &[u8]| {
    survives::<Facts>(data);
    survives::<Report>(data);
    if data.starts_with(b"{\"format\"") {
        last_screen(data);
    }
    if let Some(spec) = survives::<Spec>(data)
        && spec::check(&spec.launch).is_ok()
    {
        assert!(!spec.launch.command.is_empty() && spec.launch.cols > 0 && spec.launch.rows > 0);
    }
    if let Ok(config) = serde_json::from_slice::<ConfigFile>(data) {
        assert!(config.allow.len() <= data.len().max(6));
    }
    if let Ok(credentials) = serde_json::from_slice::<Credentials>(data) {
        // A short key may stand there by chance, and who writes the key into the address shows it.
        let (key, shown) = (credentials.key.expose(), format!("{credentials:?}"));
        assert!(key.len() < 24 || credentials.server.contains(key) || !shown.contains(key), "a key in a log");
    }
});

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(json: &[u8]) -> Option<T> {
    let value = serde_json::from_slice::<T>(json).ok()?;
    let written = serde_json::to_vec(&value).expect("it was read from JSON");
    assert_eq!(serde_json::from_slice::<T>(&written).expect("what was written can be read"), value);
    Some(value)
}

/// A file that is believed is written back as it was read.
fn last_screen(data: &[u8]) {
    static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
        let dir = std::env::temp_dir().join(format!("sessionforge-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        dir
    });
    let session: SessionId = "ses_a1b2c3d4e5f6".parse().expect("an id");
    std::fs::write(DIR.join(format!("{session}.screen")), data).expect("a file");
    if let Some(last) = last_screen::read(&DIR, session) {
        last_screen::write(&DIR, session, &last).expect("it was read just now");
        assert_eq!(last_screen::read(&DIR, session), Some(last));
    }
}
