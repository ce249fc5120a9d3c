//! Addresses that outputs go to. Their last words are the keys of other people's channels: they are
//! kept, and never shown.

use crate::error::ControlError;
use roombox_jobs::live::Destination;

/// Nobody's address is longer.
const LONGEST: usize = 2000;
/// A passphrase of SRT has so many letters.
const PASSPHRASE: std::ops::RangeInclusive<usize> = 10..=79;

fn wrong(why: &'static str) -> ControlError {
    ControlError::InvalidOutput { field: "url", why }
}

/// An address in its pieces.
struct Address<'a> {
    scheme: &'a str,
    /// With user and password, if there are any.
    host: &'a str,
    path: &'a str,
    query: &'a str,
}

fn pieces(url: &str) -> Option<Address<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, path) = before.split_once('/').unwrap_or((before, ""));
    Some(Address { scheme, host, path, query })
}

/// Where an address leads, if the box may send there.
///
/// # Errors
/// It is none, or lacks something.
pub(super) fn destination(url: &str) -> Result<Destination, ControlError> {
    let url = url.trim();
    let printable = url.chars().all(|c| c.is_ascii_graphic());
    if url.is_empty() || url.len() > LONGEST || !printable {
        return Err(wrong("is an address without spaces, of 2000 letters at most"));
    }
    // Where these end the server's name, programs do not agree.
    if url.contains(['#', '\\']) {
        return Err(wrong("has a # or a \\ in it: write %23 or %5C"));
    }
    let Some(address) = pieces(url) else { return Err(wrong(SCHEMES)) };
    let name = address.host.rsplit('@').next().unwrap_or_default();
    if name.is_empty() || name.starts_with(':') {
        return Err(wrong("has no server in it"));
    }
    match address.scheme.to_ascii_lowercase().as_str() {
        "rtmp" | "rtmps" => {
            let (app, key) = address.path.split_once('/').unwrap_or((address.path, ""));
            if app.is_empty() || key.trim_matches('/').is_empty() {
                return Err(wrong("needs application and stream key: rtmp://server/app/KEY"));
            }
            Ok(Destination::Rtmp { url: url.to_owned() })
        }
        "srt" => {
            if name.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
                return Err(wrong("needs the server's port: srt://server:9000"));
            }
            for (key, value) in address.query.split('&').filter_map(|pair| pair.split_once('=')) {
                match key {
                    "mode" if value != "caller" => {
                        return Err(wrong("says another mode: the box calls (mode=caller)"));
                    }
                    "passphrase" if !PASSPHRASE.contains(&value.len()) => {
                        return Err(wrong(
                            "has a passphrase of less than 10 or more than 79 letters",
                        ));
                    }
                    _ => {}
                }
            }
            Ok(Destination::Srt { url: url.to_owned() })
        }
        _ => Err(wrong(SCHEMES)),
    }
}

const SCHEMES: &str = "begins with rtmp://, rtmps:// or srt://";

/// What may be shown of an address.
pub fn shown(url: &str) -> String {
    let Some(Address { scheme, host, path, query }) = pieces(url) else { return String::new() };
    let name = host.rsplit('@').next().unwrap_or_default();
    let app = path.split('/').next().unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "srt" if query.is_empty() => format!("srt://{name}"),
        "srt" => format!("srt://{name}?•••"),
        scheme => format!("{scheme}://{name}/{app}/•••"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(url: &str) -> &'static str {
        match destination(url) {
            Err(ControlError::InvalidOutput { why, .. }) => why,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn only_what_the_box_can_send_to_is_an_address() {
        let rtmp = |url: &str| matches!(destination(url), Ok(Destination::Rtmp { .. }));
        assert!(rtmp("rtmp://live.example/app/key") && rtmp(" RTMPS://a:1935/app/k/e?y=1 "));
        for url in ["srt://a.example:9000", "srt://a:9000?mode=caller&passphrase=0123456789"] {
            assert!(matches!(destination(url), Ok(Destination::Srt { .. })), "{url}");
        }
        for url in ["", "live.example", "http://a/b/c", "file:///etc/passwd", "rtmp:a/b/c"] {
            assert!(destination(url).is_err(), "{url}");
        }
        assert!(why("rtmp:///app/key").contains("server"));
        assert!(why("rtmp://live.example/app").contains("stream key"));
        assert!(why("rtmp://live.example/app/").contains("stream key"));
        assert!(why("srt://a.example").contains("port"));
        assert!(why("srt://a:9000?mode=listener").contains("calls"));
        assert!(why("srt://a:9000?passphrase=short").contains("passphrase"));
        assert!(why("rtmp://a/b c/d").contains("spaces"));
        assert!(why("srt://127.0.0.1:4222#@good.example:9000").contains('#'));
        assert!(why("rtmp://127.0.0.1\\@good.example/app/key").contains("%5C"));
    }

    #[test]
    fn keys_are_not_shown() {
        let seen = shown("rtmp://me:word@live.example/app/very/secret?auth=hidden");
        assert_eq!(seen, "rtmp://live.example/app/•••");
        assert_eq!(shown("srt://a:9000?passphrase=0123456789"), "srt://a:9000?•••");
        assert_eq!(shown("srt://a:9000"), "srt://a:9000");
    }
}
