//! `--publish`: the floor of `fleet.py`. Publishes to a bare nats-server and waits for each answer of its stream, as
//! many at a time as a box does; nothing is kept anywhere else.

use anyhow::Context as _;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::future::IntoFuture as _;
use std::time::{Duration, Instant};

/// What is published, by standard input.
#[derive(Deserialize)]
struct Plan {
    /// `nats://…`
    url: String,
    messages: usize,
    /// Of each.
    bytes: usize,
    /// On their way at a time.
    window: usize,
}

/// How it went, to standard output.
#[derive(Serialize)]
struct Report {
    seconds: f64,
}

/// Does what standard input asks for.
pub fn run() -> anyhow::Result<()> {
    let plan: Plan = serde_json::from_reader(std::io::stdin()).context("no plan")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(all(plan))?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

async fn all(plan: Plan) -> anyhow::Result<Report> {
    let client = async_nats::connect(plan.url.as_str()).await?;
    let jetstream = jetstream::new(client);
    // As a hub has it.
    let config = stream::Config {
        name: "FLOOR".to_owned(),
        subjects: vec!["floor.>".to_owned()],
        storage: stream::StorageType::File,
        duplicate_window: Duration::from_secs(2 * 3600),
        ..stream::Config::default()
    };
    jetstream.create_stream(config).await?;
    let (body, begun) = (vec![b'x'; plan.bytes], Instant::now());
    let mut open = VecDeque::with_capacity(plan.window);
    for number in 0..plan.messages {
        if open.len() == plan.window
            && let Some(oldest) = open.pop_front()
        {
            answered(oldest).await?;
        }
        let message =
            PublishMessage::build().payload(body.clone().into()).message_id(format!("m{number}"));
        open.push_back(jetstream.send_publish("floor.event", message).await?);
    }
    for answer in open {
        answered(answer).await?;
    }
    Ok(Report { seconds: begun.elapsed().as_secs_f64() })
}

async fn answered(answer: jetstream::context::PublishAckFuture) -> anyhow::Result<()> {
    answer.into_future().await?;
    Ok(())
}
