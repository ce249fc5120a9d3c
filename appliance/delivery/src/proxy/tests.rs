//! By a proxy that a test plays, and around it.

use super::*;
use crate::reach::{Trust, reach_by};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn plan(at: std::net::SocketAddr) -> ProxyPlan<'static> {
    ProxyPlan { host: at.ip().to_string(), port: at.port(), ..ProxyPlan::default() }
}

fn away() -> ProxyPlan<'static> {
    ProxyPlan { host: "proxy.test".to_owned(), port: 3128, ..ProxyPlan::default() }
}

/// A proxy that answers what it hears with `answer`, and what it heard.
async fn proxy(answer: &'static str) -> (std::net::SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(heard).unwrap()
    });
    (at, heard)
}

async fn asked(proxy: ProxyPlan<'_>, url: &str) -> Result<(), ReachError> {
    let proxy = Some(Arc::new(Proxy::new(proxy).unwrap()));
    let at = Address::parse(url).unwrap();
    let reached = reach_by(&at, &Trust::default(), Bound::NoNearer(Zone::Machine), proxy).await?;
    let mut request = Request::get(at.path.as_str()).body(Empty::<Bytes>::new()).unwrap();
    let (stream, way) = reached.ready(&mut request, &at)?;
    let read = |response: hyper::Response<hyper::body::Incoming>| async move { response.status() };
    let status = crate::reach::exchange(stream, request, read).await.unwrap();
    way.judge(status)
}

#[tokio::test]
async fn https_asks_for_a_pipe_and_what_the_proxy_says_is_told_in_words() {
    for (answer, says) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "asks for a user and a password"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "refuses to lead to far.example (403"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "does not reach far.example (502"),
        ("220 ready for mail\r\n\r\n", "does not speak HTTP as a proxy"),
        ("HTTP/1.1 200 OK\r\n\r\n", "far.example"),
    ] {
        let (at, heard) = proxy(answer).await;
        let told = asked(plan(at), "https://far.example/secret").await.unwrap_err().to_string();
        assert!(told.contains(says), "{answer}: {told}");
        let heard = heard.await.unwrap();
        assert!(heard.starts_with("CONNECT far.example:443 HTTP/1.1\r\n"), "{heard}");
        assert!(
            heard.contains("host: far.example:443\r\n") && !heard.contains("secret"),
            "{heard}"
        );
        assert!(!heard.contains("proxy-authorization"), "{heard}");
    }
}

#[tokio::test]
async fn plain_http_is_handed_over_with_the_whole_address_and_the_password_goes_to_the_proxy() {
    let (at, heard) = proxy("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let with = ProxyPlan { user: "box", password: "p:w", ..plan(at) };
    asked(with, "http://far.example:8080/hook?a=b").await.unwrap();
    let heard = heard.await.unwrap();
    assert!(heard.starts_with("GET http://far.example:8080/hook?a=b HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains("proxy-authorization: Basic Ym94OnA6dw==\r\n"), "{heard}");
    let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    let (at, _heard) = proxy(refusal).await;
    let with = ProxyPlan { user: "box", password: "p:w", ..plan(at) };
    let told = asked(with, "http://far.example/").await.unwrap_err().to_string();
    assert!(told.contains("refuses the user and the password"), "{told}");
    assert!(!told.contains("p:w"), "{told}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let told = asked(plan(nobody), "https://far.example/").await.unwrap_err().to_string();
    assert!(told.contains(&format!("the proxy {nobody}: it cannot be reached")), "{told}");
    let nowhere = ProxyPlan { host: "proxy.invalid".to_owned(), port: 1, ..ProxyPlan::default() };
    let told = asked(nowhere, "http://far.example/").await.unwrap_err().to_string();
    assert!(told.contains("its name is not known"), "{told}");
}

async fn way(plan: ProxyPlan<'_>, url: &str, nearest: Zone) -> Result<Way, ReachError> {
    Proxy::new(plan).unwrap().way(&Address::parse(url).unwrap(), Bound::NoNearer(nearest)).await
}

#[tokio::test]
async fn what_is_in_the_house_and_what_the_owner_excepts_is_reached_without_it() {
    let name = |name: &str| Excepted::Name(name.to_owned());
    let net = |net: &str, bits| Excepted::Network(net.parse().unwrap(), bits);
    let excepted = vec![name("example.org"), net("203.0.114.0", 24), net("2001:db9::", 32)];
    let house = || ProxyPlan { local_direct: true, looks_up: true, ..away() };
    let with = || ProxyPlan { excepted: excepted.clone(), looks_up: true, ..away() };
    for (plan, direct) in [
        (
            house(),
            [
                "nas",
                "nas.local",
                "Box.Home.Arpa.",
                "10.1.2.3",
                "192.168.1.1",
                "[fd00::1]",
                "127.0.0.1",
            ],
        ),
        (
            with(),
            [
                "example.org",
                "s3.Example.org",
                "203.0.114.9",
                "[2001:db9::7]",
                "203.0.114.0",
                "a.b.example.org.",
                "[::ffff:203.0.114.1]",
            ],
        ),
    ] {
        for host in direct {
            let way = way(plan.clone(), &format!("http://{host}/"), Zone::Machine).await.unwrap();
            assert_eq!(way, Way::Direct, "{host}");
        }
    }
    for (plan, by) in [
        (house(), ["far.example", "locals.example", "1.1.1.1", "[2606:4700::1111]"]),
        (with(), ["notexample.org", "nas", "203.0.115.1", "10.1.2.3"]),
    ] {
        for host in by {
            let way = way(plan.clone(), &format!("http://{host}/"), Zone::Machine).await.unwrap();
            assert_eq!(way, Way::ByProxy, "{host}");
        }
    }
    // A name of the house's that only its name server knows: what it leads to counts.
    let net = ProxyPlan { excepted: vec![net("127.0.0.0", 8), net("::1", 128)], ..away() };
    assert_eq!(way(net, "http://localhost/", Zone::Machine).await.unwrap(), Way::Direct);
}

#[tokio::test]
async fn what_may_not_lead_into_the_house_does_not_by_a_proxy_either() {
    for (url, looks_up) in [
        ("https://127.0.0.1/", true),
        ("https://[::1]/", true),
        ("https://192.168.1.1/", true),
        ("https://169.254.169.254/", true),
        // However it is written, and though the proxy would look it up itself.
        ("https://localhost/", true),
        ("https://localhost/", false),
        ("http://2130706433/", true),
        ("http://0x7f.1/", false),
    ] {
        let plan = ProxyPlan { looks_up, ..away() };
        let refused = way(plan, url, Zone::Internet).await;
        assert!(matches!(refused, Err(ReachError::TooNear { .. })), "{url}: {refused:?}");
    }
    // Excepted is not allowed: it goes without the proxy, where it is judged as always.
    let house = ProxyPlan { local_direct: true, ..away() };
    assert_eq!(way(house, "http://localhost/", Zone::Internet).await.unwrap(), Way::Direct);
    // What this box cannot look up it cannot judge.
    for (url, looks_up, goes) in [
        ("https://hook.invalid/", false, false),
        ("http://hook.invalid/", false, false),
        ("https://hook.invalid/", true, true),
        ("https://1.1.1.1/", false, true),
        ("http://1.1.1.1/", false, true),
    ] {
        let found = way(ProxyPlan { looks_up, ..away() }, url, Zone::Internet).await;
        match goes {
            true => assert_eq!(found.unwrap(), Way::ByProxy, "{url}"),
            false => assert!(matches!(found, Err(ReachError::Unjudged { .. })), "{url}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn what_the_owner_names_leads_by_a_proxy_anywhere_but_into_the_box() {
    let bound = Bound::Beyond(&crate::bound::tests::NOBODY);
    let plan = || ProxyPlan { looks_up: false, ..away() };
    for (url, goes) in [
        ("https://127.0.0.1/", false),
        ("http://169.254.169.254/latest", false),
        ("http://localhost/", false),
        ("http://192.168.1.1/", true),
        // The proxy alone knows it: where only the proxy has the way out, it must lead.
        ("http://updates.invalid/", true),
        ("https://1.1.1.1/", true),
    ] {
        let at = Address::parse(url).unwrap();
        let found = Proxy::new(plan()).unwrap().way(&at, bound).await;
        match goes {
            true => assert_eq!(found.unwrap(), Way::ByProxy, "{url}"),
            false => assert!(matches!(found, Err(ReachError::Itself { .. })), "{url}: {found:?}"),
        }
    }
}

#[test]
fn what_cannot_be_sent_or_trusted_is_refused() {
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for authority in ["no certificate", text] {
        let refused = Proxy::new(ProxyPlan { authority, ..away() });
        assert!(matches!(refused, Err(ProxyPlanError::Authority)), "{authority}");
    }
    assert!(Proxy::new(away()).is_ok());
    let v6 = ProxyPlan { host: "fd00::1".to_owned(), port: 3128, ..ProxyPlan::default() };
    assert_eq!(Proxy::new(v6).unwrap().place(), "[fd00::1]:3128");
    let shown = format!("{:?}", Proxy::new(ProxyPlan { user: "u", password: "canary", ..away() }));
    assert!(!shown.contains("canary") && !shown.contains("dTpjYW5hcnk"), "{shown}");
}
