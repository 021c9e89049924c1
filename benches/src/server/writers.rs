//! Threads that commit, and note what it costs them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use hdrhistogram::Histogram;

use crate::Result;
use crate::control::{Commit, Cost};
use crate::machine;

/// Makes one commit: the row of a group gets `due` as its time.
pub trait Writer: Send + 'static {
    fn commit(&mut self, group: i32, due: u64) -> Result<()>;
}

pub struct Writers {
    threads: Vec<Sender<Job>>,
    next: AtomicUsize,
}

enum Job {
    Commit(Commit),
    Report(Sender<Measured>),
}

struct Measured {
    wall: Histogram<u64>,
    cpu: u64,
}

impl Writers {
    pub fn start<W: Writer>(writers: impl IntoIterator<Item = W>) -> Self {
        let start = |writer| {
            let (jobs, todo) = mpsc::channel();
            thread::spawn(move || work(writer, &todo));
            jobs
        };
        Self {
            threads: writers.into_iter().map(start).collect(),
            next: AtomicUsize::new(0),
        }
    }

    pub fn commit(&self, commit: Commit) -> Result<()> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let thread = &self.threads[next % self.threads.len()];
        Ok(thread
            .send(Job::Commit(commit))
            .map_err(|_| "a writer has ended")?)
    }

    /// What commits cost since the last time, when all are done.
    pub fn report(&self) -> Result<Cost> {
        let mut all = Measured::new()?;
        for thread in &self.threads {
            let (reply, measured) = mpsc::channel();
            thread
                .send(Job::Report(reply))
                .map_err(|_| "a writer has ended")?;
            let measured = measured.recv()?;
            all.wall.add(&measured.wall)?;
            all.cpu += measured.cpu;
        }
        let micros = |nanos: u64| nanos as f64 / 1000.0;
        let commits = all.wall.len();
        Ok(Cost {
            commits,
            wall_p50_us: micros(all.wall.value_at_quantile(0.5)),
            wall_p99_us: micros(all.wall.value_at_quantile(0.99)),
            cpu_us: micros(all.cpu) / commits.max(1) as f64,
        })
    }
}

impl Measured {
    fn new() -> Result<Self> {
        Ok(Self {
            wall: Histogram::new_with_bounds(1, 60_000_000_000, 3)?,
            cpu: 0,
        })
    }
}

fn work(mut writer: impl Writer, todo: &Receiver<Job>) -> Result<()> {
    let mut measured = Measured::new()?;
    for job in todo {
        match job {
            Job::Commit(Commit { group, count, due }) => {
                let cpu = machine::thread_cpu();
                for later in 0..count as u64 {
                    let start = machine::now();
                    // An update that changes nothing is none, neither to SQLite nor to rest-live.
                    writer
                        .commit(group, due + later)
                        .expect("the database can be written to");
                    measured.wall.saturating_record(machine::now() - start);
                }
                measured.cpu += machine::thread_cpu() - cpu;
            }
            Job::Report(reply) => {
                let told = std::mem::replace(&mut measured, Measured::new()?);
                reply.send(told)?;
            }
        }
    }
    Ok(())
}
