//! Rows of a [`LiveConnection`](crate::LiveConnection): of a statement that is still at work, or of
//! one that has ended.

use std::ops::Range;
use std::vec;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::row::{Field, IntoOwnedRow, PartialRow, Row, RowIndex, RowSealed};

/// The rows of a query: as the database gives them, or all of them when it has given the last.
#[derive(Debug)]
pub enum Cursor<I, O> {
    /// Of a statement that is at work while they are read.
    Streamed(I),
    /// Of a statement that has ended.
    Ended(vec::IntoIter<QueryResult<O>>),
}

/// A row of a [`Cursor`].
#[derive(Debug)]
pub enum CursorRow<R, O> {
    /// Of a statement that is at work.
    Streamed(R),
    /// Of a statement that has ended.
    Ended(O),
}

/// A field of a [`CursorRow`].
#[derive(Debug)]
pub enum CursorField<R, O> {
    /// Of a statement that is at work.
    Streamed(R),
    /// Of a statement that has ended.
    Ended(O),
}

impl<R, I, O> Iterator for Cursor<I, O>
where
    I: Iterator<Item = QueryResult<R>>,
{
    type Item = QueryResult<CursorRow<R, O>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self {
            Self::Streamed(rows) => rows.next()?.map(CursorRow::Streamed),
            Self::Ended(rows) => rows.next()?.map(CursorRow::Ended),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Streamed(rows) => rows.size_hint(),
            Self::Ended(rows) => rows.size_hint(),
        }
    }
}

impl<R, O> RowSealed for CursorRow<R, O> {}

impl<N, R: RowIndex<N>, O: RowIndex<N>> RowIndex<N> for CursorRow<R, O> {
    fn idx(&self, name: N) -> Option<usize> {
        match self {
            Self::Streamed(row) => row.idx(name),
            Self::Ended(row) => row.idx(name),
        }
    }
}

impl<'a, DB, R, O> Row<'a, DB> for CursorRow<R, O>
where
    DB: Backend,
    R: Row<'a, DB>,
    O: Row<'a, DB>,
{
    type Field<'f>
        = CursorField<R::Field<'f>, O::Field<'f>>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        match self {
            Self::Streamed(row) => row.field_count(),
            Self::Ended(row) => row.field_count(),
        }
    }

    fn get<'f, N>(&'f self, name: N) -> Option<Self::Field<'f>>
    where
        'a: 'f,
        Self: RowIndex<N>,
    {
        let at = self.idx(name)?;
        match self {
            Self::Streamed(row) => row.get(at).map(CursorField::Streamed),
            Self::Ended(row) => row.get(at).map(CursorField::Ended),
        }
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self> {
        PartialRow::new(self, range)
    }
}

impl<'a, DB, R, O> IntoOwnedRow<'a, DB> for CursorRow<R, O>
where
    DB: Backend,
    R: IntoOwnedRow<'a, DB, OwnedRow = O>,
    O: Row<'a, DB> + Send + 'static,
{
    type OwnedRow = O;
    type Cache = R::Cache;

    fn into_owned(self, cache: &mut R::Cache) -> O {
        match self {
            Self::Streamed(row) => row.into_owned(cache),
            Self::Ended(row) => row,
        }
    }
}

impl<'f, DB, R, O> Field<'f, DB> for CursorField<R, O>
where
    DB: Backend,
    R: Field<'f, DB>,
    O: Field<'f, DB>,
{
    fn field_name(&self) -> Option<&str> {
        match self {
            Self::Streamed(field) => field.field_name(),
            Self::Ended(field) => field.field_name(),
        }
    }

    fn value(&self) -> Option<DB::RawValue<'_>> {
        match self {
            Self::Streamed(field) => field.value(),
            Self::Ended(field) => field.value(),
        }
    }

    fn is_null(&self) -> bool {
        match self {
            Self::Streamed(field) => field.is_null(),
            Self::Ended(field) => field.is_null(),
        }
    }
}
