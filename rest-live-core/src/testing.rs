//! Testing an application: a client in the same process, which speaks the real protocol without a
//! socket.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::connections::Identity;
use crate::dispatcher::GroupId;
use crate::key::Group;
use crate::live::Live;
use crate::model::Subscribable;
use crate::session::{Output, Reason, Refused, Session, Who};

/// How long a client waits for what should have come at once.
const DEADLINE: Duration = Duration::from_secs(10);

/// A client of a [`Live`] in the same process.
///
/// It needs no server, no socket and no async runtime. It is a real client in all else: it sends
/// and receives the texts that PROTOCOL.md describes.
///
/// ```ignore
/// let mut client = Client::connect(&live, user);
/// client.subscribe(Task::group().list_id(1));
/// task.save(&mut conn)?;
/// assert_eq!(client.receive()["action"], "UPDATED");
/// client.receive_nothing();
/// ```
pub struct Client<U> {
    live: Live<U>,
    session: Session<U>,
    /// For this client, no time passes: it needs no pings.
    connected: Instant,
}

impl<U: Send + Sync + 'static> Client<U> {
    /// Connects as `user`, past the server's authentication.
    #[must_use]
    pub fn connect(live: &Live<U>, user: U) -> Self {
        let connected = Instant::now();
        let identity = Identity {
            user: Arc::new(user),
            expires: None,
        };
        let session = Session::new(Arc::clone(&live.hub), Who::Known(identity), connected);
        Self {
            live: live.clone(),
            session,
            connected,
        }
    }

    /// Sends a message: JSON from `serde_json::json!`, or any text.
    pub fn send(&mut self, message: impl ToString) {
        self.session.handle_text(&message.to_string());
    }

    /// Subscribes to a group in the seed form. When it returns, every later change will be
    /// received.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub fn subscribe<M: Subscribable>(&mut self, group: Group<M>) {
        if let Err(refused) = self.session.request(&group.to_message().to_string()) {
            panic!("{group:?} was refused: {}", refused.message);
        }
    }

    /// The next message, as it was sent.
    ///
    /// # Panics
    ///
    /// If none comes within ten seconds, or the server closes the connection.
    pub fn receive_text(&mut self) -> String {
        let deadline = Instant::now() + DEADLINE;
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            self.session.wake_at_output(&Context::from_waker(&waker));
            if let Some(text) = self.next_text() {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing was received within {DEADLINE:?}");
            thread::park_timeout(left);
        }
    }

    /// The next message.
    ///
    /// # Panics
    ///
    /// If none comes within ten seconds, or the server closes the connection.
    pub fn receive(&mut self) -> Value {
        let text = self.receive_text();
        serde_json::from_str(&text).expect("the server sends JSON")
    }

    /// Makes sure that nothing is received: that every change committed so far has been told, and
    /// none of it to this client, and that no snapshot is on its way.
    ///
    /// # Panics
    ///
    /// If there is a message.
    pub fn receive_nothing(&mut self) {
        if let Some(text) = self.settle().first() {
            panic!("nothing was to be received, and there is {text}");
        }
    }

    /// All messages that are there once every change committed so far has been told, and every
    /// snapshot asked for has come.
    ///
    /// # Panics
    ///
    /// If that takes longer than ten seconds.
    pub fn receive_all(&mut self) -> Vec<Value> {
        let texts = self.settle();
        texts
            .iter()
            .map(|text| serde_json::from_str(text).expect("the server sends JSON"))
            .collect()
    }

    /// The next message that is there already, as it was sent, if there is one.
    ///
    /// # Errors
    ///
    /// If the server closes the connection: a client that reads too little is.
    pub fn try_receive_text(&mut self) -> Result<Option<String>, Closed> {
        self.session.handle_timeout(self.connected);
        let mut output = self.session.poll_output();
        while let Some(Output::Authenticate(_)) = output {
            let message = "a client of a test is past authentication";
            let refused = Refused::new(Reason::Unavailable, message);
            self.session
                .handle_authenticated(Err(refused), self.connected);
            output = self.session.poll_output();
        }
        match output {
            Some(Output::Text(frame)) => Ok(Some(frame.text())),
            Some(Output::Ping | Output::Authenticate(_)) | None => Ok(None),
            Some(Output::Close(reason)) => {
                let (code, reason) = reason.code();
                Err(Closed { code, reason })
            }
        }
    }

    /// Why this client was told what it was told of the newest commit: for a test that waits for an
    /// event in vain.
    ///
    /// ```ignore
    /// println!("{}", client.explain());
    /// ```
    #[must_use]
    pub fn explain(&self) -> String {
        let log = self.live.feed().log();
        let commit = log
            .end()
            .checked_sub(1)
            .and_then(|position| log.since(position)?.into_iter().next());
        let Some(commit) = commit else {
            return "nothing was committed".to_owned();
        };
        let Some(user) = self.session.user() else {
            return "nobody is authenticated".to_owned();
        };
        let hub = &self.live.hub;
        let outbox = self.session.outbox();
        let explanations = hub.explain(user, &commit, |group: &GroupId, position| {
            Some(hub.dispatcher().standing(group, outbox, position))
        });
        explanations
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Waits until all that is on its way has come; gives what came.
    fn settle(&mut self) -> Vec<String> {
        let mut texts = self.await_snapshots();
        assert!(
            self.live.feed().log().settle(DEADLINE),
            "the dispatcher is not done within {DEADLINE:?}"
        );
        texts.extend(std::iter::from_fn(|| self.next_text()));
        texts
    }

    /// Waits for the snapshots that are on their way; gives what came. A snapshot leaves when the
    /// one before it has been received.
    fn await_snapshots(&mut self) -> Vec<String> {
        let deadline = Instant::now() + DEADLINE;
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut texts = Vec::new();
        loop {
            self.session.wake_at_output(&Context::from_waker(&waker));
            texts.extend(std::iter::from_fn(|| self.next_text()));
            if !self.session.awaits_snapshot() {
                return texts;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "a snapshot did not come within {DEADLINE:?}"
            );
            thread::park_timeout(left);
        }
    }

    fn next_text(&mut self) -> Option<String> {
        self.try_receive_text().unwrap_or_else(|closed| {
            let Closed { code, reason } = closed;
            panic!("the server closed the connection: {code} {reason}")
        })
    }
}

impl<U> fmt::Debug for Client<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// The server closed the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The close code.
    pub code: u16,
    /// What goes with it.
    pub reason: Cow<'static, str>,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
