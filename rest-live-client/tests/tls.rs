//! A server behind TLS, with a certificate that only who is told so trusts.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rest_live::Live;
use rest_live_client::{BuildError, Client, Error, Event, Topic};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Of `localhost`, for a hundred years, and for nothing but this test.
const CERTIFICATE: &str = include_str!("tls/certificate.pem");
const KEY: &str = include_str!("tls/key.pem");

/// A server that has no models, behind TLS.
async fn serve() -> SocketAddr {
    let live = Live::<()>::builder().anonymous().build().unwrap();
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = plain.local_addr().unwrap();
    tokio::spawn(rest_live::serve(plain, live));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = acceptor();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut near = acceptor.accept(socket).await?;
                let mut far = TcpStream::connect(server).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    address
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

/// The first that a subscription is told.
async fn first(client: Result<Client, BuildError>) -> Event<serde_json::Value> {
    let mut events = client.unwrap().subscribe(Topic::raw("a.Model", "pk", 1));
    let first = tokio::time::timeout(Duration::from_secs(20), events.next());
    first.await.expect("in time").expect("no end")
}

#[tokio::test]
async fn who_trusts_the_certificate_gets_through() {
    let port = serve().await.port();
    for host in ["localhost", "127.0.0.1"] {
        let builder = Client::builder(format!("wss://{host}:{port}/")).trust_pem(CERTIFICATE);
        let Event::Ended(Error::Refused { reason, .. }) = first(builder.build()).await else {
            panic!("the server answers");
        };
        assert_eq!(reason, "unknown_model");
    }
}

#[tokio::test]
async fn who_does_not_is_told_why() {
    let url = format!("https://localhost:{}/", serve().await.port());
    match Client::builder(url).build() {
        Ok(client) => {
            let Event::Error(Error::Connect(cause)) = first(Ok(client)).await else {
                panic!("nobody vouches for it");
            };
            assert!(cause.to_string().contains("certificate"), "{cause}");
        }
        // A machine that trusts nobody.
        Err(error) => assert!(matches!(error, BuildError::Certificates(_)), "{error}"),
    }
}

#[tokio::test]
async fn what_is_no_certificate_is_said_at_once() {
    for pem in [
        "",
        "hello",
        KEY,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let builder = Client::builder("wss://localhost/").trust_pem(pem);
        assert!(
            matches!(builder.build(), Err(BuildError::Certificates(_))),
            "{pem}"
        );
    }
}
