//! One subscriber stops reading: what the others notice, and when it is closed.

use std::time::Instant;

use super::{GROUP, extended, start};
use crate::Result;
use crate::client::Crowd;
use crate::control::Kind;
use crate::drive::{Target, paced};
use crate::options::Setting;
use crate::report::{Report, Row};

/// Long events, so that buffers are full soon.
const TEXT: usize = 4096;
/// Commits a second.
const RATE: f64 = 50.0;
/// The kernel's buffers of one socket may take some megabytes first.
const PATIENCE: f64 = 60.0;

pub fn run(setting: &Setting) -> Result<Report> {
    let mut report = Report::new("slow");
    for subscribers in setting.subscribers_or(&[1_000]) {
        measure(setting, subscribers, &mut report)?;
    }
    Ok(report)
}

fn measure(setting: &Setting, subscribers: usize, report: &mut Report) -> Result<()> {
    let mut server = start(Kind::Log, TEXT, setting)?;
    let process = server.process();
    let mut crowd = Crowd::connect(server.port, subscribers, extended)?;
    let target = Target {
        groups: &[GROUP],
        subscribers,
    };
    let mut phase = |name: &str, server: &mut _, crowd: &mut Crowd| -> Result<()> {
        let measured = paced(server, crowd, target, RATE, setting.seconds)?;
        let labels = [
            ("subscribers", subscribers.to_string()),
            ("phase", name.to_owned()),
        ];
        report.add(
            Row::new(labels)
                .figure("p50_ms", measured.p50_ms)
                .figure("p99_ms", measured.p99_ms)
                .figure("cpu_us/delivery", measured.cpu_us_per_delivery())
                .figure("server_MiB", process.memory()? as f64 / f64::from(1 << 20)),
        );
        Ok(())
    };
    phase("all read", &mut server, &mut crowd)?;
    let open = process.open_files()?;
    crowd.stall(0, true)?;
    let start = Instant::now();
    let mut closed_after = None;
    while closed_after.is_none() && start.elapsed().as_secs_f64() < PATIENCE {
        phase("one does not", &mut server, &mut crowd)?;
        if process.open_files()? < open {
            closed_after = Some(start.elapsed().as_secs_f64());
        }
    }
    phase("it is gone", &mut server, &mut crowd)?;
    crowd.stall(0, false)?;
    if closed_after.is_some() {
        crowd.until(|heard| heard.closed > 0)?;
    }
    let code = crowd.heard.close_code;
    report.note(match closed_after {
        Some(seconds) => format!(
            "the server closed its socket after {seconds:.0} s, about; the close code that it then read: {code:?}"
        ),
        None => format!("the server kept its socket for {PATIENCE} s"),
    });
    Ok(())
}
