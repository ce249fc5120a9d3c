//! Leave to watch: a film that is on its way looks at it before each piece.

use crate::clock::UnixMs;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// How long what a link leads to may be sent.
#[derive(Debug)]
pub struct Leave {
    expires: UnixMs,
    ended: AtomicBool,
}

impl Leave {
    pub fn until(expires: UnixMs) -> Self {
        Self { expires, ended: AtomicBool::new(false) }
    }

    /// The link was revoked.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) || self.expires <= UnixMs::now()
    }
}

/// The leaves with which something is being sent, by link.
#[derive(Debug, Default)]
pub(super) struct Leaves(HashMap<String, Weak<Leave>>);

impl Leaves {
    /// The leave of a link: one for all who watch by it.
    pub(super) fn take(&mut self, share: &str, expires: UnixMs) -> Arc<Leave> {
        if let Some(leave) = self.0.get(share).and_then(Weak::upgrade) {
            return leave;
        }
        self.0.retain(|_, leave| leave.strong_count() > 0);
        let leave = Arc::new(Leave::until(expires));
        self.0.insert(share.to_owned(), Arc::downgrade(&leave));
        leave
    }

    pub(super) fn end(&mut self, share: &str) {
        if let Some(leave) = self.0.remove(share).and_then(|leave| leave.upgrade()) {
            leave.end();
        }
    }
}
