//! The thread that listens to others.

use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use rest_live_core::{Change, Feed};

use super::detect::Watch;
use super::laggards::Laggards;
use super::outbox::Consumer;
use crate::connection::LiveConnection;
use crate::sqlite::query::{DataVersion, SchemaVersion};
use crate::sqlite::read_number;

/// How often it is looked whether others have written.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often it is looked for servers that have died, at the most.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// How often subscribers are told to read again, at the most.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What the thread that listens is asked for.
pub(in crate::sqlite) enum Order {
    /// Others have written.
    Alarm,
    /// To look now, and to say when that is done.
    Look(Option<Sender<()>>),
    Stop,
}

/// What the thread does.
pub(super) trait Work: Send {
    /// Others have written.
    fn alarm(&mut self);

    /// Looks whether others have written.
    fn look(&mut self);

    /// Tells at once what there is to tell.
    fn tell(&mut self);

    fn end(self);
}

pub(super) fn listen(mut work: impl Work, inbox: &Receiver<Order>) {
    loop {
        match inbox.recv_timeout(LOOK_EVERY) {
            Ok(Order::Alarm) => work.alarm(),
            Ok(Order::Look(done)) => {
                work.look();
                work.tell();
                // Whoever asked may have gone.
                done.and_then(|done| done.send(()).ok());
            }
            Err(RecvTimeoutError::Timeout) => work.look(),
            Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return work.end(),
        }
    }
}

/// Others are found out.
pub(super) struct Detecting {
    watch: Arc<Watch>,
    feed: Arc<Feed>,
    /// Whether there is something to tell.
    is_due: bool,
    /// When it was last told.
    told: Option<Instant>,
}

impl Detecting {
    pub(super) fn new(watch: Arc<Watch>, feed: &Arc<Feed>) -> Self {
        Self {
            watch,
            feed: Arc::clone(feed),
            is_due: false,
            told: None,
        }
    }
}

impl Work for Detecting {
    fn alarm(&mut self) {
        self.is_due = true;
        self.look();
    }

    fn look(&mut self) {
        self.is_due |= self.watch.look();
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if mem::take(&mut self.is_due) {
            self.told = Some(Instant::now());
            tracing::debug!("others have written; all subscribers read again");
            tell_all(&self.feed);
        }
    }

    fn end(self) {}
}

/// Others are captured.
pub(super) struct Capturing {
    conn: LiveConnection<SqliteConnection>,
    consumer: Consumer,
    /// The commits of others that have been looked at.
    seen: Option<i32>,
    /// The schema, as it was left at the last look.
    schema: i32,
    laggards: Laggards,
    /// When it was looked for such.
    counted: Option<Instant>,
    /// Whether the last look failed, as when somebody keeps the write lock.
    is_failing: bool,
}

impl Capturing {
    pub(super) fn new(
        conn: SqliteConnection,
        consumer: Consumer,
        feed: &Arc<Feed>,
    ) -> QueryResult<Self> {
        let mut conn = LiveConnection::install(conn, feed)?;
        // What was written before there were triggers is of before its time.
        conn.capture.forget_unknown();
        consumer.register(&mut conn.inner)?;
        let schema = read_number(&mut conn.inner, SchemaVersion)?;
        // It looks again soon. And whoever has the write lock may tell it all himself.
        conn.inner.batch_execute("PRAGMA busy_timeout = 10")?;
        Ok(Self {
            conn,
            consumer,
            seen: None,
            schema,
            laggards: Laggards::default(),
            counted: None,
            is_failing: false,
        })
    }

    fn try_look(&mut self, now: Instant) -> QueryResult<()> {
        let version = read_number(&mut self.conn.inner, DataVersion)?;
        let is_new = self.seen != Some(version);
        if is_new {
            self.hear()?;
            self.seen = Some(version);
        }
        let is_due = self
            .counted
            .is_none_or(|counted| now.saturating_duration_since(counted) >= COUNT_EVERY);
        if is_due && (is_new || !self.laggards.is_empty()) {
            self.counted = Some(now);
            self.forget_laggards(now)?;
        }
        Ok(())
    }

    /// Tells what others have written.
    fn hear(&mut self) -> QueryResult<()> {
        // They may have changed the schema, and what writes to the outbox with it.
        self.conn.prepare()?;
        let schema = read_number(&mut self.conn.inner, SchemaVersion)?;
        let is_registered = self.consumer.is_registered(&mut self.conn.inner)?;
        if !is_registered {
            tracing::warn!(
                "this server was taken for one that has ended, or others have written more than is kept; all subscribers read again"
            );
            self.consumer.register(&mut self.conn.inner)?;
        }
        // Nor does anybody know what became of the rows when the schema changed: a table may have been
        // put in the place of another, a whole backup in that of the database.
        if !is_registered || self.schema != schema {
            self.conn.capture.note_all_unknown();
        }
        self.conn.settle();
        self.schema = schema;
        if is_registered && self.consumer.has_entries(&mut self.conn.inner)? {
            self.consumer.knock(&mut self.conn)?;
        }
        Ok(())
    }

    /// Forgets servers that have ended without a word: each write would write an entry for them.
    fn forget_laggards(&mut self, now: Instant) -> QueryResult<()> {
        let pending = self.consumer.others_pending(&mut self.conn.inner)?;
        for consumer in self.laggards.overdue(&pending, now) {
            tracing::info!("a server on this file does not listen any more");
            consumer.deregister(&mut self.conn.inner)?;
        }
        Ok(())
    }
}

impl Work for Capturing {
    fn alarm(&mut self) {}

    fn look(&mut self) {
        let looked = self.try_look(Instant::now());
        if let Err(error) = &looked
            && !self.is_failing
        {
            tracing::warn!(%error, "what others write cannot be read just now; it is tried again");
        }
        self.is_failing = looked.is_err();
    }

    fn tell(&mut self) {}

    fn end(mut self) {
        let conn = &mut self.conn.inner;
        let ended = conn
            .batch_execute("PRAGMA busy_timeout = 1000")
            .and_then(|()| self.consumer.deregister(conn));
        if let Err(error) = ended {
            tracing::warn!(%error, "the outbox goes on filling, up to its bound");
        }
    }
}

/// Tells the subscribers of all models to read again.
pub(super) fn tell_all(feed: &Feed) {
    let models = feed.models().iter().map(|model| Change::unknown(model.id));
    feed.log().ticket().commit(models.collect());
}
