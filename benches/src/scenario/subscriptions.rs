//! What other subscriptions cost an event: the same sockets are told of the same events, while
//! there are a thousand subscriptions in all, or a hundred for each connection.

use super::{TEXT, start, subscribe_to};
use crate::Result;
use crate::client::{Crowd, Greeting};
use crate::control::Kind;
use crate::drive::{Target, closed};
use crate::options::Setting;
use crate::report::{Report, Row};

type Greet = fn(usize) -> Greeting;

/// Subscribers of a group, and groups of a connection that has many.
const BLOCK: usize = 100;
/// Groups that there are events for.
const TOLD: usize = 10;

pub fn run(setting: &Setting) -> Result<Report> {
    let mut report = Report::new("subscriptions");
    for connections in setting.subscribers_or(&[10_000]) {
        if connections < BLOCK * TOLD {
            return Err(format!("at least {} --subscribers", BLOCK * TOLD).into());
        }
        let variants: [(usize, Greet); 2] = [(BLOCK * TOLD, few), (connections * BLOCK, many)];
        for _ in 0..setting.rounds {
            for (subscriptions, greet) in variants {
                let row = measure(setting, connections, greet)?;
                report.add(row(subscriptions));
            }
        }
    }
    Ok(report)
}

fn measure(
    setting: &Setting,
    connections: usize,
    greet: Greet,
) -> Result<impl FnOnce(usize) -> Row> {
    let mut server = start(Kind::Log, TEXT, setting)?;
    let empty = server.process().memory()?;
    let mut crowd = Crowd::connect(server.port, connections, greet)?;
    let memory = server.process().memory()?.saturating_sub(empty);
    let groups: Vec<_> = (0..TOLD).map(first_group).collect();
    let target = Target {
        groups: &groups,
        subscribers: BLOCK,
    };
    closed(&mut server, &mut crowd, target, (1, 1), 0.1)?;
    let measured = closed(&mut server, &mut crowd, target, (1, 1), setting.seconds)?;
    Ok(move |subscriptions: usize| {
        let labels = [
            ("connections", connections.to_string()),
            ("subscriptions", subscriptions.to_string()),
        ];
        Row::new(labels)
            .figure("cpu_us/delivery", measured.cpu_us_per_delivery())
            .figure("p50_ms", measured.p50_ms)
            .figure("p99_ms", measured.p99_ms)
            .figure("bytes/connection", memory as f64 / connections as f64)
    })
}

/// The first of the groups that the connections of a block subscribe to.
fn first_group(block: usize) -> i32 {
    i32::try_from(block * BLOCK).unwrap_or(i32::MAX)
}

/// The first group of its block, for connections of blocks that are told something.
fn few(number: usize) -> Greeting {
    let block = number / BLOCK;
    let first = first_group(block);
    subscribe_to(first..first + i32::from(block < TOLD))
}

fn many(number: usize) -> Greeting {
    let block = number / BLOCK;
    subscribe_to(first_group(block)..first_group(block + 1))
}
