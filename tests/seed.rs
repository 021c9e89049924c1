//! What django-rest-live 0.2.2 documents, feature by feature.

mod support;

use rest_live::prelude::*;
use serde_json::json;

use self::support::{App, List, Task, User, new, subscription, told};

#[test]
fn a_row_by_its_primary_key_is_created_updated_and_deleted() {
    let app = App::new();
    let conn = &mut app.conn();
    let mut client = app.client(User::anonymous());
    client.subscribe(Task::group().id(1));
    let instance =
        |text: &str| json!({"id": 1, "text": text, "done": false, "list_id": 1, "note": null});
    let event = |action: &str, text: &str| json!({"model": "todolist.Task", "instance": instance(text), "action": action});

    let mut task = Task::create(conn, new("write")).unwrap();
    assert_eq!(client.receive(), event("CREATED", "write"));
    task.text = "rewrite".into();
    let task = task.save(conn).unwrap();
    assert_eq!(client.receive(), event("UPDATED", "rewrite"));
    assert_eq!(task.delete(conn).unwrap(), 1);
    assert_eq!(client.receive(), event("DELETED", "rewrite"));
    Task::create(conn, new("another"))
        .unwrap()
        .save(conn)
        .unwrap();
    Task::create(conn, new("yet another")).unwrap();
    client.receive_all();
    Task::create(conn, new("the fourth")).unwrap();
    client.receive_nothing();
}

#[test]
fn a_group_of_rows_by_its_key() {
    let app = App::new();
    let conn = &mut app.conn();
    let mut client = app.reader();
    let first = Task::create(conn, new("first")).unwrap();
    Task::create(conn, new("second")).unwrap();
    Task::create(
        conn,
        support::NewTask {
            text: "elsewhere",
            list_id: 2,
        },
    )
    .unwrap();
    Task {
        done: true,
        ..first.clone()
    }
    .save(conn)
    .unwrap();
    first.delete(conn).unwrap();
    assert_eq!(
        told(&mut client),
        [
            "CREATED first",
            "CREATED second",
            "UPDATED first",
            "DELETED first"
        ]
    );
}

#[test]
fn the_bytes_of_the_seed_form() {
    let app = App::new();
    let mut client = app.client(User::named("a"));
    client.send(r#"{"model":"todolist.Task","property":"list_id","value":1}"#);
    Task::create(&mut app.conn(), new("a \"quoted\" ä")).unwrap();
    assert_eq!(
        client.receive_text(),
        r#"{"model":"todolist.Task","instance":{"id":1,"text":"a \"quoted\" ä","done":false,"list_id":1,"note":null},"action":"CREATED"}"#
    );
}

#[test]
fn the_primary_key_may_be_called_pk_id_or_nothing() {
    let app = App::new();
    let conn = &mut app.conn();
    let task = Task::create(conn, new("a")).unwrap();
    for message in [
        subscription("pk", 1),
        subscription("id", 1),
        subscription("id", "1"),
        json!({"model": "todolist.Task", "value": 1}),
    ] {
        let mut client = app.client(User::anonymous());
        client.send(&message);
        let change = Task {
            done: true,
            ..task.clone()
        };
        change.save(conn).unwrap();
        task.save(conn).unwrap();
        assert_eq!(told(&mut client), ["UPDATED a", "UPDATED a"], "{message}");
    }
}

#[test]
fn stacked_registrations_tell_a_client_of_both_groups_twice() {
    let app = App::new();
    let mut client = app.reader();
    client.subscribe(Task::group().id(1));
    Task::create(&mut app.conn(), new("a")).unwrap();
    assert_eq!(told(&mut client), ["CREATED a", "CREATED a"]);
}

#[test]
fn subscribing_twice_takes_two_unsubscribes() {
    let app = App::new();
    let conn = &mut app.conn();
    let mut client = app.reader();
    client.subscribe(Task::group().list_id(1));
    let mut unsubscribe = subscription("list_id", 1);
    unsubscribe["unsubscribe"] = json!(true);

    Task::create(conn, new("a")).unwrap();
    assert_eq!(told(&mut client), ["CREATED a"]);
    client.send(&unsubscribe);
    Task::create(conn, new("b")).unwrap();
    assert_eq!(told(&mut client), ["CREATED b"]);
    client.send(&unsubscribe);
    Task::create(conn, new("c")).unwrap();
    client.receive_nothing();
}

#[test]
fn no_permission_is_silence() {
    let app = App::new();
    let mut alice = app.client(User::named("alice"));
    let mut bob = app.client(User::named("bob"));
    for client in [&mut alice, &mut bob] {
        client.subscribe(List::group().name("alice"));
    }
    let list = List::create(
        &mut app.conn(),
        List {
            id: 9,
            name: "alice".into(),
        },
    )
    .unwrap();
    list.delete(&mut app.conn()).unwrap();
    assert_eq!(told(&mut alice), ["CREATED alice", "DELETED alice"]);
    bob.receive_nothing();
}

#[test]
fn conditional_serializers_give_two_users_two_shapes() {
    let app = App::new();
    let conn = &mut app.conn();
    let message = subscription("list_id", 1);
    let mut member = app.client(User::named("member"));
    let mut guest = app.client(User::anonymous());
    member.send(&message);
    guest.send(&message);
    let task = Task::create(conn, new("a")).unwrap();
    task.delete(conn).unwrap();
    for action in ["CREATED", "DELETED"] {
        let event = member.receive();
        assert_eq!(
            (&event["action"], &event["instance"]),
            (&json!(action), &json!(task))
        );
        let event = guest.receive();
        assert_eq!(
            (&event["action"], &event["instance"]),
            (&json!(action), &json!({"id": 1, "text": "a"}))
        );
    }
}
