//! The rate at which a client may send messages.

use std::time::{Duration, Instant};

use crate::limits::Limits;

/// Lets so many messages through at once, and so many a second after that (a generic cell rate
/// algorithm: one time is all that it keeps).
pub(super) struct Rate {
    /// When all messages so far will have been paid for.
    paid_at: Instant,
    refused: u32,
}

/// What is to become of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Read,
    Refuse,
    /// The client does not listen to refusals.
    Close,
}

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            paid_at: now,
            refused: 0,
        }
    }

    pub(super) fn judge(&mut self, limits: &Limits, now: Instant) -> Verdict {
        let price = Duration::from_secs(1) / limits.messages_per_second;
        let credit = price * limits.messages_at_once;
        if self.paid_at <= now {
            self.paid_at = now;
            self.refused = 0;
        }
        if self.paid_at + price <= now + credit {
            self.paid_at += price;
            return Verdict::Read;
        }
        self.refused += 1;
        match self.refused > limits.messages_at_once {
            true => Verdict::Close,
            false => Verdict::Refuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            messages_per_second: 10,
            messages_at_once: 3,
            ..Limits::default()
        }
    }

    fn verdicts(rate: &mut Rate, now: Instant, count: usize) -> Vec<Verdict> {
        (0..count).map(|_| rate.judge(&limits(), now)).collect()
    }

    #[test]
    fn a_burst_is_read_and_then_so_many_a_second() {
        use Verdict::{Close, Read, Refuse};
        let mut now = Instant::now();
        let mut rate = Rate::new(now);
        assert_eq!(verdicts(&mut rate, now, 4), [Read, Read, Read, Refuse]);
        now += Duration::from_millis(100);
        assert_eq!(verdicts(&mut rate, now, 2), [Read, Refuse]);
        assert_eq!(verdicts(&mut rate, now, 2), [Refuse, Close]);
        now += Duration::from_secs(1);
        assert_eq!(verdicts(&mut rate, now, 4), [Read, Read, Read, Refuse]);
    }

    #[test]
    fn who_keeps_to_the_rate_is_never_refused() {
        let mut now = Instant::now();
        let mut rate = Rate::new(now);
        for _ in 0..10_000 {
            now += Duration::from_millis(100);
            assert_eq!(rate.judge(&limits(), now), Verdict::Read);
        }
    }
}
