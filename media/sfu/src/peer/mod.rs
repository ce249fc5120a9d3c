//! One WebRTC connection of a participant. The only home of str0m.
//!
//! str0m wants one mutation at a time and every output drained after it: each method here that
//! changes the connection ends by [`Peer::drain`], and what came out waits in a queue until the
//! `Sfu` takes it.

mod extension;
mod keyframe;
mod negotiation;
mod sdp;

pub(crate) use keyframe::starts_decoding;
pub(crate) use sdp::{OfferedSection, SectionAnswer};
pub(crate) use str0m::media::{Mid, Rid};
pub(crate) use str0m::rtp::ExtensionValues;

use crate::forward::{Egress, EgressPacket, Vp8Indexes};
use crate::tap::TapSenderReport;
use crate::track::{Codec, MediaKind};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use str0m::change::SdpPendingOffer;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec as StrCodec;
use str0m::media::{KeyframeRequestKind, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, RtpPacket, RtpWrite, Ssrc, Vp8Descriptor};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig, RtcError};

/// Rounds of "timeout is already due" that one drain follows before it yields to the next turn.
/// Outputs are not counted: str0m must be drained to its timeout after every mutation.
const DRAIN_ROUNDS: usize = 64;
/// A peer that ended never wakes again.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// LiveKit data messages may be 64 KiB and more (streams are chunked by the clients at 15 kB).
const MAX_MESSAGE: u32 = 256 * 1024;

/// Bytes a slow subscriber may leave unsent on a data channel before messages to it are dropped.
const MAX_CHANNEL_BACKLOG: usize = 8 * 1024 * 1024;

/// What went wrong with one connection; never more than its peer is lost.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    #[error("the session description is not usable")]
    Description(#[source] RtcError),
    #[error("the session description does not parse")]
    Parse(#[source] str0m::error::SdpError),
    #[error("an answer came without an offer")]
    UnexpectedAnswer,
}

/// The data channels that LiveKit clients open by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// `_reliable`: ordered.
    Reliable,
    /// `_lossy`: unordered, never sent twice.
    Lossy,
    /// `_data_track`: unordered, never sent twice.
    DataTrack,
}

impl Channel {
    fn label(self) -> &'static str {
        match self {
            Self::Reliable => "_reliable",
            Self::Lossy => "_lossy",
            Self::DataTrack => "_data_track",
        }
    }

    fn from_label(label: &str) -> Option<Self> {
        [Self::Reliable, Self::Lossy, Self::DataTrack].into_iter().find(|c| c.label() == label)
    }
}

/// One RTP packet as it came in, decrypted.
pub(crate) struct IngressPacket {
    pub mid: Mid,
    pub rid: Option<Rid>,
    pub codec: Codec,
    /// The payload is RED (RFC 2198) around the codec.
    pub red: bool,
    pub ssrc: u32,
    pub seq: u64,
    pub time: u64,
    pub clock_rate: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// −dBov as RFC 6464 has it: 0 loud, −127 silent.
    pub audio_level: Option<i8>,
    pub extensions: ExtensionValues,
    pub at: Instant,
    pub sender_report: Option<TapSenderReport>,
}

/// What a peer reports.
pub(crate) enum PeerEvent {
    /// ICE and DTLS are up.
    Connected,
    /// ICE lost the other side (`true`) or found it again.
    Lost(bool),
    Closed,
    Rtp(Box<IngressPacket>),
    /// The other side cannot decode what we send on this section.
    KeyframeWanted(Mid),
    ChannelOpened(Channel),
    Data(Channel, Vec<u8>),
}

/// A datagram to send.
pub(crate) struct PeerTransmit {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub contents: Vec<u8>,
}

/// A section on which we may send one track.
#[derive(Debug)]
pub(crate) struct SendSection {
    pub mid: Mid,
    pub kind: MediaKind,
    /// The client still receives on it.
    pub open: bool,
    /// In use by a subscription.
    pub used: bool,
    /// Given back, but no answer has said so yet. Used again before that, the client would never
    /// see the section inactive, and so no new track.
    resting: bool,
    ssrc: Ssrc,
}

pub(crate) struct Peer {
    rtc: Rtc,
    ufrag: String,
    timeout: Instant,
    sections: Vec<SendSection>,
    channels: HashMap<Channel, ChannelId>,
    /// Which section and layer an incoming SSRC belongs to.
    sources: HashMap<u32, (Mid, Option<Rid>)>,
    pending_offer: Option<SdpPendingOffer>,
    connected: bool,
    closed: bool,
    pub(crate) events: VecDeque<PeerEvent>,
    pub(crate) transmits: Vec<PeerTransmit>,
}

impl Peer {
    /// A new ICE-lite connection that can be reached at `addresses`.
    pub(crate) fn new(now: Instant, addresses: &[SocketAddr]) -> Self {
        let config = RtcConfig::new()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true)
            .set_extension(
                12,
                Extension::with_serializer(
                    extension::DEPENDENCY_DESCRIPTOR_URI,
                    extension::PassThrough,
                ),
            )
            .set_sctp_max_message_size(MAX_MESSAGE)
            .set_sctp_max_buffered_amount(MAX_CHANNEL_BACKLOG);
        let mut rtc = config.build(now);
        for address in addresses {
            if let Ok(candidate) = Candidate::host(*address, Protocol::Udp) {
                rtc.add_local_candidate(candidate);
            }
        }
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        let mut peer = Self {
            rtc,
            ufrag,
            timeout: now,
            sections: Vec::new(),
            channels: HashMap::new(),
            sources: HashMap::new(),
            pending_offer: None,
            connected: false,
            closed: false,
            events: VecDeque::new(),
            transmits: Vec::new(),
        };
        peer.drain(now);
        peer
    }

    /// Local ICE user name fragment: by it a first datagram finds its peer.
    pub(crate) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// When [`Peer::wake`] wants to be called.
    pub(crate) fn timeout(&self) -> Instant {
        self.timeout
    }

    pub(crate) fn datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) {
        if let Ok(receive) = Receive::new(Protocol::Udp, source, destination, contents) {
            let input = Input::Receive(now, receive);
            if self.rtc.accepts(&input) {
                self.input(now, input);
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.input(now, Input::Timeout(now));
    }

    fn input(&mut self, now: Instant, input: Input<'_>) {
        if let Err(error) = self.rtc.handle_input(input) {
            tracing::debug!(%error, "a peer refused its input");
        }
        self.drain(now);
    }

    /// Asks the sender of a section's layer for a keyframe.
    pub(crate) fn request_keyframe(&mut self, now: Instant, mid: Mid, rid: Option<Rid>) {
        let mut api = self.rtc.direct_api();
        if let Some(stream) = api.stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.drain(now);
        }
    }

    /// Sends a message on a channel. False if the channel is not open or too far behind.
    pub(crate) fn send_data(&mut self, now: Instant, channel: Channel, message: &[u8]) -> bool {
        let Some(id) = self.channels.get(&channel) else {
            return false;
        };
        let Some(mut open) = self.rtc.channel(*id) else {
            return false;
        };
        let written = match open.write(true, message) {
            Ok(written) => written,
            Err(error) => {
                tracing::debug!(%error, "a data channel refused a message");
                false
            }
        };
        self.drain(now);
        written
    }

    pub(crate) fn close(&mut self, now: Instant) {
        if !self.closed {
            // The goodbye is a courtesy: a peer that cannot be told finds out by ICE.
            if let Err(error) = self.rtc.close() {
                tracing::debug!(%error, "a peer did not close cleanly");
            }
            self.drain(now);
            self.closed = true;
        }
    }

    fn drain(&mut self, now: Instant) {
        let mut rounds = 0;
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(_)) if !self.rtc.is_alive() => {
                    self.timeout = now + NEVER;
                    return;
                }
                Ok(Output::Timeout(at)) if at <= now && rounds < DRAIN_ROUNDS => {
                    rounds += 1;
                    if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
                        tracing::debug!(%error, "a peer refused the time");
                    }
                }
                Ok(Output::Timeout(at)) => {
                    self.timeout = if at <= now { now + Duration::from_millis(1) } else { at };
                    return;
                }
                Ok(Output::Transmit(transmit)) => self.transmits.push(PeerTransmit {
                    source: transmit.source,
                    destination: transmit.destination,
                    contents: transmit.contents.into(),
                }),
                Ok(Output::Event(event)) => self.event(event),
                Err(error) => {
                    tracing::debug!(%error, "a peer ended");
                    self.events.push_back(PeerEvent::Closed);
                    self.closed = true;
                    self.timeout = now + NEVER;
                    return;
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.events.push_back(PeerEvent::Connected);
            }
            Event::IceConnectionStateChange(state) => match state {
                IceConnectionState::Disconnected => self.events.push_back(PeerEvent::Lost(true)),
                IceConnectionState::Connected | IceConnectionState::Completed => {
                    self.events.push_back(PeerEvent::Lost(false));
                }
                IceConnectionState::New | IceConnectionState::Checking => {}
            },
            Event::Closed => self.events.push_back(PeerEvent::Closed),
            Event::KeyframeRequest(request) => {
                self.events.push_back(PeerEvent::KeyframeWanted(request.mid));
            }
            Event::ChannelOpen(id, label) => {
                if let Some(channel) = Channel::from_label(&label) {
                    self.channels.insert(channel, id);
                    self.events.push_back(PeerEvent::ChannelOpened(channel));
                }
            }
            Event::ChannelClose(id) => self.channels.retain(|_, open| *open != id),
            Event::ChannelData(data) => {
                let from = self.channels.iter().find(|(_, id)| **id == data.id);
                if let Some((channel, _)) = from {
                    self.events.push_back(PeerEvent::Data(*channel, data.data));
                }
            }
            Event::RtpPacket(packet) => {
                if let Some(packet) = self.ingress(packet) {
                    self.events.push_back(PeerEvent::Rtp(Box::new(packet)));
                }
            }
            _ => {}
        }
    }

    fn ingress(&mut self, packet: RtpPacket) -> Option<IngressPacket> {
        let ssrc = *packet.header.ssrc;
        let (mid, rid) = match self.sources.get(&ssrc) {
            Some(found) => *found,
            None => {
                let mut api = self.rtc.direct_api();
                let stream = api.stream_rx(&packet.header.ssrc)?;
                let found = (stream.mid(), stream.rid());
                self.sources.insert(ssrc, found);
                found
            }
        };
        let pt = packet.header.payload_type;
        let params = self.rtc.codec_config().params();
        let red = params.iter().any(|p| p.red() == Some(pt));
        let spec = params.iter().find(|p| p.pt() == pt || p.red() == Some(pt))?.spec();
        Some(IngressPacket {
            mid,
            rid,
            codec: from_str_codec(spec.codec)?,
            red,
            ssrc,
            seq: *packet.seq_no,
            time: packet.time.numer(),
            clock_rate: spec.clock_rate.get(),
            marker: packet.header.marker,
            audio_level: packet.header.ext_vals.audio_level,
            extensions: packet.header.ext_vals,
            payload: packet.payload,
            at: packet.timestamp,
            sender_report: packet.last_sender_info.map(|info| TapSenderReport {
                ntp_us: info
                    .ntp_time
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .map_or(0, |since| since.as_micros() as u64 + NTP_TO_UNIX_US),
                rtp: info.rtp_time.numer() as u32,
            }),
        })
    }

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
}

impl Egress for Peer {
    fn send(&mut self, now: Instant, mid: Mid, packet: &EgressPacket<'_>) -> bool {
        let Some(section) = self.sections.iter().find(|s| s.mid == mid) else {
            return false;
        };
        let ssrc = section.ssrc;
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

/// The local half of a STUN binding request's user name; `None` for anything else.
pub(crate) fn stun_local_ufrag(datagram: &[u8]) -> Option<&str> {
    // STUN's first two bits are 0 and its cookie follows the length (RFC 8489 §5).
    let is_stun = datagram.first().is_some_and(|first| first & 0xc0 == 0)
        && datagram.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42]);
    if !is_stun {
        return None;
    }
    stun_user_name(datagram).and_then(|name| name.split_once(':')).map(|(local, _)| local)
}

/// The USERNAME attribute (RFC 8489 §14.3) of a STUN message.
fn stun_user_name(message: &[u8]) -> Option<&str> {
    const HEADER: usize = 20;
    const USERNAME: u16 = 0x0006;
    let mut rest = message.get(HEADER..)?;
    loop {
        let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
        let length = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let value = rest.get(4..4 + length)?;
        if kind == USERNAME {
            return std::str::from_utf8(value).ok();
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
}

/// Seconds from the NTP epoch (1900) to the Unix epoch, in microseconds (RFC 868).
const NTP_TO_UNIX_US: u64 = 2_208_988_800 * 1_000_000;

fn from_str_codec(codec: StrCodec) -> Option<Codec> {
    match codec {
        StrCodec::Opus => Some(Codec::Opus),
        StrCodec::Vp8 => Some(Codec::Vp8),
        StrCodec::Vp9 => Some(Codec::Vp9),
        StrCodec::Av1 => Some(Codec::Av1),
        StrCodec::H264 => Some(Codec::H264),
        _ => None,
    }
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

/// Channel settings for a server-opened channel (the two-connection protocol).
fn channel_config(channel: Channel) -> ChannelConfig {
    ChannelConfig {
        label: channel.label().to_owned(),
        ordered: channel == Channel::Reliable,
        reliability: match channel {
            Channel::Reliable => Reliability::Reliable,
            _ => Reliability::MaxRetransmits { retransmits: 0 },
        },
        ..ChannelConfig::default()
    }
}
