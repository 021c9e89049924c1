//! Who the user of a session is: said at the upgrade or by a message, until it expires or somebody
//! else says otherwise.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::{Closing, Reason, Refused, Session};
use crate::connections::{Identity, Order};
use crate::session::{CloseReason, Frame};

/// Who a session begins with.
pub(crate) enum Who<U> {
    Known(Identity<U>),
    /// The client's first message has to say it by then.
    Unknown {
        by: Instant,
    },
}

/// What became of a client's word on who it is.
#[derive(Debug, Default)]
pub(super) enum Claim {
    #[default]
    None,
    Made(String),
    /// The server asks the application.
    InQuestion,
}

impl<U> Session<U> {
    pub(super) fn claim(&mut self, token: String) -> Result<(), Refused> {
        if !self.hub.takes_tokens {
            let message = "this server takes no tokens on the socket";
            return Err(Refused::new(Reason::BadMessage, message));
        }
        if self.user.is_none() {
            // He has said it in time; how long the application takes is not his business.
            self.expires = None;
        }
        self.claim = Claim::Made(token);
        Ok(())
    }

    pub(super) fn take_claim(&mut self) -> Option<String> {
        match mem::take(&mut self.claim) {
            Claim::Made(token) => {
                self.claim = Claim::InQuestion;
                Some(token)
            }
            other => {
                self.claim = other;
                None
            }
        }
    }

    /// Whether it is in question who the user is. Until then, nothing is to be read.
    pub(crate) fn is_authenticating(&self) -> bool {
        !matches!(self.claim, Claim::None)
    }

    /// Takes the application's answer to [`Output::Authenticate`](super::Output::Authenticate).
    pub(crate) fn handle_authenticated(
        &mut self,
        answer: Result<Identity<U>, Refused>,
        now: Instant,
    ) {
        self.claim = Claim::None;
        if !matches!(self.closing, Closing::No) {
            return;
        }
        match answer {
            Ok(identity) => {
                let expires_in = identity
                    .expires
                    .map(|expires| expires.saturating_duration_since(now).as_secs())
                    .map(|seconds| format!(r#","expires_in":{seconds}"#))
                    .unwrap_or_default();
                self.outbox.push(Frame::from(format!(
                    r#"{{"type":"authenticated"{expires_in}}}"#
                )));
                self.link.log_in();
                self.assume(identity);
            }
            Err(refused) => {
                self.refuse(&refused);
                if self.user.is_none() {
                    let reason = match refused.reason {
                        Reason::Forbidden => CloseReason::Revoked,
                        _ if refused.is_temporary() => CloseReason::TryAgainLater,
                        _ => CloseReason::Unauthorized,
                    };
                    self.close(reason, now);
                }
            }
        }
    }

    /// Does what others have ordered.
    pub(super) fn obey(&mut self, now: Instant) {
        match self.link.take_order() {
            Some(Order::Close(reason)) => self.close(reason, now),
            Some(Order::Drop) => {
                if matches!(self.closing, Closing::No) {
                    self.hub.counters.left.add(1);
                }
                self.leave_all();
                self.closing = Closing::Over;
            }
            _ if !matches!(self.closing, Closing::No) => {}
            Some(Order::Become(Identity { user, expires })) => {
                let expires = expires.or(self.expires);
                self.assume(Identity { user, expires });
            }
            Some(Order::LookAgain) => {
                if let Some(user) = self.user.clone() {
                    let expires = self.expires;
                    self.assume(Identity { user, expires });
                }
            }
            None => {}
        }
    }

    /// From now on the user is this one. Those who subscribed as somebody else are told what that
    /// changes.
    fn assume(&mut self, Identity { user, expires }: Identity<U>) {
        self.expires = expires;
        self.link.set_user(&user);
        // Kept until the end: dropping a user is code of the application, and not for under a lock.
        let _before = self.user.replace(Arc::clone(&user));
        self.leave_hidden(&user);
        let seed = self
            .seed
            .iter()
            .map(|(group, stacked)| (group, stacked.member));
        let extended = self
            .extended
            .values()
            .map(|(group, member)| (group, *member));
        for (group, member) in seed.chain(extended) {
            self.hub.change_user(group, member, &user);
        }
        self.note_subscriptions();
    }
}
