//! The rules of the box: one small service per noun, permissions, events and the store.
//!
//! It knows neither HTTP nor threads of the media plane: doors call it, and the daemon gives it
//! the media plane ([`conference::Conference`]), the recorder ([`recordings::RoomRecorder`]),
//! the workers ([`jobs::Workers`]), who carries webhooks ([`webhooks::Courier`]), who tries a broker out
//! ([`mqtt::Caller`]), who asks identity providers ([`oidc::Wire`]) and who manages interfaces and clock
//! ([`network::gear::NetworkGear`], [`timekeeping::ClockGear`]) as traits.

pub mod audit;
pub mod backup;
pub mod certificates;
pub mod clock;
pub mod conference;
pub mod egress;
pub mod encoders;
mod error;
pub mod events;
pub mod files;
pub mod finish;
pub mod fleet;
pub mod guard;
pub mod health;
mod hex;
mod host;
pub mod identity;
pub mod jobs;
pub mod keys;
pub mod loans;
pub mod lobby;
pub mod logs;
pub mod mail;
pub mod meeting_tools;
pub mod mqtt;
pub mod network;
pub mod oidc;
pub mod outputs;
mod pages;
pub mod people;
mod percent;
pub mod permissions;
pub mod provisioning;
pub mod proxy;
pub mod recordings;
pub mod reset;
pub mod retention;
pub mod rooms;
pub mod safekeeping;
pub mod schedule;
pub mod settings;
pub mod setup;
pub mod shares;
pub mod spares;
pub mod status;
pub mod storage;
pub mod store;
pub mod support;
pub mod syslog;
pub mod targets;
pub mod timekeeping;
pub mod updates;
pub mod webhooks;
pub mod whip_keys;
pub mod words;

pub use error::{ControlError, checked_name};
pub use roombox_jobs::live;
