//! Who the user is: asked of the application, told to the server, and told again before it ends.

use std::time::{Duration, Instant};

use super::frame::Refusal;
use super::link::Link;
use super::message::Message;
use super::{Moment, NEVER, Output, Session};
use crate::error::{Cause, Error};

/// A login is renewed when so much of it has passed.
const RENEW_AT: f64 = 0.8;

/// A login that ends within this time is not renewed once more.
const SHORTEST: Duration = Duration::from_secs(1);

/// When the login is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewal {
    /// It has no end, as far as anybody has said.
    Never,
    At {
        due: Instant,
        expires: Instant,
    },
    /// The application is asked for a token.
    Asked {
        expires: Instant,
    },
}

impl Renewal {
    fn of(expires_in: Duration, now: Instant) -> Self {
        let expires_in = expires_in.min(NEVER);
        Self::At {
            due: now + expires_in.mul_f64(RENEW_AT).max(SHORTEST),
            expires: now + expires_in,
        }
    }

    pub(super) fn due(self) -> Option<Instant> {
        match self {
            Self::At { due, .. } => Some(due),
            Self::Never | Self::Asked { .. } => None,
        }
    }
}

impl Session {
    /// The application has, or has not, a token; or it says that the user is nobody.
    pub(crate) fn handle_token(&mut self, token: Result<Option<String>, Cause>, at: Moment) {
        if self.is_letting_go() {
            return;
        }
        match (&mut self.link, token) {
            (Link::Asking, Ok(token)) => self.dial(token, at.now),
            (Link::Asking, Err(cause)) => self.lose(Error::Token(cause), at),
            (Link::Open(open), Ok(token)) => {
                open.renewal = Renewal::Never;
                if let Some(token) = token {
                    self.send(&Message::Auth { token: &token });
                }
            }
            (Link::Open(open), Err(cause)) => {
                if let Renewal::Asked { expires } = open.renewal {
                    let left = expires.saturating_duration_since(at.now);
                    open.renewal = match left > SHORTEST {
                        true => Renewal::of(left, at.now),
                        false => Renewal::Never,
                    };
                }
                self.notify_all(&Error::Token(cause));
            }
            _ => {}
        }
    }

    pub(super) fn authenticated(&mut self, expires_in: Option<Duration>, now: Instant) {
        if let Link::Authenticating { .. } = self.link {
            self.opened(now);
        }
        if let Link::Open(open) = &mut self.link {
            open.renewal = expires_in.map_or(Renewal::Never, |left| Renewal::of(left, now));
        }
    }

    /// Takes an error that belongs to no subscription.
    pub(super) fn refused(&mut self, refusal: Refusal, at: Moment) {
        let Refusal {
            code,
            reason,
            message,
            temporary,
        } = refusal;
        let error = Error::Connection {
            code,
            reason,
            message,
            temporary,
        };
        match self.link {
            Link::Authenticating { .. } => self.lose(error, at),
            // Nobody knows which message came to nothing: all of them again, slowly.
            _ if code == 429 => self.lose(error, at),
            _ => self.notify_all(&error),
        }
    }

    pub(super) fn renew_if_due(&mut self, now: Instant) {
        if let Link::Open(open) = &mut self.link
            && let Renewal::At { due, expires } = open.renewal
            && due <= now
        {
            open.renewal = Renewal::Asked { expires };
            self.output.push_back(Output::AskToken);
        }
    }
}
