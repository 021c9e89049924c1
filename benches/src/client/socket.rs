//! One subscriber's socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{self, SocketAddr};

use mio::net::TcpStream;

use super::Heard;
use super::frame::{self, Frame, Incoming};
use crate::Result;

const REQUEST: &str = "GET /lists/1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub struct Socket {
    pub stream: TcpStream,
    pub is_stalled: bool,
    is_closed: bool,
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
}

/// Connects, and sends the request for a WebSocket.
pub fn request(address: SocketAddr) -> Result<net::TcpStream> {
    let mut stream = net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(REQUEST.as_bytes())?;
    Ok(stream)
}

impl Socket {
    /// Waits for the answer to the request, and sends the first messages.
    pub fn open(mut stream: net::TcpStream, messages: &[String]) -> Result<Self> {
        let mut response = [0; 1024];
        let length = stream.read(&mut response)?;
        let response = &response[..length];
        let end = memchr::memmem::find(response, b"\r\n\r\n");
        let end = end.filter(|_| response.starts_with(b"HTTP/1.1 101 "));
        let Some(end) = end else {
            let response = String::from_utf8_lossy(response);
            return Err(format!("no WebSocket: {response}").into());
        };
        let mut frames = Vec::new();
        for message in messages {
            frame::write(&mut frames, 0x81, message.as_bytes())?;
        }
        stream.write_all(&frames)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            is_stalled: false,
            is_closed: false,
            rest: response[end + 4..].to_vec(),
        })
    }

    /// Takes all that has come.
    pub fn read(&mut self, buffer: &mut [u8], heard: &mut Heard) -> Result<()> {
        while !self.is_stalled && !self.is_closed {
            let kept = self.rest.len();
            buffer[..kept].copy_from_slice(&self.rest);
            let space = buffer.len() - kept;
            let read = match self.stream.read(&mut buffer[kept..]) {
                Ok(0) => None,
                Ok(read) => Some(read),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => None,
            };
            let Some(read) = read else {
                self.is_closed = true;
                heard.closed += 1;
                return Ok(());
            };
            self.rest.clear();
            self.take(&buffer[..kept + read], heard)?;
            // Whatever comes later raises another event.
            if read < space {
                return Ok(());
            }
        }
        Ok(())
    }

    fn take(&mut self, mut bytes: &[u8], heard: &mut Heard) -> Result<()> {
        while let Some((frame, rest)) = Frame::split(bytes) {
            bytes = rest;
            if frame.opcode == frame::PING {
                let mut pong = Vec::new();
                frame::write(&mut pong, 0x80 | frame::PONG, frame.payload)?;
                // Few bytes; if not even they fit, the server will say so.
                let _ = self.stream.write(&pong);
            } else {
                heard.take(Incoming::from(&frame))?;
            }
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }
}
