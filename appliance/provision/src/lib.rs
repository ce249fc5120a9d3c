//! `roombox.toml`: what a box may be told before anybody has seen its panel.
//!
//! One schema and one parser for whoever writes the file (flash tools), whoever applies it (the
//! daemon) and whoever changes settings later (control). It reads text and knows neither files nor
//! clocks; what it says about a file never holds a secret of it.

mod file;
mod names;
mod outcome;
mod proxy;
mod recorder;
mod secret;
mod security;
mod settings;
mod text;
mod trusted;
mod turn;
mod updates;
mod upstream;
#[cfg(feature = "schema")]
pub mod words;

pub use file::{BoxSection, Entry, Install, Language, Owner, ProvisionError, Provisioning, parse};
pub use names::{NAME_MOST, NAME_RULE, checked_name, looks, nameable};
pub use outcome::{Message, Outcome, ProvisionResult};
pub use proxy::{ProxyException, ProxyPlace, ProxySettings};
pub use recorder::{Mode, RecorderSettings};
pub use secret::{HIDDEN, PASSWORD_LEAST, PasswordHash, Secret};
pub use security::SecuritySettings;
pub use settings::{MeetingSettings, RecordingSettings, SettingError, Settings, with_suggestion};
pub use text::{Change, SettingsText, TextError, export, read as read_text};
pub use trusted::ProxyNet;
pub use turn::TurnSettings;
pub use updates::UpdateSettings;
pub use upstream::{Upstream, UpstreamKey, Verdict, read_upstream};

/// Version of the file's schema. An image names the one that it understands in its manifest.
pub const SCHEMA: u32 = 1;
