//! What the application does to open connections, as far as it takes a runtime.

use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::connections::Order;
use crate::limits::NEVER;
use crate::live::Live;
use crate::session::CloseReason;

/// So many connections are closed at once, at least.
const AT_ONCE: usize = 100;

/// In so many steps.
const STEPS: u32 = 20;

/// So many users are asked for at once. A pool of database connections has about as many.
const REFRESHES_AT_ONCE: usize = 16;

impl<U: Send + Sync + 'static> Live<U> {
    /// Looks again at who the users are of whom `who` says so, and at what they may see; says how
    /// many connections these have. To be called when rights have changed that the rows do not
    /// show: a role, a membership, a login that was ended elsewhere.
    ///
    /// For each connection, [`Builder::refresh`](crate::Builder::refresh) says who its user is
    /// now, or that it is nobody any more: then the connection is closed with code 4403. The others
    /// are told `DELETED` of the rows that they may see no longer and `CREATED` of those that
    /// they may see now, if the model has [snapshots](crate::Builder::snapshots); otherwise to read
    /// again, by a `resync`. So are all, without `refresh`.
    ///
    /// Subscriptions to models that he [may not subscribe
    /// to](crate::Builder::may_subscribe) any more end.
    ///
    /// The rights of before count until the connection has been told, which is a matter of
    /// milliseconds; and if `refresh` cannot say who the user is, they stay, with a warning in the
    /// log. Where that is too long, [`disconnect`](Self::disconnect).
    ///
    /// ```
    /// # use rest_live_core::Live;
    /// struct User { team: i32 }
    ///
    /// # async fn run(live: Live<User>) {
    /// let asked = live.revalidate(|user| user.team == 7).await;
    /// # }
    /// ```
    pub async fn revalidate(&self, who: impl Fn(&U) -> bool) -> usize {
        let chosen: Vec<_> = self.hub.connections.chosen(who).collect();
        let count = chosen.len();
        let mut refreshes = JoinSet::new();
        for link in chosen {
            if refreshes.len() >= REFRESHES_AT_ONCE {
                refreshes.join_next().await;
            }
            let admission = Arc::clone(&self.admission);
            refreshes.spawn(async move {
                while let Some((user, login)) = link.login()
                    && let Some(order) = admission.refresh(user).await
                    && !link.order_by(login, order)
                {
                    // It has become another meanwhile, who is asked about too.
                }
            });
        }
        while refreshes.join_next().await.is_some() {}
        count
    }

    /// Ends all connections, for a server that is about to stop; ready when there are none, and at
    /// the latest after `within`.
    ///
    /// From now on nobody is let in: requests are answered with 503, and [`serve`](crate::serve)
    /// accepts no more; it returns when this does, or a moment before. Over the first half of `within`, clients are closed with code 1001 and advised when
    /// to come back: each at another moment within
    /// [`Limits::reconnect_within`](crate::Limits::reconnect_within), so that they do not all
    /// fall upon the next server at once. What was committed before has been sent, if the client
    /// reads; what comes after they get when they resume, if their log is still the same.
    pub async fn shutdown(&self, within: Duration) {
        let connections = &self.hub.connections;
        let within = within.min(NEVER);
        let deadline = tokio::time::Instant::now() + within;
        connections.drain(deadline.into_std());
        // What was committed before is told before the last word.
        let log = Arc::clone(self.feed().log());
        drop(tokio::task::spawn_blocking(move || log.settle(within / 4)).await);
        let open = connections.all();
        let at_once = open.len().div_ceil(STEPS as usize).max(AT_ONCE);
        for links in open.chunks(at_once) {
            for link in links {
                link.order(Order::Close(self.going_away()));
            }
            tokio::time::sleep(within / STEPS / 2).await;
        }
        if tokio::time::timeout_at(deadline, self.emptied())
            .await
            .is_err()
        {
            let open = connections.all();
            tracing::warn!(connections = open.len(), "clients did not hang up in time");
            open.iter().for_each(|link| link.order(Order::Drop));
        }
    }

    /// Why connections are closed while the server shuts down.
    pub(super) fn going_away(&self) -> CloseReason {
        CloseReason::GoingAway {
            retry_after: random_up_to(self.hub.limits.reconnect_within),
        }
    }

    /// Ready when nobody is let in any more; says by when all are to be gone.
    pub(super) async fn draining(&self) -> Instant {
        poll_fn(|context| self.hub.connections.poll_draining(context)).await
    }

    /// Ready when no connection is open.
    pub(super) async fn emptied(&self) {
        poll_fn(|context| self.hub.connections.poll_empty(context)).await;
    }
}

fn random_up_to(most: Duration) -> Duration {
    let random = RandomState::new().hash_one("jitter");
    most.mul_f64(f64::from(random as u32) / f64::from(u32::MAX))
}
