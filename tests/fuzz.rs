//! Whatever a client sends: the session does not panic, answers each mistake with one error frame,
//! and lives.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Debug;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rest_live::Live;
use rest_live::testing::Client;
use serde_json::{Value, json};

use self::support::{List, Task, User, limits};

const LABELS: [&str; 2] = ["todolist.Task", "todolist.List"];

/// Checks sequences of messages, each sequence on a connection of its own.
fn check<M: Debug>(message: impl Strategy<Value = M>, check: impl Fn(&mut Client<User>, M)) {
    let limits = limits(|limits| (limits.subscriptions, limits.message_bytes) = (4, 400));
    let live = Live::<User>::builder()
        .anonymous()
        .model::<List>()
        .model::<Task>()
        .limits(limits)
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 1000,
        failure_persistence: None,
        ..Config::default()
    });
    let run = runner.run(&vec(message, 1..20), |messages| {
        let mut client = Client::connect(&live, User::anonymous());
        messages
            .into_iter()
            .for_each(|message| check(&mut client, message));
        Ok(())
    });
    run.unwrap();
}

/// The only answer, if there is one.
fn answer(client: &mut Client<User>, message: &dyn ToString) -> Option<Value> {
    client.send(message.to_string());
    let mut answers = client.receive_all();
    assert!(answers.len() <= 1, "{answers:?}");
    answers.pop()
}

fn assert_error(answer: &Value) {
    let expected = [
        (400, "bad_json"),
        (400, "bad_message"),
        (400, "unknown_property"),
        (400, "bad_value"),
        (404, "unknown_model"),
        (404, "unknown_subscription"),
        (409, "duplicate_id"),
        (413, "message_too_big"),
        (429, "too_many_subscriptions"),
    ];
    assert_eq!(answer["type"], "error", "{answer}");
    assert!(
        expected
            .iter()
            .any(|(code, reason)| answer["code"] == *code && answer["reason"] == *reason),
        "{answer}"
    );
    let message = answer["message"].as_str().unwrap();
    assert!((1..400).contains(&message.len()), "{message}");
}

fn text() -> impl Strategy<Value = String> {
    let soup = prop::sample::select(vec![
        "{", "}", "[", "]", "\"", ":", ",", "\\", "\\u", "d800", "1e999", "-0", "null", "\"id\"",
        "ä", "\0",
    ]);
    prop_oneof![
        any::<String>(),
        vec(soup, 0..30).prop_map(|parts| parts.concat()),
        ".{300,500}",
        (100usize..300).prop_map(|deep| "[".repeat(deep))
    ]
}

#[test]
fn random_text_gets_an_error_each_time() {
    check(text(), |client, text| {
        assert_error(&answer(client, &text).expect("an error"))
    });
}

/// Values that are often the right ones.
fn value() -> impl Strategy<Value = Value> {
    let known = prop::sample::select(vec![
        json!("subscribe"),
        json!("unsubscribe"),
        json!("pk"),
        json!("id"),
        json!("list_id"),
        json!("name"),
        json!("list"),
        json!(true),
        json!(false),
        json!(null),
        json!(1),
        json!("1"),
        json!(["id"]),
        json!(["list_id", "id"]),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1.5),
        json!({}),
        json!("1-0"),
        json!("1-18446744073709551615"),
    ]);
    let label = prop::sample::select(LABELS.to_vec()).prop_map(Value::from);
    let leaf = prop_oneof![3 => known, 1 => label, 1 => any::<String>().prop_map(Value::from), 1 => any::<i64>().prop_map(Value::from), 1 => any::<f64>().prop_map(Value::from)];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4).prop_map(|map| json!(map))
        ]
    })
}

/// Objects with the keys of messages, now and then with another.
fn object() -> impl Strategy<Value = Value> {
    let label =
        prop_oneof![4 => prop::sample::select(LABELS.to_vec()).prop_map(Value::from), 1 => value()];
    let key = prop::sample::select(vec!["type", "id", "property", "unsubscribe", "since"]);
    let key = prop_oneof![30 => key.prop_map(str::to_owned), 1 => any::<String>()];
    let value_of_group = prop_oneof![2 => (0..3).prop_map(Value::from), 1 => value()];
    let basis = (
        prop::option::weighted(0.9, label),
        prop::option::weighted(0.9, value_of_group),
    );
    (basis, btree_map(key, value(), 0..4)).prop_map(|((model, value), rest)| {
        let mut object = json!(rest);
        model.into_iter().for_each(|model| object["model"] = model);
        value.into_iter().for_each(|value| object["value"] = value);
        object
    })
}

#[test]
fn random_objects_get_one_answer_in_the_form_that_they_chose() {
    check(object(), |client, object| {
        match (answer(client, &object), object.get("id")) {
            (Some(answer), id) if answer["type"] == "error" => {
                assert_error(&answer);
                assert!(
                    answer.get("id").is_none() || answer.get("id") == id,
                    "{answer}"
                );
            }
            (Some(answer), Some(id)) => {
                assert_eq!(&answer["id"], id);
                assert!(
                    answer["type"] == "subscribed" || answer["type"] == "unsubscribed",
                    "{answer}"
                );
            }
            (Some(answer), None) => panic!("the seed form has no answer like {answer}"),
            (None, Some(_)) => panic!("{object} got no answer"),
            (None, None) => assert!(
                LABELS.contains(&object["model"].as_str().unwrap()),
                "{object}"
            ),
        }
    });
}
