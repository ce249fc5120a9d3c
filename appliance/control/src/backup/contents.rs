//! What a backup has and what it has not: the two lists that are printed, and nothing is left out of both.

use serde::Serialize;
use utoipa::ToSchema;

/// Something that is in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Inside {
    /// Stable name, which pages translate.
    pub code: &'static str,
    /// In English.
    pub what: &'static str,
}

/// Something that is not in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outside {
    pub code: &'static str,
    pub what: &'static str,
    pub why: &'static str,
}

const fn inside(code: &'static str, what: &'static str) -> Inside {
    Inside { code, what }
}

const fn outside(code: &'static str, what: &'static str, why: &'static str) -> Outside {
    Outside { code, what, why }
}

pub const INSIDE: [Inside; 10] = [
    inside("people", "people, their roles, passwords (as hashes) and second factors"),
    inside("rooms", "rooms, their invitations and keys"),
    inside("settings", "settings, and the box's name and language"),
    inside("keys", "LiveKit keys and API tokens"),
    inside(
        "identity",
        "the box's own key, its certificate authority, and certificates from elsewhere with their keys",
    ),
    inside(
        "integrations",
        "webhooks, targets, calendars and the MQTT broker, with their passwords",
    ),
    inside("schedule", "planned recordings"),
    inside(
        "library",
        "the list of recordings: titles, people, files, share links, receipts of copies",
    ),
    inside("fleet", "the box's place in its fleet, and at a hub what its boxes told"),
    inside("audit", "the audit log, and the history of updates"),
];

pub const OUTSIDE: [Outside; 9] = [
    outside(
        "recordings",
        "recordings: tracks, films and pictures",
        "they are too large; targets copy them elsewhere. Those on the disk stay when a backup is restored",
    ),
    outside("sessions", "who is signed in, and where", "everybody signs in anew after a restore"),
    outside("claim", "the claim code", "it is made anew at each start of a box without an owner"),
    outside(
        "outbox",
        "news that waits for webhooks",
        "a restored box must not tell old news as if it were new",
    ),
    outside(
        "machine",
        "what was measured of this machine: encoders and how long films take",
        "it is measured anew, perhaps on another machine",
    ),
    outside("meetings", "polls, timers and files of meetings", "they end with their meeting"),
    outside("nats", "the store of nats-server", "nothing in it is the only copy"),
    outside(
        "caches",
        "films that are being made, uploads, updates",
        "they are made or fetched anew",
    ),
    outside("system", "the system, its network settings and logs", "they belong to the image"),
];
