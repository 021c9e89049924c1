//! The figures of a server, as Prometheus reads them, and as docs/metrics.md names them.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use metrics_exporter_prometheus::PrometheusBuilder;
use rest_live::prelude::*;
use serde_json::json;

use self::support::{App, Task, User, new};

/// What is scraped: the lines of the figures, and the names with their types.
fn scrape(live: &Live<User>) -> (BTreeMap<String, f64>, BTreeMap<String, String>) {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || live.record_metrics());
    let text = recorder.handle().render();
    let lines = text.lines().filter(|line| !line.is_empty());
    let (comments, figures): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with('#'));
    let figures = figures.into_iter().map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    let types = comments.into_iter().filter_map(|line| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name.to_owned(), kind.to_owned()))
    });
    (figures.collect(), types.collect())
}

#[test]
fn the_figures_are_those_of_the_traffic() {
    let app = App::new();
    let mut client = app.reader();
    client.send(json!({"model": "todolist.None", "value": 1}));
    let task = Task::create(&mut app.conn(), new("a")).unwrap();
    task.delete(&mut app.conn()).unwrap();
    client.receive_all();
    drop(app.client(User::anonymous()));
    let (figures, _) = scrape(&app.live);
    for (name, expected) in [
        ("rest_live_connections", 1.0),
        ("rest_live_subscriptions", 1.0),
        ("rest_live_log_changes", 2.0),
        ("rest_live_queue_bytes", 0.0),
        ("rest_live_opened_total", 2.0),
        ("rest_live_closed_total{code=\"left\"}", 1.0),
        ("rest_live_closed_total{code=\"4508\"}", 0.0),
        ("rest_live_commits_total", 2.0),
        (
            "rest_live_events_total{model=\"todolist.Task\",action=\"CREATED\"}",
            1.0,
        ),
        (
            "rest_live_events_total{model=\"todolist.Task\",action=\"DELETED\"}",
            1.0,
        ),
        ("rest_live_deliveries_total", 2.0),
        ("rest_live_resumes_total{recovered=\"true\"}", 0.0),
        ("rest_live_refused_total{reason=\"unknown_model\"}", 1.0),
        ("rest_live_refused_handshakes_total{status=\"429\"}", 0.0),
    ] {
        assert_eq!(figures.get(name), Some(&expected), "{name}: {figures:#?}");
    }
}

/// A row of the table: the name, the type and the labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let page = include_str!("../docs/metrics.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `rest_live_"));
    let named = rows.filter(|line| line.contains("| gauge |") || line.contains("| counter |"));
    named
        .map(|row| {
            let cells: Vec<_> = row
                .split('|')
                .map(|cell| cell.trim().replace('`', ""))
                .collect();
            let labels = cells[3].split(", ").filter(|label| !label.is_empty());
            let labels = labels.map(ToOwned::to_owned).collect();
            (cells[1].clone(), (cells[2].clone(), labels))
        })
        .collect()
}

#[test]
fn the_page_names_what_there_is_and_nothing_else() {
    let (figures, types) = scrape(&App::new().live);
    let mut recorded = BTreeMap::new();
    for figure in figures.keys() {
        let (name, labels) = figure.split_once('{').unwrap_or((figure, ""));
        let labels = labels.split(',').filter_map(|label| label.split_once('='));
        let labels: BTreeSet<_> = labels.map(|(label, _)| label.to_owned()).collect();
        recorded.insert(name.to_owned(), (types[name].clone(), labels));
    }
    assert_eq!(recorded, documented());
}

/// However many groups, users and rows there are, Prometheus has as many series.
#[test]
fn no_label_holds_a_value() {
    let app = App::new();
    let (before, _) = scrape(&app.live);
    let mut clients: Vec<_> = (0..50)
        .map(|number| app.client(User::named(&format!("user {number}"))))
        .collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(json!({"model": "todolist.Task", "property": "list_id", "value": number}));
        client.send(json!({"model": format!("no.Model{number}"), "value": 1}));
        Task::create(&mut app.conn(), new("a")).unwrap();
    }
    let (after, _) = scrape(&app.live);
    assert!(before.keys().eq(after.keys()), "{after:#?}");
    assert_eq!(after["rest_live_groups"], 50.0);
}
