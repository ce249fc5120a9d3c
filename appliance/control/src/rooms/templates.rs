//! Templates for rooms: named settings that a new room begins with, and that rooms can be given.
//!
//! They are copied and not linked: a room keeps what it got, whatever becomes of the template. A template may say
//! where recordings are copied to; then a room with it is copied there, and to nowhere else but the targets that
//! take every room. What it cannot do is said and left out: a target that was removed gets nothing, and a target
//! that would be left without any room keeps this one, because without a name in its list it takes all rooms.

mod nouns;

pub use nouns::{
    NamedTarget, NewRoomTemplate, RoomSetting, RoomSettings, RoomSettingsPatch, RoomTemplate,
    RoomTemplatePatch, TemplatePreview, Wanted,
};

use super::{Room, Rooms};
use crate::clock::UnixMs;
use crate::error::{ControlError, checked_name};
use crate::events::{Events, Happening};
use crate::hex::hex;
use crate::store::{RoomRow, RoomTemplateRow, Store};
use crate::targets::{Target, TargetPatch, Targets};
use nouns::{Change, differences, named, patched, rooms_of, template};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::Mutex;
use ulid::Ulid;

/// More than anybody keeps apart.
const MOST_TEMPLATES: usize = 64;
/// Rooms that are looked at in one request.
const MOST_ROOMS: usize = 200;

/// Templates of the box.
pub struct RoomTemplates {
    store: Arc<Store>,
    rooms: Arc<Rooms>,
    targets: Arc<Targets>,
    events: Arc<Events>,
    /// What was looked at is what is changed.
    changing: Mutex<()>,
}

impl RoomTemplates {
    pub fn new(
        store: Arc<Store>,
        rooms: Arc<Rooms>,
        targets: Arc<Targets>,
        events: Arc<Events>,
    ) -> Self {
        Self { store, rooms, targets, events, changing: Mutex::default() }
    }

    /// All, by name.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self) -> Result<Vec<RoomTemplate>, ControlError> {
        let targets = self.targets.list().await?;
        let rows = self.store.room_template_list().await?;
        Ok(rows.into_iter().map(|row| template(row, &targets)).collect())
    }

    async fn get(&self, id: &str) -> Result<RoomTemplate, ControlError> {
        let all = self.list().await?;
        let found = all.into_iter().find(|template| template.id == id);
        found.ok_or(ControlError::NotFound("template"))
    }

    /// Keeps a template. `copies`: whoever asks may say where recordings are copied to; else what a room says of
    /// that is left out.
    ///
    /// # Errors
    /// The name will not do or is taken, a setting will not do, there is no such room or target, or there are too
    /// many.
    pub async fn create(
        &self,
        new: NewRoomTemplate,
        copies: bool,
    ) -> Result<RoomTemplate, ControlError> {
        let _turn = self.changing.lock().await;
        let name = checked_name(&new.name)?;
        let targets = self.targets.list().await?;
        let begins = match &new.room {
            Some(room) => {
                let mut like = self.settings_of(&self.rooms.get(room).await?, &targets);
                // Those that take every room do so without being named.
                let listed = |named: &NamedTarget| {
                    targets.iter().any(|t| t.id == named.id && !t.rooms.is_empty())
                };
                if let Some(all) = &mut like.targets {
                    all.retain(listed);
                }
                like.targets = like.targets.filter(|all| copies && !all.is_empty());
                like
            }
            None => RoomSettings::default(),
        };
        let settings = patched(begins, new.settings, &targets)?;
        if self.store.room_template_list().await?.len() >= MOST_TEMPLATES {
            return Err(ControlError::TooManyTemplates { most: MOST_TEMPLATES });
        }
        let id = format!("rt_{}", Ulid::new());
        let created_ms = UnixMs::now().0;
        let row = RoomTemplateRow { id, name, settings, is_default: new.default, created_ms };
        if !self.store.room_template_put(row.clone()).await? {
            return Err(ControlError::TemplateNameTaken);
        }
        self.events.publish(&row.id, Happening::RoomTemplateChanged);
        Ok(template(row, &targets))
    }

    /// Changes a template. Rooms that were made from it stay as they are.
    ///
    /// # Errors
    /// There is no such template, the name will not do or is taken, or a setting will not do.
    pub async fn change(
        &self,
        id: &str,
        patch: RoomTemplatePatch,
    ) -> Result<RoomTemplate, ControlError> {
        let _turn = self.changing.lock().await;
        let targets = self.targets.list().await?;
        let rows = self.store.room_template_list().await?;
        let row = rows.into_iter().find(|row| row.id == id);
        let mut row = row.ok_or(ControlError::NotFound("template"))?;
        if let Some(name) = patch.name {
            row.name = checked_name(&name)?;
        }
        row.is_default = patch.default.unwrap_or(row.is_default);
        if let Some(settings) = patch.settings {
            row.settings = patched(row.settings, settings, &targets)?;
        }
        if !self.store.room_template_put(row.clone()).await? {
            return Err(ControlError::TemplateNameTaken);
        }
        self.events.publish(id, Happening::RoomTemplateChanged);
        Ok(template(row, &targets))
    }

    /// Forgets a template. Rooms that were made from it stay as they are.
    ///
    /// # Errors
    /// There is no such template, or the store refuses.
    pub async fn delete(&self, id: &str) -> Result<(), ControlError> {
        let _turn = self.changing.lock().await;
        if !self.store.room_template_delete(id.to_owned()).await? {
            return Err(ControlError::NotFound("template"));
        }
        self.events.publish(id, Happening::RoomTemplateChanged);
        Ok(())
    }

    /// Makes a room, and says from which template.
    ///
    /// # Errors
    /// There is no such template, or the name will not do or is taken.
    pub async fn make_room(
        &self,
        name: &str,
        wanted: Wanted,
    ) -> Result<(Room, Option<RoomTemplate>), ControlError> {
        let _turn = self.changing.lock().await;
        let template = match wanted {
            Wanted::Plain => None,
            Wanted::Usual => self.list().await?.into_iter().find(|template| template.default),
            Wanted::Template(id) => Some(self.get(&id).await?),
        };
        let Some(template) = template else { return Ok((self.rooms.create(name).await?, None)) };
        let RoomSettings { lobby, record_always, rules, targets } = template.settings.clone();
        let like = RoomRow { lobby, record_always, rules, ..RoomRow::default() };
        let room = self.rooms.create_as(name, like).await?;
        if let Some(wanted) = targets
            && let Err(error) = self.copy_to(&room.id, &wanted).await
        {
            // Half of it would record to the wrong places, and its name would be taken for the next try.
            self.rooms.delete(&room.id).await?;
            return Err(error);
        }
        Ok((room, Some(template)))
    }

    /// What a template would change of these rooms. Changes nothing.
    ///
    /// # Errors
    /// There is no such template or room, a room is forgotten when its meeting ends, or there are too many.
    pub async fn preview(
        &self,
        id: &str,
        rooms: &[String],
    ) -> Result<Vec<TemplatePreview>, ControlError> {
        if rooms.len() > MOST_ROOMS {
            return Err(ControlError::TooManyRooms { most: MOST_ROOMS });
        }
        let template = self.get(id).await?;
        let targets = self.targets.list().await?;
        let mut previews = Vec::with_capacity(rooms.len());
        for room in rooms {
            previews.push(self.look(&template, room, &targets).await?);
        }
        Ok(previews)
    }

    /// Gives a room the settings of a template: at once, as far as each setting does. `of`: only if it is what
    /// the preview said.
    ///
    /// # Errors
    /// There is no such template or room, it is forgotten when its meeting ends, it is not what was looked at, or
    /// the media plane is too busy.
    pub async fn apply(
        &self,
        id: &str,
        room: &str,
        of: Option<&str>,
    ) -> Result<(TemplatePreview, RoomTemplate), ControlError> {
        let _turn = self.changing.lock().await;
        // What is looked at stays so until it is changed.
        let turn = self.rooms.turn().await;
        let template = self.get(id).await?;
        let targets = self.targets.list().await?;
        let preview = self.look(&template, room, &targets).await?;
        if of.is_some_and(|of| of != preview.of) {
            return Err(ControlError::TemplateMoved);
        }
        // Places first: it may record from the moment on in which the rest holds.
        if let Some(wanted) = &template.settings.targets {
            self.copy_to(room, wanted).await?;
        }
        self.rooms.settle(&turn, room, &preview.after).await?;
        Ok((preview, template))
    }

    async fn look(
        &self,
        template: &RoomTemplate,
        room: &str,
        targets: &[Target],
    ) -> Result<TemplatePreview, ControlError> {
        let room = self.rooms.get(room).await?;
        if room.invite.is_none() {
            return Err(ControlError::RoomForgotten);
        }
        let before = self.settings_of(&room, targets);
        let mut after = template.settings.clone();
        let (mut missing, mut kept) = (Vec::new(), Vec::new());
        if let Some(wanted) = &template.settings.targets {
            missing = wanted.iter().filter(|t| t.gone).map(|t| t.name.clone()).collect();
            let change = |target: &&Target| rooms_of(target, &room.id, wanted) == Change::LastRoom;
            kept = targets.iter().filter(change).map(|target| target.name.clone()).collect();
            let gets = |target: &&Target| {
                target.rooms.is_empty()
                    || matches!(
                        rooms_of(target, &room.id, wanted),
                        Change::Add(_) | Change::Has | Change::LastRoom
                    )
            };
            after.targets = Some(targets.iter().filter(gets).map(named).collect());
        } else {
            after.targets.clone_from(&before.targets);
        }
        let changes = differences(&before, &after);
        let text = serde_json::to_vec(&(&before, &after)).unwrap_or_default();
        let of = hex(&Sha256::digest(text)[..16]);
        let Room { id, name, .. } = room;
        Ok(TemplatePreview { room: id, name, before, after, changes, missing, kept, of })
    }

    /// What a room is like now.
    fn settings_of(&self, room: &Room, targets: &[Target]) -> RoomSettings {
        let gets = |target: &&Target| target.rooms.is_empty() || target.rooms.contains(&room.id);
        RoomSettings {
            lobby: room.lobby,
            record_always: room.record_always,
            rules: room.rules.clone(),
            targets: Some(targets.iter().filter(gets).map(named).collect()),
        }
    }

    /// Puts a room on the lists of these targets, and off those of others.
    async fn copy_to(&self, room: &str, wanted: &[NamedTarget]) -> Result<(), ControlError> {
        for target in self.targets.list().await? {
            if let Change::Add(rooms) | Change::Remove(rooms) = rooms_of(&target, room, wanted) {
                let patch = TargetPatch { rooms: Some(rooms), ..TargetPatch::default() };
                self.targets.change(&target.id, patch).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
