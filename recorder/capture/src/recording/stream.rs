//! One stream of a recording: an SSRC of a track's layer, from packets to parts.

use super::ledger::{Ledger, OpenPart};
use super::names::{codec_of, layer_of, ntp_64};
use crate::clock::{JUMP_US, SenderClock, StreamClock};
use crate::error::CaptureError;
use crate::manifest::{Codec, RecordedLayer};
use crate::receiver::{Received, ReceivedFrame, Receiver};
use crate::timeline::{GapReason, TimelineEvent};
use roombox_sfu::tap::TapPacket;

/// A part is not longer than this: short parts upload, resume and fail in small pieces.
const PART_US: i64 = 300_000_000;
/// A stream that was away for longer goes on in a new part.
const PART_GAP_US: i64 = 10_000_000;
/// Reports are logged once in this time.
const REPORT_US: u64 = 5_000_000;
/// The first reports are logged one and all: they are what a late fit needs.
const FIRST_REPORTS: u32 = 10;
/// After the disk refused a part, the next one is tried after this.
const DISK_PAUSE_US: u64 = 1_000_000;
/// How long a closing stream may be said to have waited for what is missing.
const FOREVER_US: u64 = 60_000_000;

struct OpenGap {
    from_us: u64,
    lost: u64,
    reason: GapReason,
}

pub(super) struct Stream {
    track: String,
    layer: RecordedLayer,
    ssrc: u32,
    codec: Codec,
    pub receiver: Receiver,
    clock: StreamClock,
    part: Option<OpenPart>,
    gap: Option<OpenGap>,
    /// Where the last written frame is.
    reached_us: u64,
    reports: u32,
    report_ntp_us: u64,
    report_logged_us: u64,
    /// The disk refused: nothing is tried before this.
    blocked_until_us: u64,
}

impl Stream {
    pub fn new(t: u64, packet: &TapPacket) -> Self {
        let codec = codec_of(packet.codec);
        Self {
            track: packet.track.to_string(),
            layer: layer_of(packet.layer),
            ssrc: packet.ssrc,
            codec,
            receiver: Receiver::new(codec),
            clock: StreamClock::new(packet.clock_rate),
            part: None,
            gap: None,
            reached_us: t,
            reports: 0,
            report_ntp_us: 0,
            report_logged_us: 0,
            blocked_until_us: 0,
        }
    }

    /// A packet of another SSRC or codec belongs to another stream.
    pub fn owns(&self, packet: &TapPacket) -> bool {
        self.ssrc == packet.ssrc && self.codec == codec_of(packet.codec)
    }

    /// Bytes of the open part.
    pub fn bytes(&self) -> u64 {
        self.part.as_ref().map_or(0, |part| part.writer.bytes())
    }

    pub fn packet(
        &mut self,
        t: u64,
        packet: &TapPacket,
        sender: &mut SenderClock,
        ledger: &mut Ledger,
    ) {
        if let Some(report) = packet.sender_report
            && (self.reports == 0 || report.ntp_us != self.report_ntp_us)
        {
            self.reports = self.reports.saturating_add(1);
            self.report_ntp_us = report.ntp_us;
            sender.report(t, report.ntp_us);
            self.clock.report(packet.rtp, report.rtp, report.ntp_us);
            if self.reports <= FIRST_REPORTS || t >= self.report_logged_us + REPORT_US {
                self.report_logged_us = t;
                let (track, layer) = (self.track.clone(), self.layer);
                let (ntp, rtp) = (ntp_64(report.ntp_us), report.rtp);
                ledger.log(t, TimelineEvent::Sr { track, layer, ntp, rtp });
            }
        }
        self.receiver.packet(t, packet);
        self.drain(t, sender, ledger);
    }

    /// The tap's queue was full: so many packets of this stream are lost.
    pub fn overflow(&mut self, lost: u64) {
        self.receiver.overflow();
        self.lose(lost, GapReason::Overflow);
    }

    fn lose(&mut self, packets: u64, reason: GapReason) {
        let new = OpenGap { from_us: self.reached_us, lost: 0, reason };
        let gap = self.gap.get_or_insert(new);
        gap.lost += packets;
        gap.reason = gap.reason.max(reason);
    }

    /// Writes what is complete.
    pub fn drain(&mut self, t: u64, sender: &mut SenderClock, ledger: &mut Ledger) {
        let mut all = Vec::new();
        self.receiver.poll(t, &mut all);
        for received in all {
            let frame = match received {
                Received::Missing { packets } => {
                    self.lose(packets, GapReason::Loss);
                    continue;
                }
                Received::Frame(frame) => frame,
            };
            if let Err(error) = self.frame(t, frame, sender, ledger) {
                self.refused(t, &error, ledger);
            }
        }
    }

    /// The disk refused a part: it ends, and the stream goes on in another.
    fn refused(&mut self, t: u64, error: &CaptureError, ledger: &mut Ledger) {
        tracing::error!(recording = %ledger.manifest.recording, track = %self.track, %error,
            "a part cannot be written: it ends here");
        self.blocked_until_us = t + DISK_PAUSE_US;
        self.lose(0, GapReason::Disk);
        self.receiver.want_keyframe();
        self.seal(ledger);
    }

    fn seal(&mut self, ledger: &mut Ledger) {
        if let Some(part) = self.part.take() {
            ledger.seal_part(part);
        }
    }

    fn frame(
        &mut self,
        t: u64,
        received: ReceivedFrame,
        sender: &mut SenderClock,
        ledger: &mut Ledger,
    ) -> Result<(), CaptureError> {
        let ReceivedFrame { frame, rtp, arrived_us } = received;
        // A timestamp that jumps ahead is believed for a while: nothing was sent after it came.
        let latest = arrived_us as i64 + JUMP_US;
        let time = self.clock.time(sender, rtp, arrived_us).clamp(0, latest) as u64;
        if t < self.blocked_until_us {
            self.receiver.want_keyframe();
            return Ok(());
        }
        if let Some(part) = &self.part {
            let offset = time as i64 - part.start_us as i64;
            let changed = frame.configuration.as_ref().is_some_and(|c| *c != part.configuration);
            let away = offset - part.writer.last_us() > PART_GAP_US;
            if away {
                self.lose(0, GapReason::Silence);
            }
            if changed || away || (frame.keyframe && offset > PART_US) {
                self.seal(ledger);
            }
        }
        if self.part.is_none() && !frame.keyframe {
            self.receiver.want_keyframe();
            return Ok(());
        }
        let of = (self.track.as_str(), self.layer);
        if self.part.is_none() {
            let configuration = frame.configuration.clone().unwrap_or_default();
            self.part = Some(ledger.open_part(of, self.codec, time, configuration)?);
        }
        if let Some(gap) = self.gap.take() {
            ledger.log_gap(of, (gap.from_us, time), gap.lost, gap.reason);
        }
        self.reached_us = self.reached_us.max(time);
        let Some(part) = &mut self.part else { return Ok(()) };
        let offset = (time as i64 - part.start_us as i64).max(0);
        part.write(offset, arrived_us, &frame)
    }

    /// Regular care: deadlines and clusters that are due.
    pub fn tick(&mut self, t: u64, sender: &mut SenderClock, ledger: &mut Ledger) {
        self.drain(t, sender, ledger);
        let longest = ledger.cluster_us();
        let kept = self.part.as_mut().map_or(Ok(()), |part| part.care(t, longest));
        if let Err(error) = kept {
            self.refused(t, &error, ledger);
        }
        if let Some(part) = &mut self.part {
            ledger.note_written(part);
        }
    }

    /// Ends the stream; what waits behind a gap is let go as if the wait were over.
    pub fn close(mut self, t: u64, sender: &mut SenderClock, ledger: &mut Ledger) {
        self.drain(t + FOREVER_US, sender, ledger);
        if let Some(gap) = self.gap.take() {
            let of = (self.track.as_str(), self.layer);
            ledger.log_gap(of, (gap.from_us, t), gap.lost, gap.reason);
        }
        self.seal(ledger);
    }
}

#[cfg(test)]
mod jumps;

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_sfu::tap::TapLayer;
    use roombox_sfu::track;

    #[test]
    fn a_gap_is_called_by_its_worst_reason_in_whatever_order_they_come() {
        use GapReason::{Disk, Loss, Overflow, Silence};
        let packet = TapPacket {
            track: "TR_1".into(),
            layer: TapLayer::Top,
            codec: track::Codec::Vp8,
            ssrc: 1,
            seq: 1,
            rtp: 0,
            clock_rate: 90_000,
            marker: true,
            payload: [0].into(),
            sender_report: None,
        };
        for (reasons, worst) in [
            (&[Silence][..], Silence),
            (&[Silence, Loss], Loss),
            (&[Loss, Silence], Loss),
            (&[Silence, Loss, Overflow], Overflow),
            (&[Overflow, Loss], Overflow),
            (&[Silence, Disk, Overflow, Loss], Disk),
        ] {
            let mut stream = Stream::new(0, &packet);
            reasons.iter().for_each(|reason| stream.lose(2, *reason));
            let gap = stream.gap.expect("a gap");
            assert_eq!((gap.reason, gap.lost), (worst, 2 * reasons.len() as u64), "{reasons:?}");
        }
    }
}
