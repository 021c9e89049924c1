//! The open connections, and what they are ordered to do.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use crate::registry::guard;
use crate::session::{CloseReason, Load, Outbox};

/// The open connections of a [`Live`](crate::Live).
pub(crate) struct Connections<U> {
    state: Mutex<State<U>>,
}

struct State<U> {
    open: HashMap<u64, Arc<Link<U>>>,
    next: u64,
    /// From when on nobody is let in, and by when all are to be gone.
    draining: Option<Instant>,
    /// Who waits for the draining to begin or to end.
    waiting: Vec<Waker>,
}

/// What others hold of a connection.
pub(crate) struct Link<U> {
    number: u64,
    since: Instant,
    outbox: Arc<Outbox>,
    /// How many there were when its task last changed them.
    subscriptions: AtomicUsize,
    mail: Mutex<Mail<U>>,
}

struct Mail<U> {
    /// Who it is; `None` while nobody knows.
    user: Option<Arc<U>>,
    /// How often the client has said itself who it is.
    logins: u64,
    order: Option<Order<U>>,
}

/// What a connection is ordered to do.
#[derive(Debug)]
pub(crate) enum Order<U> {
    Close(CloseReason),
    /// The user is from now on this one; if `expires` is `None`, until when he was.
    Become(Identity<U>),
    /// The user's rights are no longer what they were.
    LookAgain,
    /// Without a word.
    Drop,
}

/// What waits to be sent, on all connections.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    pub(crate) open: usize,
    pub(crate) bytes: usize,
    /// How many connections there are whose socket takes no more.
    pub(crate) slow: usize,
}

/// Who a connection's user is, and until when that is certain.
#[derive(Debug)]
pub(crate) struct Identity<U> {
    pub(crate) user: Arc<U>,
    pub(crate) expires: Option<Instant>,
}

impl<U> Clone for Identity<U> {
    fn clone(&self) -> Self {
        Self {
            user: Arc::clone(&self.user),
            expires: self.expires,
        }
    }
}

impl<U> Default for Connections<U> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                open: HashMap::new(),
                next: 0,
                draining: None,
                waiting: Vec::new(),
            }),
        }
    }
}

impl<U> Connections<U> {
    pub(crate) fn open(
        &self,
        outbox: &Arc<Outbox>,
        user: Option<Arc<U>>,
        now: Instant,
    ) -> Arc<Link<U>> {
        let mut state = self.lock();
        let link = Arc::new(Link {
            number: state.next,
            since: now,
            outbox: Arc::clone(outbox),
            subscriptions: AtomicUsize::new(0),
            mail: Mutex::new(Mail {
                user,
                logins: 0,
                order: None,
            }),
        });
        state.next += 1;
        state.open.insert(link.number, Arc::clone(&link));
        link
    }

    pub(crate) fn close(&self, link: &Link<U>) {
        let mut state = self.lock();
        state.open.remove(&link.number);
        if state.open.is_empty() {
            state.wake();
        }
    }

    /// The connections of those users of whom `who`, which is code of the application, says so.
    pub(crate) fn chosen(&self, who: impl Fn(&U) -> bool) -> impl Iterator<Item = Arc<Link<U>>> {
        self.all().into_iter().filter(move |link| {
            let user = link.user();
            user.is_some_and(|user| guard("choice of users", || who(&user)).unwrap_or(false))
        })
    }

    pub(crate) fn all(&self) -> Vec<Arc<Link<U>>> {
        self.lock().open.values().cloned().collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// What waits on all of them, and on each.
    pub(crate) fn queues(&self, mut each: impl FnMut(&Arc<Link<U>>, Load)) -> Queues {
        let mut queues = Queues::default();
        for link in self.all() {
            let load = link.load();
            queues.open += 1;
            queues.bytes += load.bytes;
            queues.slow += usize::from(load.is_blocked);
            each(&link, load);
        }
        queues
    }

    #[cfg(feature = "server")]
    pub(crate) fn by_number(&self, number: u64) -> Option<Arc<Link<U>>> {
        self.lock().open.get(&number).cloned()
    }

    /// From now on nobody is let in, and by `deadline` all are to be gone.
    pub(crate) fn drain(&self, deadline: Instant) {
        let mut state = self.lock();
        let earliest = state.draining.map_or(deadline, |due| due.min(deadline));
        state.draining = Some(earliest);
        state.wake();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.lock().draining.is_some()
    }

    /// Ready when nobody is let in any more; says by when all are to be gone.
    pub(crate) fn poll_draining(&self, context: &Context<'_>) -> Poll<Instant> {
        self.lock().poll(context, |state| state.draining)
    }

    /// Ready when no connection is open.
    pub(crate) fn poll_empty(&self, context: &Context<'_>) -> Poll<()> {
        self.lock()
            .poll(context, |state| state.open.is_empty().then_some(()))
    }

    fn lock(&self) -> MutexGuard<'_, State<U>> {
        self.state.lock()
    }
}

impl<U> State<U> {
    fn wake(&mut self) {
        mem::take(&mut self.waiting)
            .into_iter()
            .for_each(Waker::wake);
    }

    fn poll<T>(&mut self, context: &Context<'_>, ready: impl Fn(&Self) -> Option<T>) -> Poll<T> {
        if let Some(ready) = ready(self) {
            return Poll::Ready(ready);
        }
        if !self
            .waiting
            .iter()
            .any(|waker| waker.will_wake(context.waker()))
        {
            self.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}

impl<U> Link<U> {
    pub(crate) fn user(&self) -> Option<Arc<U>> {
        self.mail.lock().user.clone()
    }

    #[cfg(feature = "server")]
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// When it was opened.
    #[cfg(feature = "server")]
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    #[cfg(feature = "server")]
    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    #[cfg(feature = "server")]
    pub(crate) fn subscriptions(&self) -> usize {
        self.subscriptions.load(Relaxed)
    }

    /// What waits to be sent.
    pub(crate) fn load(&self) -> Load {
        self.outbox.load()
    }

    pub(crate) fn note_subscriptions(&self, count: usize) {
        self.subscriptions.store(count, Relaxed);
    }

    pub(crate) fn set_user(&self, user: &Arc<U>) {
        let before = self.mail.lock().user.replace(Arc::clone(user));
        // Here and not under the lock: dropping a user is code of the application.
        drop(before);
    }

    /// The client itself says who it is: what was ordered about who it was before is void.
    pub(crate) fn log_in(&self) {
        let mut mail = self.mail.lock();
        mail.logins += 1;
        let void = mail
            .order
            .take_if(|order| matches!(order, Order::Become(_)));
        drop(mail);
        drop(void);
    }

    /// Who it is, and by which login.
    #[cfg(feature = "server")]
    pub(crate) fn login(&self) -> Option<(Arc<U>, u64)> {
        let mail = self.mail.lock();
        Some((mail.user.clone()?, mail.logins))
    }

    /// Gives an order that is about a login; `false`, and none given, if there was another since.
    #[cfg(feature = "server")]
    pub(crate) fn order_by(&self, login: u64, order: Order<U>) -> bool {
        self.order_if(order, |mail| mail.logins == login)
    }

    /// Gives an order. Who is to go does nothing else.
    pub(crate) fn order(&self, order: Order<U>) {
        self.order_if(order, |_| true);
    }

    fn order_if(&self, order: Order<U>, is_due: impl Fn(&Mail<U>) -> bool) -> bool {
        let is_revoked = matches!(order, Order::Close(CloseReason::Revoked));
        let mut mail = self.mail.lock();
        if !is_due(&mail) {
            drop(mail);
            return false;
        }
        let is_to_go = matches!(mail.order, Some(Order::Close(_) | Order::Drop));
        // Under the lock: who finds the outbox silenced finds out why.
        if is_revoked {
            self.outbox.silence();
        }
        let before = match (is_to_go, &order) {
            (false, _) | (true, Order::Drop) => mail.order.replace(order),
            (true, _) => Some(order),
        };
        drop(mail);
        // Here and not under the lock: dropping a user is code of the application.
        drop(before);
        self.outbox.wake();
        true
    }

    pub(crate) fn take_order(&self) -> Option<Order<U>> {
        self.mail.lock().order.take()
    }
}
