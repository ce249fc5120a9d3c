//! A receiver, as its owner sees it.

use super::Undelivered;
use crate::clock::UnixMs;
use crate::store::{Tally, WebhookRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Of which rooms a receiver hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomsHeard {
    /// Those that were opened with its API key. A receiver that rules over its rooms, as plugNmeet
    /// does, must not be told of others: it would end them.
    #[default]
    OfKey,
    /// All of the box.
    All,
    /// None.
    None,
}

impl RoomsHeard {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::OfKey => "of_key",
            Self::All => "all",
            Self::None => "none",
        }
    }

    /// A word that only a newer version knows means the fewest.
    pub(super) fn read(word: &str) -> Self {
        match word {
            "all" => Self::All,
            "none" => Self::None,
            _ => Self::OfKey,
        }
    }
}

/// A receiver of webhooks.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Webhook {
    /// `wh_` and a ULID.
    pub id: String,
    /// Where events are sent.
    pub url: String,
    /// The LiveKit key that signs.
    pub key: String,
    /// The key was revoked: nothing can be signed until another one is chosen.
    pub key_revoked: bool,
    pub rooms: RoomsHeard,
    /// It hears of the box's alarms: `alarm.raised` and `alarm.cleared`.
    pub alarms: bool,
    /// It may be in the house's own network: at a private address (RFC 1918, RFC 4193). What is not
    /// allowed there, and whatever leads to the box itself, is not delivered.
    pub in_network: bool,
    /// Off: nothing is sent, and nothing waits.
    pub enabled: bool,
    pub created_at: UnixMs,
    /// Events that are not delivered yet.
    pub waiting: u64,
    /// The newest attempt failed.
    pub failing: bool,
    #[schema(required)]
    pub last_delivered_at: Option<UnixMs>,
    #[schema(required)]
    pub last_failed_at: Option<UnixMs>,
    /// Why that attempt failed, in English.
    #[schema(required)]
    pub last_error: Option<String>,
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events that could not be delivered within a day.
    pub given_up: u64,
    /// Events for which there was no room any more.
    pub dropped: u64,
}

impl Webhook {
    pub(super) fn of(row: &WebhookRow, waiting: usize, key_revoked: bool) -> Self {
        let Tally { delivered, failed, given_up, dropped, delivered_ms, failed_ms, error } =
            row.tally.clone();
        Self {
            id: row.id.clone(),
            url: row.url.clone(),
            key: row.key.clone(),
            key_revoked,
            rooms: RoomsHeard::read(&row.rooms),
            alarms: row.alarms,
            in_network: row.in_network,
            enabled: row.enabled,
            created_at: UnixMs(row.created_ms),
            waiting: waiting as u64,
            failing: failed_ms > delivered_ms,
            last_delivered_at: delivered_ms.map(UnixMs),
            last_failed_at: failed_ms.map(UnixMs),
            last_error: error,
            delivered,
            failed,
            given_up,
            dropped,
        }
    }
}

/// A new receiver.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// `http://…` or `https://…`, without name and password.
    pub url: String,
    /// A LiveKit key of the box.
    pub key: String,
    #[serde(default)]
    pub rooms: RoomsHeard,
    #[serde(default)]
    pub alarms: bool,
    /// It may be in the house's own network.
    #[serde(default)]
    pub in_network: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// What changes of a receiver; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookPatch {
    #[schema(nullable = false)]
    pub url: Option<String>,
    #[schema(nullable = false)]
    pub key: Option<String>,
    #[schema(nullable = false)]
    pub rooms: Option<RoomsHeard>,
    #[schema(nullable = false)]
    pub alarms: Option<bool>,
    /// Left out while the address changes: it may not be there any more.
    #[schema(nullable = false)]
    pub in_network: Option<bool>,
    #[schema(nullable = false)]
    pub enabled: Option<bool>,
}

/// What a receiver said to a test event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WebhookTrial {
    pub delivered: bool,
    /// HTTP status of its answer; `null`: none came.
    #[schema(required)]
    pub status: Option<u16>,
    pub took_ms: u64,
    /// Why it was not delivered, in English.
    #[schema(required)]
    pub error: Option<String>,
}

impl WebhookTrial {
    pub(super) fn of(ended: Result<u16, Undelivered>, took_ms: u64) -> Self {
        match ended {
            Ok(status) => Self { delivered: true, status: Some(status), took_ms, error: None },
            Err(Undelivered { status, why }) => {
                Self { delivered: false, status, took_ms, error: Some(why) }
            }
        }
    }
}
