//! What a connection carries, as str0m estimates it, and how it is made to find out.

use super::congestion::{self, Advice, Congestion};
use super::overhead::Overhead;
use super::resends::rtp_ssrc;
use super::{Mid, Peer, PeerEvent};
use crate::quality::Strain;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use str0m::RtcConfig;
use str0m::bwe::{Bitrate, BweKind};
use str0m::stats::{MediaEgressStats, PeerStats};

/// Bits per second that a connection is taken to carry before it is known: what libwebrtc begins
/// with. Probes find more within a fraction of a second.
const FIRST_ESTIMATE: u64 = 300_000;
/// At the start a connection is probed at three and at six times the first estimate, once, and at no
/// more than twice what is desired: a microphone that is heard a moment before the cameras would use
/// that up for nothing. So at least this much is desired for as long as those probes may take, whatever
/// is there to send; libwebrtc does not ask either.
const FIRST_DESIRED: u64 = FIRST_ESTIMATE * 3;
const FIRST_PROBES: Duration = Duration::from_secs(1);

/// Bits per second at which packets leave for clients that do not say what arrives when (without
/// transport-wide feedback nothing can be found out about their link): a pace below what is sent only
/// makes it late.
const UNPACED: u64 = 50_000_000;

/// Has a connection tell of its losses and round trips, and estimate what it carries if it should.
pub(super) fn estimating(config: RtcConfig, estimates: bool) -> RtcConfig {
    let first = estimates.then(|| Bitrate::bps(FIRST_ESTIMATE));
    config.enable_bwe(first).set_stats_interval(Some(congestion::LOOK))
}

/// What is known of one connection's bandwidth.
#[derive(Debug, Default)]
pub(super) struct Bandwidth {
    overhead: Overhead,
    target: Target,
    /// When anything was first desired.
    begun: Option<Instant>,
    congestion: Congestion,
    strain: Strain,
    /// Shares of packets that were lost in the last second, in and out.
    lost: (Option<f32>, Option<f32>),
    /// Packets by section, as of the last look.
    sent: HashMap<Mid, u64>,
    /// Bits per second of payload, smoothed over three seconds.
    estimate: Option<u64>,
    /// The same as it was at the last look, not smoothed.
    looked_at: Option<u64>,
    /// The client tells nothing from which that could be known.
    unknowable: bool,
}

/// Bits per second of payload that a connection is asked to find out about.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Target {
    minimum: u64,
    desired: u64,
}

impl Target {
    /// Not worth telling: each time that more is desired str0m probes for it, and what layers take
    /// is never twice the same.
    fn is_about(self, other: Self) -> bool {
        let near = |a: u64, b: u64| a.abs_diff(b) <= a.min(b) / 8;
        near(self.minimum, other.minimum) && near(self.desired, other.desired)
    }
}

impl Peer {
    /// Bits per second that the connection carries, headers and all; `None`: the other side does not
    /// tell us enough to know.
    pub(crate) fn estimate(&self) -> Option<u64> {
        let known = &self.bandwidth;
        let payload = known.estimate?;
        // It dips for a moment each time that a queue begins, and smoothing is for that; but where a
        // link breaks down three seconds are too long.
        let payload = match known.looked_at {
            Some(now) if now < payload / 2 => now,
            _ => payload,
        };
        Some(known.overhead.wire(payload))
    }

    /// Says how much the connection should be able to carry. It probes for `desired` and keeps up
    /// `minimum`, with padding if media is less, as far as its estimate allows: only what is sent
    /// can be estimated.
    pub(crate) fn set_bitrate(&mut self, now: Instant, minimum: u64, desired: u64) {
        let known = &mut self.bandwidth;
        let minimum = if known.congestion.is_standing() { 0 } else { minimum };
        let target = Target {
            minimum: known.overhead.payload(minimum),
            desired: known.overhead.payload(desired.max(minimum)),
        };
        if known.target.is_about(target) {
            return;
        }
        known.target = target;
        let Target { minimum, mut desired } = target;
        if desired > 0 {
            let begun = *known.begun.get_or_insert(now);
            if now.saturating_duration_since(begun) < FIRST_PROBES {
                desired = desired.max(FIRST_DESIRED);
            }
        }
        self.rtc.bwe().set_bitrate(Bitrate::bps(minimum), Bitrate::bps(desired));
        self.drain(now);
    }

    /// Whether the connection loses packets as full ones do, or has a queue before it.
    pub(crate) fn is_troubled(&self) -> bool {
        self.bandwidth.congestion.is_troubled()
    }

    /// Estimates anew from so many bits per second, headers and all.
    pub(crate) fn estimate_anew(&mut self, now: Instant, bps: u64) {
        let payload = self.bandwidth.overhead.payload(bps);
        self.rtc.bwe().reset(Bitrate::bps(payload));
        self.drain(now);
    }

    /// The client will never tell what arrives when: everything is sent as it comes.
    pub(crate) fn leave_unpaced(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.bandwidth.unknowable, true) {
            self.rtc.bwe().reset(Bitrate::bps(UNPACED));
            self.drain(now);
        }
    }

    pub(super) fn estimated(&mut self, kind: &BweKind) {
        let BweKind::Twcc { estimate, can_probe } = kind else {
            return;
        };
        let estimate = can_probe.then(|| estimate.as_u64());
        let known = &mut self.bandwidth;
        if estimate > known.estimate {
            known.looked_at = None;
        }
        known.estimate = estimate;
        self.events.push_back(PeerEvent::Estimate);
    }

    /// Takes the statistics of one stream that is sent.
    pub(super) fn reported(&mut self, stats: &MediaEgressStats) {
        let known = &mut self.bandwidth;
        let before = known.sent.insert(stats.mid, stats.packets).unwrap_or(0);
        // A section that is used again counts from zero.
        let sent = stats.packets.checked_sub(before).unwrap_or(stats.packets);
        known.congestion.reported(sent, stats.loss);
    }

    /// Shares (0 to 1) of packets that were lost in the last second on the way in and out, as far as
    /// they are known.
    pub(crate) fn lost(&self) -> (Option<f32>, Option<f32>) {
        self.bandwidth.lost
    }

    /// Takes the statistics of the last second.
    pub(super) fn looked(&mut self, stats: &PeerStats) {
        let PeerStats { ingress_loss_fraction, egress_loss_fraction, rtt, .. } = stats;
        self.bandwidth.strain.look(*ingress_loss_fraction, *egress_loss_fraction, *rtt);
        self.bandwidth.lost = (*ingress_loss_fraction, *egress_loss_fraction);
        let Some(estimate) = stats.bwe_tx.map(|bitrate| bitrate.as_u64()) else {
            return;
        };
        if self.bandwidth.unknowable {
            return;
        }
        let lost = stats.egress_loss_fraction;
        let Target { minimum, desired } = self.bandwidth.target;
        let advice = self.bandwidth.congestion.look(stats.rtt, lost, estimate, desired);
        let estimate = match advice {
            Advice::Anew(anew) => {
                self.rtc.bwe().reset(Bitrate::bps(anew));
                anew
            }
            Advice::Probe | Advice::Nothing => estimate,
        };
        // Only when more is desired than before does str0m probe for it.
        let desired = if advice == Advice::Probe { desired } else { desired - desired / 50 };
        self.rtc.bwe().set_bitrate(Bitrate::bps(minimum), Bitrate::bps(desired));
        self.bandwidth.looked_at = Some(estimate);
        self.events.push_back(PeerEvent::Estimate);
    }

    /// Rates what the connection went through since the last time; see [`Strain::rating`].
    pub(crate) fn rating(&mut self) -> f64 {
        self.bandwidth.strain.rating()
    }

    /// Takes note of a datagram that goes out.
    pub(super) fn account(&mut self, now: Instant, datagram: &[u8]) {
        let Some(ssrc) = rtp_ssrc(datagram) else { return };
        self.bandwidth.overhead.count(now, datagram);
        // Not on a stream's own SSRC: a packet sent again, or padding.
        let resent = self.sections.iter().all(|section| *section.ssrc != ssrc);
        if resent && !self.resends.spend(now) {
            self.forget_sent();
        }
    }
}
