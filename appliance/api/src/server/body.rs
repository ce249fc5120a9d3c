//! A request's body, for which the box does not wait for ever.

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

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

/// How long a body may take: a door that knows its sender may have more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience(Arc<AtomicBool>);

impl Patience {
    /// From now on the body may take as long as its bytes go on coming: for large things of people
    /// who are known. A stranger's byte now and then would hold a seat for ever.
    pub(crate) fn for_a_long_body(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl<S: Sync> FromRequestParts<S> for Patience {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// A body with a deadline for its last byte: a byte now and then would pass any lesser rule.
pub(super) struct InTime {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    each: Duration,
    patience: Patience,
    late: Late,
}

impl InTime {
    /// The body, or it again with a deadline if there is anything to wait for.
    pub(super) fn wrap(body: Incoming, each: Duration, patience: Patience, late: Late) -> Body {
        match body.is_end_stream() {
            true => Body::empty(),
            false => {
                let deadline = Box::pin(sleep(each));
                Body::new(Self { body, deadline, each, patience, late })
            }
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
            if self.patience.0.load(Ordering::Acquire) {
                let later = Instant::now() + self.each;
                self.deadline.as_mut().reset(later);
            }
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
