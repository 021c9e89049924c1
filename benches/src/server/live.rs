//! rest-live, with and without a database behind it.

use std::sync::Arc;

use diesel::SqliteConnection;
use diesel::r2d2::PooledConnection;
use rest_live::{Limits, Live, LiveManager};
use rest_live_core::{Change, Log, ModelId};

use super::model::{self, Event, Row, User};
use super::writers::{Writer, Writers};
use super::{bind, obey, runtime};
use crate::Result;
use crate::control::Spec;

pub fn serve_log<M: Row + Send + Sync + 'static>(spec: &Spec) -> Result<()> {
    let live = live::<M>()?;
    let writer = || LogWriter {
        log: Arc::clone(live.feed().log()),
        model: live.feed().models()[0].id,
        text: model::text(spec.text),
        make: M::new as fn(i32, i64, &str) -> M,
    };
    serve(
        live.clone(),
        &Writers::start((0..spec.writers).map(|_| writer())),
    )
}

pub fn serve_sqlite(spec: &Spec) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let url = directory.path().join("events.db").display().to_string();
    model::create(&url, spec.text)?;
    let live = live::<Event>()?;
    let pool = model::pool(
        LiveManager::<SqliteConnection>::new(url, &live),
        spec.writers,
    )?;
    let writers = (0..spec.writers).map(|_| Ok(SqliteWriter(pool.get()?)));
    let writers = writers.collect::<Result<Vec<_>>>()?;
    serve(live, &Writers::start(writers))
}

fn live<M: Row>() -> Result<Live<User>> {
    // Room for all groups that a scenario gives a connection.
    let limits = Limits {
        subscriptions: 1_000,
        connections_per_address: usize::MAX,
        ..Limits::default()
    };
    Ok(Live::builder()
        .anonymous()
        .limits(limits)
        .model::<M>()
        .build()?)
}

fn serve(live: Live<User>, writers: &Writers) -> Result<()> {
    let runtime = runtime()?;
    let listener = runtime.block_on(bind())?;
    let port = listener.local_addr()?.port();
    runtime.spawn(rest_live::serve(listener, live));
    obey(port, writers)
}

struct LogWriter<M> {
    log: Arc<Log>,
    model: ModelId,
    text: String,
    make: fn(i32, i64, &str) -> M,
}

impl<M: Row + Send + 'static> Writer for LogWriter<M> {
    fn commit(&mut self, group: i32, due: u64) -> Result<()> {
        let ticket = self.log.ticket();
        let sent = due.cast_signed();
        let old = (self.make)(group, 0, &self.text);
        let new = (self.make)(group, sent, &self.text);
        let change = Change::new(self.model, Some(old), Some(new));
        ticket.commit(vec![change.with_heap_bytes(2 * self.text.len())]);
        Ok(())
    }
}

struct SqliteWriter(PooledConnection<LiveManager<SqliteConnection>>);

impl Writer for SqliteWriter {
    fn commit(&mut self, group: i32, due: u64) -> Result<()> {
        model::update(&mut *self.0, group, due)?;
        Ok(())
    }
}
