//! The socket, as tungstenite and the outbox see it: the one reads from it, the other writes.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};

use crate::session::{Outbox, Pipe};

impl<S: AsyncWrite + Send> Pipe for WriteHalf<S> {
    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(self), context, bytes)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(self), context)
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(self), context)
    }
}

/// What tungstenite works on during one poll. What it writes, pongs and closing handshakes, takes
/// its place among the frames.
pub(super) struct Wire<'a, 'b, S> {
    pub(super) socket: &'a mut ReadHalf<S>,
    pub(super) outbox: &'a Outbox,
    pub(super) context: &'a mut Context<'b>,
}

impl<S: AsyncRead> Read for Wire<'_, '_, S> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(space);
        match Pin::new(&mut *self.socket).poll_read(self.context, &mut buffer) {
            Poll::Ready(result) => result.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// The first byte of the header of a closing handshake.
const CLOSE: u8 = 0x88;

impl<S> Write for Wire<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.push_raw(bytes, bytes.first() == Some(&CLOSE));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
