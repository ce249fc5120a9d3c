//! `--requests`: asks a box at a fixed rate over connections that stay open, for `api.py`. A program of its own,
//! as light as can be: what is measured is the box, and not who asks.

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

/// What is asked for, by standard input.
#[derive(Deserialize)]
struct Plan {
    /// `host:port` of the box.
    host: String,
    token: String,
    /// Asked for in turns: method, path, and JSON or nothing.
    requests: Vec<(String, String, String)>,
    /// Requests a second.
    rate: f64,
    seconds: f64,
    connections: usize,
}

/// How it went, to standard output.
#[derive(Default, Serialize)]
struct Report {
    /// Of each answer, from when its request was due until all of it was there, in milliseconds.
    late_ms: Vec<f64>,
    /// Answers of 400 and above.
    refused: usize,
    /// From the first that was due to the last answer.
    seconds: f64,
    bytes: usize,
}

/// Does what standard input asks for.
pub fn run() -> anyhow::Result<()> {
    let plan: Plan = serde_json::from_reader(std::io::stdin()).context("no plan")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = LocalSet::new().block_on(&runtime, all(plan))?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

async fn all(plan: Plan) -> anyhow::Result<Report> {
    let mut senders = Vec::new();
    for _ in 0..plan.connections {
        senders.push(connect(&plan.host).await?);
    }
    let total = (plan.rate * plan.seconds) as usize;
    let (plan, begun) = (Rc::new(plan), Instant::now());
    let (next, report) = (Rc::new(RefCell::new(0..total)), Rc::<RefCell<Report>>::default());
    let mut asking = Vec::new();
    for mut sender in senders {
        let (plan, next, report) = (plan.clone(), next.clone(), report.clone());
        asking.push(tokio::task::spawn_local(async move {
            loop {
                let Some(number) = next.borrow_mut().next() else { return anyhow::Ok(()) };
                let due = begun + Duration::from_secs_f64(number as f64 / plan.rate);
                sleep_until(due).await;
                let (refused, bytes) = ask(&mut sender, &plan, number).await?;
                let mut report = report.borrow_mut();
                report.late_ms.push(due.elapsed().as_secs_f64() * 1e3);
                report.refused += usize::from(refused);
                report.bytes += bytes;
            }
        }));
    }
    for one in asking {
        one.await??;
    }
    let mut report = report.take();
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

async fn connect(host: &str) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(host).await.with_context(|| format!("no box at {host}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    plan: &Plan,
    number: usize,
) -> anyhow::Result<(bool, usize)> {
    let (method, path, body) = &plan.requests[number % plan.requests.len()];
    let mut request = Request::builder()
        .method(method.as_str())
        .uri(format!("/api/v1{path}"))
        .header("host", &plan.host)
        .header("authorization", format!("Bearer {}", plan.token));
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    sender.ready().await?;
    let answer = sender.send_request(request.body(Full::from(body.clone()))?).await?;
    let refused = answer.status().as_u16() >= 400;
    let body = answer.into_body().collect().await?.to_bytes();
    Ok((refused, body.len()))
}
