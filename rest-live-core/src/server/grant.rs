//! Grants: a user, and how long he is one.

use std::time::{Instant, SystemTime};

use super::refusal::Refusal;

/// What [`Builder::authenticate`](crate::Builder::authenticate) gives: a user, and, where his
/// login has an end, until when.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use rest_live_core::Grant;
///
/// let hour = Duration::from_secs(60 * 60);
/// let grant = Grant::new("ann").expires_at(SystemTime::now() + hour);
/// ```
///
/// A user alone is a grant without an end: `Ok(user)` will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant<U> {
    pub(super) user: U,
    expires_at: Option<SystemTime>,
}

impl<U> Grant<U> {
    /// A user who may stay.
    pub fn new(user: U) -> Self {
        Self {
            user,
            expires_at: None,
        }
    }

    /// Ends the connection at this time, with close code 4003; the client is to connect again, and
    /// to say again who it is. If the time has passed already, it does not get in: 401.
    #[must_use]
    pub fn expires_at(mut self, time: SystemTime) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// When the connection ends, by the clock that runs evenly; both clocks are read at once.
    pub(super) fn deadline(
        &self,
        now: Instant,
        today: SystemTime,
    ) -> Result<Option<Instant>, Refusal> {
        let Some(time) = self.expires_at else {
            return Ok(None);
        };
        match time.duration_since(today) {
            Ok(left) if !left.is_zero() => Ok(now.checked_add(left)),
            _ => Err(Refusal::unauthorized("the login has ended")),
        }
    }
}

impl<U> From<U> for Grant<U> {
    fn from(user: U) -> Self {
        Self::new(user)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_grant_ends_when_the_calendar_says_so() {
        let (now, today) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let minute = Duration::from_secs(60);
        assert_eq!(Grant::from(1).deadline(now, today), Ok(None));
        let until = |time| Grant::new(1).expires_at(time).deadline(now, today);
        assert_eq!(until(today + minute), Ok(Some(now + minute)));
        for past in [today, today - minute] {
            let refusal = until(past).unwrap_err();
            assert_eq!(refusal.to_string(), "401 Unauthorized: the login has ended");
        }
    }
}
