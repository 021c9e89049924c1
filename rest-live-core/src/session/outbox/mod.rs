//! The outbox: the frames that wait to be sent on one connection, bounded in bytes.

mod queue;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, MutexGuard};

use self::queue::Queue;
use super::frame::Frame;
use crate::dispatcher::MemberId;

/// The frames that wait to be sent on one connection.
///
/// The dispatcher puts them in and never waits: what does not fit any more ends the connection. The
/// parts of a snapshot do not count: they have a bound of their own, and there is one snapshot at a
/// time.
///
/// Whoever has put something in calls [`Outbox::flush`] when it holds no locks any more, once for
/// all that it had. That writes to the socket without a detour by the connection's task, which
/// costs more than the write. The task goes on where the socket is full.
pub(crate) struct Outbox {
    limit: usize,
    state: Mutex<State>,
}

/// Where the frames go: a socket that takes what it has room for.
pub(crate) trait Pipe: Send + Sync {
    /// Writes some of the bytes, or has the task woken when it has room.
    fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Sees to it that what was written leaves.
    fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Says that nothing more will be written.
    fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// What waits to be sent on one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// By [`Frame::cost`]; parts of snapshots do not count.
    pub(crate) bytes: usize,
    /// Whether the socket takes no more.
    pub(crate) is_blocked: bool,
}

#[derive(Default)]
struct State {
    queue: Queue,
    /// There is something for [`Outbox::flush`] to do, and somebody who will call it.
    is_flush_due: bool,
    /// The last part of a snapshot has left, and nobody has noted that yet.
    parts_have_left: bool,
    /// Subscribers who were promised a snapshot and do not get it.
    refused: Vec<MemberId>,
    overflowed: bool,
    /// Nothing more can be written.
    failed: bool,
    task: Option<Waker>,
    pipe: Option<Arc<dyn Pipe>>,
    /// Whether the pipe holds something back.
    is_pipe_dirty: bool,
    /// The socket is full; the task will be woken when there is room.
    is_blocked: bool,
}

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::default(),
        }
    }

    /// Has [`Outbox::flush`] write to a socket. Without one, the frames wait for [`Outbox::pop`].
    #[cfg(any(feature = "server", test))]
    pub(crate) fn attach(&self, pipe: Arc<dyn Pipe>) {
        self.lock().pipe = Some(pipe);
    }

    /// The most that can wait in it, by [`Frame::cost`].
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Puts in a frame. Whether the caller is the first who has to call [`Outbox::flush`].
    pub(crate) fn push(&self, frame: Frame) -> bool {
        let mut state = self.lock();
        state.push(frame, self.limit);
        !mem::replace(&mut state.is_flush_due, true)
    }

    /// Puts in all of the frames, or, if they do not fit together, none of them and `false`.
    pub(crate) fn push_all(&self, frames: Vec<Frame>) -> bool {
        self.push_snapshot(Vec::new(), frames)
    }

    /// Puts in the parts of a snapshot and what follows it, or, if that does not fit, none of it
    /// and `false`.
    pub(crate) fn push_snapshot(&self, parts: Vec<Frame>, following: Vec<Frame>) -> bool {
        let cost: usize = following.iter().map(Frame::cost).sum();
        let mut state = self.lock();
        if !state.has_room(cost, self.limit) {
            return false;
        }
        if !state.overflowed {
            parts
                .into_iter()
                .for_each(|part| state.queue.push_part(part));
        }
        for frame in following {
            state.push(frame, self.limit);
        }
        true
    }

    /// Puts in what the protocol below answers. Its last word goes out whatever else does not.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn push_raw(&self, bytes: &[u8], is_last: bool) {
        let mut state = self.lock();
        if is_last {
            state.queue.push(Frame::raw(bytes));
        } else {
            state.push(Frame::raw(bytes), self.limit);
        }
    }

    /// Puts in the word that a subscriber does not get the snapshot that it waits for.
    pub(crate) fn refuse(&self, member: MemberId, frame: Frame) {
        let mut state = self.lock();
        state.refused.push(member);
        state.push(frame, self.limit);
    }

    /// Sends what the socket takes, and wakes the task for what else there is to do.
    pub(crate) fn flush(&self) {
        let mut state = self.lock();
        state.is_flush_due = false;
        if state.pipe.is_some() {
            if !state.is_blocked {
                state.write();
            }
            if !(state.overflowed || state.failed || state.parts_have_left) {
                return;
            }
        }
        wake(state);
    }

    /// From now on, and whatever waits already, nothing is sent any more but the last word of the
    /// protocol below.
    pub(crate) fn silence(&self) {
        let mut state = self.lock();
        state.overflowed = true;
        state.queue.clear();
    }

    /// Wakes the task, whatever there is to do.
    pub(crate) fn wake(&self) {
        wake(self.lock());
    }

    /// The subscribers who were refused since the last call.
    pub(crate) fn take_refused(&self) -> Vec<MemberId> {
        mem::take(&mut self.lock().refused)
    }

    /// What waits to be sent.
    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        Load {
            bytes: state.queue.bytes(),
            is_blocked: state.is_blocked,
        }
    }

    /// Whether parts of a snapshot wait to be sent.
    pub(crate) fn has_parts(&self) -> bool {
        self.lock().queue.has_parts()
    }

    /// Whether the last part of a snapshot has left since the last call.
    pub(crate) fn take_parts_have_left(&self) -> bool {
        mem::take(&mut self.lock().parts_have_left)
    }

    /// Whether the client read slower than it was told, and some frames did not fit.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.lock().overflowed
    }

    /// The next frame, if no socket takes them.
    pub(crate) fn pop(&self) -> Option<Frame> {
        let mut state = self.lock();
        if state.pipe.is_some() {
            return None;
        }
        // Whoever takes them out himself need not be called; the next frame is a new reason to.
        state.is_flush_due = false;
        let had_parts = state.queue.has_parts();
        let frame = state.queue.pop();
        state.parts_have_left |= had_parts && !state.queue.has_parts();
        frame
    }

    /// Has the task woken when there is something for it to do. Call it before the last look.
    pub(crate) fn wake_at_next(&self, context: &Context<'_>) {
        let mut state = self.lock();
        match &mut state.task {
            Some(task) => task.clone_from(context.waker()),
            task @ None => *task = Some(context.waker().clone()),
        }
    }

    /// Writes all that there is.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn poll_drain(&self) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        state.is_flush_due = false;
        state.write();
        match &*state {
            State { failed: true, .. } => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            State {
                queue,
                is_pipe_dirty: false,
                ..
            } if queue.is_empty() => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }

    /// Says to the other end that nothing more comes.
    #[cfg(feature = "server")]
    pub(crate) fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.lock().pipe {
            Some(pipe) => pipe.poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn push(&mut self, frame: Frame, limit: usize) {
        if self.overflowed || self.failed {
            return;
        }
        if self.has_room(frame.cost(), limit) {
            self.queue.push(frame);
        } else {
            self.overflowed = true;
            self.queue.clear();
        }
    }

    /// Whether so much fits, if need be after all has been sent that can be: a burst is to throw
    /// out those who read slowly, not those who read.
    fn has_room(&mut self, cost: usize, limit: usize) -> bool {
        let fits = |queue: &Queue| queue.bytes() + cost <= limit;
        if !fits(&self.queue) && cost <= limit {
            self.write();
        }
        fits(&self.queue)
    }

    /// Writes until there is no more, or the socket is full and the task has been told to wait for
    /// room.
    fn write(&mut self) {
        let (Some(pipe), Some(task)) = (&self.pipe, &self.task) else {
            return;
        };
        self.is_blocked = false;
        let mut context = Context::from_waker(task);
        let had_parts = self.queue.has_parts();
        let written = loop {
            let written = SCRATCH.with_borrow_mut(|scratch| {
                let bytes = self.queue.front(scratch)?;
                Some(pipe.poll_write(&mut context, bytes))
            });
            match written {
                Some(Poll::Ready(Ok(0))) => break Err(io::ErrorKind::WriteZero.into()),
                Some(Poll::Ready(Ok(bytes))) => {
                    self.queue.advance(bytes);
                    self.is_pipe_dirty = true;
                }
                Some(Poll::Ready(Err(error))) => break Err(error),
                Some(Poll::Pending) => {
                    self.is_blocked = true;
                    break Ok(());
                }
                None if !self.is_pipe_dirty => break Ok(()),
                None => match pipe.poll_flush(&mut context) {
                    Poll::Ready(Ok(())) => self.is_pipe_dirty = false,
                    Poll::Ready(Err(error)) => break Err(error),
                    Poll::Pending => break Ok(()),
                },
            }
        };
        self.parts_have_left |= had_parts && !self.queue.has_parts();
        if let Err(error) = written {
            tracing::debug!(%error, "a client is gone");
            self.failed = true;
            self.queue.clear();
        }
    }
}

/// Wakes the task, without the lock.
fn wake(state: MutexGuard<'_, State>) {
    let task = state.task.clone();
    drop(state);
    if let Some(task) = task {
        task.wake();
    }
}

thread_local! {
    /// Where several frames are gathered for one write.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
