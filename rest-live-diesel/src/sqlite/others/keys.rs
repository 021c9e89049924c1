//! The unique keys of a table: what tells which row a `REPLACE` removes.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::SqliteConnection;

use crate::sqlite::install::quote;

/// Columns of which no two rows have the same values, and how each is compared.
pub(super) struct UniqueKey(Vec<KeyColumn>);

#[derive(QueryableByName)]
struct KeyColumn {
    #[diesel(sql_type = Text)]
    index: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    collation: String,
    #[diesel(sql_type = Bool)]
    is_generated: bool,
}

impl UniqueKey {
    /// Whether the key of `NEW` is that of another row, whose columns `of` names: no two `NULL`s are
    /// the same.
    pub(super) fn is_taken(&self, of: &impl Fn(&str) -> String) -> String {
        self.each(
            " AND ",
            |KeyColumn {
                 name, collation, ..
             }| {
                let (other, name, collation) = (of(name), quote(name), quote(collation));
                format!("{other} = NEW.{name} COLLATE {collation}")
            },
        )
    }

    /// Whether one of its columns is worked out from others.
    pub(super) fn is_generated(&self) -> bool {
        self.0.iter().any(|column| column.is_generated)
    }

    pub(super) fn columns(&self) -> String {
        self.each(", ", |column| quote(&column.name))
    }

    fn each(&self, between: &str, write: impl Fn(&KeyColumn) -> String) -> String {
        self.0.iter().map(write).collect::<Vec<_>>().join(between)
    }
}

/// The unique keys of a table, its primary key first. Indexes of a part of the rows, or of
/// expressions, are none.
pub(super) fn unique_keys(conn: &mut SqliteConnection, table: &str) -> QueryResult<Vec<UniqueKey>> {
    // A primary key that is the row's number has no index; it is its only column.
    let columns: Vec<KeyColumn> = diesel::sql_query(
        "SELECT '' AS \"index\", name, 'BINARY' AS collation, FALSE AS is_generated FROM pragma_table_info(?1, 'main') WHERE pk > 0 \
           AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk') \
         UNION ALL SELECT index_name, name, coll, \
           EXISTS (SELECT 1 FROM pragma_table_xinfo(?1, 'main') AS x WHERE x.name = keys.name AND x.hidden IN (2, 3)) FROM ( \
           SELECT i.origin = 'pk' AS is_primary, i.name AS index_name, c.seqno, c.name, c.coll, \
             min(c.cid) OVER (PARTITION BY i.name) AS least \
           FROM pragma_index_list(?1, 'main') AS i, pragma_index_xinfo(i.name, 'main') AS c \
           WHERE i.\"unique\" AND NOT i.partial AND c.key \
           ORDER BY is_primary DESC, index_name, seqno) AS keys \
         WHERE least >= 0",
    )
    .bind::<Text, _>(table)
    .load(conn)?;
    let keys = columns
        .into_iter()
        .fold(Vec::<UniqueKey>::new(), |mut keys, column| {
            match keys.last_mut() {
                Some(UniqueKey(columns)) if columns[0].index == column.index => {
                    columns.push(column)
                }
                _ => keys.push(UniqueKey(vec![column])),
            }
            keys
        });
    Ok(keys)
}
