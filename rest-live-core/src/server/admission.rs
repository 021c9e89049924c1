//! Who gets in: the origin, a seat, and the application's word on its user.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use http::request::Parts;

use super::connection::now;
use super::grant::Grant;
use super::handshake::Handshake;
use super::listen::PeerAddr;
use super::origin::Origins;
use super::refusal::Refusal;
use super::seats::{Seat, Seats};
use crate::limits::Limits;
use crate::registry::{BuildError, guard};

type Granted<U> = Pin<Box<dyn Future<Output = Result<Grant<U>, Refusal>> + Send>>;
type FindAddress = Box<dyn Fn(&Handshake) -> Option<IpAddr> + Send + Sync>;
type Identify<U> = Box<dyn Fn(&U) -> Option<String> + Send + Sync>;

/// What is asked for a user, and from what.
pub(crate) enum Authentication<U> {
    Handshake(Box<dyn Fn(Handshake) -> Granted<U> + Send + Sync>),
    Cookie {
        name: String,
        ask: Box<dyn Fn(String) -> Granted<U> + Send + Sync>,
    },
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
    /// Or the first mistake.
    pub(crate) origins: Result<Origins, BuildError>,
    pub(crate) find_address: Option<FindAddress>,
    pub(crate) identify: Option<Identify<U>>,
}

impl<U> AdmissionBuilder<U> {
    pub(crate) fn build(self, limits: &Limits) -> Result<Admission<U>, BuildError> {
        let origins = self.origins?;
        let authentication = self.authentication.ok_or(BuildError::NoAuthentication)?;
        if let Authentication::Cookie { name, .. } = &authentication
            && origins.any
        {
            let cookie = name.clone();
            return Err(BuildError::CookieFromAnyOrigin { cookie });
        }
        Ok(Admission {
            authentication,
            authenticate_within: limits.authenticate_within,
            origins,
            find_address: self.find_address.unwrap_or_else(|| Box::new(peer)),
            identify: self.identify,
            seats: Seats::new(limits),
        })
    }
}

impl<U> Default for AdmissionBuilder<U> {
    fn default() -> Self {
        Self {
            authentication: None,
            origins: Ok(Origins::default()),
            find_address: None,
            identify: None,
        }
    }
}

/// Decides who gets in.
pub(crate) struct Admission<U> {
    authentication: Authentication<U>,
    authenticate_within: Duration,
    origins: Origins,
    find_address: FindAddress,
    identify: Option<Identify<U>>,
    seats: Arc<Seats>,
}

/// Somebody who got in.
pub(super) struct Admitted<U> {
    pub(super) user: Arc<U>,
    /// When he has to say again who he is.
    pub(super) expires: Option<Instant>,
    pub(super) seat: Seat,
}

impl<U> Admission<U> {
    /// The seat is taken first: who finds none is not to keep the application busy.
    pub(super) async fn admit(&self, mut request: Parts) -> Result<Admitted<U>, Refusal> {
        self.origins.check(&mut request)?;
        let handshake = Handshake::new(request);
        let address = guard("call of `address`", || (self.find_address)(&handshake))
            .ok_or_else(Refusal::failed)?;
        let mut seat = self.seats.take(address)?;
        let grant = self.authenticate(handshake).await?;
        let expires = grant.deadline(now(), SystemTime::now())?;
        let user = grant.user;
        if let Some(identify) = &self.identify
            && let Some(id) =
                guard("call of `identify`", || identify(&user)).ok_or_else(Refusal::failed)?
        {
            seat.belong_to(&id)?;
        }
        Ok(Admitted {
            user: Arc::new(user),
            expires,
            seat,
        })
    }

    async fn authenticate(&self, handshake: Handshake) -> Result<Grant<U>, Refusal> {
        let mut answer = pin!(self.authentication.ask(handshake));
        let answer = poll_fn(|context| {
            match guard("call of `authenticate`", || answer.as_mut().poll(context)) {
                Some(answer) => answer,
                None => Poll::Ready(Err(Refusal::failed())),
            }
        });
        match tokio::time::timeout(self.authenticate_within, answer).await {
            Ok(answer) => answer,
            Err(_) => {
                tracing::warn!("`authenticate` did not answer in time");
                Err(
                    Refusal::unavailable("it takes too long to find out who you are")
                        .retry_after(self.authenticate_within),
                )
            }
        }
    }
}

/// Whose connection it is that [`serve`](crate::serve) has accepted.
fn peer(handshake: &Handshake) -> Option<IpAddr> {
    let PeerAddr(address) = handshake.extensions().get()?;
    Some(address.ip())
}
