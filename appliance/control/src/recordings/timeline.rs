//! What happened in a recording, for people.

use super::Recordings;
use crate::error::ControlError;
use crate::words;
use roombox_capture::manifest::{EndReason, MediaKind, RecordedLayer, TrackSource};
use roombox_capture::read_timeline;
use roombox_capture::timeline::{GapReason, TimelineEvent, TimelineLine};
use serde::Serialize;
use utoipa::ToSchema;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TimelineItem {
    /// From the recording's start.
    pub t_ms: u64,
    #[serde(flatten)]
    pub what: Happened,
}

/// What happened. Participants and tracks are named by their ids; `from` and `to` are in
/// microseconds since the recording's start.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happened {
    Join {
        participant: String,
        identity: String,
        name: String,
    },
    Leave {
        participant: String,
    },
    /// A track was published.
    Pub {
        track: String,
        participant: String,
        identity: String,
        #[schema(value_type = words::MediaKind)]
        media: MediaKind,
        #[schema(value_type = words::TrackSource)]
        source: TrackSource,
        muted: bool,
    },
    Unpub {
        track: String,
    },
    Mute {
        track: String,
    },
    Unmute {
        track: String,
    },
    /// A piece is missing, with so many packets.
    Gap {
        track: String,
        #[schema(value_type = words::TrackLayer)]
        layer: RecordedLayer,
        from: u64,
        to: u64,
        lost: u64,
        #[schema(value_type = words::GapReason)]
        reason: GapReason,
    },
    /// Who speaks from now on, loudest first.
    Speaker {
        participants: Vec<String>,
    },
    /// The box died, and went on later.
    PowerLoss {
        from: u64,
        to: u64,
    },
    DiskLow {
        free_bytes: u64,
    },
    /// Nothing is recorded from here on.
    Pause,
    Resume,
    Marker {
        text: String,
    },
    /// What somebody said, as a program transcribed it.
    Caption {
        from: u64,
        to: u64,
        /// Empty: nobody is told.
        identity: String,
        text: String,
    },
    End {
        #[schema(value_type = words::EndReason)]
        reason: EndReason,
    },
}

/// Clocks and files are for whoever makes films.
fn happened(event: TimelineEvent) -> Option<Happened> {
    use TimelineEvent as E;
    Some(match event {
        E::Start { .. } | E::Wall { .. } | E::Part { .. } | E::Sr { .. } => return None,
        E::Join { participant, identity, name } => Happened::Join { participant, identity, name },
        E::Leave { participant } => Happened::Leave { participant },
        E::Pub { track, participant, identity, kind, source, muted } => {
            Happened::Pub { track, participant, identity, media: kind, source, muted }
        }
        E::Unpub { track } => Happened::Unpub { track },
        E::Mute { track } => Happened::Mute { track },
        E::Unmute { track } => Happened::Unmute { track },
        E::Gap { track, layer, from, to, lost, reason } => {
            Happened::Gap { track, layer, from, to, lost, reason }
        }
        E::Speaker { participants } => Happened::Speaker { participants },
        E::PowerLoss { from, to } => Happened::PowerLoss { from, to },
        E::DiskLow { free_bytes } => Happened::DiskLow { free_bytes },
        E::Pause => Happened::Pause,
        E::Resume => Happened::Resume,
        E::Marker { text } => Happened::Marker { text },
        E::Caption { from, to, identity, text, .. } => {
            Happened::Caption { from, to, identity, text }
        }
        E::End { reason } => Happened::End { reason },
    })
}

fn item(TimelineLine { t, event }: TimelineLine) -> Option<TimelineItem> {
    Some(TimelineItem { t_ms: t / 1000, what: happened(event)? })
}

impl Recordings {
    /// What happened, in order.
    ///
    /// # Errors
    /// There is no such recording.
    pub async fn timeline(&self, id: &str) -> Result<Vec<TimelineItem>, ControlError> {
        self.row(id).await?;
        let folder = self.folder(id);
        tokio::task::spawn_blocking(move || {
            read_timeline(&folder).into_iter().filter_map(item).collect()
        })
        .await
        .map_err(|error| ControlError::Files(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_says_once_what_it_is_and_inner_lines_are_left_out() {
        let event = TimelineEvent::Pub {
            track: "TR_1".to_owned(),
            participant: "PA_1".to_owned(),
            identity: "ada".to_owned(),
            kind: MediaKind::Video,
            source: TrackSource::ScreenShare,
            muted: false,
        };
        let text = serde_json::to_string(&item(TimelineLine { t: 1_500_000, event })).unwrap();
        assert_eq!(text.matches("\"kind\"").count(), 1, "{text}");
        assert!(text.contains(r#""kind":"pub""#) && text.contains(r#""media":"video""#), "{text}");
        let wall = TimelineEvent::Wall { unix_ms: 1 };
        assert!(item(TimelineLine { t: 0, event: wall }).is_none());
    }
}
