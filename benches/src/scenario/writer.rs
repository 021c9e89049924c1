//! What a commit costs the thread that makes it.

use super::{GROUP, TEXT, greeting, start};
use crate::Result;
use crate::client::Crowd;
use crate::control::Kind;
use crate::drive::{Target, paced};
use crate::machine;
use crate::options::Setting;
use crate::report::{Report, Row};

/// Commits a second: few enough for all to be told in between.
const RATE: f64 = 15.0;
/// Commits in a row, where nobody is told.
const IN_A_ROW: usize = 2_000;

pub fn run(setting: &Setting) -> Result<Report> {
    let mut report = Report::new("writer");
    let one = Setting {
        writers: 1,
        ..setting.clone()
    };
    for subscribers in setting.subscribers_or(&[10_000]) {
        for _ in 0..setting.rounds {
            for (kind, name) in [
                (Kind::Broadcast, "plain Diesel"),
                (Kind::Sqlite, "LiveConnection"),
            ] {
                measure(&one, subscribers, (kind, name), &mut report)?;
            }
        }
    }
    report.note("`paced` begins with cold caches: compare it with `paced` alone");
    Ok(report)
}

fn measure(
    setting: &Setting,
    subscribers: usize,
    (kind, name): (Kind, &str),
    report: &mut Report,
) -> Result<()> {
    let mut server = start(kind, TEXT, setting)?;
    let mut crowd = Crowd::connect(server.port, subscribers, greeting(kind))?;
    let mut add = |server: &mut crate::drive::Server, load: &str, told: usize| -> Result<()> {
        let cost = server.report()?;
        let labels = [
            ("connection", name.to_owned()),
            ("commits", load.to_owned()),
            ("told", told.to_string()),
        ];
        report.add(
            Row::new(labels)
                .figure("wall_p50_us", cost.wall_p50_us)
                .figure("wall_p99_us", cost.wall_p99_us)
                .figure("cpu_us", cost.cpu_us),
        );
        Ok(())
    };
    let nobodys = GROUP + 1;
    server.commit(nobodys, IN_A_ROW / 10, machine::now())?;
    server.report()?;
    server.commit(nobodys, IN_A_ROW, machine::now())?;
    add(&mut server, "in a row", 0)?;
    for (group, told) in [(nobodys, 0), (GROUP, subscribers)] {
        let target = Target {
            groups: &[group],
            subscribers: told,
        };
        paced(&mut server, &mut crowd, target, RATE, setting.seconds)?;
        add(&mut server, "paced", told)?;
    }
    Ok(())
}
