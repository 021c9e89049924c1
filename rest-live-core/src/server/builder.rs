//! The part of the builder that says who gets in.

use std::net::IpAddr;
use std::sync::Arc;

use super::admission::{Ask, Authentication};
use super::grant::Grant;
use super::handshake::Handshake;
use super::refusal::Refusal;
use crate::builder::Builder;

impl<U: Send + Sync + 'static> Builder<U> {
    /// Says who connects: a function of the upgrade request that gives the user, or refuses.
    ///
    /// ```
    /// use rest_live_core::{Handshake, Live, Refusal};
    ///
    /// struct User { name: String }
    ///
    /// let live = Live::<User>::builder().authenticate(|handshake: Handshake| async move {
    ///     match handshake.bearer() {
    ///         Some(token) => Ok(User { name: token.to_owned() }),
    ///         None => Err(Refusal::unauthorized("log in first")),
    ///     }
    /// });
    /// ```
    ///
    /// Where the login has an end, give a [`Grant`] instead of the user: the connection is closed
    /// then, with code 4003. (A function that only ever refuses has to say of which type the user
    /// would be: `Err::<User, _>(...)`.)
    ///
    /// If it panics, the client gets a 500, and nobody else anything; if it takes longer than
    /// [`Limits::authenticate_within`](crate::Limits::authenticate_within), a 503.
    pub fn authenticate<F, R, G>(mut self, authenticate: F) -> Self
    where
        F: Fn(Handshake) -> R + Send + Sync + 'static,
        R: Future<Output = Result<G, Refusal>> + Send + 'static,
        G: Into<Grant<U>>,
    {
        self.admission.authentication = Some(Authentication::Handshake(boxed(authenticate)));
        self
    }

    /// Says who connects: a function of the value of a cookie. Whoever has no such cookie is
    /// refused: 401.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use rest_live_core::{Live, Refusal};
    ///
    /// struct User { name: String }
    ///
    /// let sessions = HashMap::from([("5f3a", "ann")]);
    /// let live = Live::<User>::builder().authenticate_cookie("session", move |value: String| {
    ///     let name = sessions.get(value.as_str()).copied();
    ///     async move {
    ///         let name = name.ok_or_else(|| Refusal::unauthorized("the session has ended"))?;
    ///         Ok(User { name: name.to_owned() })
    ///     }
    /// });
    /// ```
    ///
    /// Any client can send any cookie: look the value up, or check its signature.
    ///
    /// It takes the place of [`authenticate`](Self::authenticate), and does not go together with
    /// [`allow_any_origin`](Self::allow_any_origin): browsers send cookies along, whatever page
    /// it is that connects.
    pub fn authenticate_cookie<F, R, G>(mut self, name: impl Into<String>, authenticate: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<G, Refusal>> + Send + 'static,
        G: Into<Grant<U>>,
    {
        self.admission.authentication = Some(Authentication::Cookie {
            name: name.into(),
            ask: boxed(authenticate),
        });
        self
    }

    /// Lets clients say on the socket who they are: a function of the token in a message
    /// `{"type":"auth","token":"..."}` that gives the user, or refuses.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use rest_live_core::{Grant, Live, Refusal};
    ///
    /// struct User { name: String }
    ///
    /// let live = Live::<User>::builder().authenticate_message(|token: String| async move {
    ///     let name = token.strip_prefix("token of ").ok_or_else(|| Refusal::unauthorized("no such token"))?;
    ///     let user = User { name: name.to_owned() };
    ///     Ok(Grant::new(user).expires_at(SystemTime::now() + Duration::from_secs(60 * 60)))
    /// });
    /// ```
    ///
    /// Alone, it is how everybody says who he is: by his first message, and within
    /// [`Limits::message_within`](crate::Limits::message_within); until then nothing else is
    /// listened to. Together with [`authenticate`](Self::authenticate) or
    /// [`authenticate_cookie`](Self::authenticate_cookie), it is how a login is renewed without
    /// a new connection; and who is let in by [`Refusal::not_yet`] says it first.
    ///
    /// What a user may see with the new token and could not see with the old one, or the other way
    /// round, he is told as by [`Live::revalidate`](crate::Live::revalidate).
    pub fn authenticate_message<F, R, G>(mut self, authenticate: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<G, Refusal>> + Send + 'static,
        G: Into<Grant<U>>,
    {
        self.admission.by_message = Some(boxed(authenticate));
        self
    }

    /// Says who a user is by now, for [`Live::revalidate`](crate::Live::revalidate): a function
    /// that reads him anew. By [`Refusal::unauthorized`] and [`Refusal::forbidden`] it says that
    /// he has no right to be here any more; on others he stays who he was.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use rest_live_core::{Live, Refusal};
    ///
    /// struct User { id: i32, is_admin: bool }
    ///
    /// async fn is_admin(id: i32) -> Option<bool> { Some(id == 1) }
    ///
    /// # let builder = Live::<User>::builder();
    /// let builder = builder.refresh(|user: Arc<User>| async move {
    ///     let is_admin = is_admin(user.id).await.ok_or_else(|| Refusal::unauthorized("gone"))?;
    ///     Ok(User { id: user.id, is_admin })
    /// });
    /// ```
    pub fn refresh<F, R, G>(mut self, refresh: F) -> Self
    where
        F: Fn(Arc<U>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<G, Refusal>> + Send + 'static,
        G: Into<Grant<U>>,
    {
        self.admission.refresh = Some(boxed(refresh));
        self
    }

    /// Lets everybody in, as the default user.
    pub fn anonymous(self) -> Self
    where
        U: Default,
    {
        self.authenticate(|_| async { Ok(U::default()) })
    }

    /// Lets pages of another origin connect, besides those of the server's own host:
    /// `https://app.example.com`, or `http://localhost:5173`.
    ///
    /// A browser sends cookies along with a socket that any page opens. So a page of a foreign
    /// origin is refused, unless it is named here.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.admission.origins = self
            .admission
            .origins
            .and_then(|mut origins| origins.allow(origin.into()).map(|()| origins));
        self
    }

    /// Lets pages of every origin connect, for servers that know their users by a token, or not at
    /// all.
    ///
    /// The [`Handshake`] of a page that is neither of the server's own host nor named by
    /// [`allow_origin`](Self::allow_origin) has no cookies, nor an `Authorization` but a bearer's:
    /// what browsers send without being asked must not let any page act as its visitor. What
    /// middleware in front of the service has made of a cookie is not taken away.
    pub fn allow_any_origin(mut self) -> Self {
        if let Ok(origins) = &mut self.admission.origins {
            origins.any = true;
        }
        self
    }

    /// Says from which address a client connects, for
    /// [`Limits::connections_per_address`](crate::Limits::connections_per_address). With
    /// [`serve`](crate::serve) it is known, as [`PeerAddr`](crate::PeerAddr). In axum:
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use axum::extract::ConnectInfo;
    /// # use rest_live_core::Live;
    ///
    /// let live = Live::<()>::builder().anonymous().address(|handshake| {
    ///     let ConnectInfo(peer) = handshake.extensions().get::<ConnectInfo<SocketAddr>>()?;
    ///     Some(peer.ip())
    /// });
    /// ```
    ///
    /// with `axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())`.
    ///
    /// Behind a proxy, that is the proxy's address, and all its clients would count as one. Read
    /// the header that the proxy sets; and only one that it sets itself, whatever the client has
    /// sent. Of `X-Forwarded-For`, that is the last entry: those before it anybody can make up.
    ///
    /// For a client without a known address, `None`, the limit does not apply. And
    /// [`serve`](crate::serve) no longer goes by the address of a socket: of the
    /// [`Limits::handshakes`](crate::Limits::handshakes), any may have all.
    pub fn address(
        mut self,
        address: impl Fn(&Handshake) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.admission.find_address = Some(Box::new(address));
        self
    }

    /// Says which connections are of one user, for
    /// [`Limits::connections_per_user`](crate::Limits::connections_per_user): by the user's
    /// primary key, or whatever else tells users apart. To users for whom it gives `None`, and
    /// without it, the limit does not apply. The [inspector](crate::Live::inspector) calls them by
    /// it.
    ///
    /// ```
    /// # use rest_live_core::{Live, Refusal};
    /// struct User { id: Option<i64> }
    ///
    /// # let builder = Live::<User>::builder();
    /// let builder = builder.identify(|user| user.id);
    /// ```
    pub fn identify<I: ToString>(
        mut self,
        identify: impl Fn(&U) -> Option<I> + Send + Sync + 'static,
    ) -> Self {
        let identify = move |user: &U| identify(user).map(|id| id.to_string());
        self.admission.identify = Some(Box::new(identify));
        self
    }
}

/// A function of the application, its types erased.
fn boxed<T, U, R, G>(ask: impl Fn(T) -> R + Send + Sync + 'static) -> Ask<T, U>
where
    R: Future<Output = Result<G, Refusal>> + Send + 'static,
    G: Into<Grant<U>>,
{
    Box::new(move |from| {
        let answer = ask(from);
        Box::pin(async { answer.await.map(Into::into) })
    })
}
