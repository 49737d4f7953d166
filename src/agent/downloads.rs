//! A server's release files, as its agents get them: the signed list, then the file, checked as it comes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use http_body_util::BodyExt as _;
use hyper::StatusCode;
use sha2::{Digest as _, Sha256};

use super::dial::Way;
use super::endpoint::Endpoint;
use super::error::UplinkError;
use super::fetch;
use crate::update::manifest::{FILE_BYTES_MAX, MANIFEST_BYTES_MAX, Manifest, ReleaseFile};
use crate::update::signature::{self, SignatureError};

/// Why there is no new program.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The server cannot be asked.
    #[error(transparent)]
    Server(#[from] UplinkError),
    /// It is older than release files are.
    #[error("this server has no release files: it is of an older version")]
    NoFiles,
    /// Its list is not believed.
    #[error("the server's list of release files is not believed: {0}")]
    List(#[from] SignatureError),
    /// Its list cannot be read.
    #[error("the server's list of release files cannot be read: {0}")]
    Format(serde_json::Error),
    /// It does not have what it lists.
    #[error("the server does not have {0} any more")]
    Gone(String),
    /// What came is something else.
    #[error("what was downloaded is not {name}: its {what} is another than the server's list says")]
    Tampered {
        /// The file.
        name: String,
        /// `length` or `checksum`.
        what: &'static str,
    },
    /// This machine does not take it.
    #[error("{0} cannot be written: {1}")]
    Write(PathBuf, #[source] io::Error),
}

/// A server, as one that has release files.
pub struct Downloads {
    endpoint: Endpoint,
    way: Way,
}

impl Downloads {
    /// Those of `server`.
    pub fn of(server: &str, way: Way, insecure_http: bool) -> Result<Self, UplinkError> {
        Ok(Self { endpoint: Endpoint::parse(server, insecure_http)?, way })
    }

    /// The key by which its list is signed, in minisign's format.
    pub async fn public_key(&self) -> Result<String, DownloadError> {
        self.text("minisign.pub").await
    }

    /// What it has. `public_key` is the key that it signs with, from a time when it was believed.
    pub async fn manifest(&self, public_key: &str) -> Result<Manifest, DownloadError> {
        let text = self.text("manifest.json").await?;
        let signature = self.text("manifest.json.minisig").await?;
        signature::check(public_key, text.as_bytes(), &signature)?;
        serde_json::from_str(&text).map_err(DownloadError::Format)
    }

    /// Writes `file` to `path`, checked, whole and on the disk. `had` is told how many bytes of it are there.
    pub async fn file(&self, file: &ReleaseFile, path: &Path, had: impl Fn(u64)) -> Result<(), DownloadError> {
        let written = self.write(file, path, had).await;
        if written.is_err() {
            // What is not whole is of no use to anybody.
            let _ = std::fs::remove_file(path);
        }
        written
    }

    async fn write(&self, file: &ReleaseFile, path: &Path, had: impl Fn(u64)) -> Result<(), DownloadError> {
        let cannot_write = |error| DownloadError::Write(path.to_owned(), error);
        let tampered = |what| DownloadError::Tampered { name: file.name.clone(), what };
        if file.size > FILE_BYTES_MAX {
            return Err(tampered("length"));
        }
        // Told before anything is downloaded, if the disk takes nothing.
        let mut target = File::create(path).map_err(cannot_write)?;
        let answer = fetch::get(&self.endpoint, &self.way, &format!("/downloads/{}", file.name), None).await?;
        if answer.status() != StatusCode::OK {
            return Err(DownloadError::Gone(file.name.clone()));
        }
        let (mut body, mut digest, mut size) = (answer.into_body(), Sha256::new(), 0);
        loop {
            let next = tokio::time::timeout(fetch::ANSWER_WITHIN, body.frame()).await;
            let Some(frame) = next.map_err(|_| UplinkError::NoAnswer)? else { break };
            let broke = |cause: hyper::Error| UplinkError::Unreachable(io::Error::other(cause.to_string()));
            let Ok(bytes) = frame.map_err(broke)?.into_data() else { continue };
            size += bytes.len() as u64;
            if size > file.size {
                return Err(tampered("length"));
            }
            digest.update(&bytes);
            target.write_all(&bytes).map_err(cannot_write)?;
            had(size);
        }
        if size != file.size {
            return Err(tampered("length"));
        }
        if data_encoding::HEXLOWER.encode(&digest.finalize()) != file.sha256 {
            return Err(tampered("checksum"));
        }
        target.sync_all().map_err(cannot_write)
    }

    async fn text(&self, name: &str) -> Result<String, DownloadError> {
        let answer = fetch::get(&self.endpoint, &self.way, &format!("/downloads/{name}"), None).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(DownloadError::NoFiles),
            status => return Err(UplinkError::Status(status.as_u16()).into()),
        }
        let body = fetch::whole(answer.into_body(), MANIFEST_BYTES_MAX).await?;
        String::from_utf8(body.to_vec()).map_err(|_| UplinkError::NotSessionForge.into())
    }
}
