//! Cores, clocks, limits, and what the kernel counts of a process.

use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// Keeps this thread, and those that it will start, on one core.
pub fn pin(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores)
        .map_err(|error| format!("cannot run on core {core}: {error}"))?;
    Ok(())
}

/// Nanoseconds of the monotonic clock, which all processes share.
pub fn now() -> u64 {
    nanos(ClockId::Monotonic)
}

/// Nanoseconds that this thread has run.
pub fn thread_cpu() -> u64 {
    nanos(ClockId::ThreadCPUTime)
}

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Takes as many file descriptors as the system gives; the hard limit too, where that is allowed.
pub fn raise_open_files() {
    const WANTED: u64 = 200_000;
    let both = Rlimit {
        current: Some(WANTED),
        maximum: Some(WANTED),
    };
    let hard = getrlimit(Resource::Nofile).maximum;
    if hard.is_none_or(|hard| hard >= WANTED) || setrlimit(Resource::Nofile, both).is_err() {
        let all = Rlimit {
            current: hard,
            maximum: hard,
        };
        // As it was: whoever opens too many will say so.
        let _ = setrlimit(Resource::Nofile, all);
    }
}

/// How many sockets a process can have, besides some files.
pub fn sockets() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_sub(100)
}

/// A process, and what it has used.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// Time on a core, in user space and in the kernel.
    pub fn cpu(self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name, in brackets, may have spaces.
        let (_, fields) = stat
            .rsplit_once(") ")
            .ok_or("an unknown /proc/<pid>/stat")?;
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .map(str::parse::<u64>)
            .sum::<std::result::Result<_, _>>()?;
        Ok(Duration::from_secs_f64(
            ticks as f64 / clock_ticks_per_second() as f64,
        ))
    }

    /// Memory of its own, without files: bytes that are resident.
    pub fn memory(self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .and_then(|rest| rest.split_whitespace().next())
            .ok_or("no RssAnon in /proc/<pid>/status")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    /// Its open files and sockets.
    pub fn open_files(self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.0))?.count())
    }
}
