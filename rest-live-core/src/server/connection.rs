//! The connection: carries text between one socket and its session.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::admission::Admission;
use super::grant::Grant;
use super::rate::{Rate, Verdict};
use super::refusal::Refusal;
use super::seats::Seat;
use super::socket::{SPENT, Socket, Wire};
use crate::limits::Limits;
use crate::session::{CloseReason, Output, Session};

/// So many messages of a client are taken before its events get their turn.
const MESSAGES_AT_ONCE: usize = 16;

/// So many bytes of a client are read at a time; a subscription takes some hundred.
const READ_BUFFER: usize = 512;

/// Drives one socket and its session until one of them ends.
pub(super) struct Connection<U> {
    socket: Box<dyn AsyncRead + Send + Unpin>,
    protocol: WebSocketContext,
    session: Session<U>,
    door: Door<U>,
    claim: Option<Claim<U>>,
    rate: Rate,
    /// So many bytes may still come before the message that has begun is at its end.
    allowance: usize,
    timer: Pin<Box<Sleep>>,
    inbound: Inbound,
}

/// Who has let the client in, and may be asked again, and its seat.
pub(super) struct Door<U> {
    pub(super) admission: Arc<Admission<U>>,
    pub(super) seat: Seat,
}

/// Whose token it is that a client has sent: the application's answer.
type Claim<U> = Pin<Box<dyn Future<Output = Result<Grant<U>, Refusal>> + Send>>;

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

impl<U: Send + Sync + 'static> Connection<U> {
    pub(super) fn new(socket: Socket, session: Session<U>, door: Door<U>) -> Self {
        let Socket { read, write, begun } = socket;
        session.outbox().attach(write);
        let timer = Box::pin(tokio::time::sleep_until(session.poll_timeout().into()));
        let allowance = most_read(session.limits());
        Self {
            socket: read,
            protocol: WebSocketContext::from_partially_read(
                begun,
                Role::Server,
                Some(config(session.limits())),
            ),
            session,
            door,
            claim: None,
            rate: Rate::new(now()),
            allowance,
            timer,
            inbound: Inbound::Messages,
        }
    }

    /// Hands what has arrived to the session.
    fn drive_inbound(&mut self, context: &mut Context<'_>) -> Result<(), Ended> {
        for _ in 0..MESSAGES_AT_ONCE {
            match self.inbound {
                Inbound::Nothing => return Ok(()),
                // What it may ask for depends on who it is.
                Inbound::Messages if self.session.is_authenticating() => return Ok(()),
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
        let socket = &mut *self.socket;
        let allowance = &mut self.allowance;
        let message = self.protocol.read(&mut Wire {
            socket,
            outbox,
            allowance,
            context,
        })?;
        self.allowance = most_read(self.session.limits());
        Ok(message)
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
            Error::Io(error) if error.kind() == SPENT => CloseReason::MessageTooBig,
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
        // What answers a ping is free.
        if matches!(message, Message::Pong(_)) && self.session.handle_pong(now()) {
            return;
        }
        match (self.rate.judge(self.session.limits(), now()), message) {
            (Verdict::Read, Message::Text(text)) => self.session.handle_text(text),
            (Verdict::Read, Message::Binary(_)) => self.session.handle_binary(),
            (Verdict::Refuse, Message::Text(text)) => self.session.handle_flood(text),
            // Tungstenite answers pings and closing handshakes.
            (Verdict::Read | Verdict::Refuse, _) => {}
            (Verdict::Close, _) => self.session.close(CloseReason::TooManyMessages, now()),
        }
    }

    /// Asks the application whose token it is that the client has sent.
    fn drive_claim(&mut self, context: &mut Context<'_>) {
        let Some(Poll::Ready(answer)) = self
            .claim
            .as_mut()
            .map(|claim| claim.as_mut().poll(context))
        else {
            return;
        };
        self.claim = None;
        let Door { admission, seat } = &mut self.door;
        let answer = answer
            .and_then(|grant| admission.seat(grant, seat))
            .map_err(Refusal::into_refused);
        self.session.handle_authenticated(answer, now());
        // There may be something to read again.
        context.waker().wake_by_ref();
    }

    fn drive_timer(&mut self, context: &mut Context<'_>) {
        self.handle_timeout();
        loop {
            let due = self.session.poll_timeout().into();
            if self.timer.deadline() != due {
                self.timer.as_mut().reset(due);
            }
            if self.timer.as_mut().poll(context).is_pending() || self.session.is_over() {
                return;
            }
            self.handle_timeout();
        }
    }

    /// Does what is due, and what others have ordered. If the user is another by that, so is the
    /// one whose seat it is.
    fn handle_timeout(&mut self) {
        let before = self.session.user().cloned();
        self.session.handle_timeout(now());
        let user = self.session.user();
        if let (Some(before), Some(user)) = (before, user)
            && !Arc::ptr_eq(&before, user)
        {
            self.door.admission.pass(&mut self.door.seat, user);
        }
    }

    fn write(&mut self, context: &mut Context<'_>, message: Message) {
        let mut wire = Wire {
            socket: &mut *self.socket,
            outbox: self.session.outbox(),
            allowance: &mut self.allowance,
            context,
        };
        // Fails where a closing handshake has been sent already.
        drop(self.protocol.write(&mut wire, message));
        drop(self.protocol.flush(&mut wire));
    }

    /// Writes all that there is to send.
    fn drive_outbound(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        while let Some(output) = self.session.poll_output() {
            match output {
                // It goes its own way.
                Output::Text(_) => {}
                Output::Ping => self.write(context, Message::Ping(Bytes::new())),
                Output::Close(reason) => self.write(context, close(reason)),
                Output::Authenticate(token) => {
                    let admission = Arc::clone(&self.door.admission);
                    self.claim = Some(Box::pin(async move { admission.ask_for(token).await }));
                    self.drive_claim(context);
                }
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

impl<U: Send + Sync + 'static> Future for Connection<U> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let connection = self.get_mut();
        connection.session.wake_at_output(context);
        if connection.drive_inbound(context).is_err() {
            return Poll::Ready(());
        }
        connection.drive_timer(context);
        connection.drive_claim(context);
        match connection.drive_outbound(context) {
            Poll::Ready(Err(Ended)) => Poll::Ready(()),
            _ if connection.session.is_over() => Poll::Ready(()),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}

fn close(reason: CloseReason) -> Message {
    let (code, reason) = reason.code();
    Message::Close(Some(CloseFrame {
        code: code.into(),
        reason: reason.into_owned().into(),
    }))
}

/// Buffers for small messages: tungstenite's own defaults take 128 KiB a connection.
fn config(limits: &Limits) -> WebSocketConfig {
    let longest = longest(limits);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest))
}

/// Bytes of a message that is only refused; a longer one ends the connection.
fn longest(limits: &Limits) -> usize {
    limits.message_bytes.saturating_mul(4)
}

/// Bytes that are read for one message. Tungstenite counts what is in its frames, but not the
/// frames: without this, empty ones could come without end. A message that is not too big may come
/// a byte a frame, which makes seven of each.
fn most_read(limits: &Limits) -> usize {
    let most = longest(limits).saturating_mul(2);
    most.saturating_add(READ_BUFFER)
}

/// The runtime's clock, which tests can hold.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
