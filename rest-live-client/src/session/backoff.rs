//! When to come back. Chance is an argument.

use std::time::Duration;

use serde::Deserialize;

use crate::error::Error;

const BASE: Duration = Duration::from_millis(500);
const CAP: Duration = Duration::from_secs(30);
const ADVICE_CAP: Duration = Duration::from_secs(300);
/// Who sent too many messages waits as if so many connections had failed.
const TOO_MANY: u32 = 4;

/// Full jitter: anything up to a bound that doubles with each attempt. `chance` is in [0, 1).
pub(super) fn backoff(attempt: u32, chance: f64) -> Duration {
    let doubled = BASE.saturating_mul(1 << attempt.min(16));
    doubled.min(CAP).mul_f64(chance)
}

/// What to do after a connection has failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// Not to come back by itself.
    Stop,
    /// `attempt` is how many have failed in a row by now.
    After { delay: Duration, attempt: u32 },
}

/// Judges the end of a connection, or of a try to have one; `attempt` connections have failed in a
/// row before.
pub(super) fn after(error: &Error, attempt: u32, chance: f64) -> Retry {
    match error {
        Error::Closed { code: 4403, .. } | Error::Connection { code: 403, .. } => Retry::Stop,
        Error::Closed { code: 1001, reason } => match advice(reason) {
            Some(delay) => Retry::After { delay, attempt },
            None => later(Duration::ZERO, attempt, chance),
        },
        Error::Closed { code: 4429, .. } | Error::Connection { code: 429, .. } => {
            later(BASE, attempt.max(TOO_MANY), chance)
        }
        Error::Status {
            retry_after: Some(delay),
            ..
        } => later((*delay).min(ADVICE_CAP), attempt, chance),
        _ => later(Duration::ZERO, attempt, chance),
    }
}

fn later(least: Duration, attempt: u32, chance: f64) -> Retry {
    Retry::After {
        delay: least + backoff(attempt, chance),
        attempt: attempt.saturating_add(1),
    }
}

/// The moment that a server advises as it goes: each client another one, so it is kept as it is.
fn advice(reason: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Advice {
        retry_after_ms: f64,
    }
    let Advice { retry_after_ms } = serde_json::from_str(reason).ok()?;
    let delay = Duration::try_from_secs_f64(retry_after_ms / 1000.0).ok()?;
    Some(delay.min(ADVICE_CAP))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(code: u16, reason: &str) -> Error {
        Error::Closed {
            code,
            reason: reason.to_owned(),
        }
    }

    fn delay_after(error: &Error, attempt: u32) -> (Duration, u32) {
        match after(error, attempt, 0.5) {
            Retry::After { delay, attempt } => (delay, attempt),
            Retry::Stop => panic!("{error} is not the end"),
        }
    }

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let bounds = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
        for (attempt, bound) in (0..).zip(bounds) {
            assert_eq!(backoff(attempt, 0.0), Duration::ZERO);
            assert_eq!(backoff(attempt, 0.5), Duration::from_millis(bound / 2));
        }
        assert_eq!(backoff(u32::MAX, 0.5), CAP / 2);
    }

    #[test]
    fn most_ends_are_followed_by_a_longer_wait_each_time() {
        for code in [1000, 1002, 1006, 1009, 1013, 4003, 4408, 4508, 4512] {
            let (first, attempt) = delay_after(&closed(code, ""), 0);
            assert_eq!((first, attempt), (Duration::from_millis(250), 1), "{code}");
            assert_eq!(delay_after(&closed(code, ""), 1).0, 2 * first, "{code}");
        }
        assert_eq!(delay_after(&Error::Silent, 2).0, Duration::from_secs(1));
    }

    #[test]
    fn nobody_comes_back_whose_access_was_revoked() {
        assert_eq!(after(&closed(4403, ""), 0, 0.5), Retry::Stop);
        let forbidden = Error::Connection {
            code: 403,
            reason: "forbidden".into(),
            message: String::new(),
            temporary: false,
        };
        assert_eq!(after(&forbidden, 0, 0.5), Retry::Stop);
    }

    #[test]
    fn a_server_that_goes_says_when_to_come_back() {
        let advised = |reason| delay_after(&closed(1001, reason), 3);
        let millis = Duration::from_millis;
        assert_eq!(advised(r#"{"retry_after_ms":1500}"#), (millis(1500), 3));
        assert_eq!(advised(r#"{"retry_after_ms":0}"#), (Duration::ZERO, 3));
        assert_eq!(advised(r#"{"retry_after_ms":1e12}"#), (ADVICE_CAP, 3));
    }

    #[test]
    fn bad_advice_is_none() {
        for reason in [
            "",
            "bye",
            "{}",
            "[]",
            r#"{"retry_after_ms":"1"}"#,
            r#"{"retry_after_ms":-1}"#,
            r#"{"retry_after_ms":1e300}"#,
        ] {
            let (delay, attempt) = delay_after(&closed(1001, reason), 0);
            assert_eq!((delay, attempt), (BASE / 2, 1), "{reason}");
        }
    }

    #[test]
    fn who_sent_too_much_stays_away_for_longer() {
        let (delay, attempt) = delay_after(&closed(4429, ""), 0);
        assert_eq!((delay, attempt), (BASE + Duration::from_secs(4), 5));
    }

    #[test]
    fn a_refusal_says_how_long_to_wait_at_least() {
        let refusal = |seconds: Option<u64>| Error::Status {
            status: 503,
            message: String::new(),
            retry_after: seconds.map(Duration::from_secs),
        };
        let secs = Duration::from_secs;
        assert_eq!(delay_after(&refusal(Some(7)), 0), (secs(7) + BASE / 2, 1));
        assert_eq!(
            delay_after(&refusal(Some(9999)), 0).0,
            ADVICE_CAP + BASE / 2
        );
        assert_eq!(delay_after(&refusal(None), 0).0, BASE / 2);
    }
}
