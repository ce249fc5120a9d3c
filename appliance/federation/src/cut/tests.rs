//! Lines that nats-server 2.14.5 wrote, each with a real peer that failed like this.

use super::*;

const OF_LINK: &str = "\
[20466] 2026/11/28 22:49:54.942349 [INF] 127.0.0.1:43719 - lid:5 - Leafnode connection created for account: $G \n\
[20466] 2026/11/28 22:50:00.975711 [INF] 127.0.0.1:43719 - lid:5 - Leafnode connection closed: Client Closed - Remote: hub\n";

const PUT_OUT: &str = "\
[20467] 2026/11/28 22:50:15.216472 [INF] 127.0.0.1:42717 - lid:25 - Leafnode connection created for account: $G \n\
[20467] 2026/11/28 22:50:15.224047 [ERR] 127.0.0.1:42717 - lid:25 - Leafnode Error 'Authorization Violation'\n\
[20467] 2026/11/28 22:50:15.224093 [INF] 127.0.0.1:42717 - lid:25 - Leafnode connection closed: Client Closed - Remote: hub\n";

const TOO_EARLY: &str = "\
[20472] 2026/11/28 22:50:15.065349 [INF] 127.0.0.1:37595 - lid:25 - Leafnode connection created for account: $G \n\
[20472] 2026/11/28 22:50:15.066316 [ERR] 127.0.0.1:37595 - lid:25 - TLS leafnode handshake error: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-28T22:50:15Z is before 2026-12-01T22:49:53Z (CN=x SHA-256: e84cda7c05cb56dc29fe8aef84d9e3618551ffa4c3c07e85ae14e78528470f4f)\n\
[20472] 2026/11/28 22:50:15.066330 [INF] 127.0.0.1:37595 - lid:25 - Leafnode connection closed: TLS Handshake Failure\n";

const TOO_LATE: &str = "\
[20476] 2026/11/28 22:50:15.046119 [ERR] 127.0.0.1:38613 - lid:25 - TLS leafnode handshake error: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-28T22:50:15Z is after 2026-11-27T22:49:53Z (CN=x SHA-256: 4eec6c2a45df948b7d637087c2156a5514662ace374f6f50618012d9634d95a6)\n\
[20476] 2026/11/28 22:50:15.046127 [INF] 127.0.0.1:38613 - lid:25 - Leafnode connection closed: TLS Handshake Failure\n";

const OTHER_NAME: &str = "\
[20480] 2026/11/28 22:50:15.044926 [ERR] 127.0.0.1:37607 - lid:25 - TLS leafnode handshake error: tls: failed to verify certificate: x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs (CN=x SHA-256: 602cb5716b7898ef1bec367942d5fbfb61ff125c023dcb8ca46b48ec2eb2ab62)\n\
[20480] 2026/11/28 22:50:15.044942 [INF] 127.0.0.1:37607 - lid:25 - Leafnode connection closed: TLS Handshake Failure\n";

const OTHER_AUTHORITY: &str = "\
[20487] 2026/11/28 22:50:00.006023 [ERR] 127.0.0.1:43719 - lid:10 - TLS leafnode handshake error: tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\" while trying to verify candidate authority certificate \"Roombox CA\")\n\
[20487] 2026/11/28 22:50:00.006045 [INF] 127.0.0.1:43719 - lid:10 - Leafnode connection closed: TLS Handshake Failure\n";

const RESET: &str = "\
[24450] 2026/11/28 22:53:59.932045 [ERR] 127.0.0.1:46549 - lid:9 - TLS leafnode handshake error: read tcp 127.0.0.1:60634->127.0.0.1:46549: read: connection reset by peer\n\
[24450] 2026/11/28 22:53:59.932065 [INF] 127.0.0.1:46549 - lid:9 - Leafnode connection closed: TLS Handshake Failure\n";

const CLOSED: &str = "\
[24464] 2026/11/28 22:53:59.947002 [ERR] 127.0.0.1:42127 - lid:9 - TLS leafnode handshake error: EOF\n\
[24464] 2026/11/28 22:53:59.947010 [INF] 127.0.0.1:42127 - lid:9 - Leafnode connection closed: TLS Handshake Failure\n";

const REFUSED: &str = "[20489] 2026/11/28 22:49:55.011887 [ERR] Error trying to connect as leafnode to remote server \"127.0.0.1:36953\" (attempt 1): dial tcp 127.0.0.1:36953: connect: connection refused\n";
const NO_NAME: &str = "[20499] 2026/11/28 22:49:55.018275 [ERR] Error trying to connect as leafnode to remote server \"hub.nowhere.invalid:7422\" (attempt 1): lookup for host \"hub.nowhere.invalid\": lookup hub.nowhere.invalid on 10.255.255.53:53: no such host\n";
const NO_NETWORK: &str = "[21503] 2026/11/28 22:50:52.137316 [ERR] Error trying to connect as leafnode to remote server \"10.8.8.8:7422\" (attempt 1): dial tcp 10.8.8.8:7422: connect: network is unreachable\n";
const NO_ROUTE: &str = "[22167] 2026/11/28 22:51:14.441407 [ERR] Error trying to connect as leafnode to remote server \"10.9.9.9:7422\" (attempt 1): dial tcp 10.9.9.9:7422: connect: no route to host\n";
const TIMEOUT: &str = "[20515] 2026/11/28 22:49:55.999044 [ERR] Error trying to connect as leafnode to remote server \"[2001:db8::1]:7422\" (attempt 1): dial tcp [2001:db8::1]:7422: i/o timeout\n";

/// Something took the connection, and said nothing or something else than TLS.
const SWALLOWED: &str = "\
[20466] 2026/11/28 22:50:11.581268 [INF] 127.0.0.1:43719 - lid:8 - Leafnode connection created for account: $G \n\
[20466] 2026/11/28 22:50:13.581731 [INF] 127.0.0.1:43719 - lid:8 - Leafnode connection closed: TLS Handshake Failure\n\
[20466] 2026/11/28 22:50:14.582397 [INF] 127.0.0.1:43719 - lid:9 - Leafnode connection created for account: $G \n";

const ALL: [(&str, CutReason); 13] = [
    (PUT_OUT, CutReason::PutOut),
    (TOO_EARLY, CutReason::Clock),
    (TOO_LATE, CutReason::Clock),
    (OTHER_NAME, CutReason::Stranger),
    (OTHER_AUTHORITY, CutReason::Stranger),
    (RESET, CutReason::Refused),
    (CLOSED, CutReason::Refused),
    (REFUSED, CutReason::Refused),
    (NO_NAME, CutReason::NoName),
    (NO_NETWORK, CutReason::NoRoute),
    (NO_ROUTE, CutReason::NoRoute),
    (TIMEOUT, CutReason::Silent),
    (SWALLOWED, CutReason::Silent),
];

#[test]
fn each_way_in_which_a_link_fails_is_told_by_its_lines_and_the_newest_counts() {
    for (lines, why) in ALL {
        assert_eq!(reason(lines), Some(why), "{lines}");
        for (earlier, _) in ALL {
            let log = format!("{earlier}{OF_LINK}{lines}");
            assert_eq!(reason(&log), Some(why), "{log}");
        }
        // The beginning of what is read may be in the middle of a line.
        assert_eq!(reason(&format!("{}{lines}", &TOO_EARLY[150..])), Some(why));
    }
}

#[test]
fn a_log_without_errors_and_one_of_something_else_say_nothing() {
    let of_clients =
        "[7] 2026/11/28 22:49:54.937260 [ERR] 127.0.0.1:50000 - cid:5 - authentication error\n";
    let said =
        "[7] 2026/11/28 22:49:54.937260 [INF] a leaf named \"connect: connection refused\"\n";
    for log in ["", OF_LINK, of_clients, said, "\n\n", "[ERR]"] {
        assert_eq!(reason(log), None, "{log}");
    }
}
