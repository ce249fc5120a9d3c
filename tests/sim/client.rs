//! A client: a real str0m connection that speaks the single-connection protocol, publishes marked
//! pictures and checks what it receives.

use crate::chance::Chance;
use crate::picture::{self, CLOCK, FRAME, Mark, Seen};
use roombox_sfu::Transport;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{
    Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer,
};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};

/// Layers of a simulcast track, smallest first.
pub const RIDS: [&str; 3] = ["q", "h", "f"];
/// Between two packets of speech, and what one holds: Opus at 32 kb/s.
const SPEECH: Duration = Duration::from_millis(20);
const SPEECH_BYTES: usize = 80;
const SPEECH_CLOCK: u32 = 48_000;
/// Bytes of picture that a packet holds at most.
const PACKET: usize = 1100;
/// A keyframe is so many times as large as another frame.
const KEYFRAME: usize = 4;
/// The SSRC of padding that belongs to no section.
const PROBES: u32 = 0;
/// After a new answer, packets of the old mapping may still be under way, or sent again.
const IN_FLIGHT: Duration = Duration::from_millis(500);

/// A track that this client publishes.
pub struct Publishing {
    pub cid: String,
    pub number: u16,
    pub mid: Option<Mid>,
    pub kind: MediaKind,
    pub layers: usize,
    /// As H.264, in frames of one packet that are all keyframes.
    pub h264: bool,
    /// Bits per second by layer; 0: as little as it takes.
    pub bitrates: [usize; 3],
    frame: u32,
    next: Instant,
    states: Vec<LayerState>,
}

#[derive(Clone)]
struct LayerState {
    seq: u64,
    picture_id: u16,
    tl0: u8,
    keyframe_wanted: bool,
    /// Frames since the last keyframe.
    since_keyframe: u32,
}

/// What arrived under one SSRC.
#[derive(Default)]
pub struct Received {
    pub packets: BTreeMap<u64, (u32, Seen)>,
    pub mid: Option<Mid>,
    /// When each packet came for the first time.
    pub arrivals: BTreeMap<u64, Instant>,
}

pub struct Client {
    pub name: String,
    pub address: SocketAddr,
    pub transport: Transport,
    pub rtc: Rtc,
    pub timeout: Instant,
    pub chance: Chance,
    pub publishing: Vec<Publishing>,
    /// Tracks by section, as the last answer had them, and when it came.
    pub mapping: HashMap<String, String>,
    /// SSRCs by section, as the last answer had them: media's first.
    ssrcs: HashMap<String, Vec<u32>>,
    /// Sections' SSRCs of all answers, and those that media came on.
    announced: HashSet<u32>,
    begun: HashSet<u32>,
    /// Older mappings, and until when their packets may arrive.
    before: Vec<(Instant, HashMap<String, String>)>,
    pub received: HashMap<u32, Received>,
    /// Packets without a picture, by SSRC.
    pub empty: HashMap<u32, usize>,
    /// Speech by SSRC: when each packet came.
    pub heard: HashMap<u32, BTreeMap<u64, Instant>>,
    pub connected: Option<Instant>,
    pub sent: VecDeque<Vec<u8>>,
    pending: Option<SdpPendingOffer>,
    receiving: Vec<Mid>,
    offers: u32,
    asked_at: Instant,
    /// Sends a keyframe request now and then, as a decoder that lost packets does.
    pub nervous: bool,
    /// Numbers of tracks by their ids; the world tells.
    pub numbers: BTreeMap<String, u16>,
    /// No answer says what comes on which section.
    pub told_nothing: bool,
    /// How loud its speech is, in dBov; `None`: its packets do not say.
    pub level: Option<i8>,
    /// What came on data channels.
    pub messages: Vec<Vec<u8>>,
}

impl Client {
    pub fn new(
        now: Instant,
        name: String,
        (transport, address): (Transport, SocketAddr),
        seed: u64,
        (vp8, h264): (bool, bool),
    ) -> Self {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_vp8(vp8)
            .enable_h264(h264)
            .enable_opus(true, false)
            .build(now);
        let candidate = match transport {
            Transport::Udp => Candidate::builder().udp().host(address).build(),
            Transport::Tcp => {
                Candidate::builder().tcp().host(address).tcptype(TcpType::Active).build()
            }
        };
        rtc.add_local_candidate(candidate.expect("a host candidate"));
        let mut client = Self {
            name,
            address,
            transport,
            rtc,
            timeout: now,
            chance: Chance::new(seed),
            publishing: Vec::new(),
            mapping: HashMap::new(),
            before: Vec::new(),
            ssrcs: HashMap::new(),
            announced: HashSet::new(),
            begun: HashSet::new(),
            received: HashMap::new(),
            empty: HashMap::new(),
            heard: HashMap::new(),
            connected: None,
            sent: VecDeque::new(),
            pending: None,
            receiving: Vec::new(),
            offers: 0,
            asked_at: now,
            nervous: false,
            numbers: BTreeMap::new(),
            told_nothing: false,
            level: None,
            messages: Vec::new(),
        };
        client.drain(now);
        client
    }

    /// True while an offer waits for its answer.
    pub fn is_offering(&self) -> bool {
        self.pending.is_some()
    }

    /// An offer that adds receiving sections, starts what waits to be published and stops `stop`.
    pub fn offer(
        &mut self,
        now: Instant,
        audios: usize,
        videos: usize,
        stop: &[Mid],
    ) -> Option<(u32, String)> {
        if self.pending.is_some() {
            return None;
        }
        let mut api = self.rtc.sdp_api();
        if self.offers == 0 {
            api.add_channel("_reliable".to_owned());
        }
        // A browser's transceiver stays willing when an answer says inactive.
        for mid in &self.receiving {
            api.set_direction(*mid, Direction::RecvOnly);
        }
        let audios = std::iter::repeat_n(MediaKind::Audio, audios);
        for kind in audios.chain(std::iter::repeat_n(MediaKind::Video, videos)) {
            self.receiving.push(api.add_media(kind, Direction::RecvOnly, None, None, None));
        }
        for track in self.publishing.iter_mut().filter(|track| track.mid.is_none()) {
            let simulcast = (track.layers > 1).then(|| Simulcast {
                send: RIDS[..track.layers].iter().map(|rid| SimulcastLayer::new(rid)).collect(),
                recv: Vec::new(),
            });
            let stream = Some("stream".to_owned());
            let cid = Some(track.cid.clone());
            track.mid =
                Some(api.add_media(track.kind, Direction::SendOnly, stream, cid, simulcast));
        }
        for mid in stop {
            api.set_direction(*mid, Direction::Inactive);
        }
        // "Just offer again" must be one even when nothing changes.
        if !api.has_changes() {
            api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = api.apply()?;
        self.pending = Some(pending);
        self.offers += 1;
        self.drain(now);
        Some((self.offers, offer.to_sdp_string()))
    }

    pub fn answer(&mut self, now: Instant, sdp: &str, tracks: HashMap<String, String>) {
        let pending = self.pending.take().expect("an answer to an offer");
        let answer = SdpAnswer::from_sdp_string(sdp).expect("the answer parses");
        for (mid, track) in &tracks {
            let section = section_of(sdp, mid);
            assert!(section.contains("a=sendonly"), "{mid} carries {track} but is not sendonly");
            let named = self.told_nothing || section.contains(track.as_str());
            assert!(named, "{mid} does not name {track}");
        }
        self.rtc.sdp_api().accept_answer(pending, answer).expect("the answer fits");
        let receiving = self.receiving.iter().filter(|_| self.told_nothing).map(Mid::to_string);
        let mids = tracks.keys().cloned().chain(receiving);
        self.ssrcs = mids.map(|mid| (mid.clone(), ssrcs_of(sdp, &mid))).collect();
        self.announced.extend(self.ssrcs.values().flatten());
        self.before.retain(|(until, _)| now < *until);
        self.before.push((now + IN_FLIGHT, std::mem::replace(&mut self.mapping, tracks)));
        self.drain(now);
    }

    pub fn publish(
        &mut self,
        now: Instant,
        kind: MediaKind,
        cid: String,
        number: u16,
        layers: usize,
        bitrates: [usize; 3],
    ) {
        let states = (0..layers)
            .map(|_| LayerState {
                seq: 1 + self.chance.below(30_000),
                picture_id: self.chance.below(0x7fff) as u16,
                tl0: self.chance.below(255) as u8,
                keyframe_wanted: true,
                since_keyframe: 0,
            })
            .collect();
        let (mid, frame, h264) = (None, 0, false);
        self.publishing.push(Publishing {
            cid,
            number,
            mid,
            kind,
            layers,
            h264,
            bitrates,
            frame,
            next: now,
            states,
        });
    }

    /// Packets of speech that came of a track since then, if the last answer has a section for it.
    pub fn hears(&self, track: &str, since: Instant) -> usize {
        let section = self.mapping.iter().find(|(_, carried)| *carried == track);
        let ssrc = section.and_then(|(mid, _)| self.ssrcs.get(mid)?.first());
        let heard = ssrc.and_then(|ssrc| self.heard.get(ssrc));
        heard.map_or(0, |packets| packets.values().filter(|at| **at >= since).count())
    }

    /// Packets without a picture that came of a track, likewise.
    pub fn empties(&self, track: &str) -> usize {
        let section = self.mapping.iter().find(|(_, carried)| *carried == track);
        let ssrc = section.and_then(|(mid, _)| self.ssrcs.get(mid)?.first());
        ssrc.and_then(|ssrc| self.empty.get(ssrc)).copied().unwrap_or(0)
    }

    /// Closes the connection.
    pub fn hang_up(&mut self, now: Instant) {
        self.rtc.close().expect("an open connection");
        self.drain(now);
    }

    pub fn datagram(&mut self, now: Instant, source: SocketAddr, contents: &[u8]) {
        let protocol = match self.transport {
            Transport::Udp => Protocol::Udp,
            Transport::Tcp => Protocol::Tcp,
        };
        let Ok(receive) = Receive::new(protocol, source, self.address, contents) else {
            return;
        };
        let input = Input::Receive(now, receive);
        if self.rtc.accepts(&input) {
            self.rtc.handle_input(input).expect("a datagram from the sfu");
            self.drain(now);
        }
    }

    /// A datagram leaves the box for this client: what is sent again, and padding, follow media.
    pub fn departs(&mut self, contents: &[u8]) {
        let [128..=191, second, _, _, _, _, _, _, a, b, c, d, ..] = contents else {
            return;
        };
        let ssrc = u32::from_be_bytes([*a, *b, *c, *d]);
        if (64..96).contains(&(second & 0x7f)) || ssrc == PROBES {
            return;
        }
        let name = &self.name;
        assert!(self.announced.contains(&ssrc), "{name}: no answer named {ssrc}");
        if let Some(section) = self.ssrcs.values().find(|section| section.contains(&ssrc)) {
            assert!(
                section[0] == ssrc || self.begun.contains(&section[0]),
                "{name}: padding before media"
            );
            self.begun.insert(ssrc);
        }
    }

    pub fn next_timeout(&self) -> Instant {
        let frames = self.publishing.iter().filter(|t| t.mid.is_some()).map(|t| t.next);
        frames.chain([self.timeout]).min().unwrap_or(self.timeout)
    }

    pub fn wake(&mut self, now: Instant) {
        if self.timeout <= now {
            self.rtc.handle_input(Input::Timeout(now)).expect("time passes");
            self.drain(now);
        }
        for n in 0..self.publishing.len() {
            if self.publishing[n].mid.is_some() && self.publishing[n].next <= now {
                match self.publishing[n].kind {
                    MediaKind::Audio => self.send_speech(now, n),
                    MediaKind::Video => self.send_frame(now, n),
                }
            }
        }
        if self.nervous && now.duration_since(self.asked_at) > Duration::from_millis(700) {
            self.asked_at = now;
            // By SSRC: of a section that is used again str0m knows the old stream too, and by
            // section it gives either.
            let ssrcs: Vec<u32> = self.received.keys().copied().collect();
            for ssrc in ssrcs {
                if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc.into()) {
                    stream.request_keyframe(KeyframeRequestKind::Pli);
                    self.drain(now);
                }
            }
        }
    }

    fn send_speech(&mut self, now: Instant, n: usize) {
        let track = &mut self.publishing[n];
        track.next = now + SPEECH;
        track.frame += 1;
        let (Some(mid), frame) = (self.connected.and(track.mid), track.frame) else {
            return;
        };
        let state = &mut track.states[0];
        state.seq += 1;
        let (seq, time) = (state.seq, frame.wrapping_mul(SPEECH_CLOCK / 50));
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            let pt = Pt::new_with_value(111);
            let extensions = ExtensionValues {
                audio_level: self.level,
                // Without it str0m leaves the level out.
                voice_activity: self.level.map(|level| level > -50),
                ..ExtensionValues::default()
            };
            let write = RtpWrite::new(pt, seq.into(), time, now, vec![0x5a; SPEECH_BYTES]);
            stream.write_rtp(write.ext_vals(extensions));
            self.drain(now);
        }
    }

    fn send_frame(&mut self, now: Instant, n: usize) {
        let track = &mut self.publishing[n];
        track.next = now + FRAME;
        track.frame += 1;
        let Some(mid) = self.connected.and(track.mid) else {
            return;
        };
        let (number, frame, layers) = (track.number, track.frame, track.layers);
        if track.h264 {
            self.send_plain_frame(now, n, mid);
            return;
        }
        for (layer, name) in RIDS.iter().enumerate().take(layers) {
            let rid = (layers > 1).then(|| Rid::from(*name));
            let state = &mut self.publishing[n].states[layer];
            let keyframe = std::mem::take(&mut state.keyframe_wanted) || frame % 250 == 1;
            state.picture_id = (state.picture_id + 1) & 0x7fff;
            state.since_keyframe = if keyframe { 0 } else { state.since_keyframe + 1 };
            let (temporal, back, synchronous) = picture::tier(state.since_keyframe);
            let needs = if keyframe { 0 } else { frame - back };
            state.tl0 = state.tl0.wrapping_add(u8::from(temporal == 0));
            let bytes = self.publishing[n].bitrates[layer] / 8 / 25;
            // Keyframes are rare: they make up for nothing.
            let bytes = if keyframe { bytes * KEYFRAME } else { bytes };
            let (parts, filling) = match bytes {
                0 if keyframe => (3, 100 * (layer + 1)),
                0 => (1 + self.chance.below(2) as u8, 100 * (layer + 1)),
                _ => (bytes.div_ceil(PACKET) as u8, bytes / bytes.div_ceil(PACKET)),
            };
            for part in 0..parts {
                let state = &mut self.publishing[n].states[layer];
                state.seq += 1;
                let (track, layer) = (number, layer as u8);
                let mark = Mark { track, layer, frame, part, parts, keyframe, temporal, needs };
                let payload =
                    picture::payload(mark, state.picture_id, state.tl0, synchronous, filling);
                let time = frame.wrapping_mul(CLOCK / 25).wrapping_add(u32::from(layer) * 77_777);
                let seq = state.seq;
                let mut api = self.rtc.direct_api();
                let Some(stream) = api.stream_tx_by_mid(mid, rid) else {
                    return;
                };
                let extensions = ExtensionValues { rid, ..ExtensionValues::default() };
                let pt = Pt::new_with_value(96);
                let write = RtpWrite::new(pt, seq.into(), time, now, payload)
                    .marker(part + 1 == parts)
                    .nackable(true)
                    .ext_vals(extensions);
                stream.write_rtp(write);
                self.drain(now);
            }
        }
    }

    fn send_plain_frame(&mut self, now: Instant, n: usize, mid: Mid) {
        let Publishing { number, frame, states, .. } = &mut self.publishing[n];
        let (track, frame, state) = (*number, *frame, &mut states[0]);
        state.seq += 1;
        let (seq, time) = (state.seq, frame.wrapping_mul(CLOCK / 25));
        let payload = picture::plain(track, frame);
        let codecs = self.rtc.codec_config();
        let h264 = codecs.params().iter().find(|p| p.spec().codec == Codec::H264);
        let pt = h264.expect("H.264").pt();
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.write_rtp(RtpWrite::new(pt, seq.into(), time, now, payload).marker(true));
            self.drain(now);
        }
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output().expect("the connection lives") {
                Output::Timeout(at) if at <= now => {
                    self.rtc.handle_input(Input::Timeout(now)).expect("time passes");
                }
                Output::Timeout(at) => {
                    self.timeout = at;
                    return;
                }
                Output::Transmit(transmit) => self.sent.push_back(transmit.contents.to_vec()),
                Output::Event(event) => self.event(now, event),
            }
        }
    }

    fn event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connected => self.connected = Some(now),
            Event::RtpPacket(packet) => self.take(now, &packet),
            Event::KeyframeRequest(request) => {
                for track in self.publishing.iter_mut().filter(|t| t.mid == Some(request.mid)) {
                    let layer = request
                        .rid
                        .and_then(|rid| RIDS.iter().position(|known| Rid::from(*known) == rid))
                        .unwrap_or(0);
                    track.states[layer].keyframe_wanted = true;
                }
            }
            Event::ChannelData(data) => self.messages.push(data.data),
            _ => {}
        }
    }

    /// One packet: it must belong to the track that the section carries.
    fn take(&mut self, now: Instant, packet: &RtpPacket) {
        let ssrc = *packet.header.ssrc;
        if packet.payload.is_empty() {
            *self.empty.entry(ssrc).or_default() += 1;
            return;
        }
        if *packet.header.payload_type == 111 {
            self.heard.entry(ssrc).or_default().entry(*packet.seq_no).or_insert(now);
            return;
        }
        let seen = picture::read(&packet.payload).expect("a marked packet");
        let mid = self
            .rtc
            .direct_api()
            .stream_rx(&packet.header.ssrc)
            .map(|stream| stream.mid())
            .expect("a known stream");
        let track_of = |mapping: &HashMap<String, String>| {
            mapping.get(&mid.to_string()).and_then(|track| self.numbers.get(track)).copied()
        };
        // str0m takes padding and what is sent again on a section that is used again for its old
        // stream's, which has ended.
        if self.ssrcs.get(&mid.to_string()).is_some_and(|known| !known.contains(&ssrc)) {
            return;
        }
        let number = seen.mark.track;
        let fits = self.told_nothing
            || track_of(&self.mapping) == Some(number)
            || self.before.iter().any(|(until, old)| now < *until && track_of(old) == Some(number));
        assert!(
            fits,
            "{}: track {number} on section {mid}, which carries {:?}",
            self.name,
            track_of(&self.mapping),
        );
        let stream = self.received.entry(ssrc).or_default();
        stream.mid = Some(mid);
        stream.arrivals.entry(*packet.seq_no).or_insert(now);
        let known = stream.packets.insert(*packet.seq_no, (packet.header.timestamp, seen));
        if let Some(known) = known {
            let again = (packet.header.timestamp, seen);
            assert_eq!(known, again, "{}: number {} twice", self.name, packet.seq_no);
        }
    }
}

fn section_of<'a>(sdp: &'a str, mid: &str) -> &'a str {
    let line = format!("a=mid:{mid}\r\n");
    sdp.split("m=").find(|section| section.contains(&line)).unwrap_or_default()
}

fn ssrcs_of(sdp: &str, mid: &str) -> Vec<u32> {
    let lines = section_of(sdp, mid).lines().filter_map(|line| line.strip_prefix("a=ssrc:"));
    let mut found: Vec<u32> =
        lines.filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
    found.dedup();
    found
}
