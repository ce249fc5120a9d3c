//! Names and addresses of servers elsewhere, as people type them.

/// The longest name (RFC 1035 §2.3.4).
const LONGEST: usize = 253;

/// Without what people copy along: blanks, and the brackets of an IPv6 address.
pub(crate) fn tidied(host: &str) -> String {
    host.trim().trim_matches(['[', ']']).to_lowercase()
}

/// Whether a text can be a name or an address; an empty one can be filled in later.
pub(crate) fn is_good(host: &str) -> bool {
    let good = |sign: char| sign.is_alphanumeric() || ".-_:%".contains(sign);
    host.len() <= LONGEST && host.chars().all(good)
}
