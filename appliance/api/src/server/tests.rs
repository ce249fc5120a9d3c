//! A real server on a real socket, against clients that dawdle. Its patience is short here.

use super::*;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::{get, post};
use http_body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

const HEAD: Duration = Duration::from_millis(300);
const BODY: Duration = Duration::from_millis(600);
/// Whatever takes longer hangs.
const FOREVER: Duration = Duration::from_secs(20);

/// A body whose pieces come one by one, so that all take longer than any patience above.
struct Trickle {
    left: u8,
    next: Pin<Box<tokio::time::Sleep>>,
}

const PIECE: Duration = Duration::from_millis(150);
const PIECES: u8 = 8;

impl http_body::Body for Trickle {
    type Data = axum::body::Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        std::task::ready!(self.next.as_mut().poll(cx));
        self.left -= 1;
        self.next = Box::pin(tokio::time::sleep(PIECE));
        Poll::Ready(Some(Ok(Frame::data("piece ".into()))))
    }
}

async fn film() -> Response {
    let next = Box::pin(tokio::time::sleep(PIECE));
    Response::new(Body::new(Trickle { left: PIECES, next }))
}

/// A door that knows who sends, and takes what is long.
async fn long_body(patience: Patience, body: Body) -> Response {
    patience.for_a_long_body();
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes.into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

struct Served {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    server: tokio::task::JoinHandle<()>,
}

async fn served(limits: Limits) -> Served {
    served_over(Wire::Plain, limits).await
}

async fn served_over(wire: Wire, limits: Limits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/", get(|Peer(ip): Peer| async move { ip.to_string() }))
        .route("/wire", get(|Encrypted(so): Encrypted| async move { format!("tls {so}") }))
        .route("/body", post(|body: String| async move { body }))
        .route("/upload", post(long_body))
        .route("/film", get(film))
        .route("/socket", get(echo))
        .route("/busy", post(|| async { StatusCode::SERVICE_UNAVAILABLE }));
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move { stopped.await.unwrap_or_default() };
    let server =
        tokio::spawn(serve(listener, router, wire, limits, Forwarders::only(&[]), stopped));
    Served { address, stop, server }
}

fn impatient() -> Limits {
    Limits { head: HEAD, body: BODY, ..Limits::default() }
}

async fn client(served: &Served) -> TcpStream {
    TcpStream::connect(served.address).await.unwrap()
}

/// Everything until the server closes. A reset is a close: it had words of ours unread.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = timeout(FOREVER, stream.read(&mut piece)).await.expect("it ends") {
        all.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// One answer's head, and as much of its body as `more` bytes.
async fn heard(stream: &mut TcpStream, more: usize) -> String {
    let mut all = Vec::new();
    let whole = |all: &[u8]| {
        let end = all.windows(4).position(|four| four == b"\r\n\r\n");
        end.is_some_and(|end| all.len() >= end + 4 + more)
    };
    while !whole(&all) {
        let mut byte = [0];
        let read = timeout(FOREVER, stream.read(&mut byte)).await.expect("an answer").unwrap();
        assert_eq!(read, 1, "closed after {:?}", String::from_utf8_lossy(&all));
        all.push(byte[0]);
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn who_dawdles_before_a_request_is_whole_is_cut_off_in_time() {
    let served = served(impatient()).await;
    let get = "GET / HTTP/1.1\r\nhost: box\r\n";
    let post = "POST /body HTTP/1.1\r\nhost: box\r\ncontent-length: 1000\r\n\r\n";
    let chunks = "POST /body HTTP/1.1\r\nhost: box\r\ntransfer-encoding: chunked\r\n\r\n";
    // What is sent at once, what is sent again and again, how long that may go on, the last word.
    for (opening, drop, patience, last) in [
        ("", "", HEAD, ""),
        ("G", "", HEAD, ""),
        (get, "x: y\r\n", HEAD, ""),
        ("GET / HTTP/1.1\r\nhost: box\r\n\r\n", "", HEAD, "127.0.0.1"),
        (post, "", BODY, r#"{"code":"too_slow","message":"the body"#),
        (post, "x", BODY, r#"{"code":"too_slow","message":"the body"#),
        (chunks, "1\r\nx\r\n", BODY, r#"{"code":"too_slow","message":"the body"#),
    ] {
        let mut stream = client(&served).await;
        let begun = Instant::now();
        stream.write_all(opening.as_bytes()).await.unwrap();
        let (mut reads, mut writes) = stream.split();
        let dawdle = async {
            let mut pace = tokio::time::interval(HEAD / 10);
            loop {
                pace.tick().await;
                if writes.write_all(drop.as_bytes()).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let mut said = Vec::new();
        let listen = async {
            let mut piece = [0; 1024];
            while let Ok(count @ 1..) = reads.read(&mut piece).await {
                said.extend_from_slice(&piece[..count]);
            }
        };
        tokio::select! {
            () = dawdle => {}
            () = listen => {}
            () = tokio::time::sleep(FOREVER) => panic!("{opening:?} and {drop:?} go on"),
        }
        let (took, said) = (begun.elapsed(), String::from_utf8_lossy(&said).into_owned());
        assert!(took >= patience && took < patience * 10, "{opening:?} {drop:?}: {took:?}");
        let status = if last.starts_with('{') { "HTTP/1.1 408" } else { "" };
        assert!(said.starts_with(status) && said.contains(last), "{opening:?}: {said:?}");
    }
}

#[tokio::test]
async fn sockets_and_slow_films_outlive_every_patience() {
    let served = served(impatient()).await;
    let mut film = client(&served).await;
    film.write_all(b"GET /film HTTP/1.1\r\nhost: box\r\n\r\n").await.unwrap();
    let mut socket = client(&served).await;
    let upgrade = "GET /socket HTTP/1.1\r\nhost: box\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n";
    socket.write_all(upgrade.as_bytes()).await.unwrap();
    assert!(heard(&mut socket, 0).await.starts_with("HTTP/1.1 101"));
    let film = rest(&mut film).await;
    assert_eq!(film.matches("piece").count(), usize::from(PIECES), "{film}");
    // Text "hi", masked with zeros (RFC 6455 §5.2).
    socket.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    let mut echoed = [0; 4];
    timeout(FOREVER, socket.read_exact(&mut echoed)).await.unwrap().unwrap();
    assert_eq!(&echoed, &[0x81, 2, b'h', b'i']);
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_a_seat_comes_back() {
    let served = served(Limits { of_this_machine: 2, ..Limits::default() }).await;
    let request = b"GET / HTTP/1.1\r\nhost: box\r\n\r\n";
    let mut first = client(&served).await;
    let mut second = client(&served).await;
    for stream in [&mut first, &mut second] {
        stream.write_all(request).await.unwrap();
        assert!(heard(stream, 9).await.ends_with("127.0.0.1"));
    }
    let mut third = client(&served).await;
    third.write_all(request).await.unwrap();
    let refusal = rest(&mut third).await;
    assert!(refusal.starts_with("HTTP/1.1 503"), "{refusal}");
    assert!(refusal.contains("connection: close\r\n"), "{refusal}");
    assert!(refusal.contains(r#""code":"too_many_connections""#), "{refusal}");
    first.shutdown().await.unwrap();
    assert_eq!(rest(&mut first).await, "");
    // The server has closed it, and so gives the seat back: at once or a moment later.
    loop {
        let mut again = client(&served).await;
        // A refusal may come, and the connection go, before this is written.
        let _refused = again.write_all(request).await;
        if heard(&mut again, 9).await.ends_with("127.0.0.1") {
            break;
        }
    }
}

#[tokio::test]
async fn the_end_waits_for_answers_and_not_for_idle_connections() {
    let served = served(Limits::default()).await;
    let mut idle = client(&served).await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: box\r\n\r\n").await.unwrap();
    heard(&mut idle, 9).await;
    let mut film = client(&served).await;
    film.write_all(b"GET /film HTTP/1.1\r\nhost: box\r\n\r\n").await.unwrap();
    heard(&mut film, 0).await;
    served.stop.send(()).unwrap();
    assert_eq!(rest(&mut idle).await, "");
    let film = rest(&mut film).await;
    assert_eq!(film.matches("piece").count(), usize::from(PIECES), "{film}");
    timeout(FOREVER, served.server).await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn who_is_still_talking_hears_the_last_word() {
    let served = served(Limits::default()).await;
    let mut stream = client(&served).await;
    const LENGTH: usize = 4 * 1024 * 1024;
    let head = format!("POST /busy HTTP/1.1\r\nhost: box\r\ncontent-length: {LENGTH}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; LENGTH]).await.unwrap();
    let said = rest(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 503"), "{said:?}");
}

/// A server with a certificate of its own, and a client that believes it.
fn tls() -> (Wire, tokio_rustls::TlsConnector) {
    use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
    let key = rcgen::KeyPair::generate().unwrap();
    let names = ["box.local".to_owned()];
    let made = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let secret = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], secret)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Wire::Tls(Arc::new(server), None), Arc::new(client).into())
}

#[tokio::test]
async fn below_tls_the_same_rules_hold_and_the_handshake_has_its_time() {
    let (wire, connector) = tls();
    let served = served_over(wire, Limits { of_this_machine: 2, ..impatient() }).await;
    let name = || "box.local".try_into().unwrap();
    // Says nothing, and says half a greeting: closed like any that dawdles, and its seat is free.
    for half in [&b""[..], &[0x16, 3, 1, 1, 0, 1]] {
        let mut stream = client(&served).await;
        let begun = Instant::now();
        stream.write_all(half).await.unwrap();
        rest(&mut stream).await;
        let took = begun.elapsed();
        assert!(took >= HEAD && took < HEAD * 10, "{half:?}: {took:?}");
    }
    let mut kept = connector.connect(name(), client(&served).await).await.unwrap();
    kept.write_all(b"GET /wire HTTP/1.1\r\nhost: box\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1024];
    let read = timeout(FOREVER, kept.read(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("tls true"), "{answer}");
    let mut film = connector.connect(name(), client(&served).await).await.unwrap();
    film.write_all(b"GET /film HTTP/1.1\r\nhost: box\r\n\r\n").await.unwrap();
    // Nobody can read a refusal before the handshake.
    assert_eq!(rest(&mut client(&served).await).await, "");
    served.stop.send(()).unwrap();
    let mut whole = Vec::new();
    timeout(FOREVER, film.read_to_end(&mut whole)).await.unwrap().unwrap();
    let whole = String::from_utf8_lossy(&whole).into_owned();
    assert_eq!(whole.matches("piece").count(), usize::from(PIECES), "{whole}");
    timeout(FOREVER, served.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_long_body_may_take_long_as_long_as_it_goes_on() {
    let served = served(impatient()).await;
    // Pieces in all longer than the patience, each well within it; then silence.
    for (path, pieces, status) in [
        ("/upload", PIECES, "200 OK"),
        ("/upload", PIECES - 1, "408 Request Timeout"),
        ("/body", PIECES, "408 Request Timeout"),
    ] {
        let mut stream = client(&served).await;
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: box\r\ncontent-length: {}\r\n\r\n", 6 * PIECES);
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..pieces {
            tokio::time::sleep(PIECE).await;
            if stream.write_all(b"piece ").await.is_err() {
                break;
            }
        }
        let answer = heard(&mut stream, 0).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path} {pieces}: {answer}");
    }
}

/// Whoever understands what is not TLS, and hands it to the test.
struct Media(tokio::sync::mpsc::UnboundedSender<std::net::TcpStream>);

impl Other for Media {
    fn take(&self, stream: std::net::TcpStream) {
        self.0.send(stream).unwrap();
    }
}

#[tokio::test]
async fn on_one_port_tls_is_served_and_media_clients_are_handed_over_whole() {
    let (wire, connector) = tls();
    let Wire::Tls(config, _) = wire else { unreachable!() };
    let (sender, mut handed_over) = tokio::sync::mpsc::unbounded_channel();
    let wire = Wire::Tls(config, Some(Arc::new(Media(sender))));
    // As many seats as are handed over and stay: they leave them.
    let served = served_over(wire, Limits { of_this_machine: 3, ..impatient() }).await;
    let mut stay = Vec::new();
    let check = [0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    for cut in [0, 1, 7] {
        let mut media = client(&served).await;
        media.write_all(&check[..cut]).await.unwrap();
        tokio::time::sleep(PIECE).await;
        media.write_all(&check[cut..]).await.unwrap();
        let taken = timeout(FOREVER, handed_over.recv()).await.expect("it comes").unwrap();
        let mut taken = TcpStream::from_std(taken).unwrap();
        let mut said = [0; 22];
        timeout(FOREVER, taken.read_exact(&mut said)).await.unwrap().unwrap();
        assert_eq!(said, check, "cut at {cut}");
        taken.write_all(b"answer").await.unwrap();
        stay.push((taken, media));
    }
    // Nothing, half a check, and what is neither: as without media clients.
    for (half, patient) in
        [(&b""[..], true), (&check[..9], true), (b"GET / HTTP/1.1\r\n\r\n", false)]
    {
        let mut stream = client(&served).await;
        let begun = Instant::now();
        stream.write_all(half).await.unwrap();
        rest(&mut stream).await;
        assert!(!patient || begun.elapsed() >= HEAD, "{half:?}");
        assert!(begun.elapsed() < HEAD * 10, "{half:?}");
    }
    for (taken, mut media) in stay {
        drop(taken);
        assert_eq!(rest(&mut media).await, "answer");
    }
    let mut kept = loop {
        // The seat comes back a moment after the last connection has gone.
        let name = "box.local".try_into().unwrap();
        match connector.connect(name, client(&served).await).await {
            Ok(kept) => break kept,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    kept.write_all(b"GET /wire HTTP/1.1\r\nhost: box\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1024];
    let read = timeout(FOREVER, kept.read(&mut answer)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&answer[..read]).ends_with("tls true"));
    assert!(handed_over.try_recv().is_err(), "nothing else was handed over");
}
