//! The outbox: the frames that wait to be sent on one connection, bounded in bytes.

use std::collections::VecDeque;
use std::mem::{self, size_of};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use bytes::Bytes;

use crate::dispatcher::MemberId;

/// The text of one WebSocket message, shared by all connections that send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame(Bytes);

impl Frame {
    /// The text as bytes.
    #[cfg(feature = "server")]
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a frame is made from a string")
    }

    /// What the frame takes of a queue's bound.
    pub(crate) fn cost(&self) -> usize {
        self.0.len() + size_of::<Self>()
    }
}

impl From<String> for Frame {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// The frames that wait to be sent on one connection.
///
/// The dispatcher puts them in and never waits: what does not fit any more ends the connection. The
/// parts of a snapshot do not count: they have a bound of their own, and there is one snapshot at a
/// time.
pub(crate) struct Outbox {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Queued>,
    /// Those of the frames that count.
    bytes: usize,
    /// How many of the frames are parts of a snapshot.
    parts: usize,
    /// The last part of a snapshot has left, and nobody has noted that yet.
    parts_have_left: bool,
    /// Subscribers who were promised a snapshot and do not get it.
    refused: Vec<MemberId>,
    overflowed: bool,
    reader: Option<Waker>,
}

enum Queued {
    Counted(Frame),
    Part(Frame),
}

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::default(),
        }
    }

    /// The most that can wait in it, by [`Frame::cost`].
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn push(&self, frame: Frame) {
        let mut state = self.lock();
        state.push(frame, self.limit);
        wake(state);
    }

    /// Puts in all of the frames, or, if they do not fit together, none of them and `false`.
    pub(crate) fn push_all(&self, frames: Vec<Frame>) -> bool {
        let cost: usize = frames.iter().map(Frame::cost).sum();
        if self.lock().bytes + cost > self.limit {
            return false;
        }
        frames.into_iter().for_each(|frame| self.push(frame));
        true
    }

    /// Puts in the parts of a snapshot and what follows it, or, if that does not fit, none of it
    /// and `false`.
    pub(crate) fn push_snapshot(&self, parts: Vec<Frame>, following: Vec<Frame>) -> bool {
        let cost: usize = following.iter().map(Frame::cost).sum();
        let mut state = self.lock();
        if state.bytes + cost > self.limit {
            return false;
        }
        if !state.overflowed {
            state.parts += parts.len();
            state.frames.extend(parts.into_iter().map(Queued::Part));
        }
        for frame in following {
            state.push(frame, self.limit);
        }
        wake(state);
        true
    }

    /// Puts in the word that a subscriber does not get the snapshot that it waits for.
    pub(crate) fn refuse(&self, member: MemberId, frame: Frame) {
        let mut state = self.lock();
        state.refused.push(member);
        state.push(frame, self.limit);
        wake(state);
    }

    /// The subscribers who were refused since the last call.
    pub(crate) fn take_refused(&self) -> Vec<MemberId> {
        mem::take(&mut self.lock().refused)
    }

    /// Whether parts of a snapshot wait to be sent.
    pub(crate) fn has_parts(&self) -> bool {
        self.lock().parts > 0
    }

    /// Whether the last part of a snapshot has left since the last call.
    pub(crate) fn take_parts_have_left(&self) -> bool {
        mem::take(&mut self.lock().parts_have_left)
    }

    /// Whether the client read slower than it was told, and some frames did not fit.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.lock().overflowed
    }

    pub(crate) fn pop(&self) -> Option<Frame> {
        let mut state = self.lock();
        let frame = match state.frames.pop_front() {
            Some(Queued::Counted(frame)) => {
                state.bytes -= frame.cost();
                Some(frame)
            }
            Some(Queued::Part(frame)) => {
                state.parts -= 1;
                state.parts_have_left = state.parts == 0;
                Some(frame)
            }
            None => None,
        };
        if state.frames.is_empty() {
            // An idle connection keeps no memory for the burst it once had.
            state.frames = VecDeque::new();
        }
        frame
    }

    /// Has the task woken at the next frame or overflow. Call it before the last look.
    pub(crate) fn wake_at_next(&self, context: &Context<'_>) {
        let mut state = self.lock();
        match &mut state.reader {
            Some(reader) => reader.clone_from(context.waker()),
            reader @ None => *reader = Some(context.waker().clone()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, frame: Frame, limit: usize) {
        if self.overflowed {
            return;
        }
        self.bytes += frame.cost();
        if self.bytes <= limit {
            self.frames.push_back(Queued::Counted(frame));
            return;
        }
        *self = Self {
            overflowed: true,
            reader: self.reader.take(),
            ..Self::default()
        };
    }
}

/// Wakes the reader, without the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    fn frame(text: &str) -> Frame {
        Frame::from(text.to_owned())
    }

    #[test]
    fn frames_come_out_in_order() {
        let outbox = Outbox::new(1000);
        outbox.push(frame("1"));
        assert!(outbox.push_all(vec![frame("2"), frame("3")]));
        let out: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(out, [frame("1"), frame("2"), frame("3")]);
        assert_eq!(outbox.lock().bytes, 0);
    }

    #[test]
    fn what_does_not_fit_ends_it_for_good() {
        let cost = frame("12345").cost();
        let outbox = Outbox::new(2 * cost);
        outbox.push(frame("12345"));
        outbox.push(frame("12345"));
        assert!(
            !outbox.push_all(vec![frame("")]),
            "a replay that does not fit is refused"
        );
        assert_eq!(outbox.pop(), Some(frame("12345")), "and harms nobody");
        outbox.push(frame("12345"));
        outbox.push(frame("1"));
        assert!(outbox.has_overflowed());
        outbox.push(frame("1"));
        assert_eq!(outbox.pop(), None);
        assert_eq!(outbox.lock().frames.capacity(), 0);
    }

    #[test]
    fn parts_of_a_snapshot_do_not_count() {
        let outbox = Outbox::new(2 * frame("12345").cost());
        let part = || frame(&"x".repeat(1000));
        assert!(outbox.push_snapshot(vec![part(), part()], vec![frame("12345")]));
        assert!(
            !outbox.push_snapshot(vec![part()], vec![frame("12345"), frame("12345")]),
            "what follows them does"
        );
        outbox.push(frame("12345"));
        assert_eq!(outbox.pop(), Some(part()));
        assert!(outbox.has_parts() && !outbox.take_parts_have_left());
        assert_eq!(outbox.pop(), Some(part()));
        assert!(!outbox.has_parts() && outbox.take_parts_have_left());
        assert!(!outbox.take_parts_have_left(), "once");
        assert_eq!(outbox.pop(), Some(frame("12345")));
        assert_eq!(outbox.pop(), Some(frame("12345")));
        assert_eq!((outbox.pop(), outbox.lock().bytes), (None, 0));
        assert!(!outbox.has_overflowed());
    }

    #[test]
    fn the_reader_is_woken_once_for_each_time_it_asked() {
        #[derive(Default)]
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let count = Arc::new(Count::default());
        let outbox = Outbox::new(1000);
        let waker = Arc::clone(&count).into();
        outbox.wake_at_next(&Context::from_waker(&waker));
        outbox.wake_at_next(&Context::from_waker(&waker));
        outbox.push(frame("1"));
        outbox.push(frame("2"));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        outbox.wake_at_next(&Context::from_waker(&waker));
        outbox.push(frame("x".repeat(1000).as_str()));
        assert_eq!(count.0.load(Ordering::Relaxed), 2, "an overflow wakes too");
    }
}
