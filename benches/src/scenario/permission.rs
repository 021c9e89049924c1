//! A permission that is asked for each event and subscriber, or none.

use super::{GROUP, TEXT, extended, name, start};
use crate::Result;
use crate::client::Crowd;
use crate::control::Kind;
use crate::drive::{Target, closed};
use crate::options::Setting;
use crate::report::{Report, Row};

pub fn run(setting: &Setting) -> Result<Report> {
    let mut report = Report::new("permission");
    for subscribers in setting.subscribers_or(&[10_000]) {
        for _ in 0..setting.rounds {
            for kind in [Kind::Log, Kind::Guarded] {
                let mut server = start(kind, TEXT, setting)?;
                let mut crowd = Crowd::connect(server.port, subscribers, extended)?;
                let target = Target {
                    groups: &[GROUP],
                    subscribers,
                };
                closed(&mut server, &mut crowd, target, (1, 1), 0.1)?;
                for (load, ahead_and_count) in
                    [("one at a time", (1, 1)), ("bursts of 100", (1, 100))]
                {
                    let seconds = setting.seconds;
                    let measured =
                        closed(&mut server, &mut crowd, target, ahead_and_count, seconds)?;
                    let labels = [
                        ("subscribers", subscribers.to_string()),
                        ("commits", load.to_owned()),
                        ("server", name(kind).to_owned()),
                    ];
                    report.add(
                        Row::new(labels)
                            .figure("cpu_us/delivery", measured.cpu_us_per_delivery())
                            .figure("deliveries/s", measured.deliveries_per_second()),
                    );
                }
            }
        }
    }
    Ok(report)
}
