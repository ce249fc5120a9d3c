//! One WebRTC connection of a participant. The only home of str0m.
//!
//! str0m wants one mutation at a time and every output drained after it: each method here that
//! changes the connection ends by [`Peer::drain`], and what came out waits in a queue until the
//! `Sfu` takes it.

mod bandwidth;
mod channel;
mod congestion;
mod egress;
mod extension;
mod keyframe;
mod loopback;
mod negotiation;
mod overhead;
mod reach;
mod resends;
mod sdp;
mod stun;
mod transport_cc;

pub use channel::Channel;
pub(crate) use extension::dependency_descriptor;
pub(crate) use keyframe::starts_decoding;
pub use loopback::{LoopbackError, LoopbackPeer};
pub(crate) use sdp::{OfferedSection, SectionAnswer};
pub(crate) use str0m::media::{Mid, Rid};
pub(crate) use str0m::rtp::ExtensionValues;
pub use stun::stun_local_ufrag;
pub(crate) use transport_cc::offers_transport_cc;

use crate::sfu::SfuConfig;
use crate::tap::TapSenderReport;
use crate::track::{Codec, MediaKind};
use crate::transport::Transport;
use bandwidth::Bandwidth;
use channel::{MAX_BACKLOG, MAX_MESSAGE};
use resends::ResendBudget;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use str0m::change::SdpPendingOffer;
use str0m::channel::ChannelId;
use str0m::format::Codec as StrCodec;
use str0m::media::KeyframeRequestKind;
use str0m::net::Receive;
use str0m::rtp::{Extension, RtpPacket, Ssrc};
use str0m::{Event, IceConnectionState, Input, Output, Rtc, RtcConfig, RtcError};
use transport_cc::TransportCcGuard;

/// Rounds of "timeout is already due" that one drain follows before it yields to the next turn.
/// Outputs are not counted: str0m must be drained to its timeout after every mutation.
const DRAIN_ROUNDS: usize = 64;
/// A peer that ended never wakes again.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// An RTP packet's index in its stream has 48 bits (RFC 3711 §3.3.1). str0m gives more to a packet
/// that is older than the stream's first, and to times likewise: such a packet belongs nowhere.
const FIRST_IMPOSSIBLE_SEQ: u64 = 1 << 48;
const FIRST_IMPOSSIBLE_TIME: u64 = 1 << 63;

/// With a pacer str0m sends one packet for each time that it is told, and asks to be told again a
/// microsecond later: that is now.
const PACER_STEP: Duration = Duration::from_micros(2);

/// What str0m keeps of each stream to send it again, and which share of a second's bytes that may
/// be: its own defaults.
const RESEND_PACKETS: usize = 1024;
const RESEND_AGE: Duration = Duration::from_secs(3);
const RESEND_SHARE: f32 = 0.15;

/// Sections of one connection: enough for a room of a hundred people with camera and microphone. Each
/// costs time at every packet's timers.
const MOST_SECTIONS: usize = 256;

/// What went wrong with one connection; never more than its peer is lost.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    #[error("the session description is not usable")]
    Description(#[source] RtcError),
    #[error("the session description does not parse")]
    Parse(#[source] str0m::error::SdpError),
    #[error("it has {0} sections, and the box takes at most {MOST_SECTIONS}")]
    TooManySections(usize),
    #[error("an answer came without an offer")]
    UnexpectedAnswer,
    #[error("the session description broke the connection")]
    Broken,
}

/// One RTP packet as it came in, decrypted.
#[derive(Debug, Clone)]
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
    /// str0m panicked.
    Broken,
    Rtp(Box<IngressPacket>),
    /// [`Peer::estimate`] changed.
    Estimate,
    /// The other side cannot decode what we send on this section.
    KeyframeWanted(Mid),
    ChannelOpened(Channel),
    Data(Channel, Vec<u8>),
}

/// A datagram to send.
pub(crate) struct PeerTransmit {
    pub transport: Transport,
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
    /// Of what is sent again, where the other side takes that.
    rtx: Option<Ssrc>,
    /// Something was sent under these SSRCs.
    begun: bool,
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
    transport_cc: TransportCcGuard,
    resends: ResendBudget,
    bandwidth: Bandwidth,
    connected: bool,
    /// What the last datagram left by that was no answer to a connectivity check.
    carrier: Transport,
    closed: bool,
    pub(crate) events: VecDeque<PeerEvent>,
    pub(crate) transmits: Vec<PeerTransmit>,
}

impl Peer {
    /// A new ICE-lite connection that can be reached where `at` says.
    pub(crate) fn new(now: Instant, at: &SfuConfig) -> Self {
        let mut config = bandwidth::estimating(RtcConfig::new(), at.estimates)
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
            .set_sctp_max_buffered_amount(MAX_BACKLOG);
        let transport_cc =
            TransportCcGuard::new(config.extension_map().id_of(Extension::TransportSequenceNumber));
        let mut rtc = config.build(now);
        // Packets are noted for a report whether or not reports were agreed on, and only a report
        // has them forgotten.
        rtc.direct_api().enable_twcc_feedback();
        for candidate in reach::candidates(at) {
            rtc.add_local_candidate(candidate);
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
            transport_cc,
            resends: ResendBudget::default(),
            bandwidth: Bandwidth::default(),
            connected: false,
            carrier: Transport::Udp,
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

    /// What carries the connection, once it is up.
    pub(crate) fn carried_by(&self) -> Option<Transport> {
        (self.connected && !self.closed).then_some(self.carrier)
    }

    /// When [`Peer::wake`] wants to be called.
    pub(crate) fn timeout(&self) -> Instant {
        self.timeout
    }

    /// Takes a datagram. False if it was refused because str0m must not see it.
    pub(crate) fn datagram(
        &mut self,
        now: Instant,
        transport: Transport,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) -> bool {
        if !self.transport_cc.admits(now, contents) {
            return false;
        }
        if let Ok(receive) = Receive::new(reach::protocol(transport), source, destination, contents)
        {
            let input = Input::Receive(now, receive);
            if self.rtc.accepts(&input) {
                self.input(now, input);
            }
        }
        true
    }

    /// Lets time pass.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.input(now, Input::Timeout(now));
    }

    fn input(&mut self, now: Instant, input: Input<'_>) {
        self.contained(now, |peer| {
            if let Err(error) = peer.rtc.handle_input(input) {
                tracing::debug!(%error, "a peer refused its input");
            }
        });
        self.drain(now);
    }

    /// Has str0m work on what a stranger sent. It asserts much about such bytes: where it panics,
    /// this connection ends and no other. `None` then.
    fn contained<T>(&mut self, now: Instant, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        // What the panic leaves behind is thrown away whole.
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(done) => Some(done),
            Err(_) => {
                tracing::error!("str0m panicked: the connection is closed");
                self.rtc = RtcConfig::new().build(now);
                self.rtc.disconnect();
                self.sections.clear();
                self.channels.clear();
                self.pending_offer = None;
                self.events.push_back(PeerEvent::Broken);
                self.connected = false;
                self.closed = true;
                self.timeout = now + NEVER;
                None
            }
        }
    }

    /// Asks the sender of a section's layer for a keyframe.
    pub(crate) fn request_keyframe(&mut self, now: Instant, mid: Mid, rid: Option<Rid>) {
        let mut api = self.rtc.direct_api();
        if let Some(stream) = api.stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.drain(now);
        }
    }

    pub(crate) fn has_open(&self, channel: Channel) -> bool {
        self.channels.contains_key(&channel)
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
        self.contained(now, |peer| peer.take_outputs(now));
    }

    fn take_outputs(&mut self, now: Instant) {
        let mut rounds = 0;
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(_)) if !self.rtc.is_alive() => {
                    self.timeout = now + NEVER;
                    return;
                }
                Ok(Output::Timeout(at)) if at <= now + PACER_STEP && rounds < DRAIN_ROUNDS => {
                    rounds += 1;
                    if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
                        tracing::debug!(%error, "a peer refused the time");
                    }
                }
                Ok(Output::Timeout(at)) => {
                    self.timeout = if at <= now { now + Duration::from_millis(1) } else { at };
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    let contents: Vec<u8> = transmit.contents.into();
                    self.account(now, &contents);
                    let transport = reach::transport(transmit.proto);
                    if !reach::is_stun(&contents) {
                        self.carrier = transport;
                    }
                    self.transmits.push(PeerTransmit {
                        transport,
                        source: transmit.source,
                        destination: transmit.destination,
                        contents,
                    });
                }
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

    /// What is asked for again can no longer be found, and so is not sent.
    fn forget_sent(&mut self) {
        let mut api = self.rtc.direct_api();
        for section in &self.sections {
            if let Some(stream) = api.stream_tx(&section.ssrc) {
                stream.set_rtx_cache(RESEND_PACKETS, RESEND_AGE, Some(RESEND_SHARE));
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
            Event::EgressBitrateEstimate(kind) => self.estimated(&kind),
            Event::PeerStats(stats) => self.looked(&stats),
            Event::MediaEgressStats(stats) => self.reported(&stats),
            Event::RtpPacket(packet) => {
                if let Some(number) = packet.header.ext_vals.transport_cc {
                    self.transport_cc.authenticated(number);
                }
                if let Some(packet) = self.ingress(packet) {
                    self.events.push_back(PeerEvent::Rtp(Box::new(packet)));
                }
            }
            _ => {}
        }
    }

    fn ingress(&mut self, packet: RtpPacket) -> Option<IngressPacket> {
        if *packet.seq_no >= FIRST_IMPOSSIBLE_SEQ || packet.time.numer() >= FIRST_IMPOSSIBLE_TIME {
            return None;
        }
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
