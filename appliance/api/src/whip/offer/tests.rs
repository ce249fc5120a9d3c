//! Offers of real programs (`offers/`: aiortc's and GStreamer's were recorded, OBS's was written by hand to
//! the form that it is known for), and what strangers may send.

use super::*;

pub(in super::super) const AIORTC: &str = include_str!("../offers/aiortc-publish.sdp");
pub(in super::super) const AIORTC_PLAYER: &str = include_str!("../offers/aiortc-watch.sdp");
const GSTREAMER: &str = include_str!("../offers/gstreamer-publish.sdp");
const GSTREAMER_PLAYER: &str = include_str!("../offers/gstreamer-watch.sdp");
const OBS: &str = include_str!("../offers/obs-simulcast.sdp");

fn publish(sdp: &str) -> Result<Offer, OfferError> {
    Offer::read(sdp, WhipScope::Publish)
}

fn directions(sdp: &str) -> Vec<&str> {
    sdp.lines().filter(|line| DIRECTIONS.contains(line)).collect()
}

#[test]
fn what_could_go_both_ways_goes_one() {
    assert_eq!(directions(AIORTC), ["a=sendrecv", "a=sendrecv"]);
    let offer = publish(AIORTC).unwrap();
    assert_eq!(directions(&offer.sdp), ["a=sendonly", "a=sendonly"]);
    let kinds: Vec<_> = offer.sections.iter().map(|s| (s.mid.as_str(), s.kind)).collect();
    assert_eq!(kinds, [("0", MediaKind::Audio), ("1", MediaKind::Video)]);
    let named = offer.sections[1].msid_track.as_deref();
    assert_eq!(named, Some("3f0ea062-2a42-4e7b-b8e7-1acbcc5fbce1"));
    assert_eq!((&*offer.ice.ufrag, &*offer.ice.password), ("fUcS", "jxONrJTCh0ExImJjStU5TI"));
    // JSEP: no direction at all means both.
    let silent = AIORTC.replace("a=sendrecv\r\n", "");
    assert_eq!(publish(&silent).unwrap().sdp.lines().count(), offer.sdp.lines().count());
    let watch = Offer::read(AIORTC_PLAYER, WhipScope::Watch).unwrap();
    assert_eq!(directions(&watch.sdp), ["a=recvonly", "a=recvonly"]);
    assert_eq!(watch.count(MediaKind::Video), 1);
}

#[test]
fn gstreamer_names_no_tracks_and_bundles_its_picture_away() {
    let offer = publish(GSTREAMER).unwrap();
    let sections: Vec<_> =
        offer.sections.iter().map(|s| (s.mid.as_str(), s.kind, s.msid_track.clone())).collect();
    let wanted = [("audio0", MediaKind::Audio, None), ("video1", MediaKind::Video, None)];
    assert_eq!(sections, wanted);
    assert_eq!(directions(&offer.sdp), ["a=sendonly", "a=sendonly"]);
    assert_eq!(Offer::read(GSTREAMER_PLAYER, WhipScope::Watch).unwrap().sections.len(), 2);
}

#[test]
fn layers_ascend_whatever_they_are_called() {
    let offer = publish(OBS).unwrap();
    let layers = |offer: &Offer| -> Vec<(String, u32, u32)> {
        let video = offer.sections.iter().find(|s| s.kind == MediaKind::Video).unwrap();
        video.layers.iter().map(|l| (l.rid.clone(), l.width, l.height)).collect()
    };
    let named = |rid: &str, width, height| (rid.to_owned(), width, height);
    assert_eq!(
        layers(&offer),
        [named("2", 320, 180), named("1", 640, 360), named("0", 1280, 720)],
        "OBS has its best one first, as the RFC does"
    );
    let browser = OBS.replace("send 0;1;2", "send q;~h;f,g");
    let rids = |sdp: &str| -> Vec<String> {
        layers(&publish(sdp).unwrap()).into_iter().map(|(rid, ..)| rid).collect()
    };
    assert_eq!(rids(&browser), ["q", "h", "f"]);
    assert_eq!(rids(&OBS.replace("send 0;1;2", "recv a;b send high;low")), ["low", "high"]);
    assert_eq!(rids(&OBS.replace("send 0;1;2", "recv a;b")), [""; 0]);
    let sized = OBS.replace("a=rid:0 send", "a=rid:0 send pt=96;max-width=1920;max-height=1080");
    assert_eq!(layers(&publish(&sized).unwrap())[2], named("0", 1920, 1080));
    let many = OBS.replace("send 0;1;2", &format!("send {}", vec!["x"; 500].join(";")));
    assert_eq!(rids(&many).len(), MOST_LAYERS);
}

#[test]
fn a_new_ice_session_is_the_same_offer_otherwise() {
    let offer = publish(AIORTC).unwrap();
    let ice = IceCredentials { ufrag: "new1".to_owned(), password: "x".repeat(22) };
    let again = offer.with_credentials(ice.clone());
    assert_eq!(again.sdp.matches("a=ice-ufrag:new1\r\n").count(), 2);
    assert!(!again.sdp.contains("fUcS") && !again.sdp.contains("a=candidate:"));
    assert_eq!((&again.sections, &again.ice), (&offer.sections, &ice));
    assert_eq!(Offer::read(&again.sdp, WhipScope::Publish), Ok(again));
}

#[test]
fn what_is_wrong_with_an_offer_is_said() {
    let without = |line: &str| -> String {
        AIORTC.lines().filter(|l| !l.starts_with(line)).map(|l| format!("{l}\r\n")).collect()
    };
    let sections = AIORTC.split("m=video").next().unwrap().to_owned();
    let many = (0..40).fold(sections, |sdp, n| format!("{sdp}m=audio 9 x 0\r\na=mid:s{n}\r\n"));
    for (sdp, error) in [
        ("", OfferError::NotSdp),
        ("{\"type\":\"offer\"}", OfferError::NotSdp),
        ("v=0\r\n", OfferError::NoMedia),
        ("v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", OfferError::NoMedia),
        (&without("a=mid:"), OfferError::NoMid),
        (&AIORTC.replace("a=mid:1", "a=mid:0"), OfferError::SameMid),
        (&many, OfferError::TooManySections),
        (&AIORTC.replacen("sendrecv", "recvonly", 1), OfferError::Receives),
        (&AIORTC.replacen("sendrecv", "inactive", 1), OfferError::Receives),
        (&without("a=ice-pwd:"), OfferError::NoCredentials),
        (&without("a=fingerprint:"), OfferError::NoFingerprint),
    ] {
        assert_eq!(publish(sdp), Err(error), "{sdp}");
    }
    let sends = Offer::read(&AIORTC.replace("sendrecv", "sendonly"), WhipScope::Watch);
    assert_eq!(sends, Err(OfferError::Sends));
}

#[test]
fn a_section_that_the_answer_rejects_is_noticed() {
    let answer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
    assert_eq!(rejected(answer), None);
    assert_eq!(rejected(&answer.replace("m=video 9", "m=video 0")), Some("video"));
    assert_eq!(rejected(&answer.replace("SAVPF 111", "SAVPF")), Some("audio"));
    assert_eq!((&*spoken("audio"), &*spoken("video")), ("Opus", "H.264, VP8, VP9, AV1"));
}
