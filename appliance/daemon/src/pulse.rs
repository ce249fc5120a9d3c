//! Whether the box does what it is for: its shards turn and its API answers.

use crate::notify::Supervisor;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use roombox_net::Plane;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower::ServiceExt as _;

/// Whether every shard takes a message and answers it in time.
///
/// # Errors
/// How many did not.
pub async fn shards_turn(plane: &Plane, patience: Duration) -> Result<String, String> {
    let shards = plane.ports().len();
    let (sender, mut receiver) = mpsc::channel(shards.max(1));
    let asked = plane.list(move |_| {
        if sender.try_send(()).is_err() {
            tracing::debug!("nobody waits for a shard's sign of life any more");
        }
    });
    if asked.is_err() {
        return Err("a shard has too much waiting to take a message".to_owned());
    }
    let mut answered = 0;
    let all = async {
        while answered < shards && receiver.recv().await.is_some() {
            answered += 1;
        }
    };
    timeout(patience, all).await.unwrap_or_default();
    match answered == shards {
        true => Ok(format!("{shards} shards turn")),
        false => Err(format!("{answered} of {shards} shards answered within {patience:?}")),
    }
}

/// Whether the doors' routes answer, down to the database: a request that only they see, so that
/// strangers who take all seats cannot have the box restarted.
///
/// # Errors
/// What was answered instead.
pub async fn routes_answer(router: &Router, patience: Duration) -> Result<(), String> {
    // Nobody's token: it is looked up, and refused.
    let request = Request::get("/api/v1/session").header("authorization", "Bearer rbx_nobody");
    let request = request.body(Body::empty()).map_err(|error| error.to_string())?;
    match timeout(patience, router.clone().oneshot(request)).await {
        Ok(Ok(response)) if response.status() == 401 => Ok(()),
        Ok(Ok(response)) => Err(format!("the API answers {}", response.status())),
        Ok(Err(never)) => match never {},
        Err(_) => Err(format!("the API did not answer within {patience:?}")),
    }
}

/// Tells systemd that the box lives, for as long as it does.
pub async fn tell(supervisor: Arc<Supervisor>, plane: Arc<Plane>, router: Router) {
    let Some(period) = supervisor.watchdog() else { return };
    let patience = period / 4;
    let mut ticks = tokio::time::interval(period / 4);
    loop {
        ticks.tick().await;
        let (shards, api) =
            tokio::join!(shards_turn(&plane, patience), routes_answer(&router, patience));
        match shards.map(drop).and(api) {
            Ok(()) => supervisor.alive(),
            Err(why) => {
                tracing::error!(why, "the box is stuck: it is restarted unless it recovers");
            }
        }
    }
}
