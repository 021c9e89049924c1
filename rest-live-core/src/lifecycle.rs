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
    /// What was committed before may still reach them. Who authenticates again gets in again, if
    /// the server lets him.
    pub fn disconnect(&self, who: impl Fn(&U) -> bool) -> usize {
        let chosen = self.hub.connections.chosen(who);
        chosen
            .map(|link| link.order(Order::Close(CloseReason::Revoked)))
            .count()
    }
}
