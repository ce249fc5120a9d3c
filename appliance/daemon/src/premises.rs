//! The house as updates and the network see it: who is in it, whether it lets people in, its clock, its disk, and
//! its way to a channel.

use crate::conference::BoxConference;
use crate::nm::Nm;
use crate::timedate::Timedate;
use roombox_control::conference::{Conference, Later};
use roombox_control::network::Network;
use roombox_control::recordings::{Recordings, RoomRecorder};
use roombox_control::store::Store;
use roombox_control::timekeeping::Timekeeping;
use roombox_control::updates::updater::{Disturbed, Premises};
use roombox_delivery::{FetchLimits, fetch};
use std::sync::Arc;
use std::time::Duration;

/// A channel file says one version.
const CHANNEL: FetchLimits =
    FetchLimits { bytes: 64 * 1024, time: Duration::from_secs(10), redirects: 3 };

/// The services that know it.
pub struct HousePremises {
    pub conference: Arc<BoxConference>,
    pub recordings: Arc<Recordings>,
    pub recorder: Arc<dyn RoomRecorder>,
}

impl HousePremises {
    /// The desks of the network and of the clock. What was chosen for the clock is told to the system from now on.
    pub fn surroundings(self: &Arc<Self>, store: Arc<Store>) -> (Arc<Network>, Arc<Timekeeping>) {
        let network = Network::new(Arc::new(Nm::default()), self.clone());
        // What was tried when the box or its network manager went down is taken back, or awaited.
        let desk = network.clone();
        tokio::spawn(async move {
            if let Err(error) = desk.trial().await {
                tracing::warn!(%error, "whether a change of the network is tried is not known");
            }
        });
        let timekeeping = Timekeeping::new(store, Arc::new(Timedate::default()));
        tokio::spawn(timekeeping.clone().keep_told());
        (network, timekeeping)
    }
}

impl Premises for HousePremises {
    fn disturbed(&self) -> Later<'_, Disturbed> {
        Box::pin(async {
            let rooms = self.conference.list().await;
            Disturbed {
                // Players at a door are no meeting, and nobody could ask them to go.
                people: rooms.iter().map(|room| u64::from(room.info.participants)).sum(),
                recordings: self.recordings.running_count() as u64,
            }
        })
    }

    fn drain(&self, on: bool) {
        self.conference.drain_rooms(on);
    }

    fn minute_of_day(&self) -> u16 {
        let now = jiff::Zoned::now();
        u16::try_from(i16::from(now.hour()) * 60 + i16::from(now.minute())).unwrap_or(0)
    }

    fn space(&self) -> std::io::Result<(u64, u64)> {
        self.recorder.space()
    }

    fn fetch(&self, url: String) -> Later<'_, Result<String, String>> {
        Box::pin(async move {
            let body = fetch(&url, CHANNEL).await.map_err(|error| error.to_string())?;
            String::from_utf8(body).map_err(|_| format!("{url} is no text"))
        })
    }
}
