//! What a template says of a room, and what becomes of a room by it. Pure.

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::rooms::rules::{RoomRules, RulesPatch};
use crate::store::RoomTemplateRow;
use crate::targets::Target;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A target that a template names, or to which a room is copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedTarget {
    pub id: String,
    /// As it was called when the template was kept.
    pub name: String,
    /// It was removed since: nothing is copied there.
    #[serde(default)]
    pub gone: bool,
}

/// What a template says of a room, and what a room is like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RoomSettings {
    /// Guests wait until somebody lets them in.
    pub lobby: bool,
    /// Recorded whenever somebody is in it.
    pub record_always: bool,
    pub rules: RoomRules,
    /// Where its recordings are copied to; `null`: a template says nothing of it, and rooms stay as they are.
    #[schema(required)]
    pub targets: Option<Vec<NamedTarget>>,
}

/// What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomSettingsPatch {
    #[schema(nullable = false)]
    pub lobby: Option<bool>,
    #[schema(nullable = false)]
    pub record_always: Option<bool>,
    #[schema(nullable = false)]
    pub rules: Option<RulesPatch>,
    /// Ids; `null`: says nothing of it. For those who may change targets.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    pub targets: Option<Option<Vec<String>>>,
}

fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Vec<String>>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A template.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RoomTemplate {
    /// `rt_` and a ULID.
    pub id: String,
    pub name: String,
    /// New rooms are made from it unless somebody says otherwise. One is, at most.
    pub default: bool,
    pub created_at: UnixMs,
    pub settings: RoomSettings,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoomTemplate {
    pub name: String,
    /// In place of the one that is.
    #[serde(default)]
    pub default: bool,
    /// Begins with the settings of this room; absent: with those of a room that nobody has changed.
    #[schema(nullable = false)]
    pub room: Option<String>,
    #[serde(default)]
    pub settings: RoomSettingsPatch,
}

/// What is absent stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomTemplatePatch {
    #[schema(nullable = false)]
    pub name: Option<String>,
    #[schema(nullable = false)]
    pub default: Option<bool>,
    #[schema(nullable = false)]
    pub settings: Option<RoomSettingsPatch>,
}

/// A setting of a room that a template has a word on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomSetting {
    Guests,
    Lobby,
    MaxPeople,
    GuestsMuted,
    GuestsCamera,
    GuestsShare,
    GuestsChat,
    Layout,
    VideoCodecs,
    RecordAlways,
    Targets,
    KeepDays,
}

impl RoomSetting {
    /// As the panel and the audit log name it.
    fn name(self) -> &'static str {
        match self {
            Self::Guests => "guests",
            Self::Lobby => "lobby",
            Self::MaxPeople => "max_people",
            Self::GuestsMuted => "guests_muted",
            Self::GuestsCamera => "guests_camera",
            Self::GuestsShare => "guests_share",
            Self::GuestsChat => "guests_chat",
            Self::Layout => "layout",
            Self::VideoCodecs => "video_codecs",
            Self::RecordAlways => "record_always",
            Self::Targets => "targets",
            Self::KeepDays => "keep_days",
        }
    }
}

/// What a template changes of a room.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TemplatePreview {
    /// The room's id.
    pub room: String,
    pub name: String,
    pub before: RoomSettings,
    pub after: RoomSettings,
    /// What is other after than before; empty: nothing.
    pub changes: Vec<RoomSetting>,
    /// Names of targets that the template wants and that were removed: nothing goes there.
    pub missing: Vec<String>,
    /// Names of targets that the template does not want and that keep the room all the same: it is the only one
    /// in their list, and without it they would take every room.
    pub kept: Vec<String>,
    /// Tells what was looked at apart from what is there later.
    pub of: String,
}

impl TemplatePreview {
    /// In a few words, for the audit log.
    pub fn words(&self) -> String {
        let changes: Vec<_> = self.changes.iter().map(|setting| setting.name()).collect();
        let mut words = match changes.is_empty() {
            true => "nothing to change".to_owned(),
            false => changes.join(", "),
        };
        if !self.missing.is_empty() {
            words.push_str("; left out, removed targets: ");
            words.push_str(&self.missing.join(", "));
        }
        if !self.kept.is_empty() {
            words.push_str("; still copied to: ");
            words.push_str(&self.kept.join(", "));
        }
        words
    }
}

/// With which template a room is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The default one, if there is one.
    Usual,
    /// None.
    Plain,
    /// The one with this id.
    Template(String),
}

/// What becomes of a target's list of rooms.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It takes every room, or has nothing to do with this one.
    None,
    /// The room is on it already, and stays.
    Has,
    Add(Vec<String>),
    Remove(Vec<String>),
    /// It would be empty, which means every room: it stays as it is.
    LastRoom,
}

pub(super) fn rooms_of(target: &Target, room: &str, wanted: &[NamedTarget]) -> Change {
    let wants = wanted.iter().any(|named| named.id == target.id);
    let has = target.rooms.iter().any(|known| known == room);
    match (wants, has) {
        _ if target.rooms.is_empty() => Change::None,
        (true, true) => Change::Has,
        (false, false) => Change::None,
        (true, false) => {
            Change::Add(target.rooms.iter().cloned().chain([room.to_owned()]).collect())
        }
        (false, true) => {
            let rest = target.rooms.iter().filter(|known| *known != room);
            match rest.cloned().collect::<Vec<_>>() {
                rest if rest.is_empty() => Change::LastRoom,
                rest => Change::Remove(rest),
            }
        }
    }
}

pub(super) fn named(target: &Target) -> NamedTarget {
    NamedTarget { id: target.id.clone(), name: target.name.clone(), gone: false }
}

pub(super) fn template(row: RoomTemplateRow, targets: &[Target]) -> RoomTemplate {
    let RoomTemplateRow { id, name, mut settings, is_default, created_ms } = row;
    for wanted in settings.targets.iter_mut().flatten() {
        match targets.iter().find(|target| target.id == wanted.id) {
            Some(target) => *wanted = named(target),
            None => wanted.gone = true,
        }
    }
    RoomTemplate { id, name, default: is_default, created_at: UnixMs(created_ms), settings }
}

pub(super) fn patched(
    settings: RoomSettings,
    patch: RoomSettingsPatch,
    targets: &[Target],
) -> Result<RoomSettings, ControlError> {
    let RoomSettingsPatch { lobby, record_always, rules, targets: wanted } = patch;
    let wanted = match wanted {
        None => settings.targets.clone(),
        Some(None) => None,
        Some(Some(ids)) => {
            let mut all: Vec<NamedTarget> = Vec::with_capacity(ids.len());
            // One that was removed since stays until somebody takes it off: its name says what is missing.
            let known = settings.targets.iter().flatten();
            let known: Vec<_> = targets.iter().map(named).chain(known.cloned()).collect();
            for id in ids {
                let found = known.iter().find(|target| target.id == id);
                let found = found.ok_or(ControlError::NotFound("target"))?;
                if all.iter().all(|have| have.id != id) {
                    all.push(found.clone());
                }
            }
            Some(all)
        }
    };
    Ok(RoomSettings {
        lobby: lobby.unwrap_or(settings.lobby),
        record_always: record_always.unwrap_or(settings.record_always),
        rules: settings.rules.patched(rules.unwrap_or_default())?,
        targets: wanted,
    })
}

pub(super) fn differences(before: &RoomSettings, after: &RoomSettings) -> Vec<RoomSetting> {
    use RoomSetting as S;
    let (old, new) = (&before.rules, &after.rules);
    [
        (S::Guests, old.guests != new.guests),
        (S::Lobby, before.lobby != after.lobby),
        (S::MaxPeople, old.max_people != new.max_people),
        (S::GuestsMuted, old.guests_muted != new.guests_muted),
        (S::GuestsCamera, old.guests_camera != new.guests_camera),
        (S::GuestsShare, old.guests_share != new.guests_share),
        (S::GuestsChat, old.guests_chat != new.guests_chat),
        (S::Layout, old.layout != new.layout),
        (S::VideoCodecs, old.video_codecs != new.video_codecs),
        (S::RecordAlways, before.record_always != after.record_always),
        (S::Targets, before.targets != after.targets),
        (S::KeepDays, old.keep_days != new.keep_days),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(setting, _)| setting)
    .collect()
}

#[cfg(test)]
mod tests;
