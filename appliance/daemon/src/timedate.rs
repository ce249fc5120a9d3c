//! systemd-timedated and systemd-timesyncd over the system bus (`org.freedesktop.timedate1(5)`,
//! `org.freedesktop.timesync1(5)`).

use crate::bus::{Dict, Silence, SystemBus, items, number, text, truth};
use crate::clock;
use roombox_control::conference::Later;
use roombox_control::timekeeping::{ClockGear, ClockReport, TimeError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use zbus::{Proxy, Variant};

const TIMEDATE: &str = "org.freedesktop.timedate1";
const TIMEDATE_PATH: &str = "/org/freedesktop/timedate1";
const TIMESYNC: &str = "org.freedesktop.timesync1";
const TIMESYNC_PATH: &str = "/org/freedesktop/timesync1";
const TIMESYNC_MANAGER: &str = "org.freedesktop.timesync1.Manager";

/// The two services.
#[derive(Default)]
pub struct Timedate {
    bus: SystemBus,
}

fn time_error(silence: Silence) -> TimeError {
    match silence {
        Silence::Absent => TimeError::Absent(
            "systemd-timedated does not run here. Set the clock where this machine's system keeps it"
                .to_owned(),
        ),
        Silence::Gone(why) => TimeError::Gone(why),
        Silence::Refused(why) => TimeError::Refused(why),
    }
}

/// `(iay)`: the family and the bytes of an address; nothing, of nobody.
fn address(value: &Variant<'_>) -> Option<String> {
    let Variant::Structure(pair) = value else { return None };
    let bytes: Vec<u8> = items(pair.fields().get(1)?)
        .into_iter()
        .filter_map(|byte| u8::try_from(number(byte)?).ok())
        .collect();
    let address: IpAddr = match bytes.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into(),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into(),
        _ => return None,
    };
    Some(address.to_string())
}

impl Timedate {
    async fn timedate(&self) -> Result<Proxy<'static>, TimeError> {
        let object = self.bus.object(TIMEDATE, TIMEDATE_PATH, TIMEDATE).await;
        object.map_err(time_error)
    }

    async fn told(&self) -> Result<Dict, TimeError> {
        let told = self.bus.properties(TIMEDATE, TIMEDATE_PATH, TIMEDATE).await;
        told.map_err(time_error)
    }

    async fn heard<T>(&self, answer: Result<T, zbus::Error>) -> Result<T, TimeError> {
        self.bus.heard(answer).await.map_err(time_error)
    }
}

impl ClockGear for Timedate {
    fn look(&self) -> Later<'_, Result<ClockReport, TimeError>> {
        Box::pin(async move {
            let told = self.told().await?;
            let yes = |name: &str| told.get(name).and_then(|value| truth(value)).unwrap_or(false);
            // To ask it would start it.
            let sync = match yes("NTP") {
                true => self.bus.properties(TIMESYNC, TIMESYNC_PATH, TIMESYNC_MANAGER).await,
                false => Ok(Dict::new()),
            };
            let sync = sync.unwrap_or_default();
            let named = sync.get("ServerName").and_then(|name| text(name));
            let servers = sync.get("RuntimeNTPServers").map(|list| items(list)).unwrap_or_default();
            Ok(ClockReport {
                zone: told.get("Timezone").and_then(|zone| text(zone)).unwrap_or_default(),
                can_ntp: yes("CanNTP"),
                ntp: yes("NTP"),
                synchronised: yes("NTPSynchronized"),
                server: named
                    .filter(|name| !name.is_empty())
                    .or_else(|| sync.get("ServerAddress").and_then(|pair| address(pair))),
                servers: servers.into_iter().filter_map(text).collect(),
            })
        })
    }

    fn set_zone<'a>(&'a self, zone: &'a str) -> Later<'a, Result<(), TimeError>> {
        Box::pin(async move {
            let done = self.timedate().await?.call_method("SetTimezone", &(zone, false)).await;
            self.heard(done).await.map(drop)
        })
    }

    fn set_ntp(&self, on: bool) -> Later<'_, Result<(), TimeError>> {
        Box::pin(async move {
            let done = self.timedate().await?.call_method("SetNTP", &(on, false)).await;
            let Err(refused) = self.heard(done).await else { return Ok(()) };
            // On a read-only root it cannot say so for the next start, and does it for this one.
            let is = self.told().await?.get("NTP").and_then(|ntp| truth(ntp));
            if is == Some(on) { Ok(()) } else { Err(refused) }
        })
    }

    fn set_servers<'a>(&'a self, servers: &'a [String]) -> Later<'a, Result<(), TimeError>> {
        Box::pin(async move {
            let sync = self.bus.object(TIMESYNC, TIMESYNC_PATH, TIMESYNC_MANAGER).await;
            let sync = sync.map_err(time_error)?;
            let done = sync.call_method("SetRuntimeNTPServers", &(servers,)).await;
            self.heard(done).await.map(drop)
        })
    }

    fn set_time(&self, micros: i64) -> Later<'_, Result<(), TimeError>> {
        Box::pin(async move {
            let body = (micros, false, false);
            let done = self.timedate().await?.call_method("SetTime", &body).await;
            self.heard(done).await.map(drop)
        })
    }

    fn zone(&self) -> String {
        clock::time_zone()
    }
}
