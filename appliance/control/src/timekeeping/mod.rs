//! The box's clock: its time zone, and whether time servers set it.
//!
//! ```text
//! panel ─▶ Timekeeping ─▶ ClockGear (systemd-timedated and -timesyncd)
//!               └─ store: whether servers set the clock, and which
//! ```
//! The root of a box is read-only: what the system forgets at each start is kept in the store and told to it
//! again. A box on which nobody has chosen anything is left as it is.
//!
//! It knows neither D-Bus nor HTTP.

use crate::clock::Ticks;
use crate::conference::Later;
use crate::error::ControlError;
use crate::host;
use crate::store::Store;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use utoipa::ToSchema;

/// Under which the store has what was chosen.
const NAME: &str = "time";
/// The system is looked at this often: whoever sets the clock may have started anew.
const LOOK: Duration = Duration::from_secs(60);
const MOST_SERVERS: usize = 8;
/// When this was written: no clock that is right says less.
const NOT_BEFORE_S: i64 = 1_764_288_000;

/// What was not done with the clock. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum TimeError {
    #[error("this machine's clock is not changed here: {0}")]
    Absent(String),
    #[error("who sets the clock went away: {0}")]
    Gone(String),
    #[error("the system refused: {0}")]
    Refused(String),
    #[error("there is no time zone {0}: choose one of the list, like Europe/Berlin")]
    Zone(String),
    #[error("{0} is no time server: give a name or an address, like ntp.example.org")]
    Server(String),
    #[error("{MOST_SERVERS} time servers are the most")]
    TooManyServers,
    #[error("time servers set the clock: switch them off first, then set it by hand")]
    SetByServers,
    #[error("this is no time, or long past: give one like 2026-11-29T14:05:00+01:00")]
    Time,
}

impl TimeError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Absent(_) => "time_not_managed",
            Self::Gone(_) => "time_gone",
            Self::Refused(_) => "time_refused",
            Self::Zone(_) => "time_zone",
            Self::Server(_) | Self::TooManyServers => "time_server",
            Self::SetByServers => "time_set_by_servers",
            Self::Time => "time_invalid",
        }
    }

    /// The field of the request that is wrong.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Zone(_) => Some("zone"),
            Self::Server(_) | Self::TooManyServers => Some("servers"),
            Self::SetByServers | Self::Time => Some("now"),
            Self::Absent(_) | Self::Gone(_) | Self::Refused(_) => None,
        }
    }
}

/// The clock as the system tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockReport {
    /// IANA name.
    pub zone: String,
    /// Time servers can be asked at all.
    pub can_ntp: bool,
    pub ntp: bool,
    pub synchronised: bool,
    /// The server that was asked last, by name or address.
    pub server: Option<String>,
    /// Servers that were told for this start.
    pub servers: Vec<String>,
}

/// Who sets the clock; the daemon's.
pub trait ClockGear: Send + Sync {
    /// # Errors
    /// It is absent, or cannot tell.
    fn look(&self) -> Later<'_, Result<ClockReport, TimeError>>;

    /// # Errors
    /// There is no such zone, or it cannot be kept.
    fn set_zone<'a>(&'a self, zone: &'a str) -> Later<'a, Result<(), TimeError>>;

    /// # Errors
    /// The system refuses.
    fn set_ntp(&self, on: bool) -> Later<'_, Result<(), TimeError>>;

    /// Time servers for this start; none: those of the network, or of the image.
    ///
    /// # Errors
    /// Nobody asks time servers here.
    fn set_servers<'a>(&'a self, servers: &'a [String]) -> Later<'a, Result<(), TimeError>>;

    /// # Errors
    /// The system refuses.
    fn set_time(&self, micros: i64) -> Later<'_, Result<(), TimeError>>;

    /// The machine's own name of its zone, for one whose clock is not managed.
    fn zone(&self) -> String;
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Chosen {
    ntp: bool,
    servers: Vec<String>,
}

/// The clock as the panel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TimeView {
    /// It can be changed here.
    pub managed: bool,
    /// Why it cannot.
    #[schema(required)]
    pub unmanaged_because: Option<String>,
    /// RFC 3339, with the zone's offset of now.
    #[schema(format = DateTime)]
    pub now: String,
    /// IANA name.
    pub zone: String,
    /// Time servers can be asked at all.
    pub can_ntp: bool,
    /// They set the clock.
    pub ntp: bool,
    /// Own servers; none: those of the network, or of the image.
    pub servers: Vec<String>,
    /// A server has set the clock since the start.
    pub synchronised: bool,
    /// The server that was asked last.
    #[schema(required)]
    pub server: Option<String>,
}

/// What becomes of the clock. What is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimePut {
    /// IANA name.
    #[serde(default)]
    pub zone: Option<String>,
    #[serde(default)]
    pub ntp: Option<bool>,
    #[serde(default)]
    pub servers: Option<Vec<String>>,
    /// RFC 3339 with an offset; only without time servers.
    #[serde(default)]
    pub now: Option<String>,
}

/// The clock's desk.
pub struct Timekeeping {
    store: Arc<Store>,
    gear: Arc<dyn ClockGear>,
    turn: tokio::sync::Mutex<()>,
    by_hand: AtomicU64,
}

/// Names or addresses of servers, each once.
fn checked(servers: &[String]) -> Result<Vec<String>, TimeError> {
    let mut kept: Vec<String> = Vec::new();
    for typed in servers.iter().filter(|typed| !typed.trim().is_empty()) {
        let server = host::tidied(typed);
        if !host::is_good(&server) || server.starts_with('-') {
            return Err(TimeError::Server(typed.trim().to_owned()));
        }
        if !kept.contains(&server) {
            kept.push(server);
        }
    }
    if kept.len() > MOST_SERVERS { Err(TimeError::TooManyServers) } else { Ok(kept) }
}

/// Microseconds since the Unix epoch.
fn moment(text: &str) -> Result<i64, TimeError> {
    let moment: jiff::Timestamp = text.trim().parse().map_err(|_| TimeError::Time)?;
    match moment.as_second() >= NOT_BEFORE_S {
        true => Ok(moment.as_microsecond()),
        false => Err(TimeError::Time),
    }
}

/// RFC 3339 of now in this zone; in UTC where nobody knows it.
fn now_in(zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let now = jiff::Timestamp::now().to_zoned(zone);
    jiff::fmt::strtime::format("%Y-%m-%dT%H:%M:%S%:z", &now).unwrap_or_default()
}

impl Timekeeping {
    pub fn new(store: Arc<Store>, gear: Arc<dyn ClockGear>) -> Arc<Self> {
        Arc::new(Self { store, gear, turn: Default::default(), by_hand: Default::default() })
    }

    async fn chosen(&self) -> Result<Option<Chosen>, ControlError> {
        Ok(self.store.report_get::<Chosen>(NAME).await?.map(|(chosen, _)| chosen))
    }

    /// # Errors
    /// Who sets the clock went away, or cannot tell. That nobody does is no error.
    pub async fn view(&self) -> Result<TimeView, ControlError> {
        let (report, because) = match self.gear.look().await {
            Ok(report) => (report, None),
            Err(TimeError::Absent(why)) => {
                let zone = self.gear.zone();
                (ClockReport { zone, ..ClockReport::default() }, Some(why))
            }
            Err(other) => return Err(other.into()),
        };
        let chosen = self.chosen().await?;
        Ok(TimeView {
            managed: because.is_none(),
            unmanaged_because: because,
            now: now_in(&report.zone),
            zone: report.zone,
            can_ntp: report.can_ntp,
            ntp: report.ntp,
            servers: chosen.map_or(report.servers, |chosen| chosen.servers),
            synchronised: report.synchronised,
            server: report.server.filter(|_| report.ntp),
        })
    }

    /// Changes what is named, all of it or nothing of what will not do.
    ///
    /// # Errors
    /// Something will not do, or the system refuses.
    pub async fn put(&self, put: TimePut) -> Result<TimeView, ControlError> {
        let _turn = self.turn.lock().await;
        let report = self.gear.look().await?;
        let ntp = put.ntp.unwrap_or(report.ntp);
        let now = match &put.now {
            Some(_) if ntp => return Err(TimeError::SetByServers.into()),
            Some(text) => Some(moment(text)?),
            None => None,
        };
        if let Some(zone) = &put.zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            return Err(TimeError::Zone(zone.clone()).into());
        }
        let servers = put.servers.as_deref().map(checked).transpose()?;
        if let Some(zone) = put.zone.filter(|zone| *zone != report.zone) {
            self.gear.set_zone(&zone).await?;
        }
        if put.ntp.is_some() || servers.is_some() {
            let before = self.chosen().await?.map(|chosen| chosen.servers);
            let servers = servers.or(before).unwrap_or(report.servers);
            let chosen = Chosen { ntp, servers };
            self.store.report_put(NAME, chosen.clone(), None).await?;
            self.tell(&chosen).await?;
        }
        if let Some(now) = now {
            self.gear.set_time(now).await?;
            self.by_hand.fetch_add(1, Ordering::Relaxed);
        }
        self.view().await
    }

    /// How often an owner has set the clock since the start.
    pub fn set_by_hand(&self) -> u64 {
        self.by_hand.load(Ordering::Relaxed)
    }

    /// Tells the system what was chosen, as far as it has not heard.
    async fn tell(&self, chosen: &Chosen) -> Result<(), TimeError> {
        let report = self.gear.look().await?;
        if report.ntp != chosen.ntp {
            self.gear.set_ntp(chosen.ntp).await?;
        }
        // Servers are told to whoever asks them: nobody does while they are off.
        if chosen.ntp && report.servers != chosen.servers {
            self.gear.set_servers(&chosen.servers).await?;
        }
        Ok(())
    }

    /// Tells the system again what it forgets when it starts. For as long as the box runs.
    pub async fn keep_told(self: Arc<Self>) {
        let mut ticks = Ticks::every(LOOK);
        loop {
            ticks.tick().await;
            let _turn = self.turn.lock().await;
            match self.chosen().await {
                Ok(Some(chosen)) => match self.tell(&chosen).await {
                    Ok(()) | Err(TimeError::Absent(_)) => {}
                    Err(error) => tracing::warn!(%error, "the clock is not as it was chosen"),
                },
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "what was chosen for the clock is not known"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_tidied_and_what_is_none_is_refused() {
        let typed =
            |texts: &[&str]| -> Vec<String> { texts.iter().map(|t| (*t).to_owned()).collect() };
        let kept =
            checked(&typed(&[" NTP.Example.org ", "", "192.0.2.7", "[2001:db8::1]", "192.0.2.7"]));
        assert_eq!(kept.unwrap(), ["ntp.example.org", "192.0.2.7", "2001:db8::1"]);
        for wrong in ["ntp://a", "two words", "a/b", "-x"] {
            let refused = checked(&typed(&[wrong])).unwrap_err();
            assert_eq!(refused.field(), Some("servers"), "{wrong}");
        }
        let many: Vec<String> = (0..9).map(|n| format!("n{n}.lan")).collect();
        assert_eq!(checked(&many).unwrap_err().code(), "time_server");
    }

    #[test]
    fn a_time_has_an_offset_and_is_not_long_past() {
        assert_eq!(moment("2026-11-29T14:05:00+01:00").unwrap(), 1_795_957_500_000_000);
        for wrong in ["2026-11-29T14:05:00", "2020-01-01T00:00:00Z", "14:05", ""] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn now_has_the_offset_of_its_zone() {
        let offset = |zone: &str| now_in(zone)[19..].to_owned();
        assert_eq!(offset("Asia/Kolkata"), "+05:30");
        assert_eq!(offset("Nowhere/Atall"), "+00:00");
    }
}
