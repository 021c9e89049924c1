//! Whom a client trusts.

use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::error::Cause;

pub(super) type Config = Arc<ClientConfig>;

/// Trusts the certificates that the machine does, and those in these PEMs.
pub(super) fn config(pems: &[Vec<u8>]) -> Result<Config, Cause> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    for pem in pems {
        let mut found = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| Arc::new(error) as Cause)?;
            roots
                .add(certificate)
                .map_err(|error| Arc::new(error) as Cause)?;
            found += 1;
        }
        if found == 0 {
            return Err(nothing("there is no certificate in the PEM"));
        }
    }
    if roots.is_empty() {
        let message =
            "this machine has none: install its `ca-certificates`, or give some with `trust_pem`";
        return Err(nothing(message));
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Arc::new(error) as Cause)?;
    Ok(Arc::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}

fn nothing(message: &str) -> Cause {
    Arc::new(io::Error::new(io::ErrorKind::NotFound, message))
}
