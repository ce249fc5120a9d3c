//! Asks the services how they are. Decides nothing.

use super::AlarmKind;
use super::checks::{Facts, Outlet};
use super::{Health, Notices};
use crate::audit::Audit;
use crate::certificates::{Acme, Certificates};
use crate::clock::{Ticks, UnixMs};
use crate::encoders::{EncoderDesk, EncoderState};
use crate::error::ControlError;
use crate::fleet::{CutReason, Fleet, FleetBox, FleetRole, LinkState};
use crate::mail::Mail;
use crate::mqtt::{Mqtt, MqttState};
use crate::retention::Retention;
use crate::safekeeping::Safekeeping;
use crate::status::Status;
use crate::store::Store;
use crate::syslog::Syslog;
use crate::targets::Targets;
use crate::updates::Updates;
use crate::webhooks::Webhooks;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How often everything is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// Packets that were lost count for so long.
const LATELY: Duration = Duration::from_secs(600);
/// Looks within that.
const LOOKS: usize = (LATELY.as_secs() / EVERY.as_secs()) as usize;

/// How much a number that only grows has grown lately. Pure.
#[derive(Debug, Default)]
pub(super) struct Lately {
    seen: VecDeque<u64>,
}

impl Lately {
    /// To be told of every look.
    pub(super) fn grown(&mut self, now: u64) -> u64 {
        // The first look of a life counts from nothing: the counter begins with the daemon.
        let before = self.seen.front().copied().unwrap_or(0);
        self.seen.push_back(now);
        if self.seen.len() > LOOKS {
            self.seen.pop_front();
        }
        now.saturating_sub(before)
    }
}

/// The same of each box of a fleet.
#[derive(Debug, Default)]
pub(super) struct LatelyOf(HashMap<String, Lately>);

impl LatelyOf {
    /// The name of the box from which more than half of so many came that were refused lately.
    pub(super) fn most(&mut self, boxes: Vec<FleetBox>, refused: u64) -> Option<String> {
        let ids: HashSet<&String> = boxes.iter().map(|one| &one.id).collect();
        self.0.retain(|id, _| ids.contains(id));
        let grown = boxes.into_iter().map(|one| {
            let lately = self.0.entry(one.id).or_default();
            (lately.grown(one.refused), one.name)
        });
        grown.max().filter(|(count, _)| *count > 0 && count * 2 > refused).map(|(_, name)| name)
    }
}

/// Of a certificate that nothing is left to order another by.
const LOST: &str =
    "the box's ACME settings could not be read, so nothing is ordered: type them again";

/// Who is asked.
pub struct Gatherer {
    pub store: Arc<Store>,
    pub status: Arc<Status>,
    pub retention: Arc<Retention>,
    pub certificates: Arc<Certificates>,
    pub acme: Arc<Acme>,
    pub targets: Arc<Targets>,
    pub encoders: Arc<EncoderDesk>,
    pub webhooks: Arc<Webhooks>,
    pub updates: Arc<Updates>,
    pub audit: Arc<Audit>,
    pub fleet: Arc<Fleet>,
    pub mqtt: Arc<Mqtt>,
    pub mail: Arc<Mail>,
    pub syslog: Arc<Syslog>,
    pub notices: Arc<Notices>,
    pub safekeeping: Arc<Safekeeping>,
}

impl Gatherer {
    /// Looks again and again, for as long as the box runs. `since_boot` is a clock that nobody sets.
    pub async fn run(
        self: Arc<Self>,
        health: Arc<Health>,
        since_boot: impl Fn() -> Duration + Send,
    ) {
        let mut ticks = Ticks::every(EVERY);
        let mut lately = (Lately::default(), Lately::default(), LatelyOf::default());
        let mut silent = false;
        loop {
            ticks.tick().await;
            match self.facts(&mut lately).await {
                Ok(facts) => {
                    silent = false;
                    health.look(since_boot(), UnixMs::now(), &facts).await;
                }
                Err(error) if !silent => {
                    silent = true;
                    tracing::error!(%error, "the box's health cannot be looked at");
                }
                Err(_) => {}
            }
        }
    }

    /// `lately`: packets that were lost, and what a hub has refused.
    async fn facts(&self, lately: &mut (Lately, Lately, LatelyOf)) -> Result<Facts, ControlError> {
        let now = self.status.now();
        let drops = lately.0.grown(now.recorder_drops);
        let films_parked = self.store.job_counts().await?.parked;
        let certificates = self.certificates.view(UnixMs::now());
        let acme = self.acme.view();
        let targets = self.targets.list().await?.into_iter().filter(|target| target.enabled);
        let webhooks = self.webhooks.list().await.into_iter();
        let encoders = self.encoders.list().items.into_iter();
        let fleet = self.fleet.view().await?;
        let (link, clocks) = (fleet.link, fleet.heard.clock);
        // At others nobody's knocks are of any concern.
        let heard = fleet.heard.refused() * u64::from(fleet.role == Some(FleetRole::Hub));
        let fleet_refused = lately.1.grown(heard);
        let most = lately.2.most(fleet.boxes, fleet_refused);
        let mqtt = self.mqtt.view().link;
        let backups = self.safekeeping.trouble().await?;
        let away = matches!(mqtt.state, MqttState::Connecting | MqttState::Refused);
        Ok(Facts {
            disk: now.disk,
            temperature_c: now.temperature_c,
            shards: now.shards,
            drops,
            clock: self.retention.doubt(),
            certificate: certificates.served.map(|served| (served.state, served.facts.not_after)),
            renewal: match acme.lost {
                true => Some(LOST.to_owned()),
                false => acme.failure.filter(|_| acme.wanted).map(|failure| failure.text),
            },
            films_parked,
            targets: targets
                .map(|target| Outlet {
                    id: target.id,
                    name: target.name,
                    error: target.tally.error,
                    given_up: target.tally.given_up,
                })
                .collect(),
            webhooks: webhooks
                .filter(|webhook| webhook.enabled && webhook.failing)
                .map(|webhook| Outlet {
                    id: webhook.id,
                    name: host_of(&webhook.url).to_owned(),
                    error: webhook.last_error,
                    given_up: 0,
                })
                .collect(),
            encoders: encoders
                .filter(|encoder| encoder.state == EncoderState::Off)
                .map(|encoder| Outlet {
                    id: encoder.element.clone(),
                    name: encoder.element,
                    error: encoder.why,
                    given_up: 0,
                })
                .collect(),
            fleet_failed: (link.state == LinkState::Failed)
                .then(|| link.error.clone().unwrap_or_default()),
            fleet_cut: (link.state == LinkState::Cut)
                .then(|| link.cut.map(CutReason::text).unwrap_or_default().to_owned()),
            fleet_cloned: link.cloned,
            fleet_refused,
            fleet_refused_of: most,
            fleet_clocks_s: link.clock.or(clocks).map(|gap| gap.ahead_ms.unsigned_abs() / 1000),
            mqtt: away.then_some(mqtt.error).flatten(),
            unknown: [
                self.mail.is_untried().then_some(AlarmKind::MailFailing),
                self.syslog.is_untried().then_some(AlarmKind::SyslogAway),
            ]
            .into_iter()
            .flatten()
            .collect(),
            mail: self.mail.trouble(),
            syslog: self.syslog.trouble(),
            setback: self.updates.setback().map(|past| past.detail.unwrap_or_default()),
            audit: self.audit.state().await?.broken,
            notices: self.notices.look(),
            backups_failed: backups.failed,
            backups_old: backups.old,
        })
    }
}

/// The server of an address: elsewhere in it there may be secrets.
pub fn host_of(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_counts_for_ten_minutes() {
        let mut lately = Lately::default();
        assert_eq!(lately.grown(0), 0);
        assert_eq!(lately.grown(7), 7);
        for _ in 0..LOOKS - 1 {
            assert_eq!(lately.grown(7), 7);
        }
        assert_eq!(lately.grown(7), 0);
    }

    #[test]
    fn of_an_address_only_the_server_is_told() {
        assert_eq!(host_of("https://u:canary@hooks.lan:8443/canary?x"), "hooks.lan:8443");
        assert_eq!(host_of("http://[fd00::1]/a@b"), "[fd00::1]");
        assert_eq!(host_of("nothing"), "nothing");
    }
}
