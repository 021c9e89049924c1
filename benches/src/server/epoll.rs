//! The yardstick: an epoll loop that writes the same bytes to every socket, and does nothing else.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use tungstenite::handshake::derive_accept_key;

use super::model::{self, Event, Row};
use super::{orders, say};
use crate::Result;
use crate::control::{Commit, Cost, Listening, Order, Spec};

const LISTENER: Token = Token(usize::MAX);
const ORDERS: Token = Token(usize::MAX - 1);

struct Server {
    poll: Poll,
    listener: TcpListener,
    sockets: Vec<Option<Socket>>,
    text: String,
}

struct Socket {
    stream: TcpStream,
    is_open: bool,
    /// What the kernel did not take yet.
    rest: Vec<u8>,
}

pub fn serve(spec: &Spec) -> Result<()> {
    let poll = Poll::new()?;
    let mut listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0).into())?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let (send, todo) = mpsc::channel();
    let waker = Arc::new(Waker::new(poll.registry(), ORDERS)?);
    say(&Listening {
        port: listener.local_addr()?.port(),
    })?;
    thread::spawn(move || -> Result<()> {
        for order in orders() {
            send.send(Some(order?))?;
            waker.wake()?;
        }
        send.send(None)?;
        Ok(waker.wake()?)
    });
    let server = Server {
        poll,
        listener,
        sockets: Vec::new(),
        text: model::text(spec.text),
    };
    server.run(&todo)
}

impl Server {
    fn run(mut self, todo: &Receiver<Option<Order>>) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    ORDERS => {
                        for order in todo.try_iter() {
                            match order {
                                Some(Order::Commit(commit)) => self.tell_all(&commit)?,
                                Some(Order::Report) => say(&Cost::default())?,
                                None => return Ok(()),
                            }
                        }
                    }
                    Token(at) => self.drive(at),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let both = Interest::READABLE | Interest::WRITABLE;
            let token = Token(self.sockets.len());
            self.poll.registry().register(&mut stream, token, both)?;
            self.sockets.push(Some(Socket {
                stream,
                is_open: false,
                rest: Vec::new(),
            }));
        }
    }

    /// One buffer for all: several commits at once are one write.
    fn tell_all(&mut self, commit: &Commit) -> Result<()> {
        let event = Event::new(commit.group, commit.due.cast_signed(), &self.text);
        let event = serde_json::to_string(&event)?;
        let frame = frame(&format!(
            r#"{{"model":"load.Event","instance":{event},"action":"UPDATED"}}"#
        ))?;
        let frames = frame.repeat(commit.count);
        for socket in &mut self.sockets {
            if let Some(open) = socket.as_mut().filter(|socket| socket.is_open)
                && open.send(&frames).is_err()
            {
                *socket = None;
            }
        }
        Ok(())
    }

    fn drive(&mut self, at: usize) {
        let slot = &mut self.sockets[at];
        if slot.as_mut().is_some_and(|socket| socket.drive().is_err()) {
            *slot = None;
        }
    }
}

impl Socket {
    fn drive(&mut self) -> io::Result<()> {
        let mut request = [0; 1024];
        loop {
            match self.stream.read(&mut request) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) if !self.is_open => self.shake_hands(&request[..length])?,
                // Pongs, and whatever else.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let rest = std::mem::take(&mut self.rest);
        self.send(&rest)
    }

    /// The request is short, and so comes in one piece.
    fn shake_hands(&mut self, request: &[u8]) -> io::Result<()> {
        let request = String::from_utf8_lossy(request);
        let key = request
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
            .ok_or(ErrorKind::InvalidData)?;
        let accept = derive_accept_key(key.as_bytes());
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        self.is_open = true;
        self.send(response.as_bytes())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(bytes);
            return Ok(());
        }
        let written = match self.stream.write(bytes) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        // A socket that takes only a part tells when it takes more.
        self.rest.extend_from_slice(&bytes[written..]);
        Ok(())
    }
}

/// A text frame, as servers send it.
fn frame(text: &str) -> Result<Vec<u8>> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short) if short < 126 => frame.push(short),
        _ => {
            frame.push(126);
            frame.extend(u16::try_from(text.len())?.to_be_bytes());
        }
    }
    frame.extend(text.as_bytes());
    Ok(frame)
}
