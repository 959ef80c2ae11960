//! TLS of the server itself. The certificate and its key are files, which are read again on SIGHUP,
//! so that a renewed certificate needs no restart.

use super::stopped;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// The paths of the certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The chain of certificates, PEM, the server's own certificate first.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or has the wrong format.
    #[error("cannot read {what} from {file}: {source}")]
    File {
        /// The certificate or the key.
        what: &'static str,
        /// The file.
        file: String,
        /// The cause.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate and the key do not belong together, or are of an unsupported kind.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Encrypts connections, with the latest certificate.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    now: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong, and with which file.
    pub fn new(files: Files) -> Result<Self, TlsError> {
        let now = RwLock::new(read(&files)?);
        Ok(Self { files, now })
    }

    /// The acceptor for the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.now.read().expect("no writer panics").clone().into()
    }

    /// Reads the files again. Files that cannot be used change nothing.
    fn reload(&self) {
        match read(&self.files) {
            Ok(new) => {
                *self.now.write().expect("no writer panics") = new;
                tracing::info!(file = %self.files.cert.display(), "reloaded the certificate");
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "could not load the new certificate; the old one stays in use"
                );
            }
        }
    }

    /// Reads the files again on every SIGHUP, until the server stops.
    pub async fn reload_on_hangup(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            tracing::warn!("could not listen for SIGHUP; a renewed certificate needs a restart");
            return stopped(&mut stop).await;
        };
        loop {
            tokio::select! {
                () = stopped(&mut stop) => return,
                _ = hangup.recv() => self.reload(),
            }
        }
    }
}

fn read(Files { cert, key }: &Files) -> Result<Arc<ServerConfig>, TlsError> {
    let failed = |what, file: &Path| {
        let file = file.display().to_string();
        move |source| TlsError::File { what, file, source }
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(failed("the certificate", cert))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(failed("the key", key))?;
    // TLS 1.3 and 1.2, with all suites that rustls has, which are those of ASVS 5.0, V12.1.2.
    let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()?;
    let mut config = config.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
    Ok(Arc::new(config))
}
