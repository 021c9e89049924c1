//! Memory of connections that wait, and after they have left.

use std::time::{Duration, Instant};

use super::{GROUP, TEXT, greeting, name, start};
use crate::client::Crowd;
use crate::control::Kind;
use crate::drive::{Target, closed};
use crate::options::Setting;
use crate::report::{Report, Row};
use crate::{Result, machine};

const KINDS: [Kind; 4] = [
    Kind::Epoll,
    Kind::Sqlite,
    Kind::Broadcast,
    Kind::BroadcastPlain,
];
/// So many connections with axum's default buffers would take many gigabytes.
const MANY: usize = 20_000;
/// How long memory is given to settle.
const SETTLE: Duration = Duration::from_secs(1);

pub fn run(setting: &Setting) -> Result<Report> {
    let mut report = Report::new("idle");
    for wanted in setting.subscribers_or(&[10_000, 50_000]) {
        let subscribers = wanted.min(machine::sockets());
        if subscribers < wanted {
            report.note(format!(
                "{wanted} connections need a higher hard limit of open files (`ulimit -Hn`): measured with {subscribers}"
            ));
        }
        for kind in KINDS {
            if kind != Kind::BroadcastPlain || subscribers < MANY / 2 + 1 {
                report.add(measure(kind, setting, subscribers)?);
            }
        }
    }
    Ok(report)
}

fn measure(kind: Kind, setting: &Setting, subscribers: usize) -> Result<Row> {
    let mut server = start(kind, TEXT, setting)?;
    let process = server.process();
    let (memory, files) = (process.memory()?, process.open_files()?);
    let mut crowd = Crowd::connect(server.port, subscribers, greeting(kind))?;
    wait(&mut crowd, SETTLE)?;
    let idle = process.memory()?;
    let target = Target {
        groups: &[GROUP],
        subscribers,
    };
    closed(&mut server, &mut crowd, target, (1, 1), 0.0)?;
    closed(&mut server, &mut crowd, target, (1, 1), 0.1)?;
    wait(&mut crowd, SETTLE)?;
    let told = process.memory()?;
    drop(crowd);
    let start = Instant::now();
    while process.open_files()? > files + 1 && start.elapsed() < 10 * SETTLE {
        std::thread::sleep(SETTLE / 10);
    }
    std::thread::sleep(SETTLE);
    let left = process.memory()?;
    let each = |bytes: u64| bytes.saturating_sub(memory) as f64 / subscribers as f64;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let labels = [
        ("connections", subscribers.to_string()),
        ("server", name(kind).to_owned()),
    ];
    Ok(Row::new(labels)
        .figure("idle_bytes/connection", each(idle))
        .figure("told_bytes/connection", each(told))
        .figure("before_MiB", mib(memory))
        .figure("idle_MiB", mib(idle))
        .figure("left_MiB", mib(left)))
}

fn wait(crowd: &mut Crowd, time: Duration) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < time {
        crowd.turn(Duration::from_millis(10))?;
    }
    Ok(())
}
