//! For tests: a media plane in which nobody meets.

use super::{
    Busy, Command, Conference, Event, Later, ParticipantId, Relay, RoomName, RoomOptions,
    RoomRefused, RoomView, Standing,
};
use crate::permissions::Role;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

#[derive(Default)]
pub(crate) struct Quiet {
    /// It takes no requests.
    pub busy: AtomicBool,
}

impl Conference for Quiet {
    fn is_draining(&self) -> bool {
        false
    }

    fn link_holds(&self, _: &str) -> bool {
        true
    }

    fn link_has_ended(&self, _: &str) -> bool {
        false
    }

    fn invitation_holds(&self, _: &RoomName, _: &str) -> bool {
        true
    }

    fn role_of<'a>(&'a self, _: &'a str) -> Later<'a, Result<Option<Role>, Busy>> {
        Box::pin(async { Ok(Some(Role::Owner)) })
    }

    fn link_is_sent_out(&self, _: &RoomName, _: &str) -> bool {
        false
    }

    fn secret_of(&self, _: &str) -> Option<String> {
        None
    }

    fn room_options(&self, _: &RoomName, _: &str) -> Result<RoomOptions, RoomRefused> {
        Err(RoomRefused::Unknown)
    }

    fn standing(&self, _: &str, _: bool) -> Standing {
        Standing::Member
    }

    fn attach(
        &self,
        _: &RoomName,
        _: &ParticipantId,
        _: mpsc::Sender<Event>,
        _: Command,
    ) -> Result<(), Busy> {
        Ok(())
    }

    fn command(&self, _: &RoomName, _: Command) -> Result<(), Busy> {
        if self.busy.load(Ordering::Relaxed) { Err(Busy) } else { Ok(()) }
    }

    fn beside(&self, _: &RoomName, _: &RoomName) -> bool {
        false
    }

    fn relay(&self, _: &ParticipantId) -> Option<Relay> {
        None
    }

    fn list(&self) -> Later<'_, Vec<RoomView>> {
        Box::pin(async { Vec::new() })
    }

    fn new_id(&self, prefix: &str) -> String {
        prefix.to_owned()
    }
}
