//! One who listens: what he asks for, where his subscription is, and what he has not read yet.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::frame::{Action, Refusal};
use super::queue::{Full, Queue, Told};
use crate::error::Error;

/// What a subscription asks for, as it stands in the message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Request {
    pub(crate) model: String,
    pub(crate) property: Value,
    pub(crate) value: Value,
    #[serde(skip_serializing_if = "Start::is_changes")]
    pub(crate) snapshot: Start,
}

/// What a subscription begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Changes,
    Snapshot,
}

impl Start {
    fn is_changes(&self) -> bool {
        *self == Self::Changes
    }
}

impl Serialize for Start {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self == Self::Snapshot)
    }
}

/// Where a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Not asked for on this connection yet.
    Detached,
    Asked {
        id: u64,
    },
    Live {
        id: u64,
    },
    /// Refused for now: asked for again in a while, or when a place is free.
    Parked {
        until: Instant,
        wait: Wait,
    },
    /// Refused for good: asked for again on the next connection.
    Refused,
    /// More has come than its reader has room for: asked for again when he has read all.
    Lagging,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    ForTime,
    ForPlace,
}

impl State {
    /// The `id` under which the server knows it.
    pub(super) fn id(self) -> Option<u64> {
        match self {
            Self::Asked { id } | Self::Live { id } => Some(id),
            Self::Detached | Self::Parked { .. } | Self::Refused | Self::Lagging => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Listener {
    pub(super) request: Request,
    pub(super) state: State,
    pub(super) queue: Queue,
    /// How far its reader has been told, or will have been when he has read the queue.
    pub(super) cursor: Option<String>,
    pub(super) refusals: u32,
    /// Of a snapshot that is still coming.
    parts: Vec<Box<RawValue>>,
}

impl Listener {
    pub(super) fn new(request: Request, queue_bytes: usize) -> Self {
        Self {
            request,
            state: State::Detached,
            queue: Queue::new(queue_bytes),
            cursor: None,
            refusals: 0,
            parts: Vec::new(),
        }
    }

    pub(super) fn take_part(&mut self, rows: Vec<Box<RawValue>>) {
        self.parts.extend(rows);
    }

    pub(super) fn subscribed(&mut self, cursor: String, recovered: bool) -> Result<(), Full> {
        let rows = std::mem::take(&mut self.parts);
        let told = match self.request.snapshot {
            Start::Snapshot if !recovered => Told::Snapshot(rows),
            _ => Told::Subscribed { recovered },
        };
        self.queue.push(told)?;
        self.cursor = Some(cursor);
        self.refusals = 0;
        Ok(())
    }

    pub(super) fn changed(
        &mut self,
        action: Action,
        row: Box<RawValue>,
        cursor: String,
    ) -> Result<(), Full> {
        self.queue.push(Told::Row(action, row))?;
        self.cursor = Some(cursor);
        Ok(())
    }

    /// If there is no room for it, no cursor resumes past it: a log does not know of rights.
    pub(super) fn resync(&mut self, cursor: String, reason: String) -> Result<(), Full> {
        self.cursor = None;
        self.queue.push(Told::Resync(reason))?;
        if self.request.snapshot == Start::Changes {
            self.cursor = Some(cursor);
        }
        Ok(())
    }

    /// The server tells nothing until it is asked again. Nothing new, where its reader lags.
    pub(super) fn lost(&mut self, error: Error) {
        if !matches!(self.state, State::Live { .. } | State::Lagging) {
            self.queue.notice(Told::Error(error.clone()));
        }
        self.detached(error);
    }

    /// The same, where that is no error to those who had nothing to lose.
    pub(super) fn detached(&mut self, error: Error) {
        self.parts.clear();
        match self.state {
            State::Lagging => {}
            State::Live { .. } => {
                self.state = State::Detached;
                if self.queue.push(Told::Lost(error)) == Err(Full) {
                    self.lag();
                }
            }
            _ => self.state = State::Detached,
        }
    }

    /// Its reader is to remove what he has; when it is there again, it begins anew.
    pub(super) fn ended(&mut self, error: Error) {
        self.parts.clear();
        self.cursor = None;
        if self.state != State::Lagging {
            self.state = State::Refused;
        }
        self.queue.notice(Told::Ended(error));
    }

    /// Stops until its reader has read all, and says so.
    pub(super) fn lag(&mut self) {
        self.parts.clear();
        self.state = State::Lagging;
        self.queue.force(Told::Lost(Error::Lagged));
    }

    pub(super) fn refusal(&self, refusal: Refusal) -> Error {
        let Refusal {
            code,
            reason,
            message,
            temporary,
        } = refusal;
        Error::Refused {
            model: self.request.model.clone(),
            code,
            reason,
            message,
            temporary,
        }
    }
}
