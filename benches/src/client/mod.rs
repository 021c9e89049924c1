//! The subscribers: many sockets, one epoll loop, nothing allocated per message.

mod frame;
mod socket;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};

use self::frame::Incoming;
use self::socket::{Socket, request};
use crate::{Result, machine};

/// So many sockets are opened at a time: fewer than wait in a listener's queue.
const AT_ONCE: usize = 100;
/// So many sockets go to one address of the server: a client has some 28,000 ports for each.
const PER_ADDRESS: usize = 20_000;
/// How long to wait for what should come.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a subscriber says when its socket is open.
#[derive(Debug, Default)]
pub struct Greeting {
    pub messages: Vec<String>,
    pub answers: usize,
}

/// All subscribers of one server.
pub struct Crowd {
    poll: Poll,
    events: Events,
    sockets: Vec<Socket>,
    buffer: Vec<u8>,
    pub heard: Heard,
}

/// What all subscribers have received.
pub struct Heard {
    pub deliveries: u64,
    pub answers: usize,
    pub closed: usize,
    pub close_code: Option<u16>,
    /// From when it was due, in microseconds.
    pub latency: Histogram<u64>,
}

impl Crowd {
    /// Connects, greets, and waits for all answers.
    pub fn connect(port: u16, count: usize, greet: impl Fn(usize) -> Greeting) -> Result<Self> {
        let mut crowd = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            sockets: Vec::with_capacity(count),
            buffer: vec![0; 256 * 1024],
            heard: Heard {
                deliveries: 0,
                answers: 0,
                closed: 0,
                close_code: None,
                latency: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            },
        };
        let mut expected = 0;
        for first in (0..count).step_by(AT_ONCE) {
            let numbers = first..count.min(first + AT_ONCE);
            let requests = numbers
                .clone()
                .map(|number| request(address(port, number)?));
            for (number, request) in numbers.zip(requests.collect::<Result<Vec<_>>>()?) {
                let greeting = greet(number);
                expected += greeting.answers;
                crowd.admit(Socket::open(request, &greeting.messages)?)?;
            }
            // Their buffers are smaller than many answers; and there are pings to be answered.
            crowd.until(|heard| heard.answers >= expected)?;
        }
        Ok(crowd)
    }

    fn admit(&mut self, mut socket: Socket) -> Result<()> {
        let token = Token(self.sockets.len());
        let registry = self.poll.registry();
        registry.register(&mut socket.stream, token, Interest::READABLE)?;
        self.sockets.push(socket);
        Ok(())
    }

    /// Reads what is there, after at most `wait`.
    pub fn turn(&mut self, wait: Duration) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &self.events {
            self.sockets[event.token().0].read(&mut self.buffer, &mut self.heard)?;
        }
        Ok(())
    }

    pub fn until(&mut self, is_done: impl Fn(&Heard) -> bool) -> Result<()> {
        let start = Instant::now();
        while !is_done(&self.heard) {
            if start.elapsed() > PATIENCE {
                let Heard {
                    deliveries,
                    answers,
                    closed,
                    ..
                } = self.heard;
                return Err(format!(
                    "nothing more comes: {deliveries} deliveries, {answers} answers, {closed} closed"
                )
                .into());
            }
            self.turn(Duration::from_millis(1))?;
        }
        Ok(())
    }

    /// One subscriber reads no more, or again.
    pub fn stall(&mut self, number: usize, is_stalled: bool) -> Result<()> {
        self.sockets[number].is_stalled = is_stalled;
        self.sockets[number].read(&mut self.buffer, &mut self.heard)
    }
}

impl Heard {
    fn take(&mut self, incoming: Incoming<'_>) -> Result<()> {
        match incoming {
            Incoming::Event { sent } => {
                self.deliveries += 1;
                let micros = machine::now().saturating_sub(sent) / 1000;
                self.latency.saturating_record(micros);
            }
            Incoming::Answer => self.answers += 1,
            Incoming::Close(code) => self.close_code = code,
            Incoming::Other(text) => {
                return Err(format!("unexpected: {}", String::from_utf8_lossy(text)).into());
            }
        }
        Ok(())
    }
}

/// 127.0.0.1, 127.0.0.2, ...
fn address(port: u16, number: usize) -> Result<SocketAddr> {
    let last = u8::try_from(1 + number / PER_ADDRESS)?;
    Ok((Ipv4Addr::new(127, 0, 0, last), port).into())
}
