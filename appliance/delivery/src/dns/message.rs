//! Messages that change a zone (RFC 2136), signed with a key that both sides have (TSIG, RFC 8945). Pure.
//!
//! As much of the protocol as one TXT record needs: what a server answers is read with every length checked.

use aws_lc_rs::hmac;

/// Types and classes of records (RFC 1035 §3.2, RFC 2136 §1.3, RFC 8945 §4.2).
const SOA: u16 = 6;
const TXT: u16 = 16;
const TSIG: u16 = 250;
const IN: u16 = 1;
const NONE: u16 = 254;
const ANY: u16 = 255;
/// UPDATE (RFC 2136 §1.3), in its place in the flags.
const UPDATE: u16 = 5 << 11;
const ANSWER: u16 = 1 << 15;
/// Proofs are looked at once.
const TTL_S: u32 = 60;
/// Seconds by which clocks may differ (RFC 8945 §10).
const FUDGE_S: u16 = 300;

/// What signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TsigAlgorithm {
    HmacSha256,
    HmacSha384,
    HmacSha512,
}

impl TsigAlgorithm {
    fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    fn key(self, secret: &[u8]) -> hmac::Key {
        let algorithm = match self {
            Self::HmacSha256 => hmac::HMAC_SHA256,
            Self::HmacSha384 => hmac::HMAC_SHA384,
            Self::HmacSha512 => hmac::HMAC_SHA512,
        };
        hmac::Key::new(algorithm, secret)
    }
}

/// A key that the server has too.
#[derive(Clone)]
pub struct TsigKey {
    pub name: String,
    pub algorithm: TsigAlgorithm,
    pub secret: Vec<u8>,
}

/// One TXT record that comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsChange<'a> {
    Add { name: &'a str, text: &'a str },
    Remove { name: &'a str, text: &'a str },
}

/// Why an answer is none, or says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("{0:?} is no name of DNS")]
    Name(&'static str),
    #[error("the server does not answer as DNS does")]
    Answer,
    #[error("the answer is not signed with this key: somebody else may have sent it")]
    Unsigned,
    #[error("the server does not know this key, or not for this zone: compare name and algorithm")]
    Key,
    #[error("the server has another secret for this key")]
    Signature,
    #[error("the clocks of the box and of the server differ by more than five minutes")]
    Clock,
    #[error("the server has no such zone: name it as the server does")]
    Zone,
    #[error("the server does not let this key change this name: look at its update policy")]
    Refused,
    #[error("the server says no (RCODE {0})")]
    Code(u8),
}

/// A request, and what its answer must be signed over.
pub struct Asked {
    pub message: Vec<u8>,
    mac: Vec<u8>,
    id: u16,
}

/// Asks for one change.
///
/// # Errors
/// A name is none.
pub fn ask(
    id: u16,
    zone: &str,
    change: DnsChange<'_>,
    key: &TsigKey,
    now_s: u64,
) -> Result<Asked, MessageError> {
    let mut message = Vec::new();
    for number in [id, UPDATE, 1, 0, 1, 0] {
        message.extend(number.to_be_bytes());
    }
    message.extend(name(zone).ok_or(MessageError::Name("zone"))?);
    for number in [SOA, IN] {
        message.extend(number.to_be_bytes());
    }
    let (of, text, class, ttl) = match change {
        DnsChange::Add { name, text } => (name, text, IN, TTL_S),
        // Exactly this one of them (RFC 2136 §2.5.4).
        DnsChange::Remove { name, text } => (name, text, NONE, 0),
    };
    message.extend(name(of).ok_or(MessageError::Name("name"))?);
    message.extend(TXT.to_be_bytes());
    message.extend(class.to_be_bytes());
    message.extend(ttl.to_be_bytes());
    let length = u8::try_from(text.len()).map_err(|_| MessageError::Name("text"))?;
    message.extend((u16::from(length) + 1).to_be_bytes());
    message.push(length);
    message.extend(text.as_bytes());
    let variables = Variables { now_s, fudge_s: FUDGE_S, error: 0, other: &[] };
    let key_name = name(&key.name).ok_or(MessageError::Name("key"))?;
    let mac = hmac::sign(&key.algorithm.key(&key.secret), &signed(&[], &message, key, &variables)?);
    let mac = mac.as_ref().to_vec();
    message[10..12].copy_from_slice(&1_u16.to_be_bytes());
    message.extend(key_name);
    message.extend(TSIG.to_be_bytes());
    message.extend(ANY.to_be_bytes());
    message.extend(0_u32.to_be_bytes());
    let mut data = name(key.algorithm.name()).ok_or(MessageError::Name("key"))?;
    data.extend(&now_s.to_be_bytes()[2..]);
    data.extend(FUDGE_S.to_be_bytes());
    data.extend((mac.len() as u16).to_be_bytes());
    data.extend(&mac);
    for number in [id, 0, 0] {
        data.extend(number.to_be_bytes());
    }
    message.extend((data.len() as u16).to_be_bytes());
    message.extend(data);
    Ok(Asked { message, mac, id })
}

impl Asked {
    /// What the server answered.
    ///
    /// # Errors
    /// It says no, or it is no answer of a server that has the key.
    pub fn answered(&self, answer: &[u8], key: &TsigKey, now_s: u64) -> Result<(), MessageError> {
        let mut reader = Reader { bytes: answer, at: 0 };
        let head: Vec<u16> = (0..6).map_while(|_| reader.number()).collect();
        let &[id, flags, questions, first, second, third] = &head[..] else {
            return Err(MessageError::Answer);
        };
        if id != self.id || flags & (ANSWER | (15 << 11)) != ANSWER | UPDATE {
            return Err(MessageError::Answer);
        }
        let code = (flags & 15) as u8;
        for _ in 0..questions {
            reader.skip_name().and_then(|()| reader.skip(4)).ok_or(MessageError::Answer)?;
        }
        let records = u32::from(first) + u32::from(second) + u32::from(third);
        let mut tsig = None;
        for _ in 0..records {
            let at = reader.at;
            let record = reader.record().ok_or(MessageError::Answer)?;
            if tsig.is_some() {
                return Err(MessageError::Answer);
            }
            if record.kind == TSIG {
                tsig = Some((at, record.data));
            }
        }
        let signed_by_key =
            tsig.map(|(at, data)| self.checked(answer, at, third, data, key, now_s));
        match (code, signed_by_key) {
            // Errors about the key itself are not signed with it (RFC 8945 §5.2).
            (9, Some(Err(error))) if error != MessageError::Unsigned => Err(error),
            (0, Some(Ok(()))) => Ok(()),
            (0, Some(Err(error))) => Err(error),
            (0, None) => Err(MessageError::Unsigned),
            (5, _) => Err(MessageError::Refused),
            (9 | 10, _) => Err(MessageError::Zone),
            (code, _) => Err(MessageError::Code(code)),
        }
    }

    /// Whether the signature of an answer is the key's.
    fn checked(
        &self,
        answer: &[u8],
        at: usize,
        additional: u16,
        data: &[u8],
        key: &TsigKey,
        now_s: u64,
    ) -> Result<(), MessageError> {
        let mut reader = Reader { bytes: data, at: 0 };
        let tsig = reader.tsig().ok_or(MessageError::Answer)?;
        match tsig.error {
            16 => return Err(MessageError::Signature),
            17 => return Err(MessageError::Key),
            18 => return Err(MessageError::Clock),
            _ => {}
        }
        let mut message = answer[..at].to_vec();
        message[..2].copy_from_slice(&tsig.id.to_be_bytes());
        let others = additional.checked_sub(1).ok_or(MessageError::Answer)?;
        message[10..12].copy_from_slice(&others.to_be_bytes());
        let Tsig { now_s: at_s, fudge_s, error, other, .. } = tsig;
        let variables = Variables { now_s: at_s, fudge_s, error, other };
        let mut before = (self.mac.len() as u16).to_be_bytes().to_vec();
        before.extend(&self.mac);
        let signed = signed(&before, &message, key, &variables)?;
        let good = hmac::verify(&key.algorithm.key(&key.secret), &signed, tsig.mac).is_ok();
        match good {
            true if at_s.abs_diff(now_s) <= u64::from(fudge_s) => Ok(()),
            true => Err(MessageError::Clock),
            false => Err(MessageError::Unsigned),
        }
    }
}

/// Entry for the fuzzer: any bytes as the answer to a change. Nobody who lacks the key says yes.
pub fn fuzz_dns_answer(bytes: &[u8]) {
    let id = bytes.first_chunk().map_or(0, |head| u16::from_be_bytes(*head));
    let (name, algorithm) = ("key.example.org".to_owned(), TsigAlgorithm::HmacSha256);
    let key = TsigKey { name, algorithm, secret: b"a secret".to_vec() };
    let change = DnsChange::Add { name: "_acme-challenge.example.org", text: "proof" };
    let Ok(asked) = ask(id, "example.org", change, &key, 1_764_072_345) else { return };
    assert!(asked.answered(bytes, &key, 1_764_072_345).is_err());
}

struct Variables<'a> {
    now_s: u64,
    fudge_s: u16,
    error: u16,
    other: &'a [u8],
}

/// What a signature is made over (RFC 8945 §4.3).
fn signed(
    before: &[u8],
    message: &[u8],
    key: &TsigKey,
    variables: &Variables<'_>,
) -> Result<Vec<u8>, MessageError> {
    let mut text = before.to_vec();
    text.extend(message);
    text.extend(name(&key.name).ok_or(MessageError::Name("key"))?);
    text.extend(ANY.to_be_bytes());
    text.extend(0_u32.to_be_bytes());
    text.extend(name(key.algorithm.name()).ok_or(MessageError::Name("key"))?);
    text.extend(&variables.now_s.to_be_bytes()[2..]);
    for number in [variables.fudge_s, variables.error, variables.other.len() as u16] {
        text.extend(number.to_be_bytes());
    }
    text.extend(variables.other);
    Ok(text)
}

/// A name as it goes over the wire, in small letters (RFC 1035 §3.1). `None`: it is none.
fn name(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for label in text.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend(label.to_ascii_lowercase().bytes());
    }
    bytes.push(0);
    (bytes.len() <= 255).then_some(bytes)
}

struct Record<'a> {
    kind: u16,
    data: &'a [u8],
}

struct Tsig<'a> {
    now_s: u64,
    fudge_s: u16,
    mac: &'a [u8],
    id: u16,
    error: u16,
    other: &'a [u8],
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(drop)
    }

    fn number(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// To the end of a name, or of the pointer with which it goes on elsewhere (RFC 1035 §4.1.4).
    fn skip_name(&mut self) -> Option<()> {
        loop {
            match self.take(1)?[0] {
                0 => return Some(()),
                length @ 1..=63 => self.skip(length.into())?,
                192.. => return self.skip(1),
                _ => return None,
            }
        }
    }

    fn record(&mut self) -> Option<Record<'a>> {
        self.skip_name()?;
        let kind = self.number()?;
        self.skip(6)?;
        let length = self.number()?;
        Some(Record { kind, data: self.take(length.into())? })
    }

    fn tsig(&mut self) -> Option<Tsig<'a>> {
        self.skip_name()?;
        let time = self.take(6)?;
        let now_s = time.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let fudge_s = self.number()?;
        let length = self.number()?;
        let mac = self.take(length.into())?;
        let (id, error, length) = (self.number()?, self.number()?, self.number()?);
        Some(Tsig { now_s, fudge_s, mac, id, error, other: self.take(length.into())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_795_000_000;
    const HEAD: usize = 12;

    fn key(secret: &[u8]) -> TsigKey {
        let (name, algorithm) = ("Box.Example.org.".to_owned(), TsigAlgorithm::HmacSha256);
        TsigKey { name, algorithm, secret: secret.to_vec() }
    }

    fn asked(id: u16) -> Asked {
        let change = DnsChange::Add { name: "_acme-challenge.box.example.org", text: "proof" };
        ask(id, "example.org", change, &key(b"secret"), NOW)
            .map_err(|error| error.to_string())
            .unwrap()
    }

    /// What a server of RFC 8945 answers.
    fn answer(asked: &Asked, code: u16, secret: &[u8], error: u16, now_s: u64) -> Vec<u8> {
        let mut message = Vec::new();
        for number in [asked.id, ANSWER | UPDATE | code, 1, 0, 0, 0] {
            message.extend(number.to_be_bytes());
        }
        message.extend(name("example.org").unwrap());
        message.extend([0, 6, 0, 1]);
        let key = key(secret);
        let mut before = (asked.mac.len() as u16).to_be_bytes().to_vec();
        before.extend(&asked.mac);
        let variables = Variables { now_s, fudge_s: 300, error, other: &[] };
        let text = signed(&before, &message, &key, &variables).unwrap();
        let mac = hmac::sign(&key.algorithm.key(&key.secret), &text).as_ref().to_vec();
        message[10..12].copy_from_slice(&1_u16.to_be_bytes());
        message.extend(name(&key.name).unwrap());
        message.extend([0, 250, 0, 255, 0, 0, 0, 0]);
        let mut data = name("hmac-sha256").unwrap();
        data.extend(&now_s.to_be_bytes()[2..]);
        data.extend([1, 44]);
        data.extend((mac.len() as u16).to_be_bytes());
        data.extend(mac);
        data.extend(asked.id.to_be_bytes());
        data.extend(error.to_be_bytes());
        data.extend([0, 0]);
        message.extend((data.len() as u16).to_be_bytes());
        message.extend(data);
        message
    }

    #[test]
    fn only_a_server_that_has_the_key_says_yes() {
        let asked = asked(7);
        let read = |answer: &[u8]| asked.answered(answer, &key(b"secret"), NOW);
        use MessageError as E;
        assert_eq!(read(&answer(&asked, 0, b"secret", 0, NOW)), Ok(()));
        assert_eq!(read(&answer(&asked, 0, b"other", 0, NOW)), Err(E::Unsigned));
        assert_eq!(read(&answer(&asked, 0, b"secret", 0, NOW + 301)), Err(E::Clock));
        assert_eq!(read(&answer(&asked, 5, b"secret", 0, NOW)), Err(E::Refused));
        assert_eq!(read(&answer(&asked, 10, b"secret", 0, NOW)), Err(E::Zone));
        assert_eq!(read(&answer(&asked, 2, b"secret", 0, NOW)), Err(E::Code(2)));
        for (error, says) in [(16, E::Signature), (17, E::Key), (18, E::Clock)] {
            assert_eq!(read(&answer(&asked, 9, b"", error, NOW)), Err(says));
        }
        let mut without = answer(&asked, 0, b"secret", 0, NOW);
        without.truncate(12 + 13 + 4);
        without[10..12].copy_from_slice(&[0, 0]);
        assert_eq!(read(&without), Err(E::Unsigned));
        let other = super::tests::asked(8);
        assert_eq!(read(&answer(&other, 0, b"secret", 0, NOW)), Err(E::Answer));
        // An answer to another request of the same number.
        let mut mixed = answer(&asked, 0, b"secret", 0, NOW);
        let end = mixed.len() - 20;
        mixed[end] ^= 1;
        assert_eq!(read(&mixed), Err(E::Unsigned));
    }

    #[test]
    fn what_is_no_name_is_not_sent() {
        let change = DnsChange::Add { name: "_acme-challenge..org", text: "proof" };
        assert!(ask(1, "org", change, &key(b"x"), NOW).is_err());
        let long = "a".repeat(64);
        let change = DnsChange::Remove { name: "a.org", text: "x" };
        assert!(ask(1, &long, change, &key(b"x"), NOW).is_err());
        assert!(ask(1, &["a"; 200].join("."), change, &key(b"x"), NOW).is_err());
        let text = "x".repeat(256);
        let change = DnsChange::Add { name: "a.org", text: &text };
        assert!(ask(1, "org", change, &key(b"x"), NOW).is_err());
    }

    proptest! {
        #[test]
        fn strangers_bytes_break_nothing_and_change_nothing(
            noise: Vec<u8>,
            at in 0_usize..200,
            flip in 1_u8..=255,
            cut in 0_usize..200,
        ) {
            let asked = asked(7);
            prop_assert!(asked.answered(&noise, &key(b"secret"), NOW).is_err());
            let mut bytes = answer(&asked, 0, b"secret", 0, NOW);
            let whole = bytes.clone();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            // What a letter's case, or the place and number of the key's record, says is not signed.
            if asked.answered(&bytes, &key(b"secret"), NOW).is_ok() {
                let tsig = HEAD + 13 + 4;
                prop_assert!((tsig..tsig + 60).contains(&at), "byte {at} may be anything");
            }
            prop_assert!(asked.answered(&whole[..cut % whole.len()], &key(b"secret"), NOW).is_err());
        }
    }
}
