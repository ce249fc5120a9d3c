//! Who may what: the one table of permissions. Doors ask it and decide nothing themselves.
//!
//! Pure. `docs/permissions.md` is made from here and from the doors' routes.

use crate::error::ControlError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody is on this box. Who is more may everything that those who are less may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees the box and watches its recordings.
    Viewer,
    /// Runs rooms, meetings, recordings and the library.
    Moderator,
    /// Runs the box.
    Operator,
    /// Everything.
    Owner,
}

/// All roles, the one with most rights first.
pub const ROLES: [Role; 4] = [Role::Owner, Role::Operator, Role::Moderator, Role::Viewer];

impl Role {
    /// As it is written in the database and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Moderator => "moderator",
            Self::Viewer => "viewer",
        }
    }

    /// The role of this name. One that only a newer version knows counts as the least.
    pub fn of_name(name: &str) -> Self {
        ROLES.into_iter().find(|role| role.name() == name).unwrap_or(Self::Viewer)
    }

    pub fn may(self, action: Action) -> bool {
        self >= action.least()
    }

    /// # Errors
    /// The role may not; the error says who may.
    pub fn ask(self, action: Action) -> Result<(), ControlError> {
        match self.may(action) {
            true => Ok(()),
            false => Err(ControlError::NotPermitted { role: self, action }),
        }
    }
}

/// What is permitted or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    See,
    Watch,
    Join,
    KeepAccount,
    RunRooms,
    Moderate,
    Record,
    Plan,
    EditLibrary,
    RunQueue,
    Configure,
    Update,
    SeeFleet,
    SeeAudit,
    RunFleet,
    RunPeople,
    RunKeys,
    RunCertificates,
    ReplaceSettings,
    BackUp,
    RunNetwork,
    Reset,
}

/// Each action, the least role that may, and what it is in words that follow "may".
pub const PERMISSIONS: [(Action, Role, &str); 22] = [
    (Action::See, Role::Viewer, "see status, rooms, schedule and queue"),
    (Action::Watch, Role::Viewer, "watch and download recordings"),
    (Action::Join, Role::Viewer, "join meetings without an invitation"),
    (
        Action::KeepAccount,
        Role::Viewer,
        "change the own password and second factor, end own sessions and tokens",
    ),
    (
        Action::RunRooms,
        Role::Moderator,
        "make, change and delete rooms, their invitations and keys",
    ),
    (Action::Moderate, Role::Moderator, "moderate meetings and end them"),
    (Action::Record, Role::Moderator, "record meetings and stream them"),
    (Action::Plan, Role::Moderator, "plan recordings"),
    (
        Action::EditLibrary,
        Role::Moderator,
        "change, share, copy and delete recordings, order films",
    ),
    (Action::RunQueue, Role::Operator, "order, stop and repeat what waits in the queue"),
    (
        Action::Configure,
        Role::Operator,
        "change settings, targets, calendars, encoders and webhooks",
    ),
    (Action::Update, Role::Operator, "install updates and restart the box"),
    (Action::SeeFleet, Role::Operator, "see the fleet"),
    (Action::SeeAudit, Role::Operator, "read the audit log and take it along"),
    (Action::RunFleet, Role::Owner, "join, lead and leave a fleet, invite and expel boxes"),
    (
        Action::RunPeople,
        Role::Owner,
        "invite people, change what they may and how they sign in, end their sessions, tokens and second factors",
    ),
    (Action::RunKeys, Role::Owner, "see, make and revoke LiveKit keys"),
    (
        Action::RunCertificates,
        Role::Owner,
        "upload, request and order certificates, and go back to the box's own",
    ),
    (Action::ReplaceSettings, Role::Owner, "take all settings along as a text, and put one in"),
    (Action::BackUp, Role::Owner, "make backups, try them and restore them"),
    (Action::RunNetwork, Role::Owner, "change the network and the clock"),
    (Action::Reset, Role::Owner, "erase the box"),
];

impl Action {
    fn row(self) -> &'static (Action, Role, &'static str) {
        // Every action has a row, as a test finds out; what had none would be the owner's.
        const NO_ROW: (Action, Role, &str) = (Action::Reset, Role::Owner, "do this");
        PERMISSIONS.iter().find(|(action, ..)| *action == self).unwrap_or(&NO_ROW)
    }

    /// The role with the fewest rights that may.
    pub fn least(self) -> Role {
        self.row().1
    }

    /// In words that follow "may".
    pub fn words(self) -> &'static str {
        self.row().2
    }

    /// Who may, as a sentence ends.
    pub fn who_may(self) -> &'static str {
        match self.least() {
            Role::Viewer => "everybody who is signed in may",
            Role::Moderator => "moderators, operators and owners may",
            Role::Operator => "operators and owners may",
            Role::Owner => "only owners may",
        }
    }
}

/// What a role may, in the order of the table.
pub fn actions_of(role: Role) -> Vec<Action> {
    let may = |(action, least, _): &(Action, Role, &str)| (role >= *least).then_some(*action);
    PERMISSIONS.iter().filter_map(may).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_one_row_and_who_is_more_may_more() {
        for (at, (action, ..)) in PERMISSIONS.iter().enumerate() {
            let first = PERMISSIONS.iter().position(|(other, ..)| other == action);
            assert_eq!(first, Some(at), "{action:?} has two rows");
        }
        // The rows stand in the order of the enum: one that is forgotten leaves a hole.
        let numbers: Vec<_> = PERMISSIONS.iter().map(|(action, ..)| *action as usize).collect();
        assert_eq!(numbers, (0..=Action::Reset as usize).collect::<Vec<_>>());
        for pair in ROLES.windows(2) {
            let (more, less) = (actions_of(pair[0]), actions_of(pair[1]));
            assert!(less.iter().all(|action| more.contains(action)), "{pair:?}");
            assert!(more.len() > less.len(), "{pair:?}");
        }
        assert_eq!(actions_of(Role::Owner).len(), PERMISSIONS.len());
    }

    #[test]
    fn a_refusal_says_who_may() {
        let refused = Role::Viewer.ask(Action::RunRooms).unwrap_err();
        assert_eq!(refused.code(), "not_permitted");
        let says = refused.to_string();
        assert!(
            says.contains("viewer") && says.contains("moderators, operators and owners may"),
            "{says}"
        );
        assert!(Role::Owner.ask(Action::Reset).is_ok());
    }

    #[test]
    fn a_role_of_a_newer_version_counts_as_the_least() {
        assert_eq!(Role::of_name("emperor"), Role::Viewer);
        for role in ROLES {
            assert_eq!(Role::of_name(role.name()), role);
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
    }
}
