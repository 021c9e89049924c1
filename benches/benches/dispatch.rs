//! From a commit to the moment at which all subscribers have been told, in one process and without
//! sockets. The hand-over to the dispatcher's thread is part of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use diesel::{Queryable, Selectable};
use rest_live::testing::Client;
use rest_live::{Live, Subscribable};
use rest_live_core::{Change, SubscribableBy};
use serde::Serialize;
use serde_json::{Value, json};

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Clone, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = tasks)]
#[live(label = "bench.Task")]
#[subscribable(group_key = "list_id")]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

#[derive(Clone, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = tasks)]
#[live(label = "bench.Task")]
#[subscribable(group_key = "list_id", check_permission = may_see)]
struct GuardedTask {
    id: i32,
    list_id: i32,
    text: String,
}

fn may_see(user: &i32, task: &GuardedTask) -> bool {
    *user <= task.list_id
}

const SEED: &str = r#"{"model":"bench.Task","property":"list_id","value":1}"#;
const EXTENDED: &str = r#"{"id":1,"model":"bench.Task","property":"list_id","value":1}"#;

/// A `Live`, its subscribers, and one who has subscribed to nothing: it knows when all is told.
struct Bench<M> {
    live: Live<i32>,
    clients: Vec<Client<i32>>,
    witness: Client<i32>,
    row: M,
}

impl<M: SubscribableBy<i32> + Clone> Bench<M> {
    fn new(count: usize, subscription: &str, row: M) -> Self {
        let live = Live::builder()
            .anonymous()
            .model::<M>()
            .build()
            .expect("the model is right");
        let connect = |_| {
            let mut client = Client::connect(&live, 0);
            client.send(subscription);
            client
        };
        let mut bench = Self {
            clients: (0..count).map(connect).collect(),
            witness: Client::connect(&live, 0),
            live,
            row,
        };
        bench.drain();
        bench
    }

    /// The time of so many commits; what subscribers do with their messages does not count.
    fn time(&mut self, commits: u64) -> Duration {
        let feed = Arc::clone(self.live.feed());
        let model = feed.models()[0].id;
        let mut time = Duration::ZERO;
        for _ in 0..commits {
            let change = Change::new(model, Some(self.row.clone()), Some(self.row.clone()));
            let start = Instant::now();
            feed.log().ticket().commit(vec![change]);
            self.witness.receive_nothing();
            time += start.elapsed();
            self.drain();
        }
        time
    }

    fn drain(&mut self) {
        for client in &mut self.clients {
            while let Ok(Some(_)) = client.try_receive_text() {}
        }
    }
}

fn text() -> String {
    "x".repeat(100)
}

fn task(list_id: i32) -> Task {
    Task {
        id: 1,
        list_id,
        text: text(),
    }
}

fn guarded() -> GuardedTask {
    GuardedTask {
        id: 1,
        list_id: 1,
        text: text(),
    }
}

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan-out");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    for count in [1, 10, 100, 1_000, 10_000, 100_000] {
        group.throughput(Throughput::Elements(count as u64));
        for (form, subscription) in [("seed", SEED), ("extended", EXTENDED)] {
            let mut open = Bench::new(count, subscription, task(1));
            group.bench_function(BenchmarkId::new(form, count), |bencher| {
                bencher.iter_custom(|commits| open.time(commits));
            });
            drop(open);
            let mut guarded = Bench::new(count, subscription, guarded());
            let id = BenchmarkId::new(format!("{form}, permission"), count);
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|commits| guarded.time(commits));
            });
        }
    }
    group.finish();
}

/// Many listen, and nobody to this.
fn nobody_listens(criterion: &mut Criterion) {
    let mut bench = Bench::new(1_000, SEED, task(2));
    criterion
        .benchmark_group("group without subscribers")
        .throughput(Throughput::Elements(1))
        .bench_function("commit", |bencher| {
            bencher.iter_custom(|commits| bench.time(commits));
        });
}

/// Somebody comes back who missed a hundred changes, of so many that there were.
fn resume(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resume");
    for kept in [100, 10_000, 100_000] {
        let mut bench = Bench::new(1, EXTENDED, task(1));
        let client = &mut bench.clients[0];
        client.send(r#"{"id":2,"model":"bench.Task","property":"list_id","value":2}"#);
        let ack: Value = serde_json::from_str(&client.receive_text()).expect("JSON");
        let feed = Arc::clone(bench.live.feed());
        let model = feed.models()[0].id;
        for number in 0..kept {
            let list_id = if number % (kept / 100) == 0 { 2 } else { 3 };
            let change = Change::new(model, None, Some(task(list_id)));
            feed.log().ticket().commit(vec![change]);
        }
        bench.witness.receive_nothing();
        let message = json!({"id": 1, "model": "bench.Task", "property": "list_id", "value": 2, "since": ack["cursor"]});
        group.throughput(Throughput::Elements(100));
        group.bench_function(BenchmarkId::new("100 changes missed of", kept), |bencher| {
            let mut client = Client::connect(&bench.live, 0);
            bencher.iter_custom(|times| {
                let mut time = Duration::ZERO;
                for _ in 0..times {
                    let start = Instant::now();
                    client.send(&message);
                    time += start.elapsed();
                    let answers = || client.try_receive_text().expect("open");
                    assert_eq!(std::iter::from_fn(answers).count(), 101);
                    client.send(json!({"type": "unsubscribe", "id": 1}));
                    client.receive_text();
                }
                time
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fan_out, nobody_listens, resume);
criterion_main!(benches);
