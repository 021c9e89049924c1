//! What a look at a server costs, with many connections: its figures, and all that the inspector
//! shows.

use std::hint::black_box;

use axum::body::Body;
use axum::http::Request;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use diesel::prelude::*;
use rest_live::Limits;
use rest_live::Subscribable;
use rest_live::prelude::*;
use rest_live::testing::Client;
use serde::Serialize;
use serde_json::json;
use tower_service::Service;

diesel::table! {
    events (id) { id -> Integer, list_id -> Integer, }
}

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = events)]
#[live(label = "load.Event")]
#[subscribable(group_key = "list_id")]
struct Event {
    id: i32,
    list_id: i32,
}

const CONNECTIONS: i32 = 10_000;

/// A server with so many groups for each of its connections, every one another.
fn server(groups: i32) -> (Live<i32>, Vec<Client<i32>>) {
    let limits = Limits {
        subscriptions: 1_000,
        ..Limits::default()
    };
    let live = Live::<i32>::builder()
        .anonymous()
        .identify(|user| Some(*user))
        .limits(limits)
        .model::<Event>()
        .build()
        .expect("the model is in order");
    let connect = |user| {
        let mut client = Client::connect(&live, user);
        for group in 0..groups {
            let value = user * groups + group;
            client.send(json!({"model": "load.Event", "property": "list_id", "value": value}));
        }
        client
    };
    let clients = (0..CONNECTIONS).map(connect).collect();
    (live, clients)
}

fn inspect(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut group = criterion.benchmark_group("look");
    for groups in [1, 10, 100] {
        let (live, _clients) = server(groups);
        let subscriptions = CONNECTIONS * groups;
        group.bench_function(BenchmarkId::new("stats", subscriptions), |bencher| {
            bencher.iter(|| black_box(live.stats()));
        });
        group.bench_function(BenchmarkId::new("inspector", subscriptions), |bencher| {
            bencher.iter(|| {
                // Another one each time: what one has gathered it shows again for half a second.
                let mut inspector = live.inspector(|_| async { Ok(()) });
                let request = Request::get("/?view=overview").body(Body::empty());
                let answer = inspector.call(request.expect("a request"));
                runtime.block_on(answer)
            });
        });
    }
}

criterion_group!(benches, inspect);
criterion_main!(benches);
