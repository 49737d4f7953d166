//! Whom to believe, over TLS, that a server is who it says: what the system believes.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The authorities that the system trusts. `SSL_CERT_FILE` and `SSL_CERT_DIR` stand for them where they are set.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for cause in &system.errors {
        tracing::warn!(%cause, "an authority that the system trusts cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    roots
}

/// A client that believes `roots`.
pub fn client(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
