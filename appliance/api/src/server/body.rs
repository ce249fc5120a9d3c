//! A request's body, for which the box does not wait for ever.

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Whether a body came too late.
#[derive(Debug, Clone, Default)]
pub(super) struct Late(Arc<AtomicBool>);

impl Late {
    pub(super) fn is_so(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why a body did not come whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the body of the request took too long")]
    Late,
    #[error("the body of the request broke off")]
    Read(#[source] hyper::Error),
}

/// A body with a deadline for its last byte: a byte now and then would pass any lesser rule.
pub(super) struct InTime {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    late: Late,
}

impl InTime {
    /// The body, or it again with a deadline if there is anything to wait for.
    pub(super) fn wrap(body: Incoming, patience: Duration, late: Late) -> Body {
        match body.is_end_stream() {
            true => Body::empty(),
            false => Body::new(Self { body, deadline: Box::pin(sleep(patience)), late }),
        }
    }
}

impl http_body::Body for InTime {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Broken::Read)));
        }
        if self.deadline.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.late.0.store(true, Ordering::Release);
        Poll::Ready(Some(Err(Broken::Late)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
