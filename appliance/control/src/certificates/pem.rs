//! Blocks of PEM (RFC 7468) out of whatever text people paste. Pure.
//!
//! Between the blocks there may be anything: openssl writes what it found there, and mail programs greet.

use super::error::CertificateError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One block.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// `CERTIFICATE`, `PRIVATE KEY`…
    pub label: String,
    pub der: Vec<u8>,
    /// It says of itself that a password is needed (RFC 1421 §4.6.1.1, as old keys have it).
    pub encrypted: bool,
}

/// All blocks, in their order.
///
/// # Errors
/// One has no end, or is not base64.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, CertificateError> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES))
        else {
            continue;
        };
        let end = format!("{END}{label}{DASHES}");
        let (mut body, mut encrypted, mut ended) =
            (String::new(), label.contains("ENCRYPTED"), false);
        for line in lines.by_ref() {
            match line {
                _ if line == end => {
                    ended = true;
                    break;
                }
                _ if line.starts_with(BEGIN) => break,
                // Headers of old keys.
                _ if line.contains(':') => encrypted |= line.contains("ENCRYPTED"),
                _ => body.push_str(line),
            }
        }
        // What is encrypted need not be read, to be refused with words that help.
        let der = match (ended, encrypted) {
            (false, _) => return Err(CertificateError::Torn),
            (true, true) => Vec::new(),
            (true, false) => STANDARD.decode(&body).map_err(|_| CertificateError::Torn)?,
        };
        blocks.push(Block { label: label.to_owned(), der, encrypted });
    }
    Ok(blocks)
}

/// A block as text, in lines of 64 characters.
pub(super) fn text(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("{BEGIN}{label}{DASHES}\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, others) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = others;
    }
    text.push_str(&format!("{END}{label}{DASHES}\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blocks_are_found_among_other_text_and_torn_ones_are_said() {
        let der = (0..100).collect::<Vec<u8>>();
        let block = text("CERTIFICATE", &der);
        let pasted = format!("Bag Attributes\n    name: x\n{block}\r\n> regards\n{block}");
        let found = blocks(&pasted).map_err(|error| error.to_string()).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|one| one.label == "CERTIFICATE" && one.der == der));
        for torn in [
            block.trim_end().trim_end_matches("-----END CERTIFICATE-----"),
            &format!("-----BEGIN X-----\n{block}"),
            "-----BEGIN X-----\nnot*base64\n-----END X-----",
        ] {
            assert!(matches!(blocks(torn), Err(CertificateError::Torn)), "{torn}");
        }
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n\
                   -----END RSA PRIVATE KEY-----";
        assert!(blocks(old).is_ok_and(|found| found[0].encrypted));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_breaks_the_reader(der: Vec<u8>, noise: String) {
            let found = blocks(&text("X", &der));
            prop_assert!(found.is_ok_and(|found| found.len() == 1 && found[0].der == der));
            drop(blocks(&noise));
            drop(blocks(&format!("-----BEGIN {noise}-----\n{noise}")));
        }
    }
}
