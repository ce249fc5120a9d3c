//! Who comes in: by an account or by the invite link, with a PIN where the room asks guests for one.

use super::Rooms;
use super::links::Named;
use super::pin;
use super::rules::{GuestEntry, RoomRules, VideoCodec};
use crate::clock::UnixMs;
use crate::conference::RoomName;
use crate::error::ControlError;
use crate::store::RoomRow;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use std::net::IpAddr;
use std::time::Instant;

/// Why somebody does not come in by an invite link, or what is wrong with a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("this room has a PIN: ask whoever sent the link for it")]
    PinNeeded,
    #[error("this is not the PIN of this room: type it again, or ask whoever sent the link")]
    PinWrong,
    #[error("too many wrong PINs: try again in {seconds} s")]
    PinWait { seconds: u64 },
    #[error("a PIN has {least} to {most} digits")]
    PinForm { least: usize, most: usize },
    #[error("a link is good for {least} to {most} seconds")]
    LinkExpiry { least: u64, most: u64 },
    #[error("a room may have {most} personal links: revoke some that nobody uses")]
    TooManyLinks { most: usize },
    #[error(
        "guests do not come into this room now: sign in to the box, or ask whoever sent the link"
    )]
    NoGuests,
}

impl EntryError {
    /// Stable name of the error, for clients.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::PinNeeded => "pin_needed",
            Self::PinWrong => "pin_wrong",
            Self::PinWait { .. } => "pin_wait",
            Self::PinForm { .. } => "pin_form",
            Self::LinkExpiry { .. } => "link_expiry",
            Self::TooManyLinks { .. } => "too_many_links",
            Self::NoGuests => "no_guests",
        }
    }

    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::LinkExpiry { .. } => Some("expires_in_s"),
            Self::NoGuests | Self::TooManyLinks { .. } => None,
            _ => Some("pin"),
        }
    }
}

/// How somebody asks to enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guest<'a> {
    /// Logged in, with the invite that they brought along; empty: none.
    Person(&'a str),
    Invited(&'a str),
}

/// Somebody whom the link or the account lets as far as the door.
#[derive(Debug, Clone)]
pub struct Admitted {
    pub(super) id: String,
    pub room: RoomName,
    /// The rules that they are under; `None`: they are no guest.
    pub rules: Option<RoomRules>,
    /// Those who came by a personal link.
    pub named: Option<Named>,
    /// Mark of the invite link, with the PIN if one is asked for, of those who came by it.
    pub invitation: Option<String>,
    /// The link vouches for them: no PIN, no lobby.
    pub(super) vouched: bool,
    /// In which they may publish pictures, guest or not.
    pub(super) video_codecs: Vec<VideoCodec>,
    pin: String,
}

impl Admitted {
    fn new(row: RoomRow, guest: bool) -> Self {
        let RoomRow { id, name, rules, pin, .. } = row;
        let room = RoomName::from(name);
        let video_codecs = rules.video_codecs.clone();
        let rules = guest.then_some(rules);
        let (named, invitation, vouched) = Default::default();
        Self { id, room, rules, named, invitation, vouched, video_codecs, pin }
    }

    fn by_link(row: RoomRow, named: Named, vouched: bool) -> Self {
        let moderator = named.moderator && vouched;
        let named = Some(Named { moderator, ..named });
        Self { named, vouched, ..Self::new(row, !moderator) }
    }

    /// Whether they are asked for the PIN.
    pub fn needs_pin(&self) -> bool {
        let asks = |rules: &RoomRules| rules.guests == GuestEntry::WithPin;
        !self.vouched && self.rules.as_ref().is_some_and(asks)
    }
}

impl Rooms {
    /// A room to whose door this guest may come.
    ///
    /// # Errors
    /// There is no such room, the invitation is not valid, or guests do not come in.
    pub async fn admit(&self, id: &str, guest: Guest<'_>) -> Result<Admitted, ControlError> {
        let invite = match guest {
            Guest::Person(invite) => {
                let row = self.row(id).await?;
                let named = self.named(id, invite).await?.filter(|named| {
                    // Who was sent out with their link comes by their account, and as that lets them.
                    row.kept && !self.lobby.is_sent_out(&row.name, &named.link)
                });
                // Rules for guests are not for people with an account, by whatever link they come.
                let vouched = named.is_some();
                return Ok(Admitted { named, vouched, ..Admitted::new(row, false) });
            }
            Guest::Invited(invite) => invite,
        };
        // A room that does not exist and a wrong invitation look the same from outside.
        let row = self.store.room_get(id.to_owned()).await?;
        if let Some(named) = self.named(id, invite).await? {
            let row = row.filter(|row| row.kept).ok_or(ControlError::InviteInvalid)?;
            let vouched = !self.lobby.is_sent_out(&row.name, &named.link);
            if !vouched && row.rules.guests == GuestEntry::Nobody {
                return Err(EntryError::NoGuests.into());
            }
            return Ok(Admitted::by_link(row, named, vouched));
        }
        let right = |row: &RoomRow| {
            row.kept && verify_slices_are_equal(row.invite.as_bytes(), invite.as_bytes()).is_ok()
        };
        let row = row.filter(right).ok_or(ControlError::InviteInvalid)?;
        if row.rules.guests == GuestEntry::Nobody {
            return Err(EntryError::NoGuests.into());
        }
        let invitation = self.lobby.invitation(&row);
        Ok(Admitted { invitation, ..Admitted::new(row, true) })
    }

    /// Whether somebody at the door may come in, with what they typed there.
    ///
    /// # Errors
    /// The PIN is missing or wrong, too many were, or the store refuses.
    pub async fn enter(
        &self,
        admitted: &Admitted,
        typed: Option<&str>,
        from: IpAddr,
    ) -> Result<(), ControlError> {
        if admitted.needs_pin() {
            let (id, pin) = (&admitted.id, &admitted.pin);
            self.pins.enter(id, pin, typed, (Instant::now(), from))?;
        }
        if let Some(named) = &admitted.named {
            self.store.room_link_used(named.link.clone(), UnixMs::now().0).await?;
        }
        Ok(())
    }

    /// What guests are asked for; `None`: none was made yet.
    ///
    /// # Errors
    /// There is no such room, or the store refuses.
    pub async fn pin(&self, id: &str) -> Result<Option<String>, ControlError> {
        Ok(Some(self.row(id).await?.pin).filter(|pin| !pin.is_empty()))
    }

    /// Another PIN, by choice or made by the box. Who is in stays in.
    ///
    /// # Errors
    /// There is no such room, it is forgotten when its meeting ends, or the PIN will not do.
    pub async fn set_pin(&self, id: &str, chosen: Option<&str>) -> Result<String, ControlError> {
        self.kept(id).await?;
        let pin = chosen.map_or_else(pin::made, pin::checked)?;
        self.store.room_set_pin(id.to_owned(), pin.clone()).await?;
        self.lobby.refresh().await?;
        Ok(pin)
    }
}
