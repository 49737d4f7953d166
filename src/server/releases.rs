//! The release files that this server has for its agents: those in its release directory, those beside its own program, and
//! its own program, which is always one for its own kind of machine.
//!
//! Files are found by their names (`sessionforge-0.2.0-linux-arm64`), looked at anew at each request, and read once to know
//! their checksum. Which are there is listed in a manifest that the server signs with a key of its own.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore};

use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::store::Store;
use crate::update::checksum;
use crate::update::manifest::{FILE_BYTES_MAX, FILES_MAX, Manifest, ReleaseFile};
use crate::update::signature::SigningKey;
use crate::update::target::Target;
use crate::wire::build;

/// The release directory, inside the data directory.
const DIRECTORY: &str = "releases";

/// Entries of one directory that are looked at: beside the program there may be a whole system's.
const ENTRIES_MAX: usize = 10_000;

/// Files that are sent at a time. Each takes a file descriptor and one read's bytes.
const AT_ONCE: usize = 64;

/// Setting that keeps the key.
const KEY_SETTING: &str = "release_key";

/// One file that is there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// As it is listed.
    pub(super) file: ReleaseFile,
    /// Where it is.
    pub(super) path: PathBuf,
}

/// What is known of a file that has not changed since.
struct Known {
    size: u64,
    changed: Option<SystemTime>,
    sha256: String,
}

/// The server's release files.
pub(super) struct Releases {
    directories: Vec<PathBuf>,
    key: OnceCell<SigningKey>,
    known: Arc<Mutex<BTreeMap<PathBuf, Known>>>,
    /// Places for those who download.
    pub(super) places: Arc<Semaphore>,
}

impl Releases {
    /// Those of a server with this data directory.
    pub(super) fn new(data_dir: &Path) -> Self {
        let beside = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
        Self {
            directories: [Some(data_dir.join(DIRECTORY)), beside].into_iter().flatten().collect(),
            key: OnceCell::new(),
            known: Arc::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// All of them, the newest version first.
    pub(super) async fn all(&self) -> Vec<Found> {
        let (directories, known) = (self.directories.clone(), Arc::clone(&self.known));
        let looking = tokio::task::spawn_blocking(move || {
            // One at a time: whoever else asks meanwhile finds the checksums made.
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            look(&directories, &mut known)
        });
        looking.await.unwrap_or_default()
    }

    /// The list of them.
    pub(super) async fn manifest(&self) -> Manifest {
        Manifest { files: self.all().await.into_iter().map(|found| found.file).collect() }
    }

    /// What the list is signed with; made at the first time.
    pub(super) async fn key(&self, store: &Store) -> Result<&SigningKey, Problem> {
        self.key.get_or_try_init(|| kept_key(store)).await
    }
}

async fn kept_key(store: &Store) -> Result<SigningKey, Problem> {
    let kept = store.setting(KEY_SETTING).await?;
    if let Some(key) = kept.as_ref().and_then(Value::as_str).and_then(|text| SigningKey::read(&Secret::new(text))) {
        return Ok(key);
    }
    let secret = SigningKey::generate();
    let key = secret.as_ref().and_then(SigningKey::read);
    let (Some(secret), Some(key)) = (secret, key) else {
        return Err(Problem::internal("the system has no random numbers for a key"));
    };
    store.put_setting(KEY_SETTING, Value::from(secret.expose())).await?;
    Ok(key)
}

fn look(directories: &[PathBuf], known: &mut BTreeMap<PathBuf, Known>) -> Vec<Found> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for directory in directories {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.take(ENTRIES_MAX).flatten() {
            let name = entry.file_name();
            let Some((version, target)) = name.to_str().and_then(Target::of_file_name) else { continue };
            // In the release directory first: what somebody has put there is meant.
            if let Some(one) = of_file(&entry.path(), version, target, known) {
                found.entry(one.file.name.clone()).or_insert(one);
            }
        }
    }
    if let (Some(target), Ok(version)) = (Target::own(), build::version().parse())
        && let Some(one) = own_program().and_then(|path| of_file(&path, version, target, known))
    {
        found.entry(one.file.name.clone()).or_insert(one);
    }
    let mut found: Vec<Found> = found.into_values().collect();
    found.sort_by(|a, b| b.file.version.cmp(&a.file.version).then_with(|| a.file.name.cmp(&b.file.name)));
    found.truncate(FILES_MAX);
    known.retain(|path, _| found.iter().any(|one| one.path == *path));
    found
}

/// This very program, also when an update has put another one in its place.
fn own_program() -> Option<PathBuf> {
    if cfg!(target_os = "linux") { Some(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe().ok() }
}

fn of_file(
    path: &Path,
    version: semver::Version,
    target: Target,
    known: &mut BTreeMap<PathBuf, Known>,
) -> Option<Found> {
    let name = target.file_name(&version);
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() == 0 || metadata.len() > FILE_BYTES_MAX {
        return None;
    }
    let sha256 = checksum_of(path, &metadata, known)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "a release file cannot be read"))
        .ok()?;
    let file = ReleaseFile { version, target: target.name().to_owned(), name, size: metadata.len(), sha256 };
    Some(Found { file, path: path.to_owned() })
}

fn checksum_of(path: &Path, metadata: &Metadata, known: &mut BTreeMap<PathBuf, Known>) -> io::Result<String> {
    let (size, changed) = (metadata.len(), metadata.modified().ok());
    if let Some(known) = known.get(path)
        && known.size == size
        && known.changed == changed
        && changed.is_some()
    {
        return Ok(known.sha256.clone());
    }
    let sha256 = checksum::sha256(File::open(path)?)?;
    known.insert(path.to_owned(), Known { size, changed, sha256: sha256.clone() });
    Ok(sha256)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_name_the_newest_first_and_the_own_program_is_always_there() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let put = |dir: &tempfile::TempDir, name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        put(&first, "sessionforge-0.1.9-linux-arm64", "meant");
        put(&second, "sessionforge-0.1.9-linux-arm64", "beside");
        put(&second, "sessionforge-0.1.20-windows-x86_64.exe", "newer");
        for no in ["sessionforge", "sessionforge-0.1.9-linux-arm64.minisig", "notes.txt"] {
            put(&first, no, "no release file");
        }
        put(&first, "sessionforge-0.1.8-linux-arm64", "");
        fs::create_dir(first.path().join("sessionforge-0.1.7-linux-arm64")).unwrap();
        let mut known = BTreeMap::new();
        let directories = [first.path().to_owned(), second.path().to_owned(), "/nowhere".into()];
        let found = look(&directories, &mut known);
        let own = Target::own().unwrap().file_name(&build::version().parse().unwrap());
        let names: Vec<_> = found.iter().map(|one| one.file.name.as_str()).filter(|name| *name != own).collect();
        assert_eq!(names, ["sessionforge-0.1.20-windows-x86_64.exe", "sessionforge-0.1.9-linux-arm64"]);
        assert!(found.iter().any(|one| one.file.name == own), "{found:?}");
        let arm = |found: &[Found]| found.iter().find(|one| one.file.target == "linux-arm64").unwrap().clone();
        assert!(arm(&found).path.starts_with(first.path()), "the release directory goes before what lies beside");

        put(&first, "sessionforge-0.1.9-linux-arm64", "changed since");
        let changed = look(&directories, &mut known);
        assert_ne!(arm(&changed).file.sha256, arm(&found).file.sha256);
        fs::remove_file(first.path().join("sessionforge-0.1.9-linux-arm64")).unwrap();
        assert!(arm(&look(&directories, &mut known)).path.starts_with(second.path()));
    }
}
