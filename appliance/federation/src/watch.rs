//! Whether nats-server must be started again. Pure: time is an argument.

use std::time::Duration;

/// How often the server is looked at.
pub const LOOK: Duration = Duration::from_secs(2);
/// JetStream may be slow; when it has not been well for so long, it is frozen.
const FROZEN: Duration = Duration::from_secs(20);
/// A link may be away; when it stays away for so long although the hub can be reached, the server has
/// stopped trying (nats-server issue 7615).
const LEAF_GONE: Duration = Duration::from_secs(600);

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// `/healthz` and `/jsz` say that all is well.
    pub healthy: bool,
    /// Links to or from other servers.
    pub links: usize,
    /// Whether this server is to have one to its hub.
    pub wants_hub: bool,
    /// A TCP connection to the hub comes about.
    pub hub_reachable: bool,
}

/// Why a server is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Frozen,
    LeafGone,
}

impl Why {
    pub fn text(self) -> &'static str {
        match self {
            Self::Frozen => "JetStream was frozen",
            Self::LeafGone => "the link did not come back although the hub can be reached",
        }
    }
}

/// What was seen of one run of the server.
#[derive(Debug)]
pub struct Watch {
    well: Duration,
    linked: Duration,
}

impl Watch {
    /// The server was started.
    pub fn begin(now: Duration) -> Self {
        Self { well: now, linked: now }
    }

    /// Whether it must be started again.
    pub fn look(&mut self, now: Duration, seen: Seen) -> Option<Why> {
        if seen.healthy {
            self.well = now;
        }
        // While the hub is away, the server need not have a link.
        if !seen.wants_hub || seen.links > 0 || !seen.hub_reachable {
            self.linked = now;
        }
        if now.saturating_sub(self.well) >= FROZEN {
            return Some(Why::Frozen);
        }
        (now.saturating_sub(self.linked) >= LEAF_GONE).then_some(Why::LeafGone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Seen = Seen { healthy: true, links: 1, wants_hub: true, hub_reachable: true };

    /// After how many seconds of this it is started again.
    fn restarted(seen: Seen) -> Option<(u64, Why)> {
        let mut watch = Watch::begin(Duration::ZERO);
        (0..2000).step_by(5).find_map(|second| {
            let why = watch.look(Duration::from_secs(second), seen)?;
            Some((second, why))
        })
    }

    #[test]
    fn a_frozen_server_and_one_that_gave_its_hub_up_are_started_again_and_no_other() {
        assert_eq!(restarted(GOOD), None);
        assert_eq!(restarted(Seen { healthy: false, ..GOOD }), Some((20, Why::Frozen)));
        assert_eq!(restarted(Seen { links: 0, ..GOOD }), Some((600, Why::LeafGone)));
        assert_eq!(restarted(Seen { links: 0, hub_reachable: false, ..GOOD }), None);
        assert_eq!(restarted(Seen { links: 0, wants_hub: false, ..GOOD }), None);
    }

    #[test]
    fn one_good_look_is_enough() {
        let mut watch = Watch::begin(Duration::ZERO);
        let bad = Seen { healthy: false, ..GOOD };
        assert_eq!(watch.look(Duration::from_secs(15), bad), None);
        assert_eq!(watch.look(Duration::from_secs(18), GOOD), None);
        assert_eq!(watch.look(Duration::from_secs(30), bad), None);
    }
}
