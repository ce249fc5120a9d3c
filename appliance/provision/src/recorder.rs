//! What a box does of recording and making films.

#[cfg(feature = "schema")]
use crate::words;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

/// What the box does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// It records, and makes films.
    #[default]
    Both,
    /// It records; films wait.
    RecorderOnly,
    /// It makes films of recordings that are brought to it, and records nothing.
    TranscoderOnly,
}

impl Mode {
    pub fn records(self) -> bool {
        self != Self::TranscoderOnly
    }

    pub fn transcodes(self) -> bool {
        self != Self::RecorderOnly
    }
}

/// What the box does of recording and making films.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RecorderSettings {
    /// `recorderOnly`: films wait until the box may make them; `transcoderOnly`: nothing is recorded.
    #[cfg_attr(feature = "schema", schema(value_type = words::RecorderMode, required))]
    pub mode: Mode,
    /// In a fleet: films that would wait here may be made by other boxes, which get the recording for it.
    #[cfg_attr(feature = "schema", schema(required))]
    pub lends: bool,
    /// In a fleet: this box makes films for others while it has nothing else to do.
    #[cfg_attr(feature = "schema", schema(required))]
    pub helps: bool,
}

impl Default for RecorderSettings {
    fn default() -> Self {
        Self { mode: Mode::default(), lends: true, helps: true }
    }
}
