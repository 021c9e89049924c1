//! The connection: one socket at a time, which is opened when somebody needs it, and comes back
//! when it breaks.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backoff::{Retry, after};
use super::frame::Frame;
use super::message::Message;
use super::watch::Open;
use super::{Moment, NEVER, Output, Session, TokenBy};
use crate::error::Error;

/// How long a socket may take to open, and a token to be answered.
const OPEN_WITHIN: Duration = Duration::from_secs(15);

/// A connection that has held for so long makes up for those that have failed before.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Where the connection is.
#[derive(Debug)]
pub(super) enum Link {
    /// Nobody needs it.
    Idle,
    /// The application is asked for a token.
    Asking,
    /// The socket is being opened. The token goes in its first message.
    Dialing {
        by: Instant,
        token: Option<String>,
    },
    /// The token is sent and not answered.
    Authenticating {
        by: Instant,
    },
    Open(Open),
    /// It broke, and is opened again then.
    Waiting {
        until: Instant,
    },
    /// It does not come back by itself.
    Stopped,
    /// Nobody is there any more.
    Over,
}

impl Session {
    /// Somebody needs the connection.
    pub(super) fn want(&mut self, now: Instant) {
        self.linger = None;
        if matches!(self.link, Link::Idle) {
            self.connect(now);
        }
    }

    /// If nobody needs the connection any more, perhaps soon somebody does.
    pub(super) fn leave(&mut self, now: Instant) {
        if self.listeners.is_empty()
            && !matches!(self.link, Link::Idle | Link::Stopped | Link::Over)
        {
            self.linger = Some(now + self.settings.linger.min(NEVER));
        }
    }

    pub(super) fn connect(&mut self, now: Instant) {
        if self.settings.token_by.is_some() {
            self.link = Link::Asking;
            self.output.push_back(Output::AskToken);
        } else {
            self.dial(None, now);
        }
    }

    pub(super) fn dial(&mut self, token: Option<String>, now: Instant) {
        let (in_request, in_message) = match self.settings.token_by {
            Some(TokenBy::Message) => (None, token),
            _ => (token, None),
        };
        self.link = Link::Dialing {
            by: now + OPEN_WITHIN,
            token: in_message,
        };
        self.output.push_back(Output::Dial(in_request));
    }

    /// The socket is open.
    pub(crate) fn handle_open(&mut self, at: Moment) {
        if self.is_letting_go() {
            return;
        }
        let Link::Dialing { token, .. } = &mut self.link else {
            return;
        };
        match token.take() {
            Some(token) => {
                self.link = Link::Authenticating {
                    by: at.now + OPEN_WITHIN,
                };
                self.send(&Message::Auth { token: &token });
            }
            None => self.opened(at.now),
        }
    }

    pub(super) fn opened(&mut self, now: Instant) {
        self.link = Link::Open(Open::new(now));
        self.pump();
    }

    /// The server sent a text.
    pub(crate) fn handle_text(&mut self, text: &str, at: Moment) {
        if self.is_letting_go() || !matches!(self.link, Link::Authenticating { .. } | Link::Open(_))
        {
            return;
        }
        self.handle_sign_of_life(at.now);
        match Frame::parse(text) {
            Ok(Frame::Authenticated { expires_in }) => self.authenticated(expires_in, at.now),
            Ok(Frame::Of { id, word }) => self.told(id, word, at),
            Ok(Frame::Refused(refusal)) => self.refused(refusal, at),
            Ok(Frame::Unknown) => {}
            Err(error) => self.notify_all(&Error::Message(Arc::new(error))),
        }
    }

    /// The connection broke, was closed, or could not be opened.
    pub(crate) fn handle_lost(&mut self, error: Error, at: Moment) {
        if !self.is_letting_go() {
            self.lose(error, at);
        }
    }

    /// Comes back later, if at all.
    pub(super) fn lose(&mut self, error: Error, at: Moment) {
        if matches!(self.link, Link::Idle | Link::Stopped | Link::Over) {
            return;
        }
        if let Link::Open(open) = &self.link
            && at.now.saturating_duration_since(open.since) >= STABLE_AFTER
        {
            self.attempt = 0;
        }
        match after(&error, self.attempt, at.chance) {
            Retry::Stop => {
                self.let_go(Link::Stopped);
                self.end_all(&error);
            }
            Retry::After { delay, attempt } => {
                self.attempt = attempt;
                let until = at.now + delay;
                self.let_go(match self.listeners.is_empty() {
                    true => Link::Idle,
                    false => Link::Waiting { until },
                });
                if doubts_rights(&error) {
                    self.forget_cursors();
                }
                self.lose_all(&error);
            }
        }
    }

    /// Lets go of the socket, and of what was still to be sent on it.
    pub(super) fn let_go(&mut self, next: Link) {
        let has_nothing = matches!(
            self.link,
            Link::Idle | Link::Waiting { .. } | Link::Stopped | Link::Over
        );
        let is_held = !has_nothing || self.is_letting_go();
        self.output.clear();
        self.linger = None;
        if is_held {
            self.output.push_back(Output::HangUp);
        }
        self.link = next;
    }

    /// Whether there is still a socket, or a try to have one, that does not count any more: what is
    /// heard of it is of the past.
    pub(super) fn is_letting_go(&self) -> bool {
        matches!(self.output.front(), Some(Output::HangUp))
    }

    /// Sends a message, if there is a socket.
    pub(super) fn send(&mut self, message: &Message<'_>) {
        if matches!(self.link, Link::Authenticating { .. } | Link::Open(_)) {
            self.output.push_back(Output::Send(message.text()));
        }
    }
}

/// Whether the user may see other rows by now, of which no cursor tells.
fn doubts_rights(error: &Error) -> bool {
    match error {
        Error::Closed { code, .. } => matches!(code, 4003 | 4403),
        Error::Connection { code, .. } => matches!(code, 401 | 403),
        Error::Status { status, .. } => matches!(status, 401 | 403),
        _ => false,
    }
}

/// What is wrong with a connection that does not open in time.
pub(super) fn too_late() -> Error {
    let message = format!("nothing within {} s", OPEN_WITHIN.as_secs());
    Error::Connect(Arc::new(io::Error::new(io::ErrorKind::TimedOut, message)))
}
