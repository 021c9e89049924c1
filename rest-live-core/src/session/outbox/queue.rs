//! The queue of an outbox: frames in order, the first of which may have left in part.

use std::collections::VecDeque;

use super::Frame;

/// So many bytes are gathered for one write at least, where there are as many.
const WRITE: usize = 32 * 1024;

/// Small, as the dispatcher goes through those of all subscribers.
#[derive(Default)]
pub(super) struct Queue {
    /// Mostly there is one at a time, and that takes no memory of its own.
    first: Option<Queued>,
    rest: Option<Box<Rest>>,
    /// How much of the first frame has left.
    sent: usize,
    /// The cost of those that count.
    bytes: usize,
}

/// What comes after the first frame.
#[derive(Default)]
struct Rest {
    frames: VecDeque<Queued>,
    /// How many are parts of a snapshot.
    parts: usize,
}

enum Queued {
    Counted(Frame),
    Part(Frame),
}

impl Queue {
    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.cost();
        self.append(Queued::Counted(frame));
    }

    pub(super) fn push_part(&mut self, part: Frame) {
        self.append(Queued::Part(part));
    }

    fn append(&mut self, queued: Queued) {
        if self.first.is_none() {
            self.first = Some(queued);
            return;
        }
        let rest = self.rest.get_or_insert_default();
        rest.parts += usize::from(queued.is_part());
        rest.frames.push_back(queued);
    }

    pub(super) fn pop(&mut self) -> Option<Frame> {
        let first = self.first.take()?;
        self.sent = 0;
        if let Some(rest) = &mut self.rest {
            self.first = rest.frames.pop_front();
            rest.parts -= usize::from(self.first.as_ref().is_some_and(Queued::is_part));
            if rest.frames.is_empty() {
                // An idle connection keeps no memory for the burst it once had.
                self.rest = None;
            }
        }
        Some(match first {
            Queued::Counted(frame) => {
                self.bytes -= frame.cost();
                frame
            }
            Queued::Part(frame) => frame,
        })
    }

    fn frames(&self) -> impl Iterator<Item = &Frame> {
        let rest = self.rest.iter().flat_map(|rest| &rest.frames);
        self.first.iter().chain(rest).map(Queued::frame)
    }

    /// The bytes that are next; `None` if there are none. Of several frames, those that make a good
    /// write.
    pub(super) fn front<'a>(&'a self, scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        let first = self.first.as_ref()?.frame();
        if let Some(wire) = first.as_wire()
            && (self.rest.is_none() || wire.len() >= WRITE)
        {
            return Some(&wire[self.sent..]);
        }
        scratch.clear();
        for frame in self.frames() {
            if scratch.len() >= WRITE {
                break;
            }
            frame.append_to(scratch);
        }
        Some(&scratch[self.sent..])
    }

    /// So many of the bytes have left.
    pub(super) fn advance(&mut self, bytes: usize) {
        let mut sent = self.sent + bytes;
        while let Some(first) = &self.first
            && first.frame().wire_len() <= sent
        {
            sent -= first.frame().wire_len();
            self.pop();
        }
        self.sent = sent;
    }

    /// Throws all away but the rest of a frame that has left in part: what comes after it would not
    /// be understood.
    pub(super) fn clear(&mut self) {
        let sent = self.sent;
        let first = (sent > 0).then(|| self.pop()).flatten();
        *self = Self::default();
        if let Some(first) = first {
            self.push(first);
            self.sent = sent;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn has_parts(&self) -> bool {
        self.first.as_ref().is_some_and(Queued::is_part)
            || self.rest.as_ref().is_some_and(|rest| rest.parts > 0)
    }

    #[cfg(any(feature = "server", test))]
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[cfg(test)]
    pub(super) fn owns_nothing(&self) -> bool {
        self.first.is_none() && self.rest.is_none()
    }
}

impl Queued {
    fn is_part(&self) -> bool {
        matches!(self, Self::Part(_))
    }

    fn frame(&self) -> &Frame {
        let (Self::Counted(frame) | Self::Part(frame)) = self;
        frame
    }
}
