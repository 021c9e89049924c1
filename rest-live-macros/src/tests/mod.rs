//! What the derive makes of whole structs. What the compiler makes of the output is tested with the
//! facade.

mod types;

use expect_test::{Expect, expect, expect_file};
use syn::parse_quote;

use super::*;

#[test]
fn the_example_model() {
    let expanded = derive(parse_quote! {
        #[diesel(table_name = tasks, belongs_to(List))]
        #[subscribable]
        #[subscribable(group_key = "list_id", check_permission = has_auth)]
        #[subscribable(group_key = "list_id", check_permission = has_no_auth, fields("id", "text"))]
        pub struct Task {
            pub id: i32,
            pub text: String,
            pub done: bool,
            pub list_id: i32,
        }
    });
    expect_file!["./snapshots/task.rs"].assert_eq(&pretty(expanded));
}

#[test]
fn an_input_without_fields_becomes_inert() {
    let expanded = derive(parse_quote! {
        #[live(crate = live_rows, user = User, label = "app.Task")]
        #[subscribable]
        struct Task;
    });
    let expected = expect![[r#"
        ::core::compile_error! {
            "a live model has fields, as in `struct Task { id: i32 }`"
        }
        const _: () = {
            use live_rows::__private as __live;
            #[automatically_derived]
            impl __live::Subscribable for Task {
                const LABEL: __live::Label = __live::Label::new("app.Task");
                type Groups = ();
                fn describe() -> __live::Description<Self> {
                    ::core::unreachable!()
                }
            }
            #[automatically_derived]
            impl<__L> __live::TypedModel<__L> for Task {
                fn types(_: &mut __L) -> __live::Types<'_, __L> {
                    ::core::unreachable!()
                }
            }
            #[automatically_derived]
            impl __live::SubscribableBy<User> for Task {}
        };
    "#]];
    expected.assert_eq(&pretty(expanded));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let input = parse_quote! {
        #[live(label = "Task", label = "app.Task", name = "x")]
        #[subscribable(group_key("ids", nope, 7), fields(), serializer, check_permission = |a, b| a == b, user = User)]
        #[subscribable(group_key = "lst_id", fields("txt", "id", "id", "secret"))]
        #[subscribable(fields("id"), serializer = Public)]
        struct Task {
            id: i32,
            list_id: i32,
            #[serde(skip)]
            secret: String,
        }
    };
    let expected = expect![[r#"
        `label` is given twice; remove one
        unknown key `name` in `#[live(...)]`; it takes `label`, `user`, `crate`
        expected a string literal, as in `group_key("nope")`
        expected a string literal, as in `group_key("...")`
        `fields` is empty; name at least one, as in `fields("...")`
        expected a value, as in `serializer = ...`
        `user` belongs in `#[live(user = ...)]`
        a label has exactly one dot, as in "app.Model"
        no column `lst_id` on `Task`; did you mean "list_id"?
        no field `txt` on `Task`
        field `id` is in this list already; remove it
        `#[serde(skip)]` keeps `secret` out of the JSON of `Task`; remove one of the two
        `fields` and `serializer` exclude each other; remove one
    "#]];
    check_errors(input, &expected);
}

#[test]
fn a_flawed_registration_is_not_compared_with_others() {
    let input = parse_quote! {
        #[subscribable]
        #[subscribable(check_permision = has_auth)]
        #[subscribable(grup_key = "id")]
        struct Task {
            id: i32,
        }
    };
    let expected = expect![[r#"
        unknown key `check_permision` in `#[subscribable(...)]`; did you mean `check_permission`?
        unknown key `grup_key` in `#[subscribable(...)]`; did you mean `group_key`?
    "#]];
    check_errors(input, &expected);
}

#[test]
fn a_parent_is_only_a_name_for_a_column() {
    let input = parse_quote! {
        #[diesel(belongs_to(List), belongs_to(User, foreign_key = author))]
        #[subscribable(group_key = "list")]
        #[subscribable(group_key("user", "author"))]
        #[subscribable(group_key = "user_id")]
        struct Task {
            id: i32,
            author: i32,
        }
    };
    let expected = expect![[r#"
        `List` is the parent by `list_id`, but `Task` has no such column
        column `author` is in this key already; remove it
        no column `user_id` on `Task`; a key is the column of a field
    "#]];
    check_errors(input, &expected);
}

#[test]
fn keys_with_the_same_columns_in_another_order_are_two() {
    let input = parse_quote! {
        #[diesel(primary_key(a, b))]
        #[subscribable]
        #[subscribable(group_key("b", "a"))]
        #[subscribable(group_key("a"))]
        struct Pair {
            a: i32,
            b: i32,
        }
    };
    check_errors(input, &expect![""]);
}

#[test]
fn what_diesel_and_serde_understand_is_read_without_complaint() {
    let input = parse_quote! {
        #[diesel(table_name = "schema::tasks", treat_none_as_null = true, check_for_backend(Sqlite, Pg), primary_key(uid,),)]
        #[diesel(belongs_to(crate::Owner, foreign_key = "owner"), belongs_to(List<'_>))]
        #[serde(deny_unknown_fields, rename_all(serialize = "camelCase", deserialize = "snake_case"))]
        #[subscribable]
        #[subscribable(group_key("owner", "list", "type"), fields("type"))]
        struct Task {
            #[diesel(serialize_as = "i64", sql_type = Integer)]
            uid: i32,
            owner: i32,
            list_id: i32,
            #[diesel(column_name = "type")]
            #[serde(default = "none", rename(serialize = "type"))]
            r#type: String,
        }
    };
    check_errors(input, &expect![""]);
}

fn check_errors(input: DeriveInput, expected: &Expect) {
    let errors = Errors::new();
    if let Some(input) = Input::read(input, &errors) {
        check::check(&input, &errors);
    }
    expected.assert_eq(&errors.into_messages());
}

fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).expect("the expansion is Rust"))
}
