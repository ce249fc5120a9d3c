//! Whether outputs may go where their addresses lead.
//!
//! Who sends them looks names up by itself and connects again and again: what is judged here is where a name leads
//! when the output is handed over. A name that changes its mind later, or that nobody knew in time, gets an RTMP or
//! SRT greeting into the box, which nobody there answers.

use futures_util::future::join_all;
use roombox_control::live::Destination;
use roombox_delivery::{ReachError, may_reach};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Names that nobody knows yet hold up no other output for longer, however many they are.
const PATIENCE: Duration = Duration::from_secs(3);
/// What was refused is judged anew after this: a name may lead elsewhere by then.
const AGAIN: Duration = Duration::from_secs(30);

/// What was refused lately.
#[derive(Default)]
pub struct Ways {
    refused: HashMap<String, Instant>,
}

/// What becomes of an output.
#[derive(Debug, PartialEq, Eq)]
pub enum Judged {
    Goes,
    /// For the reason that was said already.
    Stays,
    Refused(String),
}

impl Ways {
    /// Whether outputs may go where they are to, one answer each. Where nobody knows a name, who sends it will say so.
    pub async fn judge(&mut self, outputs: &[(String, Destination)]) -> Vec<Judged> {
        self.refused.retain(|_, at| at.elapsed() < AGAIN);
        let refused = &self.refused;
        let judging = outputs.iter().map(|(output, to)| async move {
            if refused.contains_key(output) {
                return Judged::Stays;
            }
            let Some((host, port)) = server(to) else { return Judged::Goes };
            match tokio::time::timeout(PATIENCE, may_reach(host, port)).await {
                Ok(Err(error @ ReachError::Itself { .. })) => {
                    tracing::warn!(output, %error, "a live output is not sent");
                    Judged::Refused(error.to_string())
                }
                _ => Judged::Goes,
            }
        });
        let judged = join_all(judging).await;
        for ((output, _), found) in outputs.iter().zip(&judged) {
            if matches!(found, Judged::Refused(_)) {
                self.refused.insert(output.clone(), Instant::now());
            }
        }
        judged
    }
}

/// Name and port of the server; `None` for what stays on the box.
fn server(to: &Destination) -> Option<(&str, u16)> {
    let (Destination::Rtmp { url } | Destination::Srt { url }) = to else { return None };
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    // The port says nothing of how near it is; RTMP has one of its own.
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(1935)),
        _ => (place, 1935),
    };
    Some((host.trim_matches(['[', ']']), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_an_address_is_found_whatever_stands_around_it() {
        let rtmp = |url: &str| Destination::Rtmp { url: url.to_owned() };
        let srt = |url: &str| Destination::Srt { url: url.to_owned() };
        for (to, host, port) in [
            (rtmp("rtmp://live.example/app/key"), "live.example", 1935),
            (rtmp("rtmps://me:pw@live.example:443/app/key?x=@y"), "live.example", 443),
            (rtmp("rtmp://[::1]/app/key"), "::1", 1935),
            (rtmp("rtmp://[::1]:1936/app/key"), "::1", 1936),
            (srt("srt://127.0.0.1:9000?passphrase=a@b:c"), "127.0.0.1", 9000),
            // Kept by a version that let them in.
            (srt("srt://127.0.0.1:4222#@good.example:9000"), "127.0.0.1", 4222),
            (srt("srt://127.0.0.1:4222\\@good.example:9000"), "127.0.0.1", 4222),
        ] {
            assert_eq!(server(&to), Some((host, port)), "{to:?}");
        }
    }

    #[tokio::test]
    async fn what_leads_into_the_box_is_refused_and_says_why() {
        let to = Destination::Rtmp { url: "rtmp://127.0.0.1:1935/app/SECRET".to_owned() };
        let mut ways = Ways::default();
        let far = Destination::Srt { url: "srt://203.0.113.9:9000".to_owned() };
        let outputs = [("out_1".to_owned(), to), ("out_2".to_owned(), far)];
        let judged = ways.judge(&outputs).await;
        let [Judged::Refused(why), Judged::Goes] = &judged[..] else { panic!("{judged:?}") };
        assert!(why.contains("this box itself") && !why.contains("SECRET"), "{why}");
        assert_eq!(ways.judge(&outputs[..1]).await, [Judged::Stays], "said once");
    }
}
