//! Polls, timers and files of meetings, kept while these last.

use crate::conference::BoxConference;
use crate::recorder::BoxRecorder;
use roombox_api::panel::MeetingDoor;
use roombox_control::clock::Ticks;
use roombox_control::meeting_tools::MeetingTools;
use roombox_control::settings::SettingsDesk;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What nobody came back to is looked for this often.
const TICK: Duration = Duration::from_secs(20);

/// Opens the door to them, and tidies up for as long as the box runs.
pub fn begin(
    conference: &Arc<BoxConference>,
    recorder: &Arc<BoxRecorder>,
    settings: &Arc<SettingsDesk>,
    data: &Path,
) -> MeetingDoor {
    let folder = data.join("meetings");
    let tools = MeetingTools::load(conference.clone(), recorder.clone(), settings.clone(), folder);
    let tools = Arc::new(tools);
    tokio::spawn(tidy(tools.clone()));
    MeetingDoor::new(conference.clone(), tools)
}

async fn tidy(tools: Arc<MeetingTools>) {
    let mut ticks = Ticks::every(TICK);
    loop {
        ticks.tick().await;
        if let Err(error) = tools.tick(Instant::now()).await {
            tracing::warn!(%error, "what an ended meeting had is still on the disk");
        }
    }
}
