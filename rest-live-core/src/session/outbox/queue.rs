//! The queue of an outbox: frames in order, the first of which may have left in part.

use std::collections::VecDeque;

use super::Frame;

/// So many bytes are gathered for one write at least, where there are as many.
const WRITE: usize = 32 * 1024;

#[derive(Default)]
pub(super) struct Queue {
    /// Mostly there is one at a time, and that takes no memory of its own.
    first: Option<Queued>,
    /// Those after it.
    rest: VecDeque<Queued>,
    /// How much of the first frame has left.
    sent: usize,
    /// The cost of those that count.
    bytes: usize,
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
        self.parts += 1;
        self.append(Queued::Part(part));
    }

    fn append(&mut self, queued: Queued) {
        match self.first {
            None => self.first = Some(queued),
            Some(_) => self.rest.push_back(queued),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Frame> {
        let first = self.first.take()?;
        self.first = self.rest.pop_front();
        let frame = match first {
            Queued::Counted(frame) => {
                self.bytes -= frame.cost();
                frame
            }
            Queued::Part(frame) => {
                self.parts -= 1;
                frame
            }
        };
        self.sent = 0;
        if self.first.is_none() {
            // An idle connection keeps no memory for the burst it once had.
            self.rest = VecDeque::new();
        }
        Some(frame)
    }

    /// The bytes that are next; `None` if there are none. Of several frames, those that make a good
    /// write.
    pub(super) fn front<'a>(&'a self, scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        let first = self.first.as_ref()?.frame();
        if let Some(wire) = first.as_wire()
            && (self.rest.is_empty() || wire.len() >= WRITE)
        {
            return Some(&wire[self.sent..]);
        }
        scratch.clear();
        for queued in self.first.iter().chain(&self.rest) {
            if scratch.len() >= WRITE {
                break;
            }
            queued.frame().append_to(scratch);
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
        self.parts > 0
    }

    #[cfg(any(feature = "server", test))]
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.rest.capacity()
    }
}

impl Queued {
    fn frame(&self) -> &Frame {
        let (Self::Counted(frame) | Self::Part(frame)) = self;
        frame
    }
}
