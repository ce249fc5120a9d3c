//! One load client: a socket, a real str0m connection, and packets like a browser's.
//!
//! A *full* participant decrypts, sends RTCP and measures delay. A *light* one lets str0m see only
//! the handshake and counts media datagrams: a hundred full ones would cost more than the box.

use super::door::Door;
use anyhow::{Context, Result};
use livekit_protocol as pb;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};

/// 720p at 1.5 Mbit/s: 30 frames a second of 6 packets.
const VIDEO_EVERY: Duration = Duration::from_micros(33_333);
const VIDEO_PACKETS: usize = 6;
const VIDEO_PAYLOAD: usize = 1040;
const AUDIO_EVERY: Duration = Duration::from_millis(20);
const AUDIO_PAYLOAD: usize = 80;
const PT_VP8: u8 = 96;
const PT_OPUS: u8 = 111;
const PING_EVERY: Duration = Duration::from_secs(5);
const RECEIVE_BUFFER: usize = 4 << 20;
/// Datagrams taken from one socket before others have their turn.
const AT_ONCE: usize = 64;

/// What somebody does in a room.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    pub camera: bool,
    pub microphone: bool,
    pub full: bool,
}

/// Packets since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub sent: u64,
    pub received: u64,
}

struct Sending {
    mid: Mid,
    video: bool,
    next: Instant,
    seq: u64,
    frame: u32,
    keyframe: bool,
}

pub struct Participant {
    socket: UdpSocket,
    address: SocketAddr,
    rtc: Rtc,
    door: Door,
    timeout: Instant,
    next_ping: Instant,
    full: bool,
    connected: bool,
    sending: Vec<Sending>,
    receiving: Vec<Mid>,
    pending: Option<SdpPendingOffer>,
    wanted: Option<pb::MediaSectionsRequirement>,
    offers: u32,
    knocked: Instant,
    /// Delays are counted from here, so that all clients' clocks agree.
    epoch: Instant,
    pub counts: Counts,
    /// From knocking to the first media packet.
    pub first_media: Option<Duration>,
    /// Microseconds from a publisher's socket to this one's, of video packets.
    pub delays: Vec<u32>,
}

impl Participant {
    /// Knocks at `room`. Media and signalling go on by [`Participant::turn`].
    pub fn join(
        http: SocketAddr,
        room: &str,
        name: &str,
        role: Role,
        epoch: Instant,
    ) -> Result<Self> {
        let knocked = Instant::now();
        let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        socket.set_nonblocking(true)?;
        set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER)?;
        let address = socket.local_addr()?;
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_vp8(true)
            .enable_opus(true, false)
            .build(knocked);
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp)?);
        let mut api = rtc.sdp_api();
        api.add_channel("_reliable".to_owned());
        let mut sending = Vec::new();
        let mut tracks = Vec::new();
        for video in [(role.camera, true), (role.microphone, false)]
            .into_iter()
            .filter_map(|(wanted, video)| wanted.then_some(video))
        {
            let cid = format!("{name}-{}", if video { "camera" } else { "microphone" });
            let kind = if video { MediaKind::Video } else { MediaKind::Audio };
            let stream = Some("stream".to_owned());
            let mid = api.add_media(kind, Direction::SendOnly, stream, Some(cid.clone()), None);
            tracks.push(announcement(cid, video));
            let next = knocked;
            sending.push(Sending { mid, video, next, seq: 1000, frame: 0, keyframe: true });
        }
        let (offer, pending) = api.apply().context("a first offer")?;
        let request = pb::JoinRequest {
            client_info: Some(pb::ClientInfo { protocol: 16, ..pb::ClientInfo::default() }),
            connection_settings: Some(pb::ConnectionSettings {
                auto_subscribe: true,
                ..pb::ConnectionSettings::default()
            }),
            add_track_requests: tracks,
            publisher_offer: Some(description(offer.to_sdp_string(), 1)),
            ..pb::JoinRequest::default()
        };
        let door = Door::knock(http, room, name, &request)?;
        Ok(Self {
            socket,
            address,
            rtc,
            door,
            timeout: knocked,
            next_ping: knocked + PING_EVERY,
            full: role.full,
            connected: false,
            sending,
            receiving: Vec::new(),
            pending: Some(pending),
            wanted: None,
            offers: 1,
            knocked,
            epoch,
            counts: Counts::default(),
            first_media: None,
            delays: Vec::new(),
        })
    }

    pub fn is_connected(&self) -> bool {
        self.connected
    }

    pub fn fds(&self) -> [rustix::event::PollFd<'_>; 2] {
        use rustix::event::{PollFd, PollFlags};
        let door = self.door.as_fd();
        [PollFd::new(&self.socket, PollFlags::IN), PollFd::from_borrowed_fd(door, PollFlags::IN)]
    }

    pub fn next(&self) -> Instant {
        let media = self.sending.iter().filter(|_| self.connected).map(|sending| sending.next);
        media.chain([self.timeout, self.next_ping]).min().unwrap_or(self.timeout)
    }

    /// Takes what has arrived and sends what is due.
    pub fn turn(&mut self, socket: bool, door: bool) -> Result<()> {
        if door {
            self.listen()?;
        }
        if socket {
            self.receive()?;
        }
        let now = Instant::now();
        if self.timeout <= now {
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain(now)?;
        }
        if self.next_ping <= now {
            self.next_ping = now + PING_EVERY;
            self.door.send(Request::PingReq(pb::Ping::default()))?;
        }
        if self.connected {
            for n in 0..self.sending.len() {
                while self.sending[n].next <= now {
                    self.send_frame(now, n)?;
                }
            }
        }
        Ok(())
    }

    fn listen(&mut self) -> Result<()> {
        while let Some(message) = self.door.read()? {
            let now = Instant::now();
            match message {
                Response::Answer(answer) => {
                    let pending = self.pending.take().context("an answer without an offer")?;
                    let answer = SdpAnswer::from_sdp_string(&answer.sdp)?;
                    self.rtc.sdp_api().accept_answer(pending, answer)?;
                    self.drain(now)?;
                }
                Response::MediaSectionsRequirement(wanted) => self.wanted = Some(wanted),
                // Roombox has its candidates in the answer; livekit-server sends them after it.
                Response::Trickle(trickle) => {
                    self.rtc.add_remote_candidate(candidate(&trickle.candidate_init)?);
                    self.drain(now)?;
                }
                _ => {}
            }
        }
        if self.pending.is_none()
            && let Some(wanted) = self.wanted.take()
        {
            self.offer(wanted)?;
        }
        Ok(())
    }

    /// Adds the sections that the box asks for.
    fn offer(&mut self, wanted: pb::MediaSectionsRequirement) -> Result<()> {
        let mut api = self.rtc.sdp_api();
        // A browser's transceiver stays willing when an answer says inactive.
        for mid in &self.receiving {
            api.set_direction(*mid, Direction::RecvOnly);
        }
        let kinds = [(wanted.num_videos, MediaKind::Video), (wanted.num_audios, MediaKind::Audio)];
        for (count, kind) in kinds {
            for _ in 0..count {
                self.receiving.push(api.add_media(kind, Direction::RecvOnly, None, None, None));
            }
        }
        let Some((offer, pending)) = api.apply() else {
            return Ok(());
        };
        self.offers += 1;
        self.pending = Some(pending);
        self.door.send(Request::Offer(description(offer.to_sdp_string(), self.offers)))?;
        self.drain(Instant::now())
    }

    fn receive(&mut self) -> Result<()> {
        let mut buffer = [0u8; 2048];
        for _ in 0..AT_ONCE {
            let (length, source) = match self.socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let datagram = &buffer[..length];
            let media = is_media(datagram);
            if media && self.first_media.is_none() {
                self.first_media = Some(self.knocked.elapsed());
            }
            if media && !self.full {
                self.counts.received += 1;
                continue;
            }
            let now = Instant::now();
            let Ok(contents) = Receive::new(Protocol::Udp, source, self.address, datagram) else {
                continue;
            };
            let input = Input::Receive(now, contents);
            if self.rtc.accepts(&input) {
                self.rtc.handle_input(input)?;
                self.drain(now)?;
            }
        }
        Ok(())
    }

    fn send_frame(&mut self, now: Instant, n: usize) -> Result<()> {
        let sending = &mut self.sending[n];
        let (video, mid) = (sending.video, sending.mid);
        sending.next += if video { VIDEO_EVERY } else { AUDIO_EVERY };
        sending.frame += 1;
        let keyframe = std::mem::take(&mut sending.keyframe);
        let packets = if video { VIDEO_PACKETS } else { 1 };
        for part in 0..packets {
            let sending = &mut self.sending[n];
            sending.seq += 1;
            let elapsed = self.epoch.elapsed();
            let (pt, time, payload) = if video {
                let payload = picture(sending.frame, part, keyframe, elapsed);
                (PT_VP8, sending.frame.wrapping_mul(3000), payload)
            } else {
                (PT_OPUS, sending.frame.wrapping_mul(960), Arc::from([0x78; AUDIO_PAYLOAD]))
            };
            let seq = sending.seq;
            let mut api = self.rtc.direct_api();
            let stream = api.stream_tx_by_mid(mid, None).context("a stream to send on")?;
            let write = RtpWrite::new(Pt::new_with_value(pt), seq.into(), time, now, payload)
                .marker(video && part + 1 == packets)
                .nackable(video);
            stream.write_rtp(write);
            self.counts.sent += 1;
            self.drain(now)?;
        }
        Ok(())
    }

    fn drain(&mut self, now: Instant) -> Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) if at <= now => self.rtc.handle_input(Input::Timeout(now))?,
                Output::Timeout(at) => {
                    self.timeout = at;
                    return Ok(());
                }
                Output::Transmit(transmit) => {
                    // A full send buffer loses a packet, as a network does.
                    if let Err(error) =
                        self.socket.send_to(&transmit.contents, transmit.destination)
                        && error.kind() != ErrorKind::WouldBlock
                    {
                        return Err(error.into());
                    }
                }
                Output::Event(Event::Connected) => {
                    self.connected = true;
                    for sending in &mut self.sending {
                        sending.next = now;
                    }
                }
                Output::Event(Event::RtpPacket(packet)) if !packet.payload.is_empty() => {
                    self.counts.received += 1;
                    if *packet.header.payload_type == PT_VP8 {
                        self.delays.push(delay(&packet.payload, self.epoch.elapsed()));
                    }
                }
                Output::Event(Event::KeyframeRequest(request)) => {
                    for sending in self.sending.iter_mut().filter(|s| s.mid == request.mid) {
                        sending.keyframe = true;
                    }
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// Of `RTCIceCandidateInit` in JSON.
fn candidate(init: &str) -> Result<Candidate> {
    let init: serde_json::Value = serde_json::from_str(init).context("a trickled candidate")?;
    let text = init["candidate"].as_str().context("a trickled candidate")?;
    Ok(Candidate::from_sdp_string(text)?)
}

fn description(sdp: String, id: u32) -> pb::SessionDescription {
    let r#type = "offer".to_owned();
    pb::SessionDescription { r#type, sdp, id, ..pb::SessionDescription::default() }
}

fn announcement(cid: String, video: bool) -> pb::AddTrackRequest {
    use pb::{TrackSource, TrackType};
    let (kind, source) = match video {
        true => (TrackType::Video, TrackSource::Camera),
        false => (TrackType::Audio, TrackSource::Microphone),
    };
    let (width, height) = if video { (1280, 720) } else { (0, 0) };
    pb::AddTrackRequest {
        cid,
        name: "load".to_owned(),
        r#type: kind as i32,
        source: source as i32,
        width,
        height,
        disable_red: true,
        ..pb::AddTrackRequest::default()
    }
}

/// SRTP, not SRTCP (RFC 5761 §4) and neither DTLS nor STUN (RFC 7983).
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(64..=95).contains(&(kind & 0x7f)))
}

/// A VP8 packet (RFC 7741 §4.2) with a 15-bit picture id, and the time at its end.
fn picture(frame: u32, part: usize, keyframe: bool, elapsed: Duration) -> Arc<[u8]> {
    let mut out = Vec::with_capacity(VIDEO_PAYLOAD);
    let begins = if part == 0 { 0x10 } else { 0 };
    let id = (frame & 0x7fff) as u16;
    out.extend([0x80 | begins, 0x80, 0x80 | (id >> 8) as u8, id as u8]);
    if part == 0 {
        // Frame tag, and of a keyframe start code and size (RFC 6386 §9.1).
        out.extend([u8::from(!keyframe), 0, 0]);
        if keyframe {
            out.extend([0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02]);
        }
    }
    out.resize(VIDEO_PAYLOAD - 8, 0xaa);
    out.extend((elapsed.as_micros() as u64).to_be_bytes());
    out.into()
}

fn delay(payload: &[u8], elapsed: Duration) -> u32 {
    let sent = payload.last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    (elapsed.as_micros() as u64).saturating_sub(sent) as u32
}
