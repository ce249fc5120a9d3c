//! Offers and answers of one connection.

use super::sdp::{
    OfferedSection, SectionAnswer, described_codecs, offered_sections, rewrite_answer,
};
use super::transport_cc::transport_cc_id;
use super::{Channel, MOST_SECTIONS, Mid, Peer, PeerError, SendSection, channel};
use crate::track::{Codec, MediaKind};
use std::time::Instant;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind as StrKind};

/// Our answer before it is told which track goes on which section.
pub(crate) struct DraftAnswer {
    sdp: String,
    /// What the client offered, section by section.
    pub offered: Vec<OfferedSection>,
}

impl DraftAnswer {
    /// Codecs of pictures that both sides speak on a section.
    pub(crate) fn agreed_codecs(&self, mid: &str) -> Vec<Codec> {
        described_codecs(&self.sdp, mid)
    }

    /// The answer's text; `decide` is asked once for each audio or video section.
    pub(crate) fn finish(self, decide: impl FnMut(&str) -> Option<SectionAnswer>) -> String {
        rewrite_answer(&self.sdp, decide)
    }
}

impl SendSection {
    fn is_free(&self, kind: MediaKind) -> bool {
        self.open && !self.used && !self.resting && self.kind == kind
    }
}

impl Peer {
    /// Takes a client's offer. Sections on which the client receives become ours to send on.
    ///
    /// # Errors
    /// The text does not parse or contradicts what was negotiated before; the connection goes on
    /// as it was.
    pub(crate) fn accept_offer(
        &mut self,
        now: Instant,
        sdp: &str,
    ) -> Result<DraftAnswer, PeerError> {
        self.contained(now, |peer| peer.take_offer(now, sdp)).unwrap_or(Err(PeerError::Broken))
    }

    fn take_offer(&mut self, now: Instant, sdp: &str) -> Result<DraftAnswer, PeerError> {
        let sections = sdp.lines().filter(|line| line.starts_with("m=")).count();
        if sections > MOST_SECTIONS {
            return Err(PeerError::TooManySections(sections));
        }
        let offer = SdpOffer::from_sdp_string(sdp).map_err(PeerError::Parse)?;
        let draft = self.with_streams(|peer| {
            let answer = peer.rtc.sdp_api().accept_offer(offer).map_err(PeerError::Description);
            // Credentials change when the client restarts ICE.
            peer.ufrag = peer.rtc.direct_api().local_ice_credentials().ufrag;
            peer.follow_extensions();
            let answer = answer?.to_sdp_string();
            Ok(DraftAnswer { sdp: answer, offered: peer.open_sections(offered_sections(sdp)) })
        });
        self.drain(now);
        draft
    }

    /// Takes note of the sections that a client receives on.
    fn open_sections(&mut self, offered: Vec<OfferedSection>) -> Vec<OfferedSection> {
        for section in &offered {
            let mid = Mid::from(section.mid.as_str());
            let known = self.sections.iter_mut().find(|s| s.mid == mid);
            match known {
                Some(known) => known.open = section.receives,
                None if section.receives => self.add_section(mid, section.kind, false),
                None => {}
            }
        }
        offered
    }

    fn add_section(&mut self, mid: Mid, kind: MediaKind, used: bool) {
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return;
        };
        let (ssrc, rtx) = (stream.ssrc(), stream.rtx());
        let state =
            SendSection { mid, kind, open: true, used, resting: false, ssrc, rtx, begun: false };
        self.sections.push(state);
    }

    /// Does what describes the connection, or has it described, while str0m knows the streams of all
    /// sections. Else it knows those only that have sent something: it pads on any, and where padding
    /// came before media Firefox never shows a picture.
    fn with_streams<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let unbegun = |section: &&SendSection| !section.begun;
        for section in self.sections.iter().filter(unbegun) {
            if self.rtc.media(section.mid).is_some() {
                let mut api = self.rtc.direct_api();
                api.declare_stream_tx(section.ssrc, section.rtx, section.mid, None);
            }
        }
        let done = work(self);
        for section in self.sections.iter().filter(unbegun) {
            self.rtc.direct_api().remove_stream_tx(section.ssrc);
        }
        done
    }

    /// Reads which header extension str0m now takes for the transport-wide number.
    ///
    /// Descriptions move it, those too that do not name it, and str0m shows its table in offers
    /// only: so one is made, and never sent.
    fn follow_extensions(&mut self) {
        let mut api = self.rtc.sdp_api();
        api.add_media(StrKind::Video, Direction::Inactive, None, None, None);
        let offer = api.apply().map(|(offer, _never_answered)| offer.to_sdp_string());
        self.transport_cc.follow(offer.as_deref().and_then(transport_cc_id));
    }

    /// A free section of this kind is taken into use.
    pub(crate) fn take_section(&mut self, kind: MediaKind) -> Option<Mid> {
        let free = self.sections.iter_mut().find(|s| s.is_free(kind))?;
        free.used = true;
        Some(free.mid)
    }

    /// Free sections of this kind.
    pub(crate) fn free_sections(&self, kind: MediaKind) -> usize {
        self.sections.iter().filter(|s| s.is_free(kind)).count()
    }

    /// An answer with all unused sections inactive is on its way: they may be used by the next.
    pub(crate) fn sections_rested(&mut self) {
        for section in &mut self.sections {
            section.resting = false;
        }
    }

    /// Whether we could send on this section, and whether we do.
    pub(crate) fn send_section(&self, mid: Mid) -> Option<&SendSection> {
        self.sections.iter().find(|s| s.mid == mid)
    }

    /// Gives a section back, to be used again under the same SSRCs: nobody was told that it rests.
    pub(crate) fn free_section(&mut self, mid: Mid) {
        if let Some(section) = self.sections.iter_mut().find(|s| s.mid == mid) {
            section.used = false;
        }
    }

    /// Gives a section back. It gets new SSRCs at once: Chromium decodes but never renders a
    /// stream that comes back after `inactive` under its old SSRC. (`reset_stream_tx` would leave
    /// str0m's table keyed by the old one and lose all feedback.)
    pub(crate) fn release_section(&mut self, now: Instant, mid: Mid) {
        let Some(section) = self.sections.iter_mut().find(|s| s.mid == mid) else {
            return;
        };
        section.used = false;
        section.resting = true;
        let mut api = self.rtc.direct_api();
        api.remove_stream_tx(section.ssrc);
        section.ssrc = api.new_ssrc();
        section.rtx = section.rtx.map(|_| api.new_ssrc());
        section.begun = false;
        self.drain(now);
    }

    /// Makes an offer of our own (two-connection protocol): opens the data channels on first use,
    /// stops the sections in `stop`, and adds one for each of `add` (kind, stream id, track id).
    /// Returns the offer's text and the mids of the added sections; `None` while the last offer is
    /// unanswered or when nothing changes.
    pub(crate) fn offer(
        &mut self,
        now: Instant,
        channels: bool,
        stop: &[Mid],
        add: &[(MediaKind, String, String)],
    ) -> Option<(String, Vec<Mid>)> {
        if self.pending_offer.is_some() {
            return None;
        }
        let (applied, mids) = self.with_streams(|peer| {
            let mut api = peer.rtc.sdp_api();
            if channels {
                for channel in [Channel::Reliable, Channel::Lossy, Channel::DataTrack] {
                    api.add_channel_with_config(channel::config(channel));
                }
            }
            for mid in stop {
                api.stop_media(*mid);
            }
            let mids: Vec<Mid> = add
                .iter()
                .map(|(kind, stream, track)| {
                    let kind = match kind {
                        MediaKind::Audio => StrKind::Audio,
                        MediaKind::Video => StrKind::Video,
                    };
                    let (stream, track) = (Some(stream.clone()), Some(track.clone()));
                    api.add_media(kind, Direction::SendOnly, stream, track, None)
                })
                .collect();
            (api.apply(), mids)
        });
        let (offer, pending) = applied?;
        self.pending_offer = Some(pending);
        self.drain(now);
        self.sections.retain(|section| !stop.contains(&section.mid));
        Some((offer.to_sdp_string(), mids))
    }

    /// True while an offer of ours waits for its answer.
    pub(crate) fn is_offering(&self) -> bool {
        self.pending_offer.is_some()
    }

    /// Takes the answer to [`Peer::offer`] and opens the sections in `added`.
    ///
    /// # Errors
    /// No offer is pending, or the answer does not fit it.
    pub(crate) fn accept_answer(
        &mut self,
        now: Instant,
        sdp: &str,
        added: &[(Mid, MediaKind)],
    ) -> Result<(), PeerError> {
        self.contained(now, |peer| peer.take_answer(now, sdp, added))
            .unwrap_or(Err(PeerError::Broken))
    }

    fn take_answer(
        &mut self,
        now: Instant,
        sdp: &str,
        added: &[(Mid, MediaKind)],
    ) -> Result<(), PeerError> {
        let pending = self.pending_offer.take().ok_or(PeerError::UnexpectedAnswer)?;
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(PeerError::Parse)?;
        let accepted = self.with_streams(|peer| {
            let accepted = peer.rtc.sdp_api().accept_answer(pending, answer);
            peer.follow_extensions();
            accepted.map_err(PeerError::Description)?;
            for (mid, kind) in added {
                peer.add_section(*mid, *kind, true);
            }
            Ok(())
        });
        self.drain(now);
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sfu::SfuConfig;
    use crate::transport::Transport;
    use str0m::Rtc;

    /// An RTP packet with this transport-wide number in this header extension.
    fn rtp(id: u8, number: u16) -> Vec<u8> {
        let mut packet =
            vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, id << 4 | 1];
        packet.extend(number.to_be_bytes());
        packet.push(0);
        packet
    }

    #[test]
    fn the_transport_number_is_found_wherever_a_description_moves_it() {
        let now = Instant::now();
        let here = "192.0.2.1:7882".parse().unwrap();
        let mut client = Rtc::builder().set_rtp_mode(true).build(now);
        let mut api = client.sdp_api();
        api.add_media(StrKind::Audio, Direction::SendOnly, None, None, None);
        let sdp = api.apply().expect("an offer").0.to_sdp_string();
        let transport = "3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc";
        let level = "1 urn:ietf:params:rtp-hdrext:ssrc-audio-level";
        assert!(sdp.contains(transport) && sdp.contains(level));
        // As str0m has it; named elsewhere; not named, but its place taken by another extension.
        let elsewhere = sdp.replace(transport, &transport.replacen('3', "9", 1));
        let displaced = sdp
            .lines()
            .filter(|line| !line.contains("transport-wide-cc"))
            .map(|line| line.replace(level, &level.replacen('1', "3", 1)) + "\r\n")
            .collect();
        for (sdp, id) in [(sdp, 3), (elsewhere, 9), (displaced, 1)] {
            let reach = SfuConfig { addresses: vec![here], ..SfuConfig::default() };
            let mut peer = Peer::new(now, &reach);
            peer.accept_offer(now, &sdp).expect("a good offer");
            let mut send =
                |id, number| peer.datagram(now, Transport::Udp, here, here, &rtp(id, number));
            assert!(send(id, 0) && !send(id, 65535), "extension {id}");
            assert!(send(7, 65535), "another extension has no such bounds");
        }
    }

    #[test]
    fn an_offer_of_too_many_sections_is_refused_and_the_connection_goes_on() {
        let (now, here) = (Instant::now(), "10.0.0.1:7882".parse().expect("an address"));
        let reach = SfuConfig { addresses: vec![here], ..SfuConfig::default() };
        let mut peer = Peer::new(now, &reach);
        let offer = |sections: usize| {
            let mut client = Rtc::builder().build(now);
            let mut api = client.sdp_api();
            for _ in 0..sections {
                api.add_media(StrKind::Audio, Direction::RecvOnly, None, None, None);
            }
            api.apply().expect("an offer").0.to_sdp_string()
        };
        let refused = peer.accept_offer(now, &offer(500)).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("it has 500 sections, and the box takes at most 256"));
        assert!(peer.accept_offer(now, &offer(MOST_SECTIONS)).is_ok());
    }
}
