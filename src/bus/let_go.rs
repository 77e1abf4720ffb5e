//! Endpoints let go of routes that they do not use any more.
//!
//! An endpoint keeps the route of each topic that it published to. Where it publishes there again, a stale route is replaced;
//! where it does not, the route would keep subscriptions that ended, and their threads' mailboxes, for as long as the
//! endpoint lives. So each submit looks at a few topics more, one after the other.

use super::endpoint::Endpoint;

/// Topics that one submit looks at.
const LOOKS: usize = 2;

impl Endpoint {
    /// Looks at the next few topics.
    pub(super) fn let_go_of_stale_routes(&mut self) {
        for _ in 0..LOOKS {
            self.looked_at = match self.looked_at + 1 {
                next if next < self.topics.len() => next,
                _ => 0,
            };
            if let Some(Some(local)) = self.topics.get_mut(self.looked_at) {
                let routing = local.bus.routing();
                routing.let_go_if_stale(&local.topic, &mut local.route);
            }
        }
    }
}
