//! What the box says when it is up: for people at a terminal, and for scripts.

use qrcode::QrCode;
use qrcode::render::unicode;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Address, QR code, claim code and what to beware of; the first line is for scripts. `http` is
/// where the box listens, `addresses` its own.
pub fn text(addresses: &[IpAddr], http: SocketAddr, claim_code: Option<&str>) -> String {
    let everywhere = http.ip().is_unspecified();
    let ip = match everywhere {
        true => addresses.first().copied().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        false => http.ip(),
    };
    let (address, port) = (SocketAddr::new(ip, http.port()), http.port());
    let mut text = format!("roomboxd listens on http://{address}\n");
    let link = match claim_code {
        Some(code) => format!("http://{address}/panel/claim#{code}"),
        None => format!("http://{address}/panel/"),
    };
    if let Ok(code) = QrCode::new(&link) {
        let picture = code.render::<unicode::Dense1x2>().quiet_zone(true).build();
        text.push_str(&format!("\n{picture}\n"));
    }
    text.push_str(&format!("\n  Open    {link}\n"));
    match claim_code {
        Some(code) => text.push_str(&format!(
            "  Claim   {code}   (this box has no owner yet: the code makes you the owner)\n"
        )),
        None => text.push_str("  The box has an owner: log in with the password.\n"),
    }
    // Browsers give cameras to trusted origins only.
    if everywhere && !ip.is_loopback() {
        text.push_str(&format!(
            "  Camera  browsers allow it over plain HTTP only from this machine: \
             http://localhost:{port}/panel/\n"
        ));
    } else if !ip.is_loopback() {
        text.push_str(
            "  Camera  browsers allow it over plain HTTP only at localhost, where this box does \
             not listen (--http)\n",
        );
    }
    if !http.ip().is_loopback() {
        let from = if everywhere { "all interfaces".to_owned() } else { ip.to_string() };
        text.push_str(&format!(
            "  Beware  --dev: the box listens on {from} without encryption, and everybody knows \
             its key devkey with the secret secret\n          and can join and rule every \
             meeting: only in networks that you trust (--http 127.0.0.1:{port} keeps it on this \
             machine)\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5))];

    #[test]
    fn an_unclaimed_box_shows_its_code_and_a_claimed_one_none() {
        let fresh = text(&LAN, "0.0.0.0:7880".parse().unwrap(), Some("ABCD-2345"));
        assert!(fresh.starts_with("roomboxd listens on http://192.168.1.5:7880\n"));
        assert!(fresh.contains("/panel/claim#ABCD-2345") && fresh.contains("localhost:7880"));
        let owned = text(&LAN, "0.0.0.0:7880".parse().unwrap(), None);
        assert!(owned.contains("log in") && !owned.contains("claim#"));
    }

    #[test]
    fn it_names_the_address_that_it_listens_on_and_warns_of_the_known_key_beyond_this_machine() {
        for (http, shown, camera, beware) in [
            ("0.0.0.0:7880", "192.168.1.5:7880", "http://localhost:7880", "all interfaces"),
            ("[::]:7880", "192.168.1.5:7880", "http://localhost:7880", "all interfaces"),
            ("10.0.0.9:80", "10.0.0.9:80", "does not listen", "listens on 10.0.0.9"),
            ("127.0.0.1:7880", "127.0.0.1:7880", "", ""),
            ("[::1]:7880", "[::1]:7880", "", ""),
        ] {
            let text = text(&LAN, http.parse().unwrap(), None);
            assert!(text.starts_with(&format!("roomboxd listens on http://{shown}\n")), "{text}");
            assert!(text.contains(&format!("Open    http://{shown}/panel/")), "{text}");
            for (line, what) in [("Camera", camera), ("Beware", beware)] {
                assert_eq!(text.contains(line), !what.is_empty(), "{http}: {line}");
                assert!(text.contains(what), "{text}");
            }
        }
    }
}
