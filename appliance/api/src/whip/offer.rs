//! What a WHIP or WHEP client's offer says, as far as this door reads it. The media plane reads the
//! rest, and refuses what it cannot use.

use roombox_control::conference::{Codec, LayerInfo, MediaKind, VideoCodecs};
use roombox_control::store::WhipScope;
use std::collections::BTreeSet;

/// Sections of one offer. Clients have two; what mixes and bridges have is still few.
const MOST_SECTIONS: usize = 32;
/// Layers of one track, as RFC 8853 lists them. Clients send three.
const MOST_LAYERS: usize = 8;
/// Lines of the best layer of a client that does not say how large it is (RFC 8851 lets it): each
/// layer below has half of it. Only their order and proportions count.
const ASSUMED_LINES: u32 = 720;

/// Why an offer cannot be taken. The texts go to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum OfferError {
    #[error("the body is no session description: send the SDP offer itself (RFC 8866)")]
    NotSdp,
    #[error("the offer has no audio and no video section: add a track")]
    NoMedia,
    #[error("the offer has more than {MOST_SECTIONS} sections: offer what is needed")]
    TooManySections,
    #[error("a section of the offer has no a=mid: offer with BUNDLE (RFC 9143)")]
    NoMid,
    #[error("two sections of the offer have the same a=mid")]
    SameMid,
    #[error("a section of the offer only receives: WHIP sends, so offer sendonly (RFC 9725)")]
    Receives,
    #[error("a section of the offer does not receive: WHEP watches, so offer recvonly")]
    Sends,
    #[error("the offer has no a=ice-ufrag and a=ice-pwd: gather for ICE before you send it")]
    NoCredentials,
    #[error("the offer has no a=fingerprint: media is encrypted with DTLS only (RFC 8842)")]
    NoFingerprint,
}

/// One audio or video section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub mid: String,
    pub kind: MediaKind,
    /// Track id of the `a=msid` line (RFC 8830).
    pub msid_track: Option<String>,
    /// Simulcast layers (RFC 8853), ascending in quality; empty: one stream.
    pub layers: Vec<LayerInfo>,
}

/// An offer that this door can pass on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// With one direction a section: what WHIP calls `sendrecv` sends, what WHEP calls so receives.
    pub sdp: String,
    pub sections: Vec<Section>,
    pub ice: IceCredentials,
}

/// ICE user name fragment and password of one side (RFC 8839 §5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IceCredentials {
    pub ufrag: String,
    pub password: String,
}

impl IceCredentials {
    /// The first pair in a description, a fragment of one, or a section: all of a bundle's are the
    /// same.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let value = |name| lines.clone().find_map(|line: &str| line.strip_prefix(name));
        let is_token = |text: &&str| {
            let ice_char = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
            // RFC 8839 §5.4: ice-char only; at most 256 of them.
            text.len() <= 256 && !text.is_empty() && text.chars().all(ice_char)
        };
        let ufrag = value("a=ice-ufrag:").map(str::trim).filter(is_token)?;
        let password = value("a=ice-pwd:").map(str::trim).filter(is_token)?;
        // The least that RFC 8839 §5.4 allows.
        (ufrag.len() >= 4 && password.len() >= 22)
            .then(|| Self { ufrag: ufrag.to_owned(), password: password.to_owned() })
    }
}

const DIRECTIONS: [&str; 4] = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];

fn direction_of<'a>(lines: &[&'a str]) -> Option<&'a str> {
    lines.iter().copied().find(|line| DIRECTIONS.contains(line))
}

impl Offer {
    /// Reads an offer to send ([`WhipScope::Publish`]) or to receive.
    pub(super) fn read(sdp: &str, scope: WhipScope) -> Result<Self, OfferError> {
        let lines: Vec<&str> = sdp.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
        if lines.first() != Some(&"v=0") {
            return Err(OfferError::NotSdp);
        }
        let begins = |line: &&str| line.starts_with("m=");
        let head_ends = lines.iter().position(begins).unwrap_or(lines.len());
        let (head, body) = lines.split_at(head_ends);
        let session_direction = direction_of(head).unwrap_or("a=sendrecv");
        let mut text = Text::default();
        head.iter().filter(|line| !DIRECTIONS.contains(line)).for_each(|line| text.push(line));
        let (mut sections, mut mids, mut count) = (Vec::new(), BTreeSet::new(), 0);
        for section in body.chunk_by(|_, next| !next.starts_with("m=")) {
            count += 1;
            if count > MOST_SECTIONS {
                return Err(OfferError::TooManySections);
            }
            let kind = match section[0].split(' ').next() {
                Some("m=audio") => MediaKind::Audio,
                Some("m=video") => MediaKind::Video,
                _ => {
                    section.iter().for_each(|line| text.push(line));
                    continue;
                }
            };
            let direction = direction_of(section).unwrap_or(session_direction);
            let ours = only_direction(direction, scope)?;
            section.iter().filter(|line| !DIRECTIONS.contains(line)).for_each(|l| text.push(l));
            text.push(ours);
            let read = read_section(section, kind)?;
            if !mids.insert(read.mid.clone()) {
                return Err(OfferError::SameMid);
            }
            sections.push(read);
        }
        if sections.is_empty() {
            return Err(OfferError::NoMedia);
        }
        let ice = IceCredentials::of(lines.iter().copied()).ok_or(OfferError::NoCredentials)?;
        if !lines.iter().any(|line| line.starts_with("a=fingerprint:")) {
            return Err(OfferError::NoFingerprint);
        }
        Ok(Self { sdp: text.0, sections, ice })
    }

    pub(super) fn count(&self, kind: MediaKind) -> usize {
        self.sections.iter().filter(|section| section.kind == kind).count()
    }

    /// The same offer in a new ICE session: everything else that was negotiated holds on (RFC 9725
    /// §4.3.3), so the candidates of the old one go.
    pub(super) fn with_credentials(&self, ice: IceCredentials) -> Self {
        let mut text = Text::default();
        for line in self.sdp.lines() {
            if line.starts_with("a=ice-ufrag:") {
                text.push(&format!("a=ice-ufrag:{}", ice.ufrag));
            } else if line.starts_with("a=ice-pwd:") {
                text.push(&format!("a=ice-pwd:{}", ice.password));
            } else if !line.starts_with("a=candidate:") && line != "a=end-of-candidates" {
                text.push(line);
            }
        }
        Self { sdp: text.0, sections: self.sections.clone(), ice }
    }
}

/// The one direction of a section.
fn only_direction(direction: &str, scope: WhipScope) -> Result<&'static str, OfferError> {
    match (scope, direction) {
        (WhipScope::Publish, "a=sendonly" | "a=sendrecv") => Ok("a=sendonly"),
        (WhipScope::Publish, _) => Err(OfferError::Receives),
        (WhipScope::Watch, "a=recvonly" | "a=sendrecv") => Ok("a=recvonly"),
        (WhipScope::Watch, _) => Err(OfferError::Sends),
    }
}

fn read_section(lines: &[&str], kind: MediaKind) -> Result<Section, OfferError> {
    let value = |name| lines.iter().find_map(|line| line.strip_prefix(name));
    let mid = value("a=mid:").map(str::trim).filter(|mid| !mid.is_empty());
    let msid = value("a=msid:").and_then(|value| value.split_whitespace().nth(1));
    Ok(Section {
        mid: mid.ok_or(OfferError::NoMid)?.to_owned(),
        kind,
        msid_track: msid.map(str::to_owned),
        layers: layers(lines),
    })
}

/// Layers by the `send` list of `a=simulcast` (RFC 8853 §5.1): of alternatives the first, paused
/// ones too, as they may begin.
fn layers(lines: &[&str]) -> Vec<LayerInfo> {
    let simulcast = lines.iter().find_map(|line| line.strip_prefix("a=simulcast:"));
    let mut words = simulcast.unwrap_or_default().split_whitespace();
    let Some(list) = words.find(|word| *word == "send").and_then(|_| words.next()) else {
        return Vec::new();
    };
    let first =
        |of: &str| of.split(',').next().unwrap_or_default().trim_start_matches('~').to_owned();
    let mut rids: Vec<String> = list.split(';').map(first).filter(|rid| !rid.is_empty()).collect();
    rids.truncate(MOST_LAYERS);
    ascend(&mut rids);
    let below_best = (0..rids.len() as u32).rev();
    let layer = |(rid, below): (String, u32)| {
        let lines_of = limit(lines, &rid, "max-height").unwrap_or(ASSUMED_LINES >> below);
        let width = limit(lines, &rid, "max-width").unwrap_or(lines_of * 16 / 9);
        LayerInfo { rid, width, height: lines_of, bitrate: 0 }
    };
    rids.into_iter().zip(below_best).map(layer).collect()
}

/// Puts layers into ascending order. Names that say it are believed; else the first is the best, as
/// RFC 8853 §5.2 has preferred layers first.
fn ascend(rids: &mut [String]) {
    const NAMES: [&[&str]; 3] =
        [&["q", "h", "f"], &["l", "m", "h"], &["low", "mid", "medium", "high"]];
    let place = |names: &[&str], rid: &str| names.iter().position(|name| *name == rid);
    let names = NAMES.iter().find(|names| rids.iter().all(|rid| place(names, rid).is_some()));
    match names {
        Some(names) => rids.sort_by_key(|rid| place(names, rid)),
        None => rids.reverse(),
    }
}

/// A restriction in a layer's `a=rid` line (RFC 8851 §5).
fn limit(lines: &[&str], rid: &str, name: &str) -> Option<u32> {
    let line = lines.iter().find_map(|line| {
        let (id, rest) = line.strip_prefix("a=rid:")?.split_once(' ')?;
        (id == rid).then_some(rest)
    })?;
    let restrictions = line.split_once(' ')?.1;
    let values = restrictions.split(';').filter_map(|one| one.trim().split_once('='));
    let value = values.into_iter().find(|(known, _)| *known == name)?.1;
    value.parse().ok().filter(|value| (1..=1 << 16).contains(value))
}

/// Whether our answer rejects a section that was offered, and which: none of its codecs is spoken
/// here (RFC 9725 §4.4.3 has no partial success).
pub(super) fn rejected(answer: &str) -> Option<&'static str> {
    let media =
        answer.lines().filter(|line| line.starts_with("m=audio") || line.starts_with("m=video"));
    let mut rejected = media.filter(|line| {
        let mut words = line.split_whitespace().skip(1);
        let port = words.next();
        port == Some("0") || words.nth(1).is_none()
    });
    rejected.next().map(|line| if line.starts_with("m=audio") { "audio" } else { "video" })
}

fn name(codec: &Codec) -> &'static str {
    match codec {
        Codec::Opus => "Opus",
        Codec::Vp8 => "VP8",
        Codec::Vp9 => "VP9",
        Codec::Av1 => "AV1",
        Codec::H264 => "H.264",
    }
}

/// In which a room takes pictures, for refusals.
pub(super) fn names(codecs: VideoCodecs) -> String {
    codecs.all().map(|codec| name(&codec)).collect::<Vec<_>>().join(", ")
}

/// Codecs that people in a room understand, for refusals.
pub(super) fn spoken(kind: &str) -> String {
    let all = [Codec::Opus, Codec::H264, Codec::Vp8, Codec::Vp9, Codec::Av1];
    let of_kind = |codec: &&Codec| (codec.kind() == MediaKind::Audio) == (kind == "audio");
    all.iter().filter(of_kind).map(name).collect::<Vec<_>>().join(", ")
}

/// Lines of a description, with its line ends.
#[derive(Default)]
struct Text(String);

impl Text {
    fn push(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
pub(super) mod tests;
