//! The triggers of a live table that write to the outbox, whoever writes to the table.
//!
//! Where the connection of the writer does not have `recursive_triggers` on, SQLite says nothing of
//! the rows that a `REPLACE` removes. So those that are in the way of a new row are noted before,
//! and told when it is there.

use super::keys::UniqueKey;
use crate::sqlite::install::{Column, LiveTable, literal, op, quote};

/// All triggers that a table can have.
const EVENTS: [&str; 6] = [
    "insert",
    "update",
    "delete",
    "replace",
    "before_insert",
    "before_update",
];

/// The triggers of a table, in the order of their creation: of each what follows `CREATE TRIGGER
/// main.`.
pub(super) fn triggers(table: &LiveTable, keys: &[UniqueKey]) -> Vec<String> {
    let writer = Writer { table, keys };
    let when_heard = "WHEN EXISTS (SELECT 1 FROM rest_live_consumers) ";
    let when_changed = format!("WHEN FALSE{} ", table.changed());
    let (inserted, before, after, deleted) = (
        writer.image("NEW", op::INSERTED),
        writer.image("OLD", op::BEFORE_UPDATE),
        writer.image("NEW", op::AFTER_UPDATE),
        writer.image("OLD", op::DELETED),
    );
    if keys.is_empty() {
        return vec![
            writer.trigger("insert", "AFTER INSERT", "", &[inserted]),
            writer.trigger("update", "AFTER UPDATE", &when_changed, &[before, after]),
            writer.trigger("delete", "AFTER DELETE", "", &[deleted]),
        ];
    }
    let is_old_noted = writer.is_old(|slot, _| format!("c{slot}"));
    let is_old = writer.is_old(|_, column| format!("it.{}", quote(&column.name)));
    let of_keys = writer.update_of_keys();
    let (forget, another) = (writer.forget("TRUE"), |is_old: &str| {
        format!("NOT ({is_old})")
    });
    vec![
        writer.trigger(
            "insert",
            "AFTER INSERT",
            "",
            &[writer.replaced("TRUE"), forget.clone(), inserted],
        ),
        writer.trigger("update", "AFTER UPDATE", &when_changed, &[before, after]),
        writer.trigger(
            "delete",
            "AFTER DELETE",
            "",
            &[writer.forget(&is_old_noted), deleted],
        ),
        // Newer than the one of updates, so it is called first. Apart from it, since SQLite translates all
        // triggers of a statement each time that it prepares one.
        writer.trigger(
            "replace",
            &format!("AFTER {of_keys}"),
            "",
            &[writer.replaced(&another(&is_old_noted)), forget.clone()],
        ),
        writer.trigger(
            "before_insert",
            "BEFORE INSERT",
            when_heard,
            &[forget.clone(), writer.note("TRUE")],
        ),
        writer.trigger(
            "before_update",
            &format!("BEFORE {of_keys}"),
            when_heard,
            &[forget.clone(), writer.note(&another(&is_old))],
        ),
    ]
}

/// The names of all triggers that a table can have.
pub(super) fn names(table: &LiveTable) -> impl Iterator<Item = String> {
    EVENTS.iter().map(|event| name(table, event))
}

fn name(table: &LiveTable, event: &str) -> String {
    // The event first: so no two tables have names of which one begins with the other.
    format!("rest_live_others_{event}_{}", table.name)
}

/// Writes the statements of which the triggers are made.
struct Writer<'a> {
    table: &'a LiveTable,
    keys: &'a [UniqueKey],
}

impl Writer<'_> {
    fn trigger(&self, event: &str, moment: &str, when: &str, body: &[String]) -> String {
        let (name, table) = (quote(&name(self.table, event)), quote(&self.table.name));
        format!(
            "{name} {moment} ON {table} {when}BEGIN {}END",
            body.concat()
        )
    }

    /// Writes an image of the row to each consumer.
    fn image(&self, of: &str, op: i32) -> String {
        let values = self
            .table
            .each(|_, column| format!(", {of}.{}", quote(&column.name)));
        self.entries(op, &values, "rest_live_consumers")
    }

    /// Writes the rows that had to make room for `NEW`, now that it is there.
    fn replaced(&self, condition: &str) -> String {
        let values = self.table.each(|slot, _| format!(", c{slot}"));
        let (source, is_taken) = (
            literal(&self.table.name),
            self.is_taken(&|name| self.table.slot(name)),
        );
        let from = format!(
            "rest_live_replaced, rest_live_consumers WHERE source = {source} AND {is_taken} AND {condition}"
        );
        self.entries(op::DELETED, &values, &from)
    }

    fn entries(&self, op: i32, values: &str, from: &str) -> String {
        let slots = self.table.each(|slot, _| format!(", c{slot}"));
        let shape = literal(&self.table.shape());
        format!(
            "INSERT INTO rest_live_outbox(consumer, shape, op{slots}) \
             SELECT rest_live_consumers.id, {shape}, {op}{values} FROM {from}; "
        )
    }

    /// Notes the rows that have to go if `NEW` is to have their place.
    fn note(&self, condition: &str) -> String {
        let slots = self.table.each(|slot, _| format!(", c{slot}"));
        let values = self
            .table
            .each(|_, column| format!(", it.{}", quote(&column.name)));
        let (source, table) = (literal(&self.table.name), quote(&self.table.name));
        let is_taken = self.is_taken(&|name| format!("it.{}", quote(name)));
        format!(
            "INSERT INTO rest_live_replaced(source{slots}) SELECT {source}{values} FROM {table} AS it \
             WHERE {is_taken} AND {condition}; "
        )
    }

    fn forget(&self, condition: &str) -> String {
        let source = literal(&self.table.name);
        format!("DELETE FROM rest_live_replaced WHERE source = {source} AND {condition}; ")
    }

    /// Whether `OLD` is the row whose columns `of` names. By all of them: a key may be `NULL` in many
    /// rows.
    fn is_old(&self, of: impl Fn(usize, &Column) -> String) -> String {
        let same = self.table.each(|slot, column| {
            format!(" AND {} IS OLD.{}", of(slot, column), quote(&column.name))
        });
        format!("TRUE{same}")
    }

    /// An update after which a key may be another. That of a generated column is named by none.
    fn update_of_keys(&self) -> String {
        if self.keys.iter().any(UniqueKey::is_generated) {
            return "UPDATE".to_owned();
        }
        let columns: Vec<_> = self.keys.iter().map(UniqueKey::columns).collect();
        format!("UPDATE OF {}", columns.join(", "))
    }

    fn is_taken(&self, of: &impl Fn(&str) -> String) -> String {
        let keys: Vec<_> = self.keys.iter().map(|key| key.is_taken(of)).collect();
        format!("({})", keys.join(" OR "))
    }
}
