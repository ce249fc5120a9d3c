//! What goes out on a connection: another peer's packets under this connection's numbers.

use super::{Mid, Peer};
use crate::forward::{Egress, EgressPacket, Vp8Indexes};
use crate::track::{Codec, MediaKind};
use std::time::Instant;
use str0m::format::Codec as StrCodec;
use str0m::media::Pt;
use str0m::rtp::{RtpWrite, Vp8Descriptor};

impl Egress for Peer {
    fn send(&mut self, now: Instant, mid: Mid, packet: &EgressPacket<'_>) -> bool {
        self.contained(now, |peer| peer.write(now, mid, packet)).unwrap_or(false)
    }
}

impl Peer {
    /// Payload type for a codec on what we send; RED's if `red` and negotiated.
    pub(crate) fn payload_type(&self, mid: Mid, codec: Codec, red: bool) -> Option<u8> {
        let accepted = self.rtc.media(mid)?.remote_pts();
        let wanted = to_str_codec(codec);
        let mut params = self
            .rtc
            .codec_config()
            .params()
            .iter()
            .filter(|p| p.spec().codec == wanted && accepted.contains(&p.pt()));
        if red {
            return params.find_map(|p| p.red().filter(|pt| accepted.contains(pt))).map(|pt| *pt);
        }
        // Clients that offer H.264 twice decode both packetisation modes by mode 1.
        let mode_1 = |p: &&str0m::format::PayloadParams| {
            codec != Codec::H264 || p.spec().format.packetization_mode == Some(1)
        };
        params.clone().find(mode_1).or_else(|| params.next()).map(|p| *p.pt())
    }

    fn write(&mut self, now: Instant, mid: Mid, packet: &EgressPacket<'_>) -> bool {
        let Some(section) = self.sections.iter_mut().find(|s| s.mid == mid) else {
            return false;
        };
        let ssrc = section.ssrc;
        if !std::mem::replace(&mut section.begun, true) && self.rtc.media(mid).is_some() {
            self.rtc.direct_api().declare_stream_tx(ssrc, section.rtx, mid, None);
        }
        let mut extensions = packet.extensions.clone();
        // These belong to the publisher's connection; str0m writes this connection's own.
        extensions.mid = None;
        extensions.rid = None;
        extensions.rid_repair = None;
        extensions.transport_cc = None;
        extensions.abs_send_time = None;
        let mut write = RtpWrite::new(
            Pt::new_with_value(packet.payload_type),
            packet.numbers.seq.into(),
            packet.numbers.time,
            packet.at,
            packet.payload.clone(),
        )
        .marker(packet.marker)
        .nackable(section.kind == MediaKind::Video)
        .ext_vals(extensions);
        if packet.codec == Codec::Vp8
            && let Some(patch) = vp8_patch(packet)
        {
            write = write.vp8_patch(patch);
        }
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx(&ssrc) else {
            return false;
        };
        stream.write_rtp(write);
        self.drain(now);
        true
    }
}

fn vp8_patch(packet: &EgressPacket<'_>) -> Option<str0m::rtp::Vp8Patch> {
    let numbers = &packet.numbers;
    if numbers.picture_id_offset == 0 && numbers.tl0_offset == 0 {
        return None;
    }
    let indexes = Vp8Indexes::parse(packet.payload);
    let mut patch = Vp8Descriptor::parse(packet.payload).ok()?.patch();
    if let Some((id, width)) = indexes.picture_id {
        patch = patch.picture_id(width.wrap(id.wrapping_add(numbers.picture_id_offset)));
    }
    if let Some(tl0) = indexes.tl0 {
        patch = patch.tl0_pic_idx(tl0.wrapping_add(numbers.tl0_offset));
    }
    patch.build().ok()
}

fn to_str_codec(codec: Codec) -> StrCodec {
    match codec {
        Codec::Opus => StrCodec::Opus,
        Codec::Vp8 => StrCodec::Vp8,
        Codec::Vp9 => StrCodec::Vp9,
        Codec::Av1 => StrCodec::Av1,
        Codec::H264 => StrCodec::H264,
    }
}
