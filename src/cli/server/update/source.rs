//! Where a server gets new versions: from what its administrator has put somewhere, and from nowhere else unless told.
//!
//! A file is taken as it is. Of a directory it is the release file for this kind of machine, checked against `SHA256SUMS` there
//! if that is there, and that against `SHA256SUMS.minisig` if `update-key` is set: then a directory without it is refused. From
//! `update-url` it is what is listed and signed there as a SessionForge server does it, with a key that must be set.

use std::path::{Path, PathBuf};

use crate::agent::config::Way;
use crate::agent::downloads::{DownloadError, Downloads};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::printable;
use crate::cli::progress::Progress;
use crate::cli::server::args::Update;
use crate::cli::server::config_file;
use crate::update::checksum;
use crate::update::manifest::{Manifest, ReleaseFile, Wanted};
use crate::update::signature;
use crate::update::target::Target;

/// Release files, inside the data directory: the same ones that agents get.
const RELEASES: &str = "releases";

const CHECKSUMS: &str = "SHA256SUMS";

/// A place where versions are.
pub(super) enum Source {
    File(PathBuf),
    Directory { path: PathBuf, key: Option<String> },
    Url { url: String, key: String },
}

/// A version that is there.
pub(super) struct Found {
    /// Of a file that was named, it is known when it was asked.
    pub(super) version: Option<String>,
    /// For people.
    pub(super) shown: String,
    what: What,
}

enum What {
    Here(PathBuf),
    There(Box<ReleaseFile>),
}

/// A file on this machine; one that was downloaded is gone when it is no longer needed.
pub(super) struct Got {
    path: PathBuf,
    downloaded: bool,
}

impl Got {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Got {
    fn drop(&mut self) {
        if self.downloaded {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Source {
    /// As the command line and the configuration file say.
    pub(super) fn of(wanted: &Update, data_dir: &Path) -> Result<Self, Failure> {
        let (url, key) = config_file::update_of(data_dir)?;
        let key = key.map(|key| as_public_key(&key));
        match (&wanted.from, url, key) {
            (Some(path), _, key) if path.is_dir() => Ok(Self::Directory { path: path.clone(), key }),
            (Some(path), ..) => Ok(Self::File(path.clone())),
            (None, Some(url), Some(key)) => Ok(Self::Url { url, key }),
            (None, Some(url), None) => {
                let sentence = format!(
                    "update-url is {}, but no update-key says whose files are taken from there",
                    printable(&url)
                );
                Err(Failure::new(Exit::Usage, sentence).hint("set update-key to the publisher's minisign public key"))
            }
            (None, None, key) => Ok(Self::Directory { path: data_dir.join(RELEASES), key }),
        }
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) | Self::Directory { path, .. } => path.display().to_string(),
            Self::Url { url, .. } => printable(url),
        }
    }

    /// What is wanted, if it is there.
    pub(super) async fn look(&self, wanted: &Update) -> Result<Option<Found>, Failure> {
        let target = || {
            Target::own().ok_or_else(|| {
                Failure::new(Exit::Failed, "nobody makes release files for this kind of machine")
                    .hint("name one: --from FILE")
            })
        };
        match self {
            Self::File(path) => {
                Ok(Some(Found { version: None, shown: path.display().to_string(), what: What::Here(path.clone()) }))
            }
            Self::Directory { path, .. } => {
                let files = list(path).map_err(|error| {
                    Failure::new(Exit::Failed, format_args!("{} cannot be read: {error}", path.display()))
                        .hint("put a release file there, or name one: --from FILE")
                })?;
                let file = files.choose(target()?, &Wanted::from(wanted)).cloned();
                Ok(file.map(|file| Found {
                    version: Some(file.version.to_string()),
                    what: What::Here(path.join(&file.name)),
                    shown: file.name,
                }))
            }
            Self::Url { key, .. } => {
                let manifest = self.downloads()?.manifest(key).await.map_err(|error| refused(&error))?;
                let file = manifest.choose(target()?, &Wanted::from(wanted)).cloned();
                Ok(file.map(|file| Found {
                    version: Some(file.version.to_string()),
                    shown: file.name.clone(),
                    what: What::There(Box::new(file)),
                }))
            }
        }
    }

    /// The same, or why not.
    pub(super) async fn find(&self, wanted: &Update) -> Result<Found, Failure> {
        self.look(wanted).await?.ok_or_else(|| {
            let what = wanted.version.as_ref().map_or_else(|| "no release file".to_owned(), |it| format!("no {it}"));
            let target = Target::own().map(Target::name).unwrap_or_default();
            Failure::new(Exit::Failed, format_args!("{} has {what} for {target}", self.shown()))
                .hint("put it there, or name another place: --from FILE or DIRECTORY")
        })
    }

    /// The file itself, checked as far as there is something to check it against.
    pub(super) async fn get(&self, found: &Found, program: &Path) -> Result<Got, Failure> {
        match (&found.what, self) {
            (What::Here(path), Self::Directory { path: directory, key }) => {
                checked(path, directory, key.as_deref())?;
                Ok(Got { path: path.clone(), downloaded: false })
            }
            (What::Here(path), _) => Ok(Got { path: path.clone(), downloaded: false }),
            (What::There(file), _) => {
                let mut path = program.as_os_str().to_owned();
                path.push(".part");
                let got = Got { path: PathBuf::from(path), downloaded: true };
                let progress = Progress::bar(&file.name, file.size);
                let outcome = self.downloads()?.file(file, &got.path, |bytes| progress.come(bytes)).await;
                drop(progress);
                outcome.map(|()| got).map_err(|error| refused(&error))
            }
        }
    }

    fn downloads(&self) -> Result<Downloads, Failure> {
        let Self::Url { url, .. } = self else { return Err(Failure::new(Exit::Failed, "there is no address")) };
        Downloads::of(url, Way::default(), false).map_err(|error| Failure::new(Exit::Failed, error))
    }
}

/// As minisign prints it, one line, or as it stands in its file, two.
fn as_public_key(key: &str) -> String {
    if key.lines().count() > 1 { key.to_owned() } else { format!("untrusted comment: update-key\n{}\n", key.trim()) }
}

/// Release files by their names; what else is there is none.
fn list(directory: &Path) -> std::io::Result<Manifest> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        // Nobody has put anything there yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Manifest { files: Vec::new() }),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((version, target)) = Target::of_file_name(&name) else { continue };
        let size = entry.metadata()?.len();
        files.push(ReleaseFile { version, target: target.name().to_owned(), name, size, sha256: String::new() });
    }
    Ok(Manifest { files })
}

fn checked(file: &Path, directory: &Path, key: Option<&str>) -> Result<(), Failure> {
    let refused = |why: String| Failure::new(Exit::Failed, format_args!("{why}; nothing was changed"));
    let list = directory.join(CHECKSUMS);
    let text = match std::fs::read_to_string(&list) {
        Ok(text) => text,
        Err(_) if key.is_none() => return Ok(()),
        Err(error) => {
            return Err(refused(format!("update-key is set, and {} cannot be read: {error}", list.display())));
        }
    };
    if let Some(key) = key {
        let mark = directory.join(format!("{CHECKSUMS}.minisig"));
        let said = std::fs::read_to_string(&mark)
            .map_err(|error| refused(format!("update-key is set, and {} cannot be read: {error}", mark.display())))?;
        signature::check(key, text.as_bytes(), &said)
            .map_err(|error| refused(format!("{} is not believed: {error}", list.display())))?;
    }
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let wanted = text
        .lines()
        .find_map(|line| line.split_once([' ', '\t']).filter(|(_, it)| it.trim_start_matches([' ', '*']) == name));
    let Some((wanted, _)) = wanted else { return Err(refused(format!("{} does not list {name}", list.display()))) };
    let found = std::fs::File::open(file).and_then(checksum::sha256);
    let found = found.map_err(|error| refused(format!("{} cannot be read: {error}", file.display())))?;
    if found.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(refused(format!("{} is not what {} lists: its checksum is another", file.display(), list.display())))
}

fn refused(error: &DownloadError) -> Failure {
    Failure::new(Exit::Failed, format_args!("{error}; nothing was changed"))
}
