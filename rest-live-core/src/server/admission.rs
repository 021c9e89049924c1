//! Who gets in: the origin, a seat, and the application's word on its user.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::SystemTime;

use http::request::Parts;

use super::connection::now;
use super::grant::Grant;
use super::handshake::Handshake;
use super::listen::PeerAddr;
use super::origin::Origins;
use super::refusal::Refusal;
use super::seats::{Seat, Seats};
use crate::connections::{Identity, Order};
use crate::limits::Limits;
use crate::registry::{BuildError, guard};
use crate::session::{CloseReason, Who};

type Granted<U> = Pin<Box<dyn Future<Output = Result<Grant<U>, Refusal>> + Send>>;
type FindAddress = Box<dyn Fn(&Handshake) -> Option<IpAddr> + Send + Sync>;
type Identify<U> = Box<dyn Fn(&U) -> Option<String> + Send + Sync>;

const AUTHENTICATE: &str = "call of `authenticate`";

/// A function of the application that is asked for a user.
pub(super) type Ask<T, U> = Box<dyn Fn(T) -> Granted<U> + Send + Sync>;

/// What is asked for a user, and from what.
pub(crate) enum Authentication<U> {
    Handshake(Ask<Handshake, U>),
    Cookie { name: String, ask: Ask<String, U> },
}

impl<U> Authentication<U> {
    async fn ask(&self, handshake: Handshake) -> Result<Grant<U>, Refusal> {
        match self {
            Self::Handshake(ask) => ask(handshake).await,
            Self::Cookie { name, ask } => match handshake.cookie(name) {
                Some(value) => ask(value.to_owned()).await,
                None => Err(Refusal::unauthorized(format!(
                    "there is no cookie `{name}`: log in first"
                ))),
            },
        }
    }
}

/// What is said of an [`Admission`] before it is one.
pub(crate) struct AdmissionBuilder<U> {
    pub(crate) authentication: Option<Authentication<U>>,
    pub(crate) by_message: Option<Ask<String, U>>,
    pub(crate) refresh: Option<Ask<Arc<U>, U>>,
    /// Or the first mistake.
    pub(crate) origins: Result<Origins, BuildError>,
    pub(crate) find_address: Option<FindAddress>,
    pub(crate) identify: Option<Identify<U>>,
}

impl<U> AdmissionBuilder<U> {
    pub(crate) fn build(self, limits: &Limits) -> Result<Admission<U>, BuildError> {
        let origins = self.origins?;
        if self.authentication.is_none() && self.by_message.is_none() {
            return Err(BuildError::NoAuthentication);
        }
        if let Some(Authentication::Cookie { name, .. }) = &self.authentication
            && origins.any
        {
            let cookie = name.clone();
            return Err(BuildError::CookieFromAnyOrigin { cookie });
        }
        Ok(Admission {
            authentication: self.authentication,
            by_message: self.by_message,
            refresh: self.refresh,
            limits: *limits,
            origins,
            find_address: self.find_address,
            identify: self.identify,
            seats: Seats::new(limits),
        })
    }
}

impl<U> Default for AdmissionBuilder<U> {
    fn default() -> Self {
        Self {
            authentication: None,
            by_message: None,
            refresh: None,
            origins: Ok(Origins::default()),
            find_address: None,
            identify: None,
        }
    }
}

/// Decides who gets in.
pub(crate) struct Admission<U> {
    authentication: Option<Authentication<U>>,
    by_message: Option<Ask<String, U>>,
    refresh: Option<Ask<Arc<U>, U>>,
    limits: Limits,
    origins: Origins,
    /// `None`, where a client's address is that of its socket.
    find_address: Option<FindAddress>,
    identify: Option<Identify<U>>,
    seats: Arc<Seats>,
}

/// Somebody who got in.
pub(super) struct Admitted<U> {
    pub(super) who: Who<U>,
    pub(super) seat: Seat,
}

impl<U> Admission<U> {
    /// Whether clients can say on the socket who they are.
    pub(crate) fn takes_tokens(&self) -> bool {
        self.by_message.is_some()
    }

    /// Whether clients have the addresses of their sockets. Elsewhere, as behind a proxy, only a
    /// request says whose it is.
    pub(super) fn goes_by_peers(&self) -> bool {
        self.find_address.is_none()
    }

    /// The seat is taken first: who finds none is not to keep the application busy.
    pub(super) async fn admit(&self, mut request: Parts) -> Result<Admitted<U>, Refusal> {
        self.origins.check(&mut request)?;
        let handshake = Handshake::new(request);
        let address = match &self.find_address {
            Some(find) => {
                guard("call of `address`", || find(&handshake)).ok_or_else(Refusal::failed)?
            }
            None => peer(&handshake),
        };
        let mut seat = self.seats.take(address)?;
        let answer = match &self.authentication {
            Some(authentication) => {
                self.guarded(AUTHENTICATE, authentication.ask(handshake))
                    .await
            }
            None => Err(Refusal::not_yet()),
        };
        let who = match answer {
            Ok(grant) => Who::Known(self.seat(grant, &mut seat)?),
            Err(refusal) if refusal.is_not_final && self.takes_tokens() => Who::Unknown {
                by: now() + self.limits.message_within,
            },
            Err(refusal) => return Err(refusal),
        };
        Ok(Admitted { who, seat })
    }

    /// Asks whose token it is that came by a message.
    pub(super) async fn ask_for(&self, token: String) -> Result<Grant<U>, Refusal> {
        match &self.by_message {
            Some(ask) => self.guarded(AUTHENTICATE, async { ask(token).await }).await,
            None => Err(Refusal::not_yet()),
        }
    }

    /// Gives a seat to a user.
    pub(super) fn seat(&self, grant: Grant<U>, seat: &mut Seat) -> Result<Identity<U>, Refusal> {
        let expires = grant.deadline(now(), SystemTime::now())?;
        let user = grant.user;
        if let Some(identify) = &self.identify {
            let id = guard("call of `identify`", || identify(&user)).ok_or_else(Refusal::failed)?;
            seat.belong_to(id.as_deref())?;
        }
        Ok(Identity {
            user: Arc::new(user),
            expires,
        })
    }

    /// Gives a seat that is taken to whoever its user has become. He is not sent away for having too
    /// many: it was the application that made him another.
    pub(super) fn pass(&self, seat: &mut Seat, user: &U) {
        seat.pass_to(self.name(user).as_deref());
    }

    /// Asks who a user is now; `None` if that cannot be said, and he stays who he was.
    pub(super) async fn refresh(&self, user: Arc<U>) -> Option<Order<U>> {
        let Some(ask) = &self.refresh else {
            return Some(Order::LookAgain);
        };
        let grant = self
            .guarded("call of `refresh`", async { ask(user).await })
            .await;
        let identity = grant.and_then(|grant| {
            let expires = grant.deadline(now(), SystemTime::now())?;
            let user = Arc::new(grant.user);
            Ok(Identity { user, expires })
        });
        match identity {
            Ok(identity) => Some(Order::Become(identity)),
            Err(refusal) if refusal.is_certain() => Some(Order::Close(CloseReason::Revoked)),
            Err(refusal) => {
                tracing::warn!(%refusal, "it cannot be said what rights a user has now");
                None
            }
        }
    }

    /// What the application calls a user.
    pub(super) fn name(&self, user: &U) -> Option<String> {
        let identify = self.identify.as_ref()?;
        guard("call of `identify`", || identify(user))?
    }

    /// An answer of the application, whatever it does instead of answering.
    pub(super) async fn guarded<T>(
        &self,
        what: &str,
        answer: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let mut answer = pin!(answer);
        let answer = poll_fn(
            |context| match guard(what, || answer.as_mut().poll(context)) {
                Some(answer) => answer,
                None => Poll::Ready(Err(Refusal::failed())),
            },
        );
        let within = self.limits.authenticate_within;
        match tokio::time::timeout(within, answer).await {
            Ok(answer) => answer,
            Err(_) => {
                tracing::warn!("a {what} did not answer in time");
                let message = "it takes too long to find out who you are";
                Err(Refusal::unavailable(message).retry_after(within))
            }
        }
    }
}

/// Whose connection it is that [`serve`](crate::serve) has accepted.
fn peer(handshake: &Handshake) -> Option<IpAddr> {
    let PeerAddr(address) = handshake.extensions().get()?;
    Some(address.ip())
}
