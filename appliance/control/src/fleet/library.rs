//! At a hub: the recordings of all boxes, searched. The files stay where they are.

use super::told::{names, read, write};
use super::{BoxName, Told};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::pages::{checked, page};
use crate::recordings::search_words;
use crate::store::{FleetRecordingRow, FleetSearch};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// What somebody looks for, as it was typed; what is absent is not asked for.
#[derive(Debug, Clone, Default)]
pub struct FleetWanted {
    /// Words; each must be in the title or the room's name.
    pub text: Option<String>,
    /// Id of the box.
    pub of: Option<String>,
    /// `next` of the page before.
    pub before: Option<String>,
}

/// A recording on a box of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FleetRecording {
    /// Its id on that box.
    pub id: String,
    #[serde(rename = "box")]
    pub of: BoxName,
    pub title: String,
    /// Name of the room, as far as the box told it.
    #[schema(required)]
    pub room: Option<String>,
    /// As the box has it: `recording`, `captured`, `ready`, …
    pub state: String,
    pub started_at: UnixMs,
    pub bytes: u64,
    pub duration_ms: u64,
    /// Its page in that box's panel, while that box is here.
    #[schema(required)]
    pub url: Option<String>,
}

/// Some recordings of the fleet, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FleetRecordingPage {
    pub items: Vec<FleetRecording>,
    /// Where the next page begins; absent: there is none.
    #[schema(required)]
    pub next: Option<String>,
}

impl Told<'_> {
    /// Recordings that are wanted, newest first.
    ///
    /// # Errors
    /// This box is no hub, what is wanted cannot be, or the store refuses.
    pub async fn recordings(
        &self,
        FleetWanted { text, of, before }: FleetWanted,
        limit: u32,
    ) -> Result<FleetRecordingPage, ControlError> {
        self.fleet.as_hub().whereabouts().await?;
        checked(limit)?;
        let words = search_words(text.as_deref().unwrap_or_default())?;
        let before = before.as_deref().map(read).transpose()?;
        let search = FleetSearch { words, of, before };
        let mut rows = self.fleet.store.fleet_library(search, limit + 1).await?;
        let next = page(&mut rows, limit, |row| write(row.mark));
        let names = names(self.fleet).await?;
        let at: HashMap<String, String> = {
            let now = self.fleet.now();
            let there = now.roster.iter().filter_map(|entry| {
                let first = entry.pulse.at.first()?;
                Some((entry.id.clone(), first.clone()))
            });
            there.collect()
        };
        let items = rows.into_iter().map(|row| recording(row, &names, &at)).collect();
        Ok(FleetRecordingPage { items, next })
    }
}

fn recording(
    row: FleetRecordingRow,
    names: &HashMap<String, String>,
    at: &HashMap<String, String>,
) -> FleetRecording {
    // A box may call itself anything: what is no address and no id leads nowhere.
    let plain = |text: &str, more: &str| {
        text.chars().all(|sign| sign.is_ascii_alphanumeric() || more.contains(sign))
    };
    let at = at.get(&row.of).filter(|at| plain(at, ".-:[]"));
    let at = at.filter(|_| plain(&row.recording, "_"));
    FleetRecording {
        url: at.map(|at| format!("https://{at}/panel/recordings/{}", row.recording)),
        id: row.recording,
        of: BoxName { name: names.get(&row.of).cloned(), id: row.of },
        title: row.title,
        room: row.room,
        state: row.state,
        started_at: UnixMs(row.mark.ms),
        bytes: row.bytes,
        duration_ms: row.duration_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ToldMark;

    #[test]
    fn a_recording_leads_to_its_box_while_that_is_here_and_nowhere_else() {
        let row = |recording: &str| FleetRecordingRow {
            mark: ToldMark { ms: 5, row: 1 },
            of: "box-a".into(),
            recording: recording.into(),
            title: "t".into(),
            room: None,
            state: "ready".into(),
            bytes: 1,
            duration_ms: 2,
        };
        let url = |recording: &str, at: &str| {
            let at = HashMap::from([("box-a".to_owned(), at.to_owned())]);
            super::recording(row(recording), &HashMap::new(), &at).url
        };
        let there = url("rec_1", "[fd00::1]:443").unwrap();
        assert_eq!(there, "https://[fd00::1]:443/panel/recordings/rec_1");
        for (recording, at) in [("rec_1", "a@evil:1/x"), ("../x", "10.0.0.1:443"), ("r?", "a:1")] {
            assert_eq!(url(recording, at), None);
        }
        assert_eq!(recording(row("rec_1"), &HashMap::new(), &HashMap::new()).url, None);
    }
}
