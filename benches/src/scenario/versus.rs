//! rest-live and servers written by hand, all with SQLite.

use super::{GROUP, TEXT, greeting, name, start};
use crate::Result;
use crate::client::Crowd;
use crate::control::Kind;
use crate::drive::{Measured, Target, closed, paced};
use crate::options::Setting;
use crate::report::{Report, Row};

const KINDS: [Kind; 3] = [Kind::Sqlite, Kind::Broadcast, Kind::BroadcastPlain];

pub fn run(setting: &Setting) -> Result<Report> {
    let mut report = Report::new("versus");
    for subscribers in setting.subscribers_or(&[1_000]) {
        let mut slower = f64::INFINITY;
        for _ in 0..setting.rounds {
            for kind in KINDS {
                let measured = measure(kind, setting, subscribers, None)?;
                // The plain one is shown for what it is; it does not hold back the others.
                if kind != Kind::BroadcastPlain {
                    slower = slower.min(measured.deliveries_per_second());
                }
                report.add(row(kind, subscribers, "peak", measured));
            }
        }
        for _ in 0..setting.rounds {
            for kind in [Kind::Sqlite, Kind::Broadcast] {
                let measured = measure(kind, setting, subscribers, Some(slower / 2.0))?;
                report.add(row(
                    kind,
                    subscribers,
                    "half of the slower's peak",
                    measured,
                ));
            }
        }
    }
    Ok(report)
}

/// At a rate of deliveries, or as fast as it goes.
fn measure(
    kind: Kind,
    setting: &Setting,
    subscribers: usize,
    rate: Option<f64>,
) -> Result<Measured> {
    let mut server = start(kind, TEXT, setting)?;
    let mut crowd = Crowd::connect(server.port, subscribers, greeting(kind))?;
    let target = Target {
        groups: &[GROUP],
        subscribers,
    };
    let (server, crowd, seconds) = (&mut server, &mut crowd, setting.seconds);
    closed(server, crowd, target, (1, 1), 0.1)?;
    match rate {
        Some(rate) => paced(server, crowd, target, rate / subscribers as f64, seconds),
        None => closed(server, crowd, target, (4 * setting.writers, 1), seconds),
    }
}

fn row(kind: Kind, subscribers: usize, load: &str, measured: Measured) -> Row {
    let (server_busy, load_busy) = measured.busy_percent();
    let labels = [
        ("subscribers", subscribers.to_string()),
        ("load", load.to_owned()),
        ("server", name(kind).to_owned()),
    ];
    Row::new(labels)
        .figure("deliveries/s", measured.deliveries_per_second())
        .figure("cpu_us/delivery", measured.cpu_us_per_delivery())
        .figure("p50_ms", measured.p50_ms)
        .figure("p99_ms", measured.p99_ms)
        .figure("server_busy_%", server_busy)
        .figure("load_busy_%", load_busy)
}
