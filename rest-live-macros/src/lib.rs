//! The derive of rest-live.

// In the order of its work.
mod attr;
mod check;
mod errors;
mod expand;
mod input;
mod model;
mod names;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::errors::Errors;
use crate::input::Input;

/// Makes a Diesel model one whose rows clients can subscribe to.
///
/// ```text
/// #[derive(Queryable, Selectable, Serialize, Subscribable)]
/// #[diesel(table_name = tasks, belongs_to(List))]
/// #[subscribable]
/// #[subscribable(group_key = "list_id", check_permission = has_auth)]
/// #[subscribable(group_key = "list_id", check_permission = has_no_auth, fields("id", "text"))]
/// pub struct Task {
///     pub id: i32,
///     pub text: String,
///     pub done: bool,
///     pub list_id: i32,
/// }
///
/// fn has_auth(user: &User, task: &Task) -> bool {
///     user.is_authenticated()
/// }
/// ```
///
/// Rust clients and tests name a group without strings: `Task::group().list_id(1)`, and
/// `Task::group().list_id_and_done(1, true)` for a composite key. The constructors are called as
/// the fields are.
///
/// # `#[subscribable]`: one registration
///
/// There is at least one, and they stack. Of several on the same key, a subscriber gets the first
/// whose permission passes, from top to bottom.
///
/// | key | value | meaning | without it |
/// |---|---|---|---|
/// | `group_key` | `= "list_id"` | the column by which clients subscribe | the primary key |
/// | | `= "list"` | the foreign key column of `#[diesel(belongs_to(List))]`, unless there is a column `list` | |
/// | | `("list_id", "done")` | several columns, in this order | |
/// | `check_permission` | `= has_auth` | who may see a row: a `fn(&User, &Task) -> bool`, a closure with both types written out, or a value that implements `Permission<User, Task>` | everybody |
/// | | `= IsStaff.or(is_owner)` | permissions compose by `and`, `or` and `not`, which are in scope here | |
/// | `serializer` | `= PublicTask<'_>` | the shape of the JSON: a type that is `From<&Task>` and `Serialize`, with its lifetimes written out | the model's own `Serialize` |
/// | `fields` | `("id", "text")` | these fields (not columns) of the model's own JSON, as its `#[serde(...)]` attributes have them | all fields |
///
/// The type of a key is any that is `Eq`, `Hash`, `Serialize` and `Deserialize`: integers, `bool`,
/// `String`, `Uuid`, newtypes and `Option`s of these. On the wire a key has the name of its column.
///
/// # `#[live]`: the model as a whole
///
/// | key | value | meaning | without it |
/// |---|---|---|---|
/// | `label` | `= "todolist.Task"` | the model's name on the wire | the crate's name as an identifier, and the struct's |
/// | `user` | `= User` | the user type of the permissions: another one, in a permission or in the server, is a compile error | not known to the compiler; `build()` checks that it is the server's |
/// | `crate` | `= path` | where rest-live is, if it was renamed or is re-exported | `::rest_live` |
///
/// # `#[diesel]` and `#[serde]`
///
/// What Diesel is told holds here too: `table_name`, `primary_key` and `belongs_to` on the struct;
/// `column_name`, `embed`, `serialize_as`, `skip_update` and `select_expression` on fields. An
/// embedded struct or a `select_expression` cannot be a key.
///
/// `save` writes all columns but the primary key. Unlike `AsChangeset` it writes `None` as `NULL`,
/// except inside an embedded struct, which is written by its own `AsChangeset`.
#[proc_macro_derive(Subscribable, attributes(subscribable, live))]
pub fn derive_subscribable(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(parse_macro_input!(input)).into()
}

/// The whole way: read, judge, expand. What is right in an input with mistakes is expanded all the
/// same, so that the compiler reports mistakes in types and names along with them.
fn derive(input: DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let input = Input::read(input, &errors);
    let expanded = input
        .as_ref()
        .map(|input| expand::expand(&check::check(input, &errors)));
    let errors = errors.into_compile_errors();
    quote::quote!(#errors #expanded)
}
