//! Addresses that a program wants a room sent to.

use super::order::{Wished, cannot, wrong};
use livekit_protocol as pb;

pub(super) const NO_SOCKETS: &str =
    "media over a WebSocket is not implemented: streams are RTMP or SRT";
const NO_STREAM: &str = "a stream output has an address at least: rtmp://, rtmps:// or srt://";
const ONE_PROTOCOL: &str =
    "a stream output's addresses are of its protocol: one output for RTMP, one for SRT";

/// Addresses of stream outputs.
pub(super) fn streams(
    old: Option<&pb::StreamOutput>,
    new: &[pb::StreamOutput],
) -> Wished<Vec<String>> {
    // The JavaScript SDK says the same in both ways.
    let all: Vec<&pb::StreamOutput> = match new {
        [] => old.into_iter().collect(),
        new => new.iter().collect(),
    };
    let mut urls = Vec::new();
    for output in all {
        use pb::StreamProtocol as P;
        let srt = |url: &String| url.trim().get(..3).is_some_and(|s| s.eq_ignore_ascii_case("srt"));
        let fits = match P::try_from(output.protocol) {
            Ok(P::DefaultProtocol) => true,
            Ok(P::Rtmp) => !output.urls.iter().any(srt),
            Ok(P::Srt) => output.urls.iter().all(srt),
            _ => return cannot(NO_SOCKETS),
        };
        if output.urls.is_empty() {
            return wrong(NO_STREAM);
        }
        if !fits {
            return wrong(ONE_PROTOCOL);
        }
        urls.extend(output.urls.iter().map(|url| url.trim().to_owned()));
    }
    Ok(urls)
}
