//! The socket, as tungstenite and the outbox see it: the one reads from it, the other writes.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, WriteHalf, split};
use tokio::net::TcpStream;

use crate::session::{Outbox, Pipe};

/// A socket's two directions, and what has been read from it already.
pub(super) struct Socket {
    pub(super) read: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) write: Arc<dyn Pipe>,
    pub(super) begun: Vec<u8>,
}

impl Socket {
    /// A socket of any kind, as behind TLS.
    pub(super) fn new(socket: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (read, write) = split(socket);
        Self {
            read: Box::new(read),
            write: Arc::new(Mutex::new(write)),
            begun: Vec::new(),
        }
    }

    /// A TCP socket can be written to while it is read from. That saves a lock and some hops to
    /// memory with every event.
    fn tcp(socket: TcpStream, begun: &Bytes) -> Self {
        let socket = Arc::new(socket);
        Self {
            read: Box::new(Tcp(Arc::clone(&socket))),
            write: socket,
            // Not the buffer that it is in, which is hyper's and large.
            begun: begun.to_vec(),
        }
    }
}

impl From<Upgraded> for Socket {
    fn from(upgraded: Upgraded) -> Self {
        // By axum, which speaks HTTP/1 and 2; by hyper's HTTP/1 server, as in `serve`; by another.
        let upgraded = match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => return Self::tcp(parts.io.into_inner(), &parts.read_buf),
            Err(upgraded) => upgraded,
        };
        match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => Self::tcp(parts.io.into_inner(), &parts.read_buf),
            Err(upgraded) => Self::new(TokioIo::new(upgraded)),
        }
    }
}

struct Tcp(Arc<TcpStream>);

impl AsyncRead for Tcp {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read(space.initialize_unfilled()) {
                Ok(bytes) => {
                    space.advance(bytes);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// No signal where the other end has gone; there is an error besides. Linux has no way to say so
/// once for a socket, others need none.
const NO_SIGNAL: i32 = match cfg!(any(target_os = "linux", target_os = "android")) {
    true => 0x4000,
    false => 0,
};

impl Pipe for TcpStream {
    /// Tries first and asks tokio later: mostly there is room, and what tokio knows of the socket
    /// is far away in memory.
    fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match SockRef::from(self).send_with_flags(bytes, NO_SIGNAL) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Says it to tokio, which then waits.
                    drop(self.try_io(Interest::WRITABLE, || Err::<(), _>(error)));
                    ready!(self.poll_write_ready(context))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(self).shutdown(Shutdown::Write))
    }
}

impl<S: AsyncWrite + Send> Pipe for Mutex<WriteHalf<S>> {
    fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(context, bytes)
    }

    fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(context)
    }

    fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(context)
    }
}

/// The error of a [`Wire`] whose allowance is spent. No socket has it.
pub(super) const SPENT: io::ErrorKind = io::ErrorKind::QuotaExceeded;

/// What tungstenite works on during one poll. What it writes, pongs and closing handshakes, takes
/// its place among the frames.
pub(super) struct Wire<'a, 'b> {
    pub(super) socket: &'a mut (dyn AsyncRead + Send + Unpin),
    pub(super) outbox: &'a Outbox,
    /// So many bytes may still be read.
    pub(super) allowance: &'a mut usize,
    pub(super) context: &'a mut Context<'b>,
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if *self.allowance == 0 {
            return Err(SPENT.into());
        }
        let mut buffer = ReadBuf::new(space);
        match Pin::new(&mut *self.socket).poll_read(self.context, &mut buffer) {
            Poll::Ready(result) => result.map(|()| {
                let count = buffer.filled().len();
                *self.allowance = self.allowance.saturating_sub(count);
                count
            }),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// The first byte of the header of a closing handshake.
const CLOSE: u8 = 0x88;

impl Write for Wire<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.push_raw(bytes, bytes.first() == Some(&CLOSE));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
