//! The connection: carries text between one socket and its session.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use crate::session::{CloseReason, Output, Session};

/// So many messages of a client are taken before its events get their turn.
const MESSAGES_AT_ONCE: usize = 16;

/// Drives one socket and its session until one of them ends.
pub(super) struct Connection<U, S> {
    socket: WebSocketStream<S>,
    session: Session<U>,
    timer: Pin<Box<Sleep>>,
    is_flush_due: bool,
    /// The client broke the rules: where its next message begins is not known.
    is_broken: bool,
}

/// The socket is at its end.
struct Ended;

impl<U, S: AsyncRead + AsyncWrite + Unpin> Connection<U, S> {
    pub(super) fn new(socket: WebSocketStream<S>, session: Session<U>) -> Self {
        let timer = Box::pin(tokio::time::sleep_until(session.poll_timeout().into()));
        Self {
            socket,
            session,
            timer,
            is_flush_due: false,
            is_broken: false,
        }
    }

    /// Hands what has arrived to the session.
    fn drive_inbound(&mut self, context: &mut Context<'_>) -> Result<(), Ended> {
        if self.is_broken {
            return self.discard(context);
        }
        for _ in 0..MESSAGES_AT_ONCE {
            match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Ready(Some(Ok(message))) => self.handle(message),
                Poll::Ready(Some(Err(error))) => {
                    self.fail(&error)?;
                    break;
                }
                Poll::Ready(None) => return Err(Ended),
                Poll::Pending => return Ok(()),
            }
        }
        context.waker().wake_by_ref();
        Ok(())
    }

    /// Tells a client that breaks the rules which one it was. There is no next message to be read.
    fn fail(&mut self, error: &Error) -> Result<(), Ended> {
        let reason = match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => CloseReason::MessageTooBig,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Err(Ended),
            Error::Protocol(_) => CloseReason::BadFrame,
            Error::Utf8(_) => CloseReason::NotUtf8,
            _ => return Err(Ended),
        };
        tracing::debug!(%error, "a client broke the rules");
        self.session.close(reason, now());
        self.is_broken = true;
        Ok(())
    }

    /// Reads for nothing. A socket that is dropped with something unread is reset, and takes the
    /// close frame with it.
    fn discard(&mut self, context: &mut Context<'_>) -> Result<(), Ended> {
        let mut space = [0; 4096];
        for _ in 0..MESSAGES_AT_ONCE {
            let mut unread = ReadBuf::new(&mut space);
            match Pin::new(self.socket.get_mut()).poll_read(context, &mut unread) {
                Poll::Ready(Ok(())) if !unread.filled().is_empty() => {}
                Poll::Ready(_) => return Err(Ended),
                Poll::Pending => return Ok(()),
            }
        }
        context.waker().wake_by_ref();
        Ok(())
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Text(text) => self.session.handle_text(&text),
            Message::Binary(_) => self.session.handle_binary(),
            Message::Pong(_) => self.session.handle_pong(now()),
            // Tungstenite answers both; the answer leaves with the next flush.
            Message::Ping(_) | Message::Close(_) => self.is_flush_due = true,
            Message::Frame(_) => {}
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

    /// Writes all that the session has, and flushes once.
    fn drive_outbound(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut socket = Pin::new(&mut self.socket);
        loop {
            ready!(socket.as_mut().poll_ready(context))?;
            let Some(output) = self.session.poll_output() else {
                break;
            };
            socket.as_mut().start_send(message(output))?;
            self.is_flush_due = true;
        }
        if self.is_flush_due {
            ready!(socket.as_mut().poll_flush(context))?;
            self.is_flush_due = false;
        }
        if self.is_broken {
            ready!(Pin::new(socket.get_mut().get_mut()).poll_shutdown(context))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<U, S: AsyncRead + AsyncWrite + Unpin> Future for Connection<U, S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let connection = self.get_mut();
        connection.session.wake_at_output(context);
        if connection.drive_inbound(context).is_err() {
            return Poll::Ready(());
        }
        connection.drive_timer(context);
        match connection.drive_outbound(context) {
            Poll::Ready(Err(_)) => Poll::Ready(()),
            _ if connection.session.is_over() => Poll::Ready(()),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}

fn message(output: Output) -> Message {
    match output {
        // A frame of its own, as the text is known to be UTF-8.
        Output::Text(text) => Message::Frame(Frame::message(
            text.into_bytes(),
            OpCode::Data(Data::Text),
            true,
        )),
        Output::Ping => Message::Ping(Bytes::new()),
        Output::Close(reason) => {
            let (code, reason) = reason.code();
            Message::Close(Some(CloseFrame {
                code: code.into(),
                reason: reason.into(),
            }))
        }
    }
}

/// The runtime's clock, which tests can hold.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
