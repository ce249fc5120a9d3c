//! A client of the box's own, for its health check: a real connection that publishes or hears one
//! track of sound. Like everything here it has no socket and no clock.

use super::reach;
use crate::transport::Transport;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::Receive;
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};

/// Opus frames are so long, and its clock counts so many samples in one (RFC 7587 §4.1, §4.2).
const FRAME: Duration = Duration::from_millis(20);
const SAMPLES: u32 = 960;
/// 20 ms of silence (CELT, full band, one channel).
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// What a loopback client could not do.
#[derive(Debug, thiserror::Error)]
pub enum LoopbackError {
    #[error("the client has no usable address")]
    Candidate,
    #[error("the client refused what the box sent")]
    Connection(#[from] RtcError),
    #[error("the box's answer cannot be read")]
    Answer,
}

/// One end of a loopback meeting.
pub struct LoopbackPeer {
    rtc: Rtc,
    transport: Transport,
    address: SocketAddr,
    timeout: Instant,
    connected: bool,
    offers: u32,
    pending: Option<SdpPendingOffer>,
    /// The section on which it publishes, and when the next frame is due.
    sends: Option<(Mid, Instant)>,
    sent: u32,
    heard: u64,
    transmits: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl LoopbackPeer {
    /// A client whose socket is at `address`; one of TCP is connected already.
    ///
    /// # Errors
    /// The address is not one that a client can have.
    pub fn new(
        now: Instant,
        transport: Transport,
        address: SocketAddr,
    ) -> Result<Self, LoopbackError> {
        let builder = Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, false);
        let mut rtc = builder.build(now);
        let candidate = Candidate::host(address, reach::protocol(transport));
        rtc.add_local_candidate(candidate.map_err(|_| LoopbackError::Candidate)?);
        Ok(Self {
            rtc,
            transport,
            address,
            timeout: now,
            connected: false,
            offers: 0,
            pending: None,
            sends: None,
            sent: 0,
            heard: 0,
            transmits: VecDeque::new(),
        })
    }

    /// An offer and its number, with a section to publish the track `cid` (once) and `hears` more to
    /// receive. `None`: one is under way.
    ///
    /// # Errors
    /// The connection broke.
    pub fn offer(
        &mut self,
        now: Instant,
        cid: Option<&str>,
        hears: u32,
    ) -> Result<Option<(u32, String)>, LoopbackError> {
        if self.pending.is_some() {
            return Ok(None);
        }
        let mut api = self.rtc.sdp_api();
        if self.offers == 0 {
            api.add_channel("_reliable".to_owned());
        }
        if let Some(cid) = cid.filter(|_| self.sends.is_none()) {
            let (stream, track) = (Some("stream".to_owned()), Some(cid.to_owned()));
            let direction = Direction::SendOnly;
            let mid = api.add_media(MediaKind::Audio, direction, stream, track, None);
            self.sends = Some((mid, now));
        }
        for _ in 0..hears {
            api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        // "Just offer again" must be one even when nothing changes.
        if !api.has_changes() {
            api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        let Some((offer, pending)) = api.apply() else { return Ok(None) };
        self.pending = Some(pending);
        self.offers += 1;
        self.drain(now)?;
        Ok(Some((self.offers, offer.to_sdp_string())))
    }

    /// # Errors
    /// It is no answer, or does not fit.
    pub fn answer(&mut self, now: Instant, sdp: &str) -> Result<(), LoopbackError> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(|_| LoopbackError::Answer)?;
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        self.drain(now)
    }

    /// # Errors
    /// The connection broke.
    pub fn datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        contents: &[u8],
    ) -> Result<(), LoopbackError> {
        // What is no packet at all is a stranger's.
        let Ok(receive) =
            Receive::new(reach::protocol(self.transport), source, self.address, contents)
        else {
            return Ok(());
        };
        let input = Input::Receive(now, receive);
        if self.rtc.accepts(&input) {
            self.rtc.handle_input(input)?;
            self.drain(now)?;
        }
        Ok(())
    }

    /// When [`LoopbackPeer::wake`] has something to do.
    pub fn next_timeout(&self) -> Instant {
        let frame = self.sends.filter(|_| self.connected).map(|(_, due)| due);
        frame.map_or(self.timeout, |due| due.min(self.timeout))
    }

    /// # Errors
    /// The connection broke.
    pub fn wake(&mut self, now: Instant) -> Result<(), LoopbackError> {
        if self.timeout <= now {
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain(now)?;
        }
        while let Some((mid, due)) = self.sends.filter(|(_, due)| self.connected && *due <= now) {
            self.sends = Some((mid, due.max(now.checked_sub(FRAME).unwrap_or(now)) + FRAME));
            self.sent += 1;
            let (seq, time) = (u64::from(self.sent), self.sent.wrapping_mul(SAMPLES));
            let mut api = self.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else { break };
            let payload = SILENCE.to_vec();
            let write = RtpWrite::new(Pt::new_with_value(111), seq.into(), time, now, payload)
                .nackable(true);
            stream.write_rtp(write);
            self.drain(now)?;
        }
        Ok(())
    }

    /// The next datagram that its socket must send.
    pub fn transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.transmits.pop_front()
    }

    /// ICE and DTLS are through.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Packets with sound that arrived.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    fn drain(&mut self, now: Instant) -> Result<(), LoopbackError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) if at <= now => self.rtc.handle_input(Input::Timeout(now))?,
                Output::Timeout(at) => {
                    self.timeout = at;
                    return Ok(());
                }
                Output::Transmit(transmit) => {
                    self.transmits.push_back((transmit.destination, transmit.contents.to_vec()));
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::RtpPacket(packet)) if !packet.payload.is_empty() => {
                    self.heard += 1;
                }
                Output::Event(_) => {}
            }
        }
    }
}
