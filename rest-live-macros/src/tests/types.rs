//! What the derive says of types.

use expect_test::expect;
use quote::quote;
use syn::parse_quote;

use super::*;

#[test]
fn types_are_asked_for_by_the_names_of_the_json() {
    let expanded = derive(parse_quote! {
        #[serde(rename_all(serialize = "camelCase"))]
        #[diesel(primary_key(list_id, name))]
        #[subscribable(check_permission = a, fields("list_id", "site", "name"))]
        #[subscribable(check_permission = b, serializer = Public<'_, Cow<'_, str>>)]
        #[subscribable(check_permission = c, serializer = Public<'_, Cow<'_, str>>)]
        #[subscribable(group_key = "list_id", serializer = Owned)]
        struct Member {
            list_id: i32,
            #[serde(rename = "Name")]
            name: Option<String>,
            #[serde(flatten)]
            site: Site,
        }
    });
    let expected = expect![[r#"
        #[automatically_derived]
        impl<__L> __live::TypedModel<__L> for Member
        where
            __L: __live::Language<Member> + __live::Language<Site>
                + __live::Language<Public<'static, Cow<'static, str>>>
                + __live::Language<Owned> + __live::Language<i32>
                + __live::Language<Option<String>> + __live::ReadsSerde<Member>,
        {
            fn types(language: &mut __L) -> __live::Types<'_, __L> {
                __live::Types::new(language)
                    .part::<Member>(&["listId", "Name"])
                    .flatten::<Site>()
                    .row::<Public<'static, Cow<'static, str>>>()
                    .row::<Owned>()
                    .column::<i32>("list_id")
                    .column::<Option<String>>("name")
            }
        }
    "#]];
    expected.assert_eq(&typed_model(expanded));
}

#[test]
fn what_ts_rs_does_not_read_is_found_where_it_is_shown() {
    let unread = |attrs: TokenStream, fields: TokenStream| {
        let input = parse_quote! {
            #attrs
            struct Task { id: i32, #fields }
        };
        let errors = Errors::new();
        let input = Input::read(input, &errors).expect("a struct without generics");
        let table = check::check(&input, &errors).table.expect("a table");
        let unread: Vec<_> = table.unread.iter().map(ToString::to_string).collect();
        assert_eq!(errors.into_messages(), "");
        unread.join(" ")
    };
    let all = || quote!(#[subscribable]);
    for (said, by) in [
        (quote!(skip_serializing_if = "f"), quote!(optional)),
        (quote!(skip_serializing), quote!(skip)),
        (quote!(rename(serialize = "x")), quote!(rename = "x")),
        (quote!(serialize_with = "f"), quote!(type = "number")),
    ] {
        let key = said.clone().into_iter().next().expect("a key").to_string();
        assert_eq!(unread(all(), quote!(#[serde(#said)] text: String)), key);
        let told = quote!(#[serde(#said)] #[ts(#by)] text: String);
        assert_eq!(unread(all(), told), "", "{by}");
        let not_shown = quote!(#[subscribable(fields("id"))]);
        assert_eq!(unread(not_shown, quote!(#[serde(#said)] text: String)), "");
        let serializer = quote!(#[subscribable(serializer = Public)]);
        assert_eq!(unread(serializer, quote!(#[serde(#said)] text: String)), "");
    }
    for attr in [
        quote!(skip),
        quote!(flatten),
        quote!(rename = "x"),
        quote!(default, skip_serializing_if = "f"),
    ] {
        assert_eq!(unread(all(), quote!(#[serde(#attr)] text: String)), "");
    }
    for (key, by) in [
        (
            quote!(rename_all(serialize = "camelCase")),
            quote!(rename_all = "camelCase"),
        ),
        (quote!(into = "Other"), quote!(as = "Other")),
    ] {
        let name = key.clone().into_iter().next().expect("a key").to_string();
        let said = quote!(#[serde(#key)] #[subscribable]);
        assert_eq!(unread(said.clone(), quote!()), name);
        assert_eq!(unread(quote!(#said #[ts(#by)]), quote!()), "");
        let not_shown = quote!(#[serde(#key)] #[subscribable(serializer = Public)]);
        assert_eq!(unread(not_shown, quote!()), "");
    }
    let optional_fields = quote!(#[ts(optional_fields)] #[subscribable]);
    let skipped_if = quote!(#[serde(skip_serializing_if = "f")] text: Option<String>);
    assert_eq!(unread(optional_fields, skipped_if), "");
    let split = quote! {
        #[serde(default, skip_serializing_if = "f", rename(serialize = "x"))]
        #[ts(rename = "x")]
        text: String
    };
    assert_eq!(unread(all(), split), "skip_serializing_if");
}

/// What is derived for languages.
fn typed_model(expanded: TokenStream) -> String {
    let pretty = pretty(expanded);
    let lines = pretty
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line));
    let lines: Vec<_> = lines.collect();
    let at = lines
        .iter()
        .position(|line| line.contains("TypedModel"))
        .expect("an impl");
    let end = at
        + lines[at..]
            .iter()
            .position(|line| *line == "}")
            .expect("its end");
    lines[at - 1..=end].join("\n") + "\n"
}
