//! The server's process, and the ways to drive it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::client::Crowd;
use crate::control::{Commit, Cost, Listening, Order, Spec};
use crate::machine::{self, Process};

/// A server in a process of its own. Ends with this value.
pub struct Server {
    child: Child,
    orders: ChildStdin,
    replies: BufReader<ChildStdout>,
    pub port: u16,
}

/// What the subscribers and the kernel saw while the server was driven.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub deliveries: u64,
    pub elapsed: Duration,
    pub server_cpu: Duration,
    pub load_cpu: Duration,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Commits that go to groups in turn, each of which is told to so many subscribers.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub groups: &'a [i32],
    pub subscribers: usize,
}

impl Server {
    pub fn start(spec: &Spec, core: usize) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", &core.to_string(), &serde_json::to_string(spec)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no stdin")?;
        let mut replies = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let Listening { port } = reply(&mut replies)?;
        Ok(Self {
            child,
            orders,
            replies,
            port,
        })
    }

    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    pub fn commit(&mut self, group: i32, count: usize, due: u64) -> Result<()> {
        self.order(&Order::Commit(Commit { group, count, due }))
    }

    /// What commits cost since the last time, when all are done.
    pub fn report(&mut self) -> Result<Cost> {
        self.order(&Order::Report)?;
        reply(&mut self.replies)
    }

    fn order(&mut self, order: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        Ok(self.orders.write_all(&line)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reply<T: DeserializeOwned>(replies: &mut impl BufRead) -> Result<T> {
    let mut line = String::new();
    replies.read_line(&mut line)?;
    if line.is_empty() {
        return Err("the server has ended; above is why".into());
    }
    Ok(serde_json::from_str(&line)?)
}

/// As fast as it goes: `ahead` orders of `count` commits each are always on their way.
pub fn closed(
    server: &mut Server,
    crowd: &mut Crowd,
    target: Target<'_>,
    (ahead, count): (usize, usize),
    seconds: f64,
) -> Result<Measured> {
    let start = Start::now(server, crowd)?;
    let before = crowd.heard.deliveries;
    let mut ordered = 0;
    let told_by = |orders: usize| before + (orders * count * target.subscribers) as u64;
    while start.at.elapsed().as_secs_f64() < seconds {
        let group = target.groups[ordered % target.groups.len()];
        server.commit(group, count, machine::now())?;
        ordered += 1;
        let due = told_by(ordered.saturating_sub(ahead - 1));
        crowd.until(|heard| heard.deliveries >= due)?;
    }
    crowd.until(|heard| heard.deliveries >= told_by(ordered))?;
    start.end(server, crowd)
}

/// So many commits a second, whether the last has been told or not.
pub fn paced(
    server: &mut Server,
    crowd: &mut Crowd,
    target: Target<'_>,
    rate: f64,
    seconds: f64,
) -> Result<Measured> {
    let start = Start::now(server, crowd)?;
    let begin = machine::now();
    let commits = (rate * seconds).ceil().max(1.0) as usize;
    for number in 0..commits {
        let due = begin + (number as f64 / rate * 1e9) as u64;
        loop {
            let left = Duration::from_nanos(due.saturating_sub(machine::now()));
            if left.is_zero() {
                break;
            }
            // The kernel's timeouts are too coarse for the last moments.
            let wait = left.saturating_sub(Duration::from_millis(2));
            crowd.turn(wait.min(Duration::from_millis(1)))?;
        }
        server.commit(target.groups[number % target.groups.len()], 1, due)?;
    }
    let rest = Instant::now();
    while rest.elapsed().as_secs_f64() < 0.2 {
        crowd.turn(Duration::from_millis(1))?;
    }
    start.end(server, crowd)
}

/// What was counted before.
struct Start {
    at: Instant,
    deliveries: u64,
    server_cpu: Duration,
    load_cpu: Duration,
}

impl Start {
    fn now(server: &Server, crowd: &mut Crowd) -> Result<Self> {
        crowd.heard.latency.reset();
        Ok(Self {
            at: Instant::now(),
            deliveries: crowd.heard.deliveries,
            server_cpu: server.process().cpu()?,
            load_cpu: Process::own().cpu()?,
        })
    }

    fn end(self, server: &Server, crowd: &Crowd) -> Result<Measured> {
        let millis = |quantile| crowd.heard.latency.value_at_quantile(quantile) as f64 / 1000.0;
        Ok(Measured {
            deliveries: crowd.heard.deliveries - self.deliveries,
            elapsed: self.at.elapsed(),
            server_cpu: server.process().cpu()? - self.server_cpu,
            load_cpu: Process::own().cpu()? - self.load_cpu,
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
        })
    }
}

impl Measured {
    pub fn cpu_us_per_delivery(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / self.deliveries.max(1) as f64
    }

    pub fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.elapsed.as_secs_f64()
    }

    /// Of the server's core, and of the load's: near 100, it is the load that is measured.
    pub fn busy_percent(&self) -> (f64, f64) {
        let share = |cpu: Duration| 100.0 * cpu.as_secs_f64() / self.elapsed.as_secs_f64();
        (share(self.server_cpu), share(self.load_cpu))
    }
}
