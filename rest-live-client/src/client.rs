//! The client: one connection, and all that goes over it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::builder::Builder;
use crate::session::{ConnectionState, Session};
use crate::subscription::Subscription;
use crate::topic::{IntoTopic, Row};

/// Live rows from a rest-live server, over one WebSocket.
///
/// It connects when there is something to subscribe to, and comes back when the connection breaks.
/// Clones are the same client. When the last of them and all [`Subscription`]s have been dropped,
/// the socket is closed.
///
/// ```no_run
/// use rest_live_client::{Client, Event, IntoTopic, Topic};
///
/// #[derive(Debug, serde::Deserialize)]
/// struct Task { id: i32, text: String }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("ws://127.0.0.1:3000/ws/subscribe/").build()?;
/// let mut tasks = client.subscribe(Topic::raw("todolist.Task", "list_id", 1).rows_as::<Task>());
/// while let Some(event) = tasks.next().await {
///     match event {
///         Event::Created(task) | Event::Updated(task) => println!("{task:?}"),
///         Event::Deleted(task) => println!("{} is gone", task.id),
///         Event::Subscribed { recovered: false } | Event::Resync(_) => println!("read the rows now"),
///         Event::Lost(error) | Event::Error(error) => eprintln!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

impl Client {
    /// Begins to describe a client of the server at this address: that of the service,
    /// `ws://127.0.0.1:3000/ws/subscribe/`, or the same with `wss://`, `http://` or `https://`.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            handle: Arc::new(Handle(shared)),
        }
    }

    /// Listens to what happens to the rows of a group: `Task::group().list_id(1)`, where the program
    /// has the models, or a [`Topic`](crate::Topic).
    ///
    /// What is wrong with it, the server says, and the first events of the stream tell.
    pub fn subscribe<G: IntoTopic<Row: Row>>(&self, group: G) -> Subscription<G::Row> {
        Subscription::new(Arc::clone(&self.handle), group.into_topic())
    }

    /// Where the connection is.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.handle.session(|session, _| session.state())
    }

    /// Connects anew, at once: also after the server has closed for good. What was missed is
    /// recovered.
    pub fn reconnect(&self) {
        self.handle.session(Session::reconnect);
    }

    /// Another user is there: connects anew, with another token, and forgets what was told to the
    /// one before. All subscriptions are [`Ended`](crate::Event::Ended), and begin again.
    pub fn reset(&self) {
        self.handle.session(Session::reset);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// What the application and the driver share. The lock is held for as long as the session takes to
/// note something; code of the application never runs under it.
pub(crate) type Shared = Mutex<Session>;

/// The application's end. The last one to go ends the session.
pub(crate) struct Handle(Arc<Shared>);

impl Handle {
    pub(crate) fn session<T>(&self, use_it: impl FnOnce(&mut Session, Instant) -> T) -> T {
        use_it(&mut self.0.lock(), Instant::now())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().end();
    }
}
