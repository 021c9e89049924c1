//! What the derive's output calls, so that it stays short.

use diesel::ExpressionMethods;
use diesel::dsl::{Eq, Filter};
use diesel::expression::AsExpression;
use diesel::query_dsl::methods::FilterDsl;
use diesel::sql_types::SqlType;

/// The rows of `table` to which `predicate` applies.
pub fn filter<T: FilterDsl<P>, P>(table: T, predicate: P) -> Filter<T, P> {
    table.filter(predicate)
}

/// `column = value`.
pub fn eq<C, V>(column: C, value: V) -> Eq<C, V>
where
    C: ExpressionMethods<SqlType: SqlType>,
    V: AsExpression<C::SqlType>,
{
    column.eq(value)
}
