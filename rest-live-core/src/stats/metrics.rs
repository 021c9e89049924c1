//! The figures as metrics, for Prometheus and others, by way of the facade crate `metrics`.

use metrics::{counter, describe_counter, describe_gauge, gauge};

use super::{LogStats, Stats};
use crate::live::Live;

impl<U: Send + Sync + 'static> Live<U> {
    /// Gives the figures of [`Live::stats`] to the process's recorder of the crate
    /// [`metrics`](https://docs.rs/metrics): counters, and gauges as of now. Their names are in
    /// [docs/metrics.md](https://docs.rs/crate/rest-live/latest/source/docs/metrics.md).
    ///
    /// Call it when they are read, in the handler that Prometheus scrapes; or every few seconds,
    /// where the exporter has no such handler. In between nothing is recorded, and costs nothing.
    ///
    /// ```
    /// # use rest_live_core::Live;
    /// use metrics_exporter_prometheus::PrometheusBuilder;
    ///
    /// # #[cfg(feature = "server")] {
    /// # let live = Live::<()>::builder().anonymous().build().unwrap();
    /// let prometheus = PrometheusBuilder::new().install_recorder().unwrap();
    /// let scrape = move || {
    ///     live.record_metrics();
    ///     prometheus.render()
    /// };
    /// assert!(scrape().contains("rest_live_connections 0"));
    /// # }
    /// ```
    ///
    /// There is one set of names: of several `Live`s in a process, record one.
    pub fn record_metrics(&self) {
        let stats = self.stats();
        record_gauges(&stats);
        record_log(&stats.log);
        record_connections(&stats);
        record_work(&stats);
    }
}

fn record_gauges(stats: &Stats) {
    let gauges = [
        (
            "rest_live_connections",
            "Open connections",
            stats.connections,
        ),
        (
            "rest_live_slow_connections",
            "Open connections whose socket takes no more",
            stats.slow_connections,
        ),
        (
            "rest_live_queue_bytes",
            "Bytes that wait to be sent, on all connections",
            stats.queue_bytes,
        ),
        (
            "rest_live_subscriptions",
            "Subscriptions",
            stats.subscriptions,
        ),
        (
            "rest_live_groups",
            "Groups that somebody is subscribed to",
            stats.groups,
        ),
        (
            "rest_live_awaited_snapshots",
            "Subscriptions that wait for their snapshot",
            stats.awaited_snapshots,
        ),
    ];
    for (name, help, value) in gauges {
        set_gauge(name, help, value as f64);
    }
}

fn record_log(log: &LogStats) {
    let gauges = [
        (
            "rest_live_log_changes",
            "Changes kept for those who come back",
            log.changes as f64,
        ),
        (
            "rest_live_log_bytes",
            "Bytes of the rows of these changes, about",
            log.bytes as f64,
        ),
        (
            "rest_live_log_age_seconds",
            "Age of the oldest of these changes",
            log.age.as_secs_f64(),
        ),
        (
            "rest_live_backlog_changes",
            "Changes that wait for the dispatcher",
            log.backlog_changes as f64,
        ),
        (
            "rest_live_backlog_bytes",
            "Bytes of the rows of these changes, about",
            log.backlog_bytes as f64,
        ),
        (
            "rest_live_lag_seconds",
            "How long the oldest of these changes has waited",
            log.lag.as_secs_f64(),
        ),
    ];
    for (name, help, value) in gauges {
        set_gauge(name, help, value);
    }
}

fn record_connections(stats: &Stats) {
    const CLOSED: &str = "rest_live_closed_total";
    const HANDSHAKES: &str = "rest_live_refused_handshakes_total";
    const REFUSED: &str = "rest_live_refused_total";

    set_counter("rest_live_opened_total", "Connections opened", stats.opened);
    describe_counter!(
        CLOSED,
        "Connections ended, by close code; `left` by themselves"
    );
    for (code, count) in &stats.closed {
        counter!(CLOSED, "code" => code.to_string()).absolute(*count);
    }
    counter!(CLOSED, "code" => "left").absolute(stats.left);
    describe_counter!(
        HANDSHAKES,
        "Requests for a connection refused, by HTTP status"
    );
    for (status, count) in &stats.refused_handshakes {
        counter!(HANDSHAKES, "status" => status.to_string()).absolute(*count);
    }
    describe_counter!(REFUSED, "Messages answered with an error, by its reason");
    for (reason, count) in &stats.refused {
        counter!(REFUSED, "reason" => *reason).absolute(*count);
    }
}

fn record_work(stats: &Stats) {
    const EVENTS: &str = "rest_live_events_total";
    const RESUMES: &str = "rest_live_resumes_total";

    let counters = [
        ("rest_live_commits_total", "Commits told", stats.commits),
        (
            "rest_live_deliveries_total",
            "Events put into the queues of subscribers",
            stats.deliveries,
        ),
        (
            "rest_live_resyncs_total",
            "Subscribers told to read again",
            stats.resyncs,
        ),
        (
            "rest_live_snapshots_total",
            "Snapshots sent",
            stats.snapshots,
        ),
    ];
    for (name, help, value) in counters {
        set_counter(name, help, value);
    }
    describe_counter!(EVENTS, "Changes of rows told, by model and action");
    for (model, counts) in &stats.events {
        let actions = [
            ("CREATED", counts.created),
            ("UPDATED", counts.updated),
            ("DELETED", counts.deleted),
            ("UNKNOWN", counts.unknown),
        ];
        for (action, count) in actions {
            counter!(EVENTS, "model" => model.clone(), "action" => action).absolute(count);
        }
    }
    describe_counter!(
        RESUMES,
        "Subscriptions that were to resume, by whether they did"
    );
    for (recovered, count) in [("true", stats.resumed), ("false", stats.not_resumed)] {
        counter!(RESUMES, "recovered" => recovered).absolute(count);
    }
}

fn set_gauge(name: &'static str, help: &'static str, value: f64) {
    describe_gauge!(name, help);
    gauge!(name).set(value);
}

fn set_counter(name: &'static str, help: &'static str, value: u64) {
    describe_counter!(name, help);
    counter!(name).absolute(value);
}
