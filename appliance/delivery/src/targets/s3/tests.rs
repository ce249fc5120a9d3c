//! What is kept of an upload, and what a store says.

use super::super::Progress;
use super::super::carry::Teller;
use super::*;
use std::sync::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

fn load(bytes: u64, resume: Option<String>) -> Load<'static> {
    let origin = Origin::Text(b"");
    Load { origin, name: "a", bytes, sha256: [7; 32], resume, pace: None }
}

#[test]
fn an_upload_goes_on_only_with_its_own_file() {
    let mut upload = Upload::new(&load(30 * MIB, None), "id".to_owned());
    upload.parts = vec!["\"a\"".to_owned(), "b".to_owned()];
    assert_eq!(upload.sent(30 * MIB), 16 * MIB);
    assert!(upload.is_of(&load(30 * MIB, None)));
    assert!(!upload.is_of(&Load { sha256: [8; 32], ..load(30 * MIB, None) }));
    assert!(!upload.is_of(&load(8 * MIB, None)));
    let text = upload.text().unwrap();
    assert_eq!(serde_json::from_str::<Upload>(&text).unwrap(), upload);
}

#[test]
fn no_upload_has_too_many_parts() {
    let part = |bytes| Upload::new(&load(bytes, None), String::new()).part_bytes;
    assert_eq!(part(8 * MIB + 1), PART);
    assert_eq!(part(PART * PARTS), PART);
    for bytes in [PART * PARTS + 1, 200_000 * MIB, 5_000_000 * MIB] {
        assert!(bytes.div_ceil(part(bytes)) <= PARTS, "{bytes}");
        assert_eq!(part(bytes) % MIB, 0);
    }
}

#[test]
fn what_a_store_says_is_read() {
    assert_eq!(code("a <Error><Code>NoSuchKey</Code></Error>"), Some("NoSuchKey"));
    let bare = "Server returned non-2xx status code: 500 Internal Server Error: <html>";
    assert_eq!(code(bare), Some("500 Internal Server Error"));
    assert_eq!(code("nothing"), None);
    let says = |text: &str| {
        let path = "a".to_owned();
        is_forgotten(&object_store::Error::NotFound { path, source: text.into() })
    };
    assert!(says("404 Not Found: <Error><Code>NoSuchUpload</Code></Error>"));
    assert!(!says("404 Not Found: <Error><Code>NoSuchBucket</Code></Error>"));
    assert!(!says("Server returned non-2xx status code: 503 Slow Down: "));
}

#[test]
fn a_name_is_kept_as_it_is() {
    let target = S3Target {
        endpoint: "http://[::1]:9000".to_owned(),
        region: String::new(),
        bucket: "films".to_owned(),
        prefix: "/a b/".to_owned(),
        access_key: String::new(),
        secret_key: String::new(),
    };
    let store = open(&target, None).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(store.path("ü#%.mkv").unwrap().as_ref(), "a b/ü#%.mkv");
    for endpoint in ["films", "ftp://a", "http://a:b@c/", "http://a/b"] {
        let target = S3Target { endpoint: endpoint.to_owned(), ..target.clone() };
        assert!(matches!(open(&target, None), Err(SendError::Address(_))), "{endpoint}");
    }
}

/// One request's method and target; all of its body is read.
async fn request(stream: &mut BufReader<TcpStream>) -> String {
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first).await.unwrap();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.trim().to_lowercase();
        match line.strip_prefix("content-length:") {
            Some(bytes) => length = bytes.trim().parse().unwrap(),
            None if line.is_empty() => break,
            None => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    first
}

/// A store that forgot the upload `old`, begins `new`, and takes no part of it.
async fn forgetful() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let asked = request(&mut stream).await;
            let error = |code: &str| format!("<Error><Code>{code}</Code></Error>");
            let (status, body) = match asked.split_once(' ').unwrap().0 {
                "PUT" if asked.contains("uploadId=new") => ("403 No", error("AccessDenied")),
                "PUT" | "DELETE" => ("404 Not Found", error("NoSuchUpload")),
                "POST" => (
                    "200 OK",
                    "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>a</Key>\
                     <UploadId>new</UploadId></InitiateMultipartUploadResult>"
                        .to_owned(),
                ),
                _ => ("404 Not Found", String::new()),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn an_upload_is_told_before_its_first_part_is_there() {
    static FILM: [u8; 9 * MIB as usize] = [0; 9 * MIB as usize];
    let target = S3Target {
        endpoint: forgetful().await,
        region: String::new(),
        bucket: "b".to_owned(),
        prefix: String::new(),
        access_key: "k".to_owned(),
        secret_key: "s".to_owned(),
    };
    let load = Load { origin: Origin::Text(&FILM), ..load(9 * MIB, None) };
    let resume = Upload::new(&load, "old".to_owned()).text();
    let told = Mutex::new(Vec::new());
    let hears = |progress: Progress| told.lock().unwrap().push(progress.resume);
    let store = open(&target, None).unwrap_or_else(|error| panic!("{error}"));
    let sent = carry(&store, &Load { resume, ..load }, &mut Teller::new(&hears)).await;
    assert!(matches!(sent, Err(SendError::NotWritable { .. })), "{sent:?}");
    let newest = told.lock().unwrap().pop().flatten().unwrap_or_default();
    assert!(newest.contains(r#""id":"new""#), "{newest}");
}
