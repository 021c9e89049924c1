//! Where tokens come from.

use std::pin::Pin;

use crate::error::Cause;

/// A token that is on its way; `None` where the user is nobody.
pub type TokenFuture = Pin<Box<dyn Future<Output = Result<Option<String>, Cause>> + Send>>;

/// Gives the token of the user, whenever it is asked.
///
/// Implemented for functions without arguments that give a future of a `Result` of a `String`, or
/// of an `Option` of one where the user may be nobody:
///
/// ```
/// # use rest_live_client::{Client, TokenSource};
/// async fn from_the_vault() -> Result<String, std::io::Error> {
///     Ok("eyJhbGciOi".to_owned())
/// }
///
/// let fixed = || async { Ok::<_, std::io::Error>("eyJhbGciOi".to_owned()) };
/// # fn check(_: impl TokenSource) {}
/// # check(fixed);
/// let builder = Client::builder("ws://127.0.0.1:3000/").bearer(from_the_vault);
/// ```
///
/// What it does is up to the application; let it fail rather than hang.
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no tokens",
    label = "not a source of tokens",
    note = "a source of tokens is a function without arguments that gives a future of a `Result<String, _>`: `|| async {{ Ok::<_, std::io::Error>(token) }}`"
)]
pub trait TokenSource: Send + Sync + 'static {
    /// Begins to fetch a token.
    fn token(&self) -> TokenFuture;
}

#[diagnostic::do_not_recommend]
impl<S, F, T, E> TokenSource for S
where
    S: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Into<Option<String>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn token(&self) -> TokenFuture {
        let token = self();
        Box::pin(async move {
            let token = token.await.map_err(|error| Cause::from(error.into()))?;
            Ok(token.into())
        })
    }
}
