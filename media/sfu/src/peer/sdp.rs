//! What we read from a client's SDP text and what we change in our own.
//!
//! str0m negotiates; three things it has no interface for are done on the text: the `msid` of a
//! section that the client opened for us, turning unused sections off, and the order of payload
//! types (clients send with the first one).

use crate::track::{Codec, MediaKind, VideoCodecs};

/// One media section of an offer, as far as we look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferedSection {
    pub mid: String,
    pub kind: MediaKind,
    /// The client sends on it (`sendonly` or `sendrecv`).
    pub sends: bool,
    /// The client wants to receive on it.
    pub receives: bool,
    /// Track id of the `a=msid` line: LiveKit's "cid".
    pub msid_track: Option<String>,
}

/// What an answer says about one section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SectionAnswer {
    /// We send this stream and track id on it.
    Sends { stream: String, track: String },
    /// Nothing flows on it now.
    Unused,
    /// The client sends on it; its preferred codec goes first, when it named one, and others than `codecs` are
    /// left out. `no_red` takes RED (RFC 2198) out: clients use it whenever it is there.
    Receives { first: Option<Codec>, codecs: VideoCodecs, no_red: bool },
}

fn sections(sdp: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let mut head = Vec::new();
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in sdp.lines().filter(|line| !line.is_empty()) {
        if line.starts_with("m=") {
            sections.push(vec![line]);
        } else if let Some(last) = sections.last_mut() {
            last.push(line);
        } else {
            head.push(line);
        }
    }
    (head, sections)
}

fn attribute<'a>(section: &[&'a str], name: &str) -> Option<&'a str> {
    section.iter().find_map(|line| line.strip_prefix(name))
}

/// Reads the audio and video sections of an offer. Sections that were stopped (port 0 outside a
/// bundle) or have no mid are left out.
pub(crate) fn offered_sections(sdp: &str) -> Vec<OfferedSection> {
    let (_, sections) = sections(sdp);
    let mut found = Vec::new();
    for section in &sections {
        let kind = match section[0].split(' ').next() {
            Some("m=audio") => MediaKind::Audio,
            Some("m=video") => MediaKind::Video,
            _ => continue,
        };
        let Some(mid) = attribute(section, "a=mid:") else {
            continue;
        };
        let has = |direction: &str| section.contains(&direction);
        found.push(OfferedSection {
            mid: mid.trim().to_owned(),
            kind,
            sends: has("a=sendonly") || has("a=sendrecv"),
            receives: has("a=recvonly") || has("a=sendrecv"),
            msid_track: attribute(section, "a=msid:")
                .and_then(|value| value.split_whitespace().nth(1))
                .map(str::to_owned),
        });
    }
    found
}

/// How `a=rtpmap` names a codec.
fn map_name(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "opus/",
        Codec::Vp8 => "VP8/",
        Codec::Vp9 => "VP9/",
        Codec::Av1 => "AV1/",
        Codec::H264 => "H264/",
    }
}

/// Payload types of a section whose `a=rtpmap` begins with `name`, in the section's order.
fn payload_types(section: &[&str], name: &str) -> Vec<String> {
    section
        .iter()
        .filter_map(|line| line.strip_prefix("a=rtpmap:"))
        .filter_map(|rest| rest.split_once(' '))
        .filter(|(_, map)| map.get(..name.len()).is_some_and(|m| m.eq_ignore_ascii_case(name)))
        .map(|(pt, _)| pt.to_owned())
        .collect()
}

/// Payload types for what is sent again (RFC 4588) of these.
fn resent(section: &[&str], of: &[String]) -> Vec<String> {
    let apt = |line: &str| {
        let (pt, parameters) = line.strip_prefix("a=fmtp:")?.split_once(' ')?;
        let apt = parameters.split(';').find_map(|p| p.trim().strip_prefix("apt="))?;
        of.iter().any(|known| known == apt).then(|| pt.to_owned())
    };
    section.iter().filter_map(|line| apt(line)).collect()
}

/// Codecs of pictures that a description names for a section.
pub(crate) fn described_codecs(sdp: &str, mid: &str) -> Vec<Codec> {
    let (_, sections) = sections(sdp);
    let mut named = sections.iter();
    let section = named.find(|section| attribute(section, "a=mid:").map(str::trim) == Some(mid));
    let Some(section) = section else { return Vec::new() };
    let named = |codec: &Codec| !payload_types(section, map_name(*codec)).is_empty();
    VideoCodecs::ALL.into_iter().filter(named).collect()
}

/// Moves the payload types in `first` to the front of an `m=` line.
fn reordered(m_line: &str, first: &[String]) -> String {
    let parts: Vec<&str> = m_line.split(' ').collect();
    let Some((head, types)) = parts.split_at_checked(3) else {
        return m_line.to_owned();
    };
    let is_first = |pt: &&&str| first.iter().any(|f| f == **pt);
    let front = types.iter().filter(is_first);
    let back = types.iter().filter(|pt| !is_first(pt));
    head.iter().chain(front).chain(back).copied().collect::<Vec<_>>().join(" ")
}

/// True for an attribute of one of these payload types.
fn describes(line: &str, types: &[String]) -> bool {
    let attributes = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"];
    attributes
        .iter()
        .find_map(|name| line.strip_prefix(name))
        .and_then(|rest| rest.split(' ').next())
        .is_some_and(|pt| types.iter().any(|t| t == pt))
}

/// An `m=` line without the payload types in `gone`.
fn without(m_line: &str, gone: &[String]) -> String {
    let kept = |(n, part): &(usize, &str)| *n < 3 || !gone.iter().any(|g| g == part);
    m_line.split(' ').enumerate().filter(kept).map(|(_, p)| p).collect::<Vec<_>>().join(" ")
}

/// Rewrites our answer: `decide` is asked once for each audio or video section.
pub(crate) fn rewrite_answer(
    sdp: &str,
    mut decide: impl FnMut(&str) -> Option<SectionAnswer>,
) -> String {
    let (head, sections) = sections(sdp);
    let mut out = String::with_capacity(sdp.len() + 512);
    let mut push = |line: &str| {
        out.push_str(line);
        out.push_str("\r\n");
    };
    head.iter().for_each(|line| push(line));
    for section in &sections {
        let decision = attribute(section, "a=mid:").and_then(|mid| decide(mid.trim()));
        let Some(decision) = decision else {
            section.iter().for_each(|line| push(line));
            continue;
        };
        match decision {
            SectionAnswer::Unused => {
                for line in section {
                    match *line {
                        "a=sendonly" | "a=sendrecv" | "a=recvonly" => push("a=inactive"),
                        line if line.starts_with("a=msid:") || line.starts_with("a=ssrc") => {}
                        line => push(line),
                    }
                }
            }
            SectionAnswer::Sends { stream, track } => {
                let mut named = false;
                for line in section {
                    if line.starts_with("a=msid:") {
                        continue;
                    }
                    if let Some(rest) = line.strip_prefix("a=ssrc:")
                        && let Some((ssrc, value)) = rest.split_once(' ')
                    {
                        if !value.starts_with("msid:") {
                            push(line);
                        } else {
                            push(&format!("a=ssrc:{ssrc} msid:{stream} {track}"));
                        }
                        continue;
                    }
                    push(line);
                    if line.starts_with("a=mid:") && !named {
                        push(&format!("a=msid:{stream} {track}"));
                        named = true;
                    }
                }
            }
            SectionAnswer::Receives { first, codecs, no_red } => {
                let first = first.filter(|codec| *codec != Codec::Opus);
                let mut gone = if no_red { payload_types(section, "red/") } else { Vec::new() };
                let others = VideoCodecs::ALL.into_iter().filter(|codec| !codecs.allow(*codec));
                let others: Vec<_> =
                    others.flat_map(|codec| payload_types(section, map_name(codec))).collect();
                gone.extend(resent(section, &others));
                gone.extend(others);
                // From the last to the first, each to the front.
                let mut order: Vec<_> = codecs.named().collect();
                order.reverse();
                let m_line =
                    order.into_iter().chain(first).fold(section[0].to_owned(), |line, codec| {
                        reordered(&line, &payload_types(section, map_name(codec)))
                    });
                push(&without(&m_line, &gone));
                section[1..].iter().filter(|line| !describes(line, &gone)).for_each(|l| push(l));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\na=group:BUNDLE 0 1 2\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:0\r\na=sendonly\r\na=msid:x y\r\n\
        a=rtpmap:111 opus/48000/2\r\na=ssrc:7 cname:c\r\na=ssrc:7 msid:x y\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103\r\na=mid:1\r\na=recvonly\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:102 H264/90000\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n";

    fn receives(first: Option<Codec>, codecs: VideoCodecs, no_red: bool) -> SectionAnswer {
        SectionAnswer::Receives { first, codecs, no_red }
    }

    #[test]
    fn codecs_that_a_room_does_not_take_are_left_out_with_what_resends_them() {
        let answer = ANSWER.replace(
            "a=rtpmap:102 H264/90000",
            "a=fmtp:97 apt=96\r\na=rtcp-fb:96 nack\r\na=rtpmap:102 h264/90000\r\n\
             a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102",
        );
        assert_eq!(described_codecs(&answer, "1"), [Codec::Vp8, Codec::H264]);
        assert!(described_codecs(&answer, "0").is_empty() && described_codecs("", "1").is_empty());
        let answered = |codecs: &[Codec]| {
            let codecs = VideoCodecs::only(codecs.iter().copied());
            rewrite_answer(&answer, |mid| (mid == "1").then_some(receives(None, codecs, false)))
        };
        let out = answered(&[Codec::H264]);
        assert!(out.contains("m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\n"), "{out}");
        assert!(!out.contains(":96 ") && !out.contains(":97 "), "{out}");
        assert!(out.contains("a=rtpmap:102") && out.contains("a=fmtp:103 apt=102"), "{out}");
        let out = answered(&[Codec::H264, Codec::Vp8]);
        assert!(out.contains("m=video 9 UDP/TLS/RTP/SAVPF 102 96 97 103\r\n"), "{out}");
        assert!(answered(&[]).contains("m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103\r\n"));
    }

    #[test]
    fn a_used_section_names_participant_and_track() {
        let out = rewrite_answer(ANSWER, |mid| {
            (mid == "0")
                .then(|| SectionAnswer::Sends { stream: "PA_1|TR_1".into(), track: "TR_1".into() })
        });
        assert!(out.contains("a=msid:PA_1|TR_1 TR_1\r\n"));
        assert!(out.contains("a=ssrc:7 msid:PA_1|TR_1 TR_1\r\n"));
        assert!(!out.contains("x y"));
    }

    #[test]
    fn an_unused_section_is_inactive_and_nameless() {
        let out = rewrite_answer(ANSWER, |mid| (mid == "0").then_some(SectionAnswer::Unused));
        let audio = out.split("m=video").next().unwrap();
        assert!(audio.contains("a=inactive"));
        assert!(!audio.contains("msid") && !audio.contains("ssrc"));
    }

    #[test]
    fn the_wanted_codec_goes_first() {
        let out = rewrite_answer(ANSWER, |mid| {
            (mid == "1").then_some(receives(Some(Codec::H264), VideoCodecs::default(), false))
        });
        assert!(out.contains("m=video 9 UDP/TLS/RTP/SAVPF 102 96 97 103\r\n"));
    }

    #[test]
    fn red_can_be_taken_out() {
        let answer = ANSWER.replace(
            "a=rtpmap:111 opus/48000/2",
            "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:111 opus/48000/2",
        );
        let out = rewrite_answer(&answer, |mid| {
            (mid == "0").then_some(receives(None, VideoCodecs::default(), true))
        });
        assert!(out.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"));
        assert!(!out.contains(":63 ") && out.contains("a=rtpmap:111"));
    }

    #[test]
    fn offers_are_read_by_direction_and_msid() {
        let offer = ANSWER
            .replace("a=sendonly", "a=recvonly")
            .replace("a=mid:1\r\na=recvonly", "a=mid:1\r\na=sendonly\r\na=msid:stream the-cid");
        let found = offered_sections(&offer);
        assert_eq!(found.len(), 2);
        assert!(found[0].receives && !found[0].sends);
        assert!(found[1].sends);
        assert_eq!(found[1].msid_track.as_deref(), Some("the-cid"));
    }

    #[test]
    fn garbage_has_no_sections_and_does_no_harm() {
        for text in ["", "m=", "m=audio", "\0\0", "m=video 9\r\na=msid:", "a=mid:0\r\nm=audio x"] {
            offered_sections(text);
            rewrite_answer(text, |_| Some(SectionAnswer::Unused));
            let codecs = VideoCodecs::only([Codec::Av1]);
            rewrite_answer(text, |_| Some(receives(Some(Codec::Vp8), codecs, true)));
            described_codecs(text, "0");
        }
    }
}
