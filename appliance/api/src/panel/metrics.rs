//! `GET /metrics`: what the status page shows, for Prometheus (OpenMetrics 1.0 text).

use super::PanelDoor;
use super::access::Visitor;
use crate::error::ApiError;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use roombox_control::fleet::{BoxState, FleetRole, FleetView};
use roombox_control::identity::BoxInfo;
use roombox_control::status::{MeetingSample, Sample, ShardSample, TcpSample};
use roombox_control::webhooks::Webhook;
use std::collections::BTreeMap;
use std::fmt;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the status page shows, for Prometheus (OpenMetrics 1.0).
#[utoipa::path(get, path = "/metrics", tag = "box",
    responses((status = 200, description = "the figures", body = String,
        content_type = "application/openmetrics-text")))]
pub(super) async fn metrics_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Response, ApiError> {
    let counts = door.jobs.counts().await?;
    let jobs = [("queued", counts.queued), ("running", counts.running), ("parked", counts.parked)];
    let jobs = BTreeMap::from(jobs);
    let (info, sample) = (door.identity.info(true, false), door.status.now());
    let (webhooks, audit) = (door.webhooks.list().await, door.audit.is_whole());
    let mut alarms = BTreeMap::new();
    for alarm in door.health.open() {
        *alarms.entry(alarm.kind.name()).or_default() += 1;
    }
    let fleet = door.fleet.view().await?;
    let fleet = (fleet.role == Some(FleetRole::Hub)).then_some(fleet);
    let shown = Shown { info, sample, jobs, webhooks, audit, alarms, fleet };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(shown));
    let mut body = String::new();
    text::encode(&mut body, &registry).map_err(|_| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the figures cannot be told")
    })?;
    Ok(([(header::CONTENT_TYPE, OPENMETRICS)], body).into_response())
}

/// The box at one moment.
#[derive(Debug)]
struct Shown {
    info: BoxInfo,
    sample: Sample,
    /// How many there are in each state that still concerns somebody.
    jobs: BTreeMap<&'static str, u64>,
    webhooks: Vec<Webhook>,
    /// Nobody has changed the audit log.
    audit: bool,
    /// That stand, by their kind.
    alarms: BTreeMap<&'static str, u64>,
    /// Of a hub.
    fleet: Option<FleetView>,
}

impl Collector for Shown {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut told = Told(encoder);
        let Self { info, sample, jobs, webhooks, audit, alarms, fleet } = self;
        let labels = [("id", info.id.clone()), ("version", info.version.to_owned())];
        told.gauges("roombox_box", "Which box this is; always 1", [(labels, 1.0)])?;
        let uptime = sample.uptime_s as f64;
        told.gauge("roombox_uptime_seconds", "Since the daemon started", uptime)?;
        let cpu = "CPU of the daemon and its workers, as a part of all cores";
        told.gauge("roombox_cpu_ratio", cpu, sample.cpu_percent / 100.0)?;
        let parts = [("media", sample.media_percent), ("films", sample.films_percent)];
        let parts = parts.map(|(part, percent)| ([("part", part)], percent / 100.0));
        let help = "CPU of media threads, and of films and live outputs, as a part of all cores";
        told.gauges("roombox_cpu_part_ratio", help, parts)?;
        if let Some(celsius) = sample.temperature_c {
            let warmest = "Of the warmest sensor of the processor; absent: there is none";
            told.gauge("roombox_temperature_celsius", warmest, celsius)?;
        }
        told.gauge("roombox_cores", "Cores of the machine", sample.cores as f64)?;
        let memory = "Resident memory of the daemon";
        told.gauge("roombox_memory_bytes", memory, sample.memory_bytes as f64)?;
        let disk = sample.disk;
        let parts = [
            ("total", disk.total_bytes),
            ("free", disk.free_bytes),
            ("reserve", disk.reserve_bytes),
            ("recordings", disk.recordings_bytes),
        ];
        let parts = parts.map(|(part, bytes)| ([("part", part)], bytes as f64));
        told.gauges("roombox_disk_bytes", "The volume that recordings are on", parts)?;
        if let Some(seconds) = disk.full_in_s {
            let full =
                "Until the disk reaches its reserve at the present rate; absent: it does not grow";
            told.gauge("roombox_disk_full_in_seconds", full, seconds as f64)?;
        }
        told.gauge("roombox_rooms", "Rooms with a meeting", sample.rooms as f64)?;
        told.gauge("roombox_participants", "People in rooms", sample.participants as f64)?;
        told.gauge("roombox_recordings", "Recordings that run", sample.recordings as f64)?;
        let dropped = "Packets that were not written because the disk was too slow";
        told.counter("roombox_recorder_dropped_packets", dropped, sample.recorder_drops)?;
        let states = jobs.iter().map(|(state, count)| ([("state", *state)], *count as f64));
        told.gauges("roombox_jobs", "Films to be made, being made, and given up", states)?;
        let whole = "1: nobody has changed the audit log; 0: somebody has";
        told.gauge("roombox_audit_whole", whole, f64::from(u8::from(*audit)))?;
        told.gauge("roombox_alarms", "alarms that stand", alarms.values().sum::<u64>() as f64)?;
        let kinds = alarms.iter().map(|(kind, count)| ([("kind", *kind)], *count as f64));
        told.gauges("roombox_alarm", "Alarms that stand, by what they are about", kinds)?;
        if let Some(fleet) = fleet {
            told.fleet(fleet)?;
        }
        told.meetings(sample)?;
        told.webhooks(webhooks)?;
        told.shards(&sample.shards)?;
        told.tcp(&sample.tcp)?;
        told.aliases(sample)
    }
}

/// One figure of a shard.
type OfShard<T> = fn(&ShardSample) -> T;
type OfWebhook = fn(&Webhook) -> u64;

/// Writes metrics, one a call.
struct Told<'a>(DescriptorEncoder<'a>);

impl Told<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let gauge = ConstGauge::new(value);
        gauge.encode(self.0.encode_descriptor(name, help, None, gauge.metric_type())?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.0.encode_descriptor(name, help, None, counter.metric_type())?)
    }

    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        let mut all = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            ConstGauge::new(value).encode(all.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut all = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            ConstCounter::new(value).encode(all.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn meetings(&mut self, sample: &Sample) -> fmt::Result {
        let room = |one: &MeetingSample| [("room", one.room.clone())];
        let cpu = sample.meetings.iter().map(|one| (room(one), one.cpu_percent / 100.0));
        let help = "The dearest meetings, as a part of one core, by their packets";
        self.gauges("roombox_meeting_cpu_ratio", help, cpu)?;
        let lost = [("incoming", sample.loss.in_percent), ("outgoing", sample.loss.out_percent)];
        let lost = lost.into_iter().filter_map(|(direction, percent)| {
            Some(([("direction", direction)], percent? / 100.0))
        });
        let help = "Packets that did not arrive in the last second, on average over connections";
        self.gauges("roombox_lost_packets_ratio", help, lost)
    }

    fn fleet(&mut self, fleet: &FleetView) -> fmt::Result {
        let states = [
            ("here", BoxState::Here),
            ("silent", BoxState::Stale),
            ("unheard", BoxState::Unheard),
            ("cloned", BoxState::Cloned),
        ];
        let states = states.map(|(name, state)| {
            let count = fleet.boxes.iter().filter(|one| one.state == state).count();
            ([("state", name)], count as f64)
        });
        self.gauges("roombox_fleet_boxes", "Boxes of this hub", states)?;
        let here = fleet.boxes.iter().filter(|one| one.state == BoxState::Here);
        let alarms: u64 = here.filter_map(|one| one.pulse.as_ref()).map(|said| said.alarms).sum();
        let help = "Alarms that stand on boxes that this hub hears";
        self.gauge("roombox_fleet_alarms", help, alarms as f64)?;
        let heard = &fleet.heard;
        let help = "What boxes told this hub, each thing once";
        self.counter("roombox_fleet_events", help, heard.events)?;
        let reasons = [
            ("malformed", heard.malformed),
            ("newer", heard.newer),
            ("spoofed", heard.spoofed),
            ("strangers", heard.strangers),
            ("lost", heard.lost),
            ("forgotten", heard.forgotten),
            ("unlisted", heard.unlisted),
            ("hurried", heard.hurried),
            ("knocks", heard.knocks),
        ];
        let reasons = reasons.map(|(reason, count)| ([("reason", reason)], count));
        let help = "What this hub did not take, or not keep, since it started";
        self.counters("roombox_fleet_refused", help, reasons)
    }

    fn webhooks(&mut self, webhooks: &[Webhook]) -> fmt::Result {
        let counters: [(&str, &str, OfWebhook); 4] = [
            ("roombox_webhook_delivered", "Events that a receiver has", |hook| hook.delivered),
            ("roombox_webhook_failed", "Attempts that failed", |hook| hook.failed),
            ("roombox_webhook_given_up", "Events not delivered in a day", |hook| hook.given_up),
            ("roombox_webhook_dropped", "Events without room to wait", |hook| hook.dropped),
        ];
        let webhook = |hook: &Webhook| [("webhook", hook.id.clone())];
        for (name, help, value) in counters {
            self.counters(name, help, webhooks.iter().map(|hook| (webhook(hook), value(hook))))?;
        }
        let waiting = webhooks.iter().map(|hook| (webhook(hook), hook.waiting as f64));
        self.gauges("roombox_webhook_waiting", "Events that are not delivered yet", waiting)
    }

    fn shards(&mut self, shards: &[ShardSample]) -> fmt::Result {
        let port = |shard: &ShardSample| [("port", shard.port.to_string())];
        let gauges: [(&str, &str, OfShard<f64>); 5] = [
            ("roombox_shard_rooms", "Rooms of a media thread", |shard| shard.rooms as f64),
            ("roombox_shard_participants", "People in them", |shard| shard.participants as f64),
            ("roombox_shard_spilled_rooms", "Rooms that are on others, too", |shard| {
                shard.spilled_rooms as f64
            }),
            ("roombox_shard_cpu_ratio", "As a part of one core", |shard| shard.cpu_percent / 100.0),
            (
                "roombox_shard_longest_turn_seconds",
                "Longest turn of the last two seconds",
                |shard| shard.longest_turn_us as f64 / 1e6,
            ),
        ];
        for (name, help, value) in gauges {
            self.gauges(name, help, shards.iter().map(|shard| (port(shard), value(shard))))?;
        }
        let ways = |incoming: OfShard<u64>, outgoing: OfShard<u64>| {
            shards.iter().flat_map(move |shard| {
                [("incoming", incoming(shard)), ("outgoing", outgoing(shard))].map(
                    |(direction, value)| {
                        let labels =
                            [("port", shard.port.to_string()), ("direction", direction.to_owned())];
                        (labels, value)
                    },
                )
            })
        };
        let packets = ways(|shard| shard.packets_in, |shard| shard.packets_out);
        self.counters("roombox_shard_packets", "Datagrams", packets)?;
        let bytes = ways(|shard| shard.bytes_in, |shard| shard.bytes_out);
        self.counters("roombox_shard_bytes", "Bytes of datagrams", bytes)?;
        let relayed = ways(|shard| shard.relayed_in, |shard| shard.relayed_out);
        let help = "Packets from and for other media threads";
        self.counters("roombox_shard_relayed_packets", help, relayed)?;
        let lost = shards.iter().map(|shard| (port(shard), shard.relay_drops));
        let help = "Packets that found no place on the way to another media thread";
        self.counters("roombox_shard_relay_drops", help, lost)?;
        let carriers = shards.iter().flat_map(|shard| {
            let count = |transport: &str, count: u64| {
                let port = ("port", shard.port.to_string());
                ([port, ("transport", transport.to_owned())], count as f64)
            };
            [count("udp", shard.connections_udp), count("tcp", shard.connections_tcp)]
        });
        let help = "Media connections that are up, by what carries them";
        self.gauges("roombox_shard_connections", help, carriers)?;
        let drops = shards.iter().map(|shard| (port(shard), shard.send_drops));
        self.counters("roombox_shard_send_drops", "Datagrams that the socket did not take", drops)
    }

    /// Clients that cannot use UDP.
    fn tcp(&mut self, tcp: &TcpSample) -> fmt::Result {
        let states =
            [([("state", "open")], tcp.open as f64), ([("state", "waiting")], tcp.waiting as f64)];
        let help = "Media connections by TCP: somebody's, and not yet known whose";
        self.gauges("roombox_tcp_connections", help, states)?;
        let ends = [
            ([("outcome", "opened")], tcp.opened),
            ([("outcome", "refused")], tcp.refused),
            ([("outcome", "timed_out")], tcp.timed_out),
            ([("outcome", "broken")], tcp.broken),
        ];
        let help = "What became of media connections by TCP";
        self.counters("roombox_tcp_arrivals", help, ends)?;
        let help = "Datagrams that a TCP connection did not take";
        self.counter("roombox_tcp_drops", help, tcp.drops)
    }

    /// Under livekit-server's names, for dashboards that are there already.
    fn aliases(&mut self, sample: &Sample) -> fmt::Result {
        self.gauge("livekit_room_total", "roombox_rooms", sample.rooms as f64)?;
        self.gauge(
            "livekit_participant_total",
            "roombox_participants",
            sample.participants as f64,
        )?;
        let sum = |of: OfShard<u64>| sample.shards.iter().map(of).sum::<u64>();
        let ways = [
            ([("direction", "incoming")], sum(|shard| shard.packets_in)),
            ([("direction", "outgoing")], sum(|shard| shard.packets_out)),
        ];
        self.counters("livekit_packet", "Sum of roombox_shard_packets", ways)
    }
}
