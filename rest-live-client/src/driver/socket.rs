//! The socket: a WebSocket over TCP, or over TLS over TCP.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::header::RETRY_AFTER;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::address::Call;
use crate::error::Error;

/// A message may have a row in it that is longer than others.
const MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// So long the server has to take the closing handshake.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);

/// How a close without a code is told: RFC 6455, section 7.4.1.
const NO_CODE: u16 = 1005;

pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What came from the server.
pub(super) enum Heard {
    Text(Utf8Bytes),
    /// Nothing that says anything.
    SignOfLife,
}

impl Socket {
    pub(super) async fn dial(call: Result<Call, Error>) -> Result<Box<Self>, Error> {
        let call = call?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES));
        #[cfg(not(feature = "tls"))]
        let dialed =
            tokio_tungstenite::connect_async_with_config(call.request, Some(config), true).await;
        #[cfg(feature = "tls")]
        let dialed = {
            let connector = call.tls.map(tokio_tungstenite::Connector::Rustls);
            tokio_tungstenite::connect_async_tls_with_config(
                call.request,
                Some(config),
                true,
                connector,
            )
            .await
        };
        match dialed {
            Ok((socket, _)) => Ok(Box::new(Self(socket))),
            Err(WsError::Http(response)) => Err(refused(&response)),
            Err(error) => Err(Error::Connect(Arc::new(error))),
        }
    }

    pub(super) fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Result<Heard, Error>> {
        self.0
            .poll_next_unpin(context)
            .map(|message| match message {
                Some(Ok(Message::Text(text))) => Ok(Heard::Text(text)),
                Some(Ok(Message::Close(close))) => {
                    let (code, reason) = close.map_or((NO_CODE, String::new()), |close| {
                        (close.code.into(), close.reason.to_string())
                    });
                    Err(Error::Closed { code, reason })
                }
                Some(Ok(_)) => Ok(Heard::SignOfLife),
                Some(Err(error)) => Err(broken(error)),
                None => Err(Error::Broken(Arc::new(io::Error::from(
                    io::ErrorKind::UnexpectedEof,
                )))),
            })
    }

    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.0).poll_ready(context).map_err(broken)
    }

    pub(super) fn send(&mut self, text: String) -> Result<(), Error> {
        self.0.start_send_unpin(Message::text(text)).map_err(broken)
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.0).poll_flush(context).map_err(broken)
    }

    /// Ends the connection as the rules want it, if the server is quick.
    pub(super) async fn say_goodbye(mut self: Box<Self>) {
        let goodbye = async {
            self.0.close(None).await?;
            while self.0.next().await.transpose()?.is_some() {}
            Ok::<(), WsError>(())
        };
        if let Ok(Err(error)) = tokio::time::timeout(GOODBYE_WITHIN, goodbye).await {
            tracing::debug!(%error, "a connection that was over already");
        }
    }
}

fn broken(error: WsError) -> Error {
    Error::Broken(Arc::new(error))
}

/// What a server says that answers with plain HTTP: one line, and when to try again.
fn refused(response: &Response) -> Error {
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let said = body.lines().next().filter(|line| !line.is_empty());
    let retry_after = response.headers().get(RETRY_AFTER);
    let seconds = retry_after.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    Error::Status {
        status: status.as_u16(),
        message: said
            .or(status.canonical_reason())
            .unwrap_or_default()
            .to_owned(),
        retry_after: seconds.map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::http;

    use super::*;

    fn answer(status: u16, retry_after: &str, body: &str) -> String {
        let response = http::Response::builder()
            .status(status)
            .header("retry-after", retry_after)
            .body(Some(body.as_bytes().to_vec()));
        format!("{:?}", refused(&response.unwrap()))
    }

    #[test]
    fn what_plain_http_says_is_told() {
        assert_eq!(
            answer(429, "7", "too many connections\n"),
            r#"Status { status: 429, message: "too many connections", retry_after: Some(7s) }"#
        );
        assert_eq!(
            answer(404, "Wed, 21 Oct 2026 07:28:00 GMT", ""),
            r#"Status { status: 404, message: "Not Found", retry_after: None }"#
        );
    }
}
