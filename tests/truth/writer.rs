//! Live connections, and every way of writing on them.

use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::{CustomizeConnection, Error, Pool, PooledConnection};
use proptest::prelude::*;
use rest_live::prelude::*;

use super::models::{Card, User, cards};

pub(crate) type LiveSqlite = LiveConnection<SqliteConnection>;
pub(crate) type Manager = LiveManager<SqliteConnection>;

/// A statement, and how it is run.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// By `sql_query`.
    Execute(Sql),
    /// By `batch_execute`.
    Batch(Vec<Sql>),
    /// By `load`, with a RETURNING.
    Returning(Sql),
    /// By `batch_execute`, and undone by a savepoint of its own.
    Undone(Vec<Sql>),
    Create(Values),
    Save(Values),
    Delete(i32),
}

#[derive(Debug, Clone)]
pub(crate) enum Sql {
    Insert(Conflict, Vec<Values>),
    Upsert(Values),
    Update(Conflict, Set, Filter),
    Delete(Filter),
    InsertBoard(Conflict, i32, bool),
    /// With ON UPDATE CASCADE, and a trigger that publishes the cards.
    UpdateBoard(Conflict, BoardSet, i32),
    /// With ON DELETE CASCADE.
    DeleteBoard(i32),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Conflict {
    None,
    Replace,
    Ignore,
    Fail,
    Rollback,
}

/// A card but its stamp.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    id: i32,
    board: i32,
    owner: Option<i32>,
    is_public: bool,
    slot: Option<i32>,
}

#[derive(Debug, Clone)]
pub(crate) enum Set {
    Board(i32),
    Owner(Option<i32>),
    Public(bool),
    Slot(Option<i32>),
    Id(i32),
    IdBy(i32),
    BoardAndOwner(i32, Option<i32>),
    /// Not even the stamp.
    Nothing,
    Stamp,
}

#[derive(Debug, Clone)]
pub(crate) enum BoardSet {
    Open(bool),
    Id(i32),
}

#[derive(Debug, Clone)]
pub(crate) enum Filter {
    Id(i32),
    Board(i32),
    Owner(Option<i32>),
    All,
}

impl Sql {
    fn text(&self, stamp: i64) -> String {
        match self {
            Self::Insert(conflict, rows) => {
                let rows: Vec<_> = rows.iter().map(|row| row.text(stamp)).collect();
                format!(
                    "INSERT {} INTO cards VALUES {}",
                    conflict.text(),
                    rows.join(", ")
                )
            }
            Self::Upsert(row) => format!(
                "INSERT INTO cards VALUES {} ON CONFLICT (id) DO UPDATE SET \
                 board_id = excluded.board_id, is_public = excluded.is_public, stamp = excluded.stamp",
                row.text(stamp)
            ),
            Self::Update(conflict, set, filter) => {
                format!(
                    "UPDATE {} cards SET {} WHERE {}",
                    conflict.text(),
                    set.text(stamp),
                    filter.text()
                )
            }
            Self::Delete(filter) => format!("DELETE FROM cards WHERE {}", filter.text()),
            Self::InsertBoard(conflict, id, open) => {
                format!(
                    "INSERT {} INTO boards VALUES ({id}, {open}, {stamp})",
                    conflict.text()
                )
            }
            Self::UpdateBoard(conflict, set, id) => {
                let set = match set {
                    BoardSet::Open(open) => format!("is_open = {open}"),
                    BoardSet::Id(id) => format!("id = {id}"),
                };
                format!(
                    "UPDATE {} boards SET {set}, stamp = {stamp} WHERE id = {id}",
                    conflict.text()
                )
            }
            Self::DeleteBoard(id) => format!("DELETE FROM boards WHERE id = {id}"),
        }
    }

    /// Whether its failure may end the transaction.
    fn may_end_transaction(&self) -> bool {
        matches!(
            self,
            Self::Insert(Conflict::Rollback, _)
                | Self::Update(Conflict::Rollback, ..)
                | Self::InsertBoard(Conflict::Rollback, ..)
                | Self::UpdateBoard(Conflict::Rollback, ..)
        )
    }
}

impl Conflict {
    fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Replace => "OR REPLACE",
            Self::Ignore => "OR IGNORE",
            Self::Fail => "OR FAIL",
            Self::Rollback => "OR ROLLBACK",
        }
    }
}

fn or_null(value: Option<i32>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| value.to_string())
}

impl Values {
    fn text(&self, stamp: i64) -> String {
        let Self {
            id,
            board,
            is_public,
            ..
        } = self;
        let (owner, slot) = (or_null(self.owner), or_null(self.slot));
        format!("({id}, {board}, {owner}, {is_public}, {slot}, {stamp})")
    }

    fn card(&self, stamp: i64) -> Card {
        Card {
            id: self.id,
            board_id: self.board,
            owner_id: self.owner,
            is_public: self.is_public,
            slot: self.slot,
            stamp,
        }
    }
}

impl Set {
    fn text(&self, stamp: i64) -> String {
        let set = match self {
            Self::Nothing => return "is_public = is_public".to_owned(),
            Self::Stamp => return format!("stamp = {stamp}"),
            Self::Board(id) => format!("board_id = {id}"),
            Self::Owner(id) => format!("owner_id = {}", or_null(*id)),
            Self::Public(is) => format!("is_public = {is}"),
            Self::Slot(slot) => format!("slot = {}", or_null(*slot)),
            Self::Id(id) => format!("id = {id}"),
            Self::IdBy(by) => format!("id = id + {by}"),
            Self::BoardAndOwner(board, owner) => {
                format!("board_id = {board}, owner_id = {}", or_null(*owner))
            }
        };
        format!("{set}, stamp = {stamp}")
    }
}

impl Filter {
    fn text(&self) -> String {
        match self {
            Self::Id(id) => format!("id = {id}"),
            Self::Board(id) => format!("board_id = {id}"),
            Self::Owner(id) => format!("owner_id IS {}", or_null(*id)),
            Self::All => "TRUE".to_owned(),
        }
    }
}

/// A connection that a program holds: a live one, or one of others.
pub(crate) struct Writer {
    conn: Conn,
    /// Whether raw SQL began a transaction.
    is_raw: bool,
    /// Whether SQLite may have ended the transaction behind Diesel's back.
    is_suspect: bool,
}

enum Conn {
    Pooled(PooledConnection<Manager>),
    Single(LiveSqlite),
    Plain(SqliteConnection),
}

/// What is the same on all of them.
macro_rules! on {
    ($writer:expr, |$conn:ident| $what:expr) => {
        match &mut $writer.conn {
            Conn::Pooled($conn) => {
                let $conn: &mut LiveSqlite = $conn;
                $what
            }
            Conn::Single($conn) => $what,
            Conn::Plain($conn) => $what,
        }
    };
}

fn begin<C: Connection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::begin_transaction(conn)
}

fn end<C: Connection>(conn: &mut C, commit: bool) -> QueryResult<()> {
    match commit {
        true => C::TransactionManager::commit_transaction(conn),
        false => C::TransactionManager::rollback_transaction(conn),
    }
}

fn is_in_transaction<C: Connection>(conn: &mut C) -> bool {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    !matches!(status.transaction_depth(), Ok(None))
}

impl Writer {
    pub(crate) fn pooled(pool: &Pool<Manager>) -> Self {
        Self::new(Conn::Pooled(pool.get().expect("a connection")))
    }

    pub(crate) fn single(url: &str, live: &Live<User>) -> Self {
        let conn = SqliteConnection::establish(url).expect("the file opens");
        let mut conn = LiveConnection::new(conn, live).expect("a live connection");
        conn.batch_execute(PRAGMAS).expect("pragmas");
        Self::new(Conn::Single(conn))
    }

    /// One of others, who know nothing of rest-live.
    pub(crate) fn plain(url: &str) -> Self {
        let mut conn = SqliteConnection::establish(url).expect("the file opens");
        // Without recursive triggers, the history of these tests would miss what a REPLACE removes.
        conn.batch_execute(PRAGMAS).expect("pragmas");
        conn.batch_execute("PRAGMA recursive_triggers = ON")
            .expect("a pragma");
        Self::new(Conn::Plain(conn))
    }

    fn new(conn: Conn) -> Self {
        Self {
            conn,
            is_raw: false,
            is_suspect: false,
        }
    }

    /// Lets it wait for other writers.
    pub(crate) fn wait_for_others(&mut self) {
        let pragma = "PRAGMA busy_timeout = 20000";
        on!(self, |conn| conn.batch_execute(pragma)).expect("a pragma");
    }

    fn is_in_transaction(&mut self) -> bool {
        on!(self, |conn| is_in_transaction(conn))
    }

    /// Begins a transaction, or a savepoint in one.
    pub(crate) fn begin(&mut self) {
        // It fails while another connection writes.
        drop(on!(self, |conn| begin(conn)));
    }

    pub(crate) fn begin_raw(&mut self, sql: &str) {
        if !self.is_in_transaction() && !self.is_raw {
            self.is_raw = on!(self, |conn| conn.batch_execute(sql)).is_ok();
        }
    }

    /// Ends the innermost transaction.
    pub(crate) fn end(&mut self, commit: bool) {
        if self.is_raw {
            let sql = if commit { "COMMIT" } else { "ROLLBACK" };
            drop(on!(self, |conn| conn.batch_execute(sql)));
            self.is_raw = false;
        } else if self.is_in_transaction() {
            drop(on!(self, |conn| end(conn, commit)));
        }
        self.is_suspect &= self.is_in_transaction();
    }

    /// Makes it certain that whatever is committed is told.
    pub(crate) fn touch(&mut self) {
        while self.is_suspect {
            self.end(false);
        }
        if !self.is_in_transaction() {
            drop(on!(self, |conn| diesel::sql_query("SELECT 1").execute(conn)));
        }
    }

    /// Ends all transactions, so that the connection can go back to its pool.
    pub(crate) fn end_all(&mut self, commit: bool) {
        for _ in 0..20 {
            if !self.is_raw && !self.is_in_transaction() {
                return;
            }
            self.end(commit);
        }
    }

    pub(crate) fn write(&mut self, write: &Write, stamp: i64) {
        let failed = self.try_write(write, stamp).is_err();
        let may_end = match write {
            Write::Execute(sql) | Write::Returning(sql) => sql.may_end_transaction(),
            Write::Batch(all) | Write::Undone(all) => all.iter().any(Sql::may_end_transaction),
            Write::Create(_) | Write::Save(_) | Write::Delete(_) => false,
        };
        if failed && may_end {
            self.is_raw = false;
            self.is_suspect = true;
        }
    }

    fn try_write(&mut self, write: &Write, stamp: i64) -> QueryResult<()> {
        let batch = |all: &[Sql]| -> String {
            let texts = (stamp..).zip(all).map(|(stamp, sql)| sql.text(stamp) + ";");
            texts.collect()
        };
        match write {
            Write::Execute(sql) => {
                let query = diesel::sql_query(sql.text(stamp));
                on!(self, |conn| query.execute(conn)).map(drop)
            }
            Write::Batch(all) => on!(self, |conn| conn.batch_execute(&batch(all))),
            Write::Undone(all) => {
                let text = format!("SAVEPOINT s; {} ROLLBACK TO s; RELEASE s", batch(all));
                let result = on!(self, |conn| conn.batch_execute(&text));
                if result.is_err() {
                    drop(on!(self, |conn| conn.batch_execute("ROLLBACK TO s; RELEASE s")));
                }
                result
            }
            Write::Returning(sql) => {
                let query = diesel::sql_query(sql.text(stamp) + " RETURNING id");
                on!(self, |conn| query.load::<Id>(conn)).map(drop)
            }
            Write::Create(values) => self.create(values.card(stamp)),
            Write::Save(values) => self.save(values.card(stamp)),
            Write::Delete(id) => self.delete(*id),
        }
    }

    fn create(&mut self, card: Card) -> QueryResult<()> {
        match &mut self.conn {
            Conn::Pooled(conn) => Card::create(conn, card).map(drop),
            Conn::Single(conn) => Card::create(conn, card).map(drop),
            Conn::Plain(conn) => diesel::insert_into(cards::table)
                .values(card)
                .execute(conn)
                .map(drop),
        }
    }

    fn save(&mut self, card: Card) -> QueryResult<()> {
        match &mut self.conn {
            Conn::Pooled(conn) => card.save(conn).map(drop),
            Conn::Single(conn) => card.save(conn).map(drop),
            Conn::Plain(conn) => diesel::update(&card).set(&card).execute(conn).map(drop),
        }
    }

    fn delete(&mut self, id: i32) -> QueryResult<()> {
        let found = on!(self, |conn| cards::table.find(id).first::<Card>(conn)).optional()?;
        match (found, &mut self.conn) {
            (None, _) => Ok(()),
            (Some(card), Conn::Pooled(conn)) => card.delete(conn).map(drop),
            (Some(card), Conn::Single(conn)) => card.delete(conn).map(drop),
            (Some(card), Conn::Plain(conn)) => diesel::delete(&card).execute(conn).map(drop),
        }
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    #[expect(dead_code, reason = "it is read so that the statement is done")]
    id: i32,
}

/// Without patience: while one connection of a test writes, nobody else can get on.
const PRAGMAS: &str = "PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 0";

#[derive(Debug)]
pub(crate) struct Pragmas;

impl CustomizeConnection<LiveSqlite, Error> for Pragmas {
    fn on_acquire(&self, conn: &mut LiveSqlite) -> Result<(), Error> {
        conn.batch_execute(PRAGMAS).map_err(Error::QueryError)
    }
}

const CARDS: std::ops::Range<i32> = 1..6;
const BOARDS: std::ops::Range<i32> = 1..4;

fn conflict() -> impl Strategy<Value = Conflict> + Clone {
    prop_oneof![
        4 => Just(Conflict::None),
        3 => Just(Conflict::Replace),
        1 => Just(Conflict::Ignore),
        1 => Just(Conflict::Fail),
        1 => Just(Conflict::Rollback),
    ]
}

fn values() -> impl Strategy<Value = Values> + Clone {
    let owner = prop::option::of(1..4i32);
    let slot = prop::option::of(1..5i32);
    (CARDS, BOARDS, owner, any::<bool>(), slot).prop_map(|(id, board, owner, is_public, slot)| {
        Values {
            id,
            board,
            owner,
            is_public,
            slot,
        }
    })
}

fn set() -> impl Strategy<Value = Set> + Clone {
    let owner = || prop::option::of(1..4i32);
    prop_oneof![
        BOARDS.prop_map(Set::Board),
        owner().prop_map(Set::Owner),
        any::<bool>().prop_map(Set::Public),
        prop::option::of(1..5i32).prop_map(Set::Slot),
        CARDS.prop_map(Set::Id),
        (-2..3i32).prop_map(Set::IdBy),
        (BOARDS, owner()).prop_map(|(board, owner)| Set::BoardAndOwner(board, owner)),
        Just(Set::Nothing),
        Just(Set::Stamp),
    ]
}

fn filter() -> impl Strategy<Value = Filter> + Clone {
    prop_oneof![
        4 => CARDS.prop_map(Filter::Id),
        1 => BOARDS.prop_map(Filter::Board),
        1 => prop::option::of(1..4i32).prop_map(Filter::Owner),
        1 => Just(Filter::All),
    ]
}

fn sql() -> impl Strategy<Value = Sql> + Clone {
    let board_set = prop_oneof![
        2 => any::<bool>().prop_map(BoardSet::Open),
        1 => BOARDS.prop_map(BoardSet::Id),
    ];
    prop_oneof![
        6 => (conflict(), prop::collection::vec(values(), 1..4)).prop_map(|(conflict, rows)| Sql::Insert(conflict, rows)),
        2 => values().prop_map(Sql::Upsert),
        8 => (conflict(), set(), filter()).prop_map(|(conflict, set, filter)| Sql::Update(conflict, set, filter)),
        2 => filter().prop_map(Sql::Delete),
        1 => (conflict(), BOARDS, any::<bool>()).prop_map(|(conflict, id, open)| Sql::InsertBoard(conflict, id, open)),
        2 => (conflict(), board_set, BOARDS).prop_map(|(conflict, set, id)| Sql::UpdateBoard(conflict, set, id)),
        1 => BOARDS.prop_map(Sql::DeleteBoard),
    ]
}

pub(crate) fn write() -> impl Strategy<Value = Write> + Clone {
    prop_oneof![
        6 => sql().prop_map(Write::Execute),
        2 => prop::collection::vec(sql(), 1..4).prop_map(Write::Batch),
        2 => sql().prop_map(Write::Returning),
        1 => prop::collection::vec(sql(), 1..3).prop_map(Write::Undone),
        3 => values().prop_map(Write::Create),
        3 => values().prop_map(Write::Save),
        1 => CARDS.prop_map(Write::Delete),
    ]
}
