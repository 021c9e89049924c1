//! A server among clients that behave badly: those that behave well lose nothing, and the memory
//! stays within bounds. `SOAK_SECONDS=600 cargo test --release --test soak` for long.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

#[path = "support/socket.rs"]
mod client;

#[path = "soak/bad.rs"]
mod bad;
#[path = "soak/reader.rs"]
mod reader;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use rest_live::Limits;
use rest_live::prelude::*;

use self::bad::BADLY;
use self::client::{serve, within};
use self::reader::{Reader, rows};
use self::support::{App, NewTask, Task, limits, tasks};

/// So many of each kind.
const READERS: usize = 12;
const OF_EACH_BAD_KIND: usize = 4;
const LISTS: i32 = 3;

fn soak_limits() -> Limits {
    limits(|limits| {
        limits.queue_bytes = 64 * 1024;
        limits.log_changes = 2_000;
        limits.ping_every = Duration::from_millis(300);
        limits.pong_within = Duration::from_millis(700);
        limits.close_within = Duration::from_millis(300);
        limits.handshake_within = Duration::from_millis(500);
    })
}

/// What the server may take at the most, by the bounds above: every connection a full queue, and
/// the log. The clients are in this process too: as much again, and their buffers.
fn most_bytes(limits: &Limits) -> u64 {
    let connections = READERS + OF_EACH_BAD_KIND * BADLY.len();
    let queues = connections * (limits.queue_bytes + 4 * limits.message_bytes);
    (2 * (queues + 2_000 * 2_000) + 64 * 1024 * 1024) as u64
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok());
    pages.map_or(0, |pages: u64| pages * 4096)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_behaves_well_loses_nothing_among_those_who_do_not() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(3, |seconds| seconds.parse().unwrap());
    let limits = soak_limits();
    let app = Arc::new(App::with(|builder| builder.limits(limits)));
    let address = serve(&app.live).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let begun = resident_bytes();

    let writers: Vec<_> = (0..2)
        .map(|seed| {
            let (app, is_over) = (Arc::clone(&app), Arc::clone(&is_over));
            thread::spawn(move || write(&app, seed, &is_over))
        })
        .collect();
    let bad: Vec<_> = BADLY
        .iter()
        .flat_map(|badly| (0..OF_EACH_BAD_KIND).map(move |_| tokio::spawn(badly(address))))
        .collect();
    let readers: Vec<_> = (0..READERS)
        .map(|number| {
            let reader = Reader::new(&app, address, number);
            tokio::spawn(reader.read_until(Arc::clone(&is_over)))
        })
        .collect();

    let end = Instant::now() + Duration::from_secs(seconds);
    let mut most = begun;
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
        most = most.max(resident_bytes());
    }
    is_over.store(true, Ordering::Relaxed);
    let writes: usize = writers
        .into_iter()
        .map(|writer| writer.join().unwrap())
        .sum();
    let (mut resumed, mut read_again) = (0, 0);
    for reader in readers {
        let reader = within(reader).await.unwrap();
        assert_eq!(
            reader.rows,
            rows(&app, reader.list),
            "reader {}",
            reader.number
        );
        resumed += reader.resumed;
        read_again += reader.read_again;
    }
    for client in bad {
        client.abort();
        assert!(
            client.await.unwrap_err().is_cancelled(),
            "it behaves badly to the end"
        );
    }
    within(async {
        while app.live.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    println!(
        "{writes} writes; {resumed} times resumed, {read_again} times read again; \
         at most {} MiB more than before",
        (most - begun) / 1024 / 1024
    );
    assert!(
        most - begun <= most_bytes(&limits),
        "{} bytes",
        most - begun
    );
}

/// Writes until it is over; says how often.
fn write(app: &App, seed: usize, is_over: &AtomicBool) -> usize {
    let conn = &mut app.conn();
    let mut writes = 0;
    let mut mine: Vec<Task> = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        writes += 1;
        let (number, list_id) = (writes + seed, 1 + (writes % LISTS as usize) as i32);
        let text = format!("{number} {}", "x".repeat(150 + number % 100));
        if mine.len() < 20 {
            let text = text.as_str();
            mine.push(Task::create(conn, NewTask { text, list_id }).unwrap());
            continue;
        }
        let at = number % mine.len();
        match number % 7 {
            0 => drop(mine.swap_remove(at).delete(conn).unwrap()),
            1 => {
                let many = tasks::table.filter(tasks::id.eq_any(mine.iter().map(|task| task.id)));
                diesel::update(many)
                    .set(tasks::done.eq(number % 2 == 0))
                    .execute(conn)
                    .unwrap();
            }
            _ => {
                (mine[at].text, mine[at].list_id) = (text, list_id);
                mine[at].save(conn).unwrap();
            }
        }
        // A writer without a pause leaves the clients no core of the two.
        thread::sleep(Duration::from_micros(500));
    }
    writes
}
