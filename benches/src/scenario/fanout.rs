//! One event to many subscribers, one commit at a time and many at once.

use super::{GROUP, TEXT, extended, nothing, seed, start};
use crate::Result;
use crate::client::{Crowd, Greeting};
use crate::control::Kind;
use crate::drive::{Target, closed};
use crate::options::Setting;
use crate::report::{Report, Row};

type Variant = (&'static str, Kind, fn(usize) -> Greeting);

const VARIANTS: [Variant; 3] = [
    ("epoll", Kind::Epoll, nothing),
    ("rest-live, seed form", Kind::Log, seed),
    ("rest-live, extended form", Kind::Log, extended),
];
/// How many orders are on their way, and how many commits each has.
const LOADS: [(&str, (usize, usize)); 3] = [
    ("one at a time", (1, 1)),
    ("four ahead", (4, 1)),
    ("bursts of 100", (1, 100)),
];

pub fn run(setting: &Setting) -> Result<Report> {
    let mut report = Report::new("fanout");
    for subscribers in setting.subscribers_or(&[1_000, 10_000]) {
        for _ in 0..setting.rounds {
            for variant in VARIANTS {
                measure(setting, subscribers, variant, &mut report)?;
            }
        }
    }
    Ok(report)
}

fn measure(
    setting: &Setting,
    subscribers: usize,
    (name, kind, greet): Variant,
    report: &mut Report,
) -> Result<()> {
    let mut server = start(kind, TEXT, setting)?;
    let mut crowd = Crowd::connect(server.port, subscribers, greet)?;
    let target = Target {
        groups: &[GROUP],
        subscribers,
    };
    closed(&mut server, &mut crowd, target, (1, 1), 0.1)?;
    for (load, ahead_and_count) in LOADS {
        let seconds = setting.seconds;
        let measured = closed(&mut server, &mut crowd, target, ahead_and_count, seconds)?;
        let (server_busy, load_busy) = measured.busy_percent();
        let labels = [
            ("subscribers", subscribers.to_string()),
            ("commits", load.to_owned()),
            ("server", name.to_owned()),
        ];
        report.add(
            Row::new(labels)
                .figure("cpu_us/delivery", measured.cpu_us_per_delivery())
                .figure("deliveries/s", measured.deliveries_per_second())
                .figure("p50_ms", measured.p50_ms)
                .figure("p99_ms", measured.p99_ms)
                .figure("server_busy_%", server_busy)
                .figure("load_busy_%", load_busy),
        );
    }
    Ok(())
}
