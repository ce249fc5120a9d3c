//! Pieces of descriptions that only speak of ICE: `application/trickle-ice-sdpfrag` (RFC 8840 §9).

use super::offer::IceCredentials;

/// Lines of a client's fragment. Its candidates are not read: we are ICE-lite and learn them from its
/// checks (RFC 8445 §2.5).
const MOST_LINES: usize = 1000;

/// What a client says of its ICE session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragment {
    /// `None`: candidates alone.
    pub ice: Option<IceCredentials>,
}

impl Fragment {
    /// `None`: it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
        let described = |line: &str| {
            let bytes = line.as_bytes();
            bytes.first().is_some_and(u8::is_ascii_lowercase) && bytes.get(1) == Some(&b'=')
        };
        if lines.is_empty() || lines.len() > MOST_LINES || !lines.iter().all(|line| described(line))
        {
            return None;
        }
        let names = lines.iter().any(|line| line.starts_with("a=ice-"));
        let options = lines.iter().all(|line| {
            !line.starts_with("a=ice-")
                || line.starts_with("a=ice-options:")
                || *line == "a=ice-lite"
        });
        let ice = IceCredentials::of(lines.iter().copied());
        // Half a pair, or one that breaks the rules, is not to be taken for none.
        (ice.is_some() || !names || options).then_some(Self { ice })
    }
}

/// ICE of our answer, for a client that restarted ICE: its credentials, and the candidates once.
pub(super) fn of_answer(answer: &str) -> String {
    let mut said = Vec::new();
    let wanted = ["a=ice-lite", "a=ice-ufrag:", "a=ice-pwd:"];
    let first = |name: &&str| answer.lines().find(|line| line.starts_with(name));
    said.extend(wanted.iter().filter_map(first));
    let tagged = answer.lines().skip_while(|line| !line.starts_with("m="));
    let mut tagged = tagged.enumerate().take_while(|(n, l)| *n == 0 || !l.starts_with("m="));
    let candidates = tagged
        .clone()
        .map(|(_, line)| line)
        .filter(|line| line.starts_with("a=candidate:") || *line == "a=end-of-candidates");
    let section = tagged.clone().map(|(_, line)| line).filter(|line| line.starts_with("a=mid:"));
    // As RFC 8840 §9.2 wants it: an m= line, its mid, then what belongs to it.
    said.extend(tagged.next().map(|(_, line)| line));
    said.extend(section);
    said.extend(candidates);
    said.into_iter().map(|line| format!("{line}\r\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_read_for_its_credentials() {
        let restart = "a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n";
        let ice = Fragment::read(restart).unwrap().ice.unwrap();
        assert_eq!((&*ice.ufrag, &*ice.password), ("ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k"));
        let candidates = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
            a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\n\
            a=end-of-candidates\r\n";
        assert_eq!(Fragment::read(candidates), Some(Fragment { ice: None }));
        assert_eq!(Fragment::read("a=ice-options:trickle\r\n"), Some(Fragment { ice: None }));
        for bad in [
            "",
            "hello",
            "{}",
            "a=ice-ufrag:ysXw\r\n",
            "a=ice-ufrag:x\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n",
            "a=ice-ufrag:ysXw\r\na=ice-pwd:short\r\n",
            "a=ice-ufrag:ys w\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n",
            &"a=x\r\n".repeat(MOST_LINES + 1),
        ] {
            assert_eq!(Fragment::read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn ours_has_new_credentials_and_where_to_find_us() {
        let answer = "v=0\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
            a=candidate:1 1 udp 2130706175 192.0.2.9 7882 typ host\r\na=end-of-candidates\r\n\
            a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=sendonly\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n\
            a=candidate:1 1 udp 2130706175 192.0.2.9 7882 typ host\r\n";
        assert_eq!(
            of_answer(answer),
            "a=ice-lite\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
             a=candidate:1 1 udp 2130706175 192.0.2.9 7882 typ host\r\na=end-of-candidates\r\n"
        );
    }
}
