//! Outboxes that the dispatcher put something into, and that are to be flushed.

use std::sync::Arc;

use crate::session::{Frame, Outbox};

/// So many frames are put in before they are sent.
const FRAMES: usize = 64 * 1024;

/// The outboxes that hold something of the commits dispatched so far. Each is flushed once for all
/// of them, when the dispatcher's lock has been let go: that is when the sockets are written to.
#[derive(Default)]
pub(crate) struct Filled {
    outboxes: Vec<Arc<Outbox>>,
    frames: usize,
}

impl Filled {
    pub(super) fn put(&mut self, outbox: &Arc<Outbox>, frame: Frame) {
        self.frames += 1;
        if outbox.push(frame) {
            self.outboxes.push(Arc::clone(outbox));
        }
    }

    /// How many frames have been put in since the last flush.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// Whether it is time to send.
    pub(crate) fn is_full(&self) -> bool {
        self.frames >= FRAMES
    }

    pub(crate) fn flush(&mut self) {
        self.outboxes.drain(..).for_each(|outbox| outbox.flush());
        self.frames = 0;
    }
}
