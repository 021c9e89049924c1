//! The rows of a group, kept up to date.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::Error;
use crate::event::Event;

/// The rows of a group by their key: what a [`Subscription`](crate::Subscription) is told, applied.
///
/// To be told what is known already does no harm. Whether the rows have to be read,
/// [`must_read`](Self::must_read) says:
///
/// ```no_run
/// use rest_live_client::{Client, IntoTopic, Rows, Topic};
///
/// #[derive(serde::Deserialize)]
/// struct Task { id: i32, text: String }
///
/// # async fn read_over_http() -> Result<Vec<Task>, Box<dyn std::error::Error>> { Ok(Vec::new()) }
/// # async fn run(client: Client) {
/// let mut rows = Rows::by(|task: &Task| task.id);
/// let mut tasks = client.subscribe(Topic::raw("todolist.Task", "list_id", 1).rows_as());
/// while let Some(event) = tasks.next().await {
///     rows.apply(event);
///     if rows.must_read() && let Ok(read) = read_over_http().await {
///         rows.replace(read);
///     }
/// }
/// # }
/// ```
pub struct Rows<K, T> {
    key: Box<dyn Fn(&T) -> K + Send + Sync>,
    rows: BTreeMap<K, T>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// They were right, if they were read, and what has happened since is not told.
    Lost,
    /// They are to be read.
    Unread,
    /// These are the rows.
    Current,
    /// They were the rows when the subscription was lost.
    Stale,
}

impl<K: Ord, T> Rows<K, T> {
    /// No rows yet. `key` gives the primary key of one.
    pub fn by(key: impl Fn(&T) -> K + Send + Sync + 'static) -> Self {
        Self {
            key: Box::new(key),
            rows: BTreeMap::new(),
            state: State::Lost,
        }
    }

    /// Does what an event says.
    pub fn apply(&mut self, event: Event<T>) {
        match event {
            Event::Created(row) | Event::Updated(row) => {
                self.rows.insert((self.key)(&row), row);
            }
            Event::Deleted(row) => {
                self.rows.remove(&(self.key)(&row));
            }
            Event::Snapshot(rows) => self.replace(rows),
            Event::Subscribed { recovered: true } if self.state == State::Stale => {
                self.state = State::Current;
            }
            Event::Subscribed { .. } | Event::Resync(_) => self.state = State::Unread,
            Event::Lost(_) if self.state == State::Current => self.state = State::Stale,
            Event::Lost(_) if self.state == State::Unread => self.state = State::Lost,
            Event::Ended(_) => {
                self.rows.clear();
                self.state = State::Lost;
            }
            // Which row it was, and whether it is still here, is not known.
            Event::Error(Error::Row { .. }) if self.state == State::Current => {
                self.state = State::Unread;
            }
            Event::Lost(_) | Event::Error(_) => {}
        }
    }

    /// Whether the rows are to be read now, and handed to [`replace`](Self::replace). Not to be
    /// asked of a subscription with snapshots: there they come by themselves.
    #[must_use]
    pub fn must_read(&self) -> bool {
        self.state == State::Unread
    }

    /// Takes what was read as all the rows there are. To be read after the event upon which
    /// [`must_read`](Self::must_read) said so, past all caches.
    pub fn replace(&mut self, rows: impl IntoIterator<Item = T>) {
        self.rows = rows
            .into_iter()
            .map(|row| ((self.key)(&row), row))
            .collect();
        self.state = State::Current;
    }

    /// Whether these are the rows. Otherwise they were, or there are none yet.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.state == State::Current
    }

    /// The row with this key.
    pub fn row(&self, key: &K) -> Option<&T> {
        self.rows.get(key)
    }

    /// All rows, in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        self.rows.values()
    }
}

impl<K: fmt::Debug, T: fmt::Debug> fmt::Debug for Rows<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("rows", &self.rows)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (i32, &'static str);

    fn rows() -> Rows<i32, Row> {
        Rows::by(|row: &Row| row.0)
    }

    fn subscribed(recovered: bool) -> Event<Row> {
        Event::Subscribed { recovered }
    }

    fn lost() -> Event<Row> {
        Event::Lost(Error::Silent)
    }

    fn shown(rows: &Rows<i32, Row>) -> Vec<Row> {
        rows.iter().copied().collect()
    }

    /// Read once, and current.
    fn current() -> Rows<i32, Row> {
        let mut rows = rows();
        rows.apply(subscribed(false));
        rows.replace([(2, "b"), (1, "a")]);
        rows
    }

    #[test]
    fn they_are_read_once_it_is_subscribed() {
        let mut rows = rows();
        assert!(!rows.must_read() && !rows.is_current());
        rows.apply(Event::Error(Error::Silent));
        assert!(!rows.must_read());
        rows.apply(subscribed(false));
        assert!(rows.must_read() && !rows.is_current());
        rows.replace([(1, "a")]);
        assert!(!rows.must_read() && rows.is_current());
    }

    #[test]
    fn what_is_told_is_applied_by_key() {
        let mut rows = current();
        rows.apply(Event::Created((3, "c")));
        rows.apply(Event::Updated((1, "A")));
        rows.apply(Event::Deleted((2, "old")));
        assert_eq!(shown(&rows), [(1, "A"), (3, "c")]);
        assert_eq!((rows.row(&3), rows.row(&2)), (Some(&(3, "c")), None));
    }

    #[test]
    fn a_row_that_cannot_be_read_leaves_them_to_be_read_again() {
        let mut rows = current();
        let [model, path, message] = ["app.Row", ".", "no number"].map(str::to_owned);
        rows.apply(Event::Error(Error::Row {
            model,
            path,
            message,
        }));
        assert!(rows.must_read() && !rows.is_current());
        rows.replace([(1, "a")]);
        assert!(rows.is_current());
    }

    #[test]
    fn to_be_told_what_is_known_changes_nothing() {
        let mut rows = current();
        for _ in 0..2 {
            rows.apply(Event::Created((1, "a")));
            rows.apply(Event::Deleted((9, "never seen")));
        }
        assert_eq!(shown(&rows), [(1, "a"), (2, "b")]);
    }

    #[test]
    fn what_was_recovered_need_not_be_read() {
        let mut rows = current();
        rows.apply(lost());
        assert!(!rows.is_current() && !rows.must_read());
        assert_eq!(shown(&rows).len(), 2, "they are shown meanwhile");
        rows.apply(subscribed(true));
        assert!(rows.is_current());
        rows.apply(lost());
        rows.apply(subscribed(false));
        assert!(rows.must_read());
    }

    #[test]
    fn what_was_lost_before_it_was_read_is_read_even_if_all_was_recovered() {
        let mut rows = rows();
        rows.apply(subscribed(false));
        rows.apply(lost());
        assert!(!rows.must_read(), "it would show what comes again");
        rows.apply(subscribed(true));
        assert!(rows.must_read());
        rows.apply(lost());
        rows.apply(lost());
        rows.apply(subscribed(true));
        assert!(rows.must_read());
    }

    #[test]
    fn they_are_read_again_when_nobody_knows_what_changed() {
        let mut rows = current();
        rows.apply(Event::Resync("changes_unknown".into()));
        assert!(rows.must_read());
        rows.apply(lost());
        rows.apply(subscribed(true));
        assert!(rows.must_read(), "it is still to be done");
    }

    #[test]
    fn a_snapshot_takes_the_place_of_all() {
        let mut rows = rows();
        rows.apply(Event::Snapshot(vec![(5, "e")]));
        assert!(rows.is_current());
        rows.apply(lost());
        rows.apply(Event::Snapshot(vec![(6, "f")]));
        assert!(rows.is_current());
        assert_eq!(shown(&rows), [(6, "f")]);
    }

    #[test]
    fn nothing_is_shown_once_it_has_ended() {
        let mut rows = current();
        rows.apply(Event::Ended(Error::Reset));
        assert_eq!((rows.iter().len(), rows.is_current()), (0, false));
        rows.apply(subscribed(true));
        assert!(rows.must_read());
    }
}
