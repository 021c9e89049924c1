//! Readers who do not read, over a real socket.

use super::*;

const ROWS: usize = 500;

fn create_all(app: &App) {
    let conn = &mut app.conn();
    for at in 0..ROWS {
        Task::create(conn, new(&format!("task {at}"))).unwrap();
    }
}

/// Reads all tasks, and says how often the reader was told that he lags.
async fn read_all(tasks: &mut Subscription<Task>) -> usize {
    let (mut read, mut lags) = (0, 0);
    while read < ROWS {
        match next(tasks).await {
            Event::Created(task) => {
                assert_eq!(task.text, format!("task {read}"), "in order, and each once");
                read += 1;
            }
            Event::Lost(Error::Lagged) => lags += 1,
            Event::Subscribed { recovered: true } => {}
            other => panic!("{other:?}"),
        }
    }
    lags
}

#[tokio::test]
async fn one_who_does_not_read_misses_nothing_and_holds_up_nobody() {
    let app = app();
    let builder = Client::builder(url(serve(&app.live).await)).buffer_bytes(8 * 1024);
    let client = builder
        .bearer(|| async { Ok::<_, Error>("ann".to_owned()) })
        .build()
        .unwrap();
    let mut slow = client.subscribe(Task::group().list_id(1));
    let mut quick = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut slow).await, SUBSCRIBED);
    assert_eq!(told(&mut quick).await, SUBSCRIBED);
    let reading = tokio::spawn(async move { read_all(&mut quick).await });
    create_all(&app);
    within(reading).await.unwrap();
    assert!(
        read_all(&mut slow).await > 1,
        "it did not fit into the buffer"
    );
    Task::create(&mut app.conn(), new("last")).unwrap();
    let mut last = told(&mut slow).await;
    while last != "created last" {
        assert!(
            last == RECOVERED || last.starts_with("lost: events come faster"),
            "{last}"
        );
        last = told(&mut slow).await;
    }
}

#[tokio::test]
async fn one_who_comes_too_late_is_told_that_he_has_missed_something() {
    let app = app_with(|builder| {
        let builder = builder.authenticate(by_bearer);
        builder.limits(support::limits(|limits| limits.log_changes = 10))
    });
    let builder = Client::builder(url(serve(&app.live).await)).buffer_bytes(8 * 1024);
    let client = builder
        .bearer(|| async { Ok::<_, Error>("ann".to_owned()) })
        .build()
        .unwrap();
    let mut tasks = client.subscribe(Task::group().list_id(1));
    let mut other = client.subscribe(List::group().id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    assert!(matches!(next(&mut other).await, Event::Subscribed { .. }));
    create_all(&app);
    let conn = &mut app.conn();
    List {
        id: 1,
        name: "renamed".to_owned(),
    }
    .save(conn)
    .unwrap();
    assert!(
        matches!(next(&mut other).await, Event::Updated(_)),
        "all has come"
    );
    let mut created = 0;
    loop {
        match next(&mut tasks).await {
            Event::Created(_) => created += 1,
            Event::Lost(Error::Lagged) => {}
            Event::Subscribed { recovered: false } => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(created < ROWS);
}
