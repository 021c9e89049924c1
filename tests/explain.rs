//! Why did this subscriber get this event, or not?

mod support;

use rest_live::prelude::*;
use serde_json::{Value, json};

use self::support::{App, List, Task, User, new};

#[test]
fn a_client_is_told_why() {
    let app = App::new();
    let mut guest = app.client(User::anonymous());
    guest.subscribe(Task::group().list_id(1));
    assert_eq!(guest.explain(), "nothing was committed");
    let task = Task::create(&mut app.conn(), new("a")).unwrap();
    Task { list_id: 2, ..task }.save(&mut app.conn()).unwrap();
    guest.receive_all();
    let explained = guest.explain();
    let (_, groups) = explained.split_once('\n').unwrap();
    assert!(explained.starts_with("todolist.Task at "), "{explained}");
    assert_eq!(
        groups,
        r#"  "id" = 1 (not subscribed)
    before: no permission needed passes
    after: no permission needed passes
    so: UPDATED {"id":1,"text":"a","done":false,"list_id":2,"note":null}, by registration 1 of this key
  "list_id" = 1 (subscribed)
    before: explain::support::has_auth refuses, explain::support::has_no_auth passes
    after: not in this group
    so: DELETED {"id":1,"text":"a"}, by registration 2 of this key
  "list_id" = 2 (not subscribed)
    before: not in this group
    after: explain::support::has_auth refuses, explain::support::has_no_auth passes
    so: CREATED {"id":1,"text":"a"}, by registration 2 of this key"#
    );
}

#[test]
fn who_subscribes_after_a_change_is_said_to_have_come_later() {
    let app = App::new();
    let mut early = app.reader();
    Task::create(&mut app.conn(), new("a")).unwrap();
    let late = app.reader();
    early.receive_all();
    assert!(early.explain().contains("\"list_id\" = 1 (subscribed)"));
    assert!(
        late.explain()
            .contains("\"list_id\" = 1 (subscribed later)")
    );
}

#[test]
fn an_event_is_explained_by_its_cursor_for_any_user() {
    let app = App::new();
    let mut client = app.reader();
    client.send(json!({"id": 1, "model": "todolist.List", "value": 9}));
    let cursor = |event: Value| event["cursor"].as_str().unwrap().to_owned();
    let before = cursor(client.receive());
    List::create(
        &mut app.conn(),
        List {
            id: 9,
            name: "alice".into(),
        },
    )
    .unwrap();
    let created = cursor(client.receive());

    let told = |name: &str| {
        let explanations = app.live.explain(&User::named(name), &created).unwrap();
        let by_name = explanations[0]
            .groups
            .iter()
            .find(|group| group.property == "name")
            .unwrap();
        by_name.told.as_ref().map(|told| told.action)
    };
    assert_eq!(told("alice"), Some("CREATED"));
    assert_eq!(told("bob"), None);
    for unknown in [before.as_str(), "", "1-1"] {
        assert!(
            app.live.explain(&User::anonymous(), unknown).is_none(),
            "{unknown:?}"
        );
    }
    let json = serde_json::to_value(app.live.explain(&User::named("bob"), &created)).unwrap();
    assert_eq!(json[0]["groups"][1]["new"][0]["verdict"], "refuses");
}
