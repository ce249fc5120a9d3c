//! Whether outputs may go where their addresses lead.
//!
//! Who sends them looks names up by itself and connects again and again: what is judged here is where a name leads
//! when the output is handed over. A name that changes its mind later gets an RTMP or SRT greeting into the box,
//! which nobody there answers.

use roombox_control::live::Destination;
use roombox_delivery::{ReachError, may_reach};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A name that nobody knows yet holds up no other output for longer.
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
    /// Whether an output may go where it is to. Where nobody knows a name, who sends it will say so.
    pub async fn judge(&mut self, output: &str, to: &Destination) -> Judged {
        let Some((host, port)) = server(to) else { return Judged::Goes };
        self.refused.retain(|_, at| at.elapsed() < AGAIN);
        if self.refused.contains_key(output) {
            return Judged::Stays;
        }
        let judged = tokio::time::timeout(PATIENCE, may_reach(host, port)).await;
        let Ok(Err(error @ ReachError::TooNear { .. })) = judged else { return Judged::Goes };
        tracing::warn!(output, %error, "a live output is not sent");
        self.refused.insert(output.to_owned(), Instant::now());
        Judged::Refused(error.to_string())
    }
}

/// Name and port of the server; `None` for what stays on the box.
fn server(to: &Destination) -> Option<(&str, u16)> {
    let (Destination::Rtmp { url } | Destination::Srt { url }) = to else { return None };
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
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
        ] {
            assert_eq!(server(&to), Some((host, port)), "{to:?}");
        }
    }

    #[tokio::test]
    async fn what_leads_into_the_box_is_refused_and_says_why() {
        let to = Destination::Rtmp { url: "rtmp://127.0.0.1:1935/app/SECRET".to_owned() };
        let mut ways = Ways::default();
        let judged = ways.judge("out_1", &to).await;
        let Judged::Refused(why) = judged else { panic!("{judged:?}") };
        assert!(why.contains("this box itself") && !why.contains("SECRET"), "{why}");
        assert_eq!(ways.judge("out_1", &to).await, Judged::Stays, "said once");
        let far = Destination::Srt { url: "srt://192.0.2.1:9000".to_owned() };
        assert_eq!(ways.judge("out_2", &far).await, Judged::Goes);
    }
}
