//! A dispatcher that permissions keep busy, and those who have to do with it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use axum::http::Request;
use diesel::{Queryable, Selectable};
use futures_util::FutureExt;
use rest_live::testing::Client;
use rest_live::{Live, Subscribable};
use rest_live_core::{Change, Feed};
use serde::Serialize;
use serde_json::json;
use tower::ServiceExt;

diesel::table! { notes { id -> Integer, list_id -> Integer, } }

#[derive(Clone, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = notes)]
#[live(label = "busy.Endless", user = i32)]
#[subscribable]
#[subscribable(group_key = "list_id", check_permission = goes_on)]
struct Endless {
    id: i32,
    list_id: i32,
}

static ENDLESS: OnceLock<Arc<Feed>> = OnceLock::new();
static GOES_ON: AtomicBool = AtomicBool::new(true);

/// While it is asked, somebody commits again: the log is never done.
fn goes_on(_: &i32, note: &Endless) -> bool {
    if GOES_ON.load(Relaxed) {
        write(ENDLESS.get().expect("the feed"), note.clone());
    }
    false
}

#[derive(Clone, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = notes)]
#[live(label = "busy.Slow", user = i32)]
#[subscribable(group_key = "list_id", check_permission = takes_its_time)]
struct Slow {
    id: i32,
    list_id: i32,
}

static ASKED: OnceLock<Sender<()>> = OnceLock::new();
static ANSWER: OnceLock<Mutex<Receiver<()>>> = OnceLock::new();

fn takes_its_time(_: &i32, _: &Slow) -> bool {
    ASKED.get().expect("set").send(()).expect("somebody waits");
    let answer = ANSWER.get().expect("set").lock().expect("unharmed");
    answer.recv().is_ok()
}

fn write<M: rest_live_core::SubscribableBy<i32>>(feed: &Arc<Feed>, row: M) {
    let change = Change::new(feed.models()[0].id, None, Some(row));
    feed.log().ticket().commit(vec![change]);
}

/// What comes of work that somebody else may hold up; `None` if it does.
fn soon<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, is_done) = channel();
    thread::spawn(move || done.send(work()).ok());
    is_done.recv_timeout(Duration::from_secs(20)).ok()
}

#[test]
fn commits_without_end_hold_up_neither_who_subscribes_nor_what_is_told() {
    let live = Live::builder().anonymous().model::<Endless>().build();
    let live = live.expect("the model is right");
    ENDLESS.set(Arc::clone(live.feed())).expect("unset");
    let mut refused = Client::connect(&live, 1);
    refused.send(json!({"id": 1, "model": "busy.Endless", "property": "list_id", "value": 1}));
    refused.receive();
    let mut told = Client::connect(&live, 2);
    told.send(json!({"id": 1, "model": "busy.Endless", "value": 7}));
    told.receive();
    write(live.feed(), Endless { id: 7, list_id: 1 });
    let event = soon(move || told.receive());
    let ack = soon(move || {
        let mut late = Client::connect(&live, 3);
        late.send(json!({"id": 1, "model": "busy.Endless", "property": "list_id", "value": 2}));
        late.receive()
    });
    GOES_ON.store(false, Relaxed);
    assert_eq!(event.expect("an event")["action"], "CREATED");
    assert_eq!(ack.expect("an answer")["type"], "subscribed");
}

#[test]
fn figures_do_not_wait_for_a_permission() {
    let ((asked, is_asked), (answer, answers)) = (channel(), channel());
    ASKED.set(asked).expect("unset");
    ANSWER.set(Mutex::new(answers)).expect("unset");
    let live = Live::builder().anonymous().model::<Slow>().build();
    let live = live.expect("the model is right");
    let mut client = Client::connect(&live, 1);
    client.send(json!({"model": "busy.Slow", "property": "list_id", "value": 1}));
    write(live.feed(), Slow { id: 7, list_id: 1 });
    is_asked.recv().expect("the permission is asked");
    let (service, runtime) = (
        live.inspector(|_| async { Ok(()) }),
        tokio::runtime::Runtime::new().expect("a runtime"),
    );
    // Those who give up are not waited for.
    let overview = || {
        let request = Request::get("/?view=overview").body(()).expect("right");
        service.clone().oneshot(request)
    };
    for _ in 0..3 {
        let _context = runtime.enter();
        assert!(overview().now_or_never().is_none());
    }
    let overview = overview();
    let overview = soon(move || runtime.block_on(overview));
    let stats = soon(move || live.stats());
    answer.send(()).expect("the permission waits");
    let stats = stats.expect("figures");
    let overview = overview.expect("an answer").expect("no error");
    assert_eq!(overview.status(), 200);
    assert_eq!((stats.subscriptions, stats.groups), (1, 1));
    assert_eq!((stats.commits, stats.log.backlog_changes), (0, 1));
    assert_eq!(client.receive()["action"], "CREATED");
}
