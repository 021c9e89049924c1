//! Encoding: rows of many sizes as JSON, as the dispatcher asks for it, and as a whole message to
//! one subscriber.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use diesel::{Queryable, Selectable};
use rest_live::testing::Client;
use rest_live::{Live, Subscribable};
use rest_live_core::Change;
use serde::Serialize;

diesel::table! { notes { id -> Integer, text -> Text, } }

#[derive(Clone, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = notes)]
#[live(label = "bench.Note")]
#[subscribable]
struct Note {
    id: i32,
    text: String,
}

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];

fn note(size: usize) -> Note {
    Note {
        id: 1,
        text: "x".repeat(size),
    }
}

fn json(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("row to JSON");
    for size in SIZES {
        let note = note(size);
        group
            .throughput(Throughput::Bytes(size as u64))
            .bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| rest_live_core::to_json(black_box(&note)));
            });
    }
    group.finish();
}

fn message(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit to message");
    for size in SIZES {
        let live = Live::<()>::builder()
            .anonymous()
            .model::<Note>()
            .build()
            .expect("the model is right");
        let mut client = Client::connect(&live, ());
        client.send(r#"{"model":"bench.Note","value":1}"#);
        let mut time = |commits: u64| {
            let model = live.feed().models()[0].id;
            let mut time = Duration::ZERO;
            for _ in 0..commits {
                let change = Change::new(model, Some(note(size)), Some(note(size)));
                let start = Instant::now();
                live.feed().log().ticket().commit(vec![change]);
                black_box(client.receive_text());
                time += start.elapsed();
            }
            time
        };
        group.throughput(Throughput::Elements(1)).bench_function(
            BenchmarkId::from_parameter(size),
            |bencher| {
                bencher.iter_custom(&mut time);
            },
        );
    }
    group.finish();
}

criterion_group!(benches, json, message);
criterion_main!(benches);
