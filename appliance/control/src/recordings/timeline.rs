//! What happened in a recording, for people.

use super::Recordings;
use crate::error::ControlError;
use roombox_capture::read_timeline;
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TimelineItem {
    /// From the recording's start.
    pub t_ms: u64,
    /// `join`, `leave`, `pub`, `unpub`, `mute`, `unmute`, `gap`, `speaker`, `power_loss`,
    /// `disk_low`, `marker` or `end`; what else there is depends on it. Times are in microseconds.
    pub kind: String,
    #[serde(flatten)]
    pub details: serde_json::Map<String, Value>,
}

fn item(line: &TimelineLine) -> Option<TimelineItem> {
    // Clocks and files are for whoever makes films.
    let inner = matches!(
        line.event,
        TimelineEvent::Start { .. }
            | TimelineEvent::Wall { .. }
            | TimelineEvent::Part { .. }
            | TimelineEvent::Sr { .. }
    );
    let Ok(Value::Object(mut details)) = serde_json::to_value(&line.event) else { return None };
    // `kind` is what happened; of a track it is its medium.
    if let Some(medium) = details.remove("kind") {
        details.insert("media".to_owned(), medium);
    }
    match details.remove("e") {
        Some(Value::String(kind)) if !inner => {
            Some(TimelineItem { t_ms: line.t / 1000, kind, details })
        }
        _ => None,
    }
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
            read_timeline(&folder).iter().filter_map(item).collect()
        })
        .await
        .map_err(|error| ControlError::Files(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_capture::manifest::{MediaKind, TrackSource};

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
        let text = serde_json::to_string(&item(&TimelineLine { t: 1_500_000, event })).unwrap();
        assert_eq!(text.matches("\"kind\"").count(), 1, "{text}");
        assert!(text.contains(r#""kind":"pub""#) && text.contains(r#""media":"video""#), "{text}");
        let wall = TimelineEvent::Wall { unix_ms: 1 };
        assert!(item(&TimelineLine { t: 0, event: wall }).is_none());
    }
}
