//! What the box says when it is up: for people at a terminal, and for scripts.

use qrcode::QrCode;
use qrcode::render::unicode;
use std::net::Ipv4Addr;

/// Address, QR code and claim code; the first line is for scripts.
pub fn text(addresses: &[Ipv4Addr], port: u16, claim_code: Option<&str>) -> String {
    let address = addresses.first().copied().unwrap_or(Ipv4Addr::LOCALHOST);
    let mut text = format!("roomboxd listens on http://{address}:{port}\n");
    let link = match claim_code {
        Some(code) => format!("http://{address}:{port}/panel/claim#{code}"),
        None => format!("http://{address}:{port}/panel/"),
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
    if address != Ipv4Addr::LOCALHOST {
        // Browsers give cameras to trusted origins only.
        text.push_str(&format!(
            "  Camera  browsers allow it over plain HTTP only from this machine: \
             http://localhost:{port}/panel/\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unclaimed_box_shows_its_code_and_a_claimed_one_none() {
        let fresh = text(&[Ipv4Addr::new(192, 168, 1, 5)], 7880, Some("ABCD-2345"));
        assert!(fresh.starts_with("roomboxd listens on http://192.168.1.5:7880\n"));
        assert!(fresh.contains("/panel/claim#ABCD-2345") && fresh.contains("localhost:7880"));
        let owned = text(&[Ipv4Addr::LOCALHOST], 7880, None);
        assert!(owned.contains("log in") && !owned.contains("claim#"));
    }
}
