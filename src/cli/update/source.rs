//! Where new versions come from: the server that this machine is logged in to, and nobody else.

use std::path::{Path, PathBuf};

use super::args::Update;
use crate::agent::config::ConfigFile;
use crate::agent::credentials::Credentials;
use crate::agent::downloads::{DownloadError, Downloads};
use crate::agent::updating::Course;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::printable;
use crate::cli::progress::Progress;
use crate::update::manifest::{Manifest, ReleaseFile, Wanted};
use crate::update::signature::SignatureError;
use crate::update::target::Target;

/// A server and what it has for this machine.
pub(super) struct Source {
    /// Its address.
    pub(super) server: String,
    downloads: Downloads,
    manifest: Manifest,
    target: Target,
}

impl Source {
    /// Asks the server for its list.
    pub(super) async fn ask(data_dir: &Path) -> Result<Self, Failure> {
        let Some(target) = Target::own() else {
            let sentence = "nobody makes release files for this kind of machine";
            return Err(Failure::new(Exit::Failed, sentence).hint("build it, and `sessionforge update --from FILE`"));
        };
        let (mut known, is_local) = known(data_dir)?;
        let way = ConfigFile::read(data_dir).map_err(failed)?.way(data_dir);
        let downloads = Downloads::of(&known.server, way, known.insecure_http).map_err(failed)?;
        let progress = Progress::start(format!("asking {}", printable(&known.server)));
        let key = match &known.release_key {
            Some(key) => key.clone(),
            // Logged in by an older version: from now on this one is expected.
            None => downloads.public_key().await.map_err(|error| refused(&error))?,
        };
        let manifest = downloads.manifest(&key).await.map_err(|error| refused(&error))?;
        drop(progress);
        if known.release_key.is_none() {
            known.release_key = Some(key);
            let kept = if is_local { known.write_local(data_dir) } else { known.write(data_dir) };
            kept.map_err(failed)?;
        }
        Ok(Self { server: known.server, downloads, manifest, target })
    }

    /// The file that is wanted, if the server has it for this kind of machine.
    pub(super) fn find(&self, wanted: &Wanted) -> Option<&ReleaseFile> {
        self.manifest.choose(self.target, wanted)
    }

    /// Like [`Source::find`], or why not.
    pub(super) fn choose(&self, wanted: &Wanted) -> Result<&ReleaseFile, Failure> {
        self.find(wanted).ok_or_else(|| {
            let (server, target) = (printable(&self.server), self.target);
            let versions: Vec<String> = self.manifest.versions(target).iter().map(ToString::to_string).collect();
            let sentence = match wanted {
                Wanted::Exactly(version) => format!("{server} has no {version} for {target}"),
                Wanted::Newest(_) => format!("{server} has no release file for {target}"),
            };
            let failure = Failure::new(Exit::Failed, sentence);
            if versions.is_empty() {
                failure.hint("the server's owner puts release files into releases/ in its data directory")
            } else {
                failure.hint(format_args!("it has {}", versions.join(", ")))
            }
        })
    }

    /// Downloads it beside `program`, checked.
    pub(super) async fn download(
        &self,
        file: &ReleaseFile,
        program: &Path,
        course: Option<&Course>,
    ) -> Result<Downloaded, Failure> {
        let mut path = program.as_os_str().to_owned();
        path.push(".part");
        let downloaded = Downloaded(PathBuf::from(path));
        let progress = Progress::bar(&file.name, file.size);
        let had = |bytes| {
            progress.come(bytes);
            if let Some(course) = course {
                course.come(bytes, file.size);
            }
        };
        let outcome = self.downloads.file(file, &downloaded.0, had).await;
        drop(progress);
        outcome.map(|()| downloaded).map_err(|error| refused(&error))
    }
}

/// A file that is gone when it is no longer needed.
pub(super) struct Downloaded(pub(super) PathBuf);

impl Drop for Downloaded {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The server of this machine's agent, and whether it is one on this machine itself.
fn known(data_dir: &Path) -> Result<(Credentials, bool), Failure> {
    if let Some(known) = Credentials::read(data_dir).map_err(failed)? {
        return Ok((known, false));
    }
    if let Some(known) = Credentials::read_local(data_dir).map_err(failed)? {
        return Ok((known, true));
    }
    Err(Failure::new(Exit::Failed, "this machine is not logged in, so there is no server to take a new version from")
        .hint("log in with `sessionforge auth login`, or say --from FILE"))
}

/// The version that is wanted.
pub(super) fn wanted(args: &Update) -> Wanted {
    args.version.clone().map_or(Wanted::Newest(args.channel), Wanted::Exactly)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, error)
}

fn refused(error: &DownloadError) -> Failure {
    let failure = Failure::new(Exit::Failed, format_args!("{error}; nothing was changed"));
    match error {
        DownloadError::List(SignatureError::Wrong) => {
            failure.hint("if the server was set up anew, log in again: `sessionforge auth login`")
        }
        DownloadError::Write(..) => failure.hint("make room there, or run this as whoever may write there"),
        _ => failure,
    }
}
