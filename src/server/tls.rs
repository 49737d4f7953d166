//! TLS by certificate files, read again when they change: a renewed certificate needs no restart.
//!
//! The files are looked at when a connection comes, at most once a second. A pair that cannot be used, or whose halves do
//! not fit yet because only one of them was replaced so far, is named in the log, and the one before stays in use.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// The files are looked at at most this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where certificate and key are, both as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read as PEM ({detail})", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        detail: String,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate (no BEGIN CERTIFICATE)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// They do not belong together, or are of a kind we do not have.
    #[error("the certificate {} and the key {} cannot be used together ({detail})", certificate.display(), key.display())]
    Unfit {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What rustls said.
        detail: String,
    },
}

/// What tells one version of the files from another.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// The certificate in use, and what is known of its files.
#[derive(Debug)]
pub(super) struct Tls {
    files: TlsFiles,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    /// Of the files as last read, whether or not they could be used.
    stamp: Stamp,
    looked_at: Instant,
}

impl Tls {
    /// Reads the files.
    pub(super) fn new(files: TlsFiles) -> Result<Self, TlsError> {
        let (stamp, config) = (stamp(&files), load(&files)?);
        Ok(Self { files, state: Mutex::new(State { config, stamp, looked_at: Instant::now() }) })
    }

    /// For the next connection, with the certificate of now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked_at.elapsed() >= LOOK_EVERY {
            state.looked_at = Instant::now();
            let now = stamp(&self.files);
            if now != state.stamp {
                state.stamp = now;
                match load(&self.files) {
                    Ok(config) => {
                        state.config = config;
                        tracing::info!("the certificate was read anew");
                    }
                    Err(error) => tracing::warn!(%error, "the certificate of before stays in use"),
                }
            }
        }
        TlsAcceptor::from(Arc::clone(&state.config))
    }
}

fn stamp(files: &TlsFiles) -> Stamp {
    [&files.certificate, &files.key].map(|path| {
        let facts = std::fs::metadata(path).ok()?;
        Some((facts.modified().ok()?, facts.len()))
    })
}

fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let unreadable = |path: &Path, error: rustls::pki_types::pem::Error| TlsError::Unreadable {
        path: path.to_owned(),
        detail: error.to_string(),
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(&files.certificate, error))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { path: files.certificate.clone() });
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, error))?;
    let unfit = |error: rustls::Error| TlsError::Unfit {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        detail: error.to_string(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
