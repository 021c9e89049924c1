//! A running subscription: a stream of events.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use serde_json::value::RawValue;

use crate::client::Handle;
use crate::error::Error;
use crate::event::Event;
use crate::session::{Action, Key, Told};
use crate::topic::{Row, Topic};

/// What happens to the rows of a group: [`Event`]s, by [`next`](Self::next) or as a [`Stream`].
/// Dropping it unsubscribes.
///
/// It buffers what is not read yet, up to
/// [`Builder::buffer_bytes`](crate::Builder::buffer_bytes). If more comes, it is
/// [`Lost`](Event::Lost) with [`Error::Lagged`], and resumes where it stopped once the buffer has
/// been read: nothing is left out without a word, and other subscriptions do not wait.
///
/// It ends, with `None`, when the runtime does on which the client was built.
#[must_use = "dropping it unsubscribes"]
pub struct Subscription<T> {
    handle: Arc<Handle>,
    key: Key,
    model: String,
    /// Rows of the last snapshot that could not be read.
    unreadable: VecDeque<Error>,
    row: PhantomData<fn() -> T>,
}

impl<T: Row> Subscription<T> {
    pub(crate) fn new(handle: Arc<Handle>, topic: Topic<T>) -> Self {
        let model = topic.request.model.clone();
        let key = handle.session(|session, now| session.subscribe(topic.request, now));
        Self {
            handle,
            key,
            model,
            unreadable: VecDeque::new(),
            row: PhantomData,
        }
    }

    /// The next event; `None` if the runtime has ended. Nothing is lost by who drops this before it
    /// is ready.
    pub async fn next(&mut self) -> Option<Event<T>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn event(&mut self, told: Told) -> Event<T> {
        match told {
            Told::Subscribed { recovered } => Event::Subscribed { recovered },
            Told::Snapshot(rows) => Event::Snapshot(self.snapshot(&rows)),
            Told::Row(action, row) => match (self.row(&row), action) {
                (Err(error), _) => Event::Error(error),
                (Ok(row), Action::Created) => Event::Created(row),
                (Ok(row), Action::Updated) => Event::Updated(row),
                (Ok(row), Action::Deleted) => Event::Deleted(row),
            },
            Told::Resync(reason) => Event::Resync(reason),
            Told::Lost(error) => Event::Lost(error),
            Told::Ended(error) => Event::Ended(error),
            Told::Error(error) => Event::Error(error),
        }
    }

    /// The rows that can be read. The others are told as errors, after it.
    fn snapshot(&mut self, rows: &[Box<RawValue>]) -> Vec<T> {
        let mut readable = Vec::with_capacity(rows.len());
        for row in rows {
            match self.row(row) {
                Ok(row) => readable.push(row),
                Err(error) => self.unreadable.push_back(error),
            }
        }
        readable
    }

    fn row(&self, row: &RawValue) -> Result<T, Error> {
        let mut json = serde_json::Deserializer::from_str(row.get());
        serde_path_to_error::deserialize(&mut json).map_err(|error| Error::Row {
            model: self.model.clone(),
            path: error.path().to_string(),
            message: error.into_inner().to_string(),
        })
    }
}

impl<T: Row> Stream for Subscription<T> {
    type Item = Event<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event<T>>> {
        let this = self.get_mut();
        if let Some(error) = this.unreadable.pop_front() {
            return Poll::Ready(Some(Event::Error(error)));
        }
        let told = this
            .handle
            .session(|session, _| session.poll_told(this.key, context));
        told.map(|told| told.map(|told| this.event(told)))
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        self.handle
            .session(|session, now| session.unsubscribe(self.key, now));
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}
