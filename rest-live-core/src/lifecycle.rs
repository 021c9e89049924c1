//! The life of the connections, as the application sees and ends it.

use crate::connections::Order;
use crate::live::Live;
use crate::session::CloseReason;

impl<U: Send + Sync + 'static> Live<U> {
    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.hub.connections.count()
    }

    /// Closes the connections of those users of whom `who` says so, with code 4403: their access is
    /// revoked. Says how many these are.
    ///
    /// From here on nothing is sent to them; what has left the server may still arrive. Who
    /// authenticates again gets in again, if the server lets him. Who is being authenticated
    /// just now is not asked about: call this when the application would refuse him.
    ///
    /// ```
    /// # use rest_live_core::Live;
    /// struct User { id: i32 }
    ///
    /// # #[cfg(feature = "server")] {
    /// # let live = Live::<User>::builder().authenticate(|_| async { Ok(User { id: 1 }) }).build().unwrap();
    /// let closed = live.disconnect(|user| user.id == 7);
    /// # }
    /// ```
    pub fn disconnect(&self, who: impl Fn(&U) -> bool) -> usize {
        let chosen = self.hub.connections.chosen(who);
        chosen
            .map(|link| link.order(Order::Close(CloseReason::Revoked)))
            .count()
    }
}
