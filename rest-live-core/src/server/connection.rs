//! The connection: carries text between one socket and its session.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, split};
use tokio::time::Sleep;
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::socket::Wire;
use crate::session::{CloseReason, Output, Session};

/// So many messages of a client are taken before its events get their turn.
const MESSAGES_AT_ONCE: usize = 16;

/// Drives one socket and its session until one of them ends.
pub(super) struct Connection<U, S> {
    socket: ReadHalf<S>,
    protocol: WebSocketContext,
    session: Session<U>,
    timer: Pin<Box<Sleep>>,
    inbound: Inbound,
}

/// What is still read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inbound {
    Messages,
    /// The client broke the rules: where its next message begins is not known.
    Rubbish,
    /// The client has said its last; what it is still to be told is on its way.
    Nothing,
}

/// The socket is at its end.
struct Ended;

impl<U, S: AsyncRead + AsyncWrite + Send + 'static> Connection<U, S> {
    pub(super) fn new(socket: S, session: Session<U>, config: WebSocketConfig) -> Self {
        let (socket, write) = split(socket);
        session.outbox().attach(Box::new(write));
        let timer = Box::pin(tokio::time::sleep_until(session.poll_timeout().into()));
        Self {
            socket,
            protocol: WebSocketContext::new(Role::Server, Some(config)),
            session,
            timer,
            inbound: Inbound::Messages,
        }
    }

    /// Hands what has arrived to the session.
    fn drive_inbound(&mut self, context: &mut Context<'_>) -> Result<(), Ended> {
        for _ in 0..MESSAGES_AT_ONCE {
            match self.inbound {
                Inbound::Nothing => return Ok(()),
                Inbound::Rubbish => match self.discard(context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(Ended)) => self.inbound = Inbound::Nothing,
                    Poll::Pending => return Ok(()),
                },
                Inbound::Messages => match self.read(context) {
                    Ok(message) => self.handle(&message),
                    Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                        return Ok(());
                    }
                    Err(error) => self.fail(&error)?,
                },
            }
        }
        context.waker().wake_by_ref();
        Ok(())
    }

    fn read(&mut self, context: &mut Context<'_>) -> Result<Message, Error> {
        let outbox = self.session.outbox();
        let socket = &mut self.socket;
        self.protocol.read(&mut Wire {
            socket,
            outbox,
            context,
        })
    }

    /// Tells a client that breaks the rules which one it was. There is no next message to be read.
    fn fail(&mut self, error: &Error) -> Result<(), Ended> {
        let reason = match error {
            Error::ConnectionClosed => {
                self.inbound = Inbound::Nothing;
                self.session.handle_goodbye(now());
                return Ok(());
            }
            Error::Capacity(CapacityError::MessageTooLong { .. }) => CloseReason::MessageTooBig,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Err(Ended),
            Error::Protocol(_) => CloseReason::BadFrame,
            Error::Utf8(_) => CloseReason::NotUtf8,
            _ => return Err(Ended),
        };
        tracing::debug!(%error, "a client broke the rules");
        self.session.close(reason, now());
        self.inbound = Inbound::Rubbish;
        Ok(())
    }

    /// Reads for nothing. A socket that is dropped with something unread is reset, and takes the
    /// close frame with it.
    fn discard(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let mut space = [0; 4096];
        let mut unread = ReadBuf::new(&mut space);
        Pin::new(&mut self.socket)
            .poll_read(context, &mut unread)
            .map(|result| match result {
                Ok(()) if !unread.filled().is_empty() => Ok(()),
                _ => Err(Ended),
            })
    }

    fn handle(&mut self, message: &Message) {
        match message {
            Message::Text(text) => self.session.handle_text(text),
            Message::Binary(_) => self.session.handle_binary(),
            Message::Pong(_) => self.session.handle_pong(now()),
            // Tungstenite answers both.
            Message::Ping(_) | Message::Close(_) | Message::Frame(_) => {}
        }
    }

    fn drive_timer(&mut self, context: &mut Context<'_>) {
        self.session.handle_timeout(now());
        loop {
            let due = self.session.poll_timeout().into();
            if self.timer.deadline() != due {
                self.timer.as_mut().reset(due);
            }
            if self.timer.as_mut().poll(context).is_pending() || self.session.is_over() {
                return;
            }
            self.session.handle_timeout(now());
        }
    }

    /// Writes all that there is to send.
    fn drive_outbound(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        while let Some(output) = self.session.poll_output() {
            if let Some(message) = message(output) {
                let outbox = self.session.outbox();
                let socket = &mut self.socket;
                let mut wire = Wire {
                    socket,
                    outbox,
                    context,
                };
                // Fails where a closing handshake has been sent already.
                drop(self.protocol.write(&mut wire, message));
                drop(self.protocol.flush(&mut wire));
            }
        }
        let drained = self.session.outbox().poll_drain();
        match (drained, self.inbound) {
            (Poll::Ready(Err(_)), _) => Poll::Ready(Err(Ended)),
            (Poll::Pending, _) => Poll::Pending,
            (Poll::Ready(Ok(())), Inbound::Messages) => Poll::Ready(Ok(())),
            (Poll::Ready(Ok(())), Inbound::Nothing) => Poll::Ready(Err(Ended)),
            (Poll::Ready(Ok(())), Inbound::Rubbish) => self
                .session
                .outbox()
                .poll_shutdown(context)
                .map_err(|_| Ended),
        }
    }
}

impl<U, S: AsyncRead + AsyncWrite + Send + 'static> Future for Connection<U, S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let connection = self.get_mut();
        connection.session.wake_at_output(context);
        if connection.drive_inbound(context).is_err() {
            return Poll::Ready(());
        }
        connection.drive_timer(context);
        match connection.drive_outbound(context) {
            Poll::Ready(Err(Ended)) => Poll::Ready(()),
            _ if connection.session.is_over() => Poll::Ready(()),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}

/// An output as tungstenite's message. The texts go their own way.
fn message(output: Output) -> Option<Message> {
    match output {
        Output::Text(_) => None,
        Output::Ping => Some(Message::Ping(Bytes::new())),
        Output::Close(reason) => {
            let (code, reason) = reason.code();
            Some(Message::Close(Some(CloseFrame {
                code: code.into(),
                reason: reason.into(),
            })))
        }
    }
}

/// The runtime's clock, which tests can hold.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
