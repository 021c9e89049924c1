//! Whatever a client sends, line by line: the session does not panic, answers each message at most
//! once, and in the JSON that PROTOCOL.md describes.

#![no_main]

use std::sync::LazyLock;

use diesel::prelude::*;
use libfuzzer_sys::fuzz_target;
use rest_live::prelude::*;
use rest_live::testing::Client;
use serde::Serialize;

diesel::table! {
    tasks (id) { id -> Integer, text -> Text, list_id -> Integer, owner -> Nullable<Text>, }
}

#[derive(Debug, Clone, Queryable, Selectable, Identifiable, Insertable, AsChangeset, Serialize, Subscribable)]
#[diesel(table_name = tasks)]
#[live(label = "todolist.Task")]
#[subscribable]
#[subscribable(group_key = "list_id")]
#[subscribable(group_key("list_id", "owner"))]
struct Task {
    id: i32,
    text: String,
    list_id: i32,
    owner: Option<String>,
}

static LIVE: LazyLock<Live<()>> = LazyLock::new(|| {
    let builder = Live::<()>::builder().anonymous().model::<Task>();
    builder.build().expect("the model is in order")
});

fuzz_target!(|text: &str| {
    let mut client = Client::connect(&LIVE, ());
    for message in text.lines() {
        client.send(message);
        let answers = client.receive_all();
        assert!(answers.len() <= 1, "{message:?} was answered by {answers:?}");
        for answer in answers {
            let kind = answer["type"].as_str().expect("answers have a type");
            assert!(["error", "subscribed", "unsubscribed"].contains(&kind), "{answer}");
        }
    }
});
