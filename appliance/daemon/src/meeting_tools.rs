//! Polls, timers and files of meetings, kept while these last.

use roombox_api::panel::MeetingDoor;
use roombox_control::conference::Conference;
use roombox_control::meeting_tools::MeetingTools;
use roombox_control::recordings::RoomRecorder;
use roombox_control::settings::SettingsDesk;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What nobody came back to is looked for this often.
const TICK: Duration = Duration::from_secs(20);

/// Opens the door to them, and tidies up for as long as the box runs.
pub fn begin(
    conference: Arc<dyn Conference>,
    recorder: Arc<dyn RoomRecorder>,
    settings: Arc<SettingsDesk>,
    data: &Path,
) -> MeetingDoor {
    let tools = MeetingTools::load(conference.clone(), recorder, settings, data.join("meetings"));
    let tools = Arc::new(tools);
    tokio::spawn(tidy(tools.clone()));
    MeetingDoor::new(conference, tools)
}

async fn tidy(tools: Arc<MeetingTools>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        if let Err(error) = tools.tick(Instant::now()).await {
            tracing::warn!(%error, "what an ended meeting had is still on the disk");
        }
    }
}
