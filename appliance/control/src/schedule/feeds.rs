//! Calendars that others publish: fetched now and then, and kept for when they cannot be.

use super::view::{self, Feed, NewFeed};
use super::{DAY, Schedule};
use crate::clock::{Ticks, UnixMs};
use crate::error::{ControlError, checked_name};
use crate::store::FeedRow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use ulid::Ulid;

/// A calendar is looked at this often; one that cannot be fetched sooner.
const FETCH: Duration = Duration::from_secs(900);
const FETCH_AGAIN: Duration = Duration::from_secs(120);
/// Whether something is due is looked at this often.
const LOOK: Duration = Duration::from_secs(10);
const MOST_FEEDS: usize = 50;
/// Bytes of all calendars together: they are all read to know what is on.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// So many are fetched at a time: one server that hangs holds up no other.
const AT_A_TIME: usize = 4;
const LONGEST_URL: usize = 2000;
/// What comes is counted for so long from now.
const UPCOMING: u64 = 28 * DAY;

/// Where it is really fetched: calendars' own scheme is HTTPS by another name.
fn fetched_at(url: &str) -> Option<String> {
    let lower = url.to_ascii_lowercase();
    let rest = |scheme: &str| url.get(scheme.len()..).filter(|_| lower.starts_with(scheme));
    let secure = rest("webcal://").or_else(|| rest("webcals://"));
    match secure {
        Some(rest) => Some(format!("https://{rest}")),
        None => rest("https://").or_else(|| rest("http://")).map(|_| url.to_owned()),
    }
}

impl Schedule {
    /// Follows a calendar from now on: what it says is fetched at once.
    ///
    /// # Errors
    /// There is no such room, the address will not do, nothing can be fetched there, or it is no calendar.
    pub async fn add_feed(&self, new: NewFeed) -> Result<Feed, ControlError> {
        let name = checked_name(&new.name)?;
        if let Some(room) = &new.room {
            self.rooms.get(room).await?;
        }
        let refused = |why: String| ControlError::InvalidFeed { field: "url", why };
        let url = fetched_at(new.url.trim()).filter(|url| url.len() <= LONGEST_URL);
        let url = url.ok_or_else(|| {
            refused("begins with https://, http:// or webcal:// and names a calendar".to_owned())
        })?;
        let body = self.fetch(&url).await.map_err(|why| refused(format!("does not do: {why}")))?;
        let now_ms = UnixMs::now().0;
        let row = FeedRow {
            id: format!("fd_{}", Ulid::new()),
            name,
            room: new.room,
            url,
            created_ms: now_ms,
            fetched_ms: now_ms,
            error: None,
        };
        let most = (MOST_FEEDS, MOST_BYTES);
        if !self.store.schedule_feed_insert(row.clone(), body, most).await? {
            return Err(ControlError::TooManyFeeds { most: MOST_FEEDS });
        }
        tracing::info!(feed = %row.id, "a calendar is followed");
        self.change();
        self.feed(&row.id).await
    }

    /// Calendars that are followed.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn feeds(&self) -> Result<Vec<Feed>, ControlError> {
        let now_ms = UnixMs::now().0;
        let mut agenda = self.agenda_of(now_ms..now_ms + UPCOMING).await?;
        let rows = self.store.schedule_feed_list().await?;
        let shown = rows
            .iter()
            .map(|row| view::feed(row, agenda.feeds.remove(&row.id).unwrap_or_default()));
        Ok(shown.collect())
    }

    async fn feed(&self, id: &str) -> Result<Feed, ControlError> {
        let mut all = self.feeds().await?.into_iter();
        all.find(|feed| feed.id == id).ok_or(ControlError::NotFound("calendar"))
    }

    /// Fetches a calendar now.
    ///
    /// # Errors
    /// There is no such calendar, or the store refuses. That it cannot be fetched is in what comes back.
    pub async fn fetch_feed(&self, id: &str) -> Result<Feed, ControlError> {
        let rows = self.store.schedule_feed_list().await?;
        let row = rows.into_iter().find(|row| row.id == id);
        self.refresh(row.ok_or(ControlError::NotFound("calendar"))?).await?;
        self.feed(id).await
    }

    /// Follows a calendar no longer: what it planned is not planned any more.
    ///
    /// # Errors
    /// There is no such calendar, or the store refuses.
    pub async fn remove_feed(&self, id: &str) -> Result<(), ControlError> {
        if !self.store.schedule_feed_delete(id.to_owned()).await? {
            return Err(ControlError::NotFound("calendar"));
        }
        tracing::info!(feed = id, "a calendar is followed no longer");
        self.change();
        Ok(())
    }

    /// What is at an address, if it is a calendar.
    async fn fetch(&self, url: &str) -> Result<String, String> {
        let body = self.reader.fetch(url.to_owned()).await?;
        let (home, now_ms) = (self.reader.time_zone(), UnixMs::now().0);
        // The weeks that count: what cannot be counted out must not take the place of what can.
        let weeks = now_ms.saturating_sub(DAY)..now_ms + UPCOMING;
        let _turn = self.counting.lock().await;
        let read = move || roombox_calendar::read(&body, &home, weeks).map(|_| body);
        match tokio::task::spawn_blocking(read).await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(_) => Err("it is a calendar that nobody understands".to_owned()),
        }
    }

    /// Fetches a calendar; true if it could be.
    async fn refresh(&self, row: FeedRow) -> Result<bool, ControlError> {
        let why = match self.fetch(&row.url).await {
            Ok(body) => {
                let known = self.store.schedule_feed_body(row.id.clone()).await?;
                let news =
                    row.error.is_some() || known.is_none_or(|known| !says_the_same(&known, &body));
                let kept = (UnixMs::now().0, MOST_BYTES);
                if self.store.schedule_feed_fetched(row.id.clone(), body, kept).await? {
                    if news {
                        self.change();
                    }
                    return Ok(true);
                }
                format!("all calendars together are longer than {MOST_BYTES} bytes")
            }
            Err(why) => why,
        };
        if row.error.is_none() {
            tracing::warn!(feed = %row.id, why, "a calendar cannot be fetched: what it said last counts");
        }
        let news = row.error.as_ref() != Some(&why);
        self.store.schedule_feed_failed(row.id, why).await?;
        if news {
            self.change();
        }
        Ok(false)
    }

    /// Fetches all calendars again and again.
    pub(super) async fn follow_feeds(self: Arc<Self>) {
        let due: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
        let seats = Arc::new(Semaphore::new(AT_A_TIME));
        let mut ticks = Ticks::every(LOOK);
        loop {
            ticks.tick().await;
            let Ok(rows) = self.store.schedule_feed_list().await else { continue };
            let ready: Vec<FeedRow> = {
                let mut due = due.lock().unwrap_or_else(PoisonError::into_inner);
                due.retain(|id, _| rows.iter().any(|row| row.id == *id));
                let now = Instant::now();
                let ready =
                    rows.into_iter().filter(|row| due.get(&row.id).is_none_or(|at| *at <= now));
                // Not again while it is being fetched.
                let ready: Vec<FeedRow> = ready.collect();
                due.extend(ready.iter().map(|row| (row.id.clone(), now + FETCH)));
                ready
            };
            for row in ready {
                let (this, due, seats) = (self.clone(), due.clone(), seats.clone());
                tokio::spawn(async move {
                    let Ok(_seat) = seats.acquire().await else { return };
                    let id = row.id.clone();
                    let pause = match this.refresh(row).await {
                        Ok(true) => FETCH,
                        _ => FETCH_AGAIN,
                    };
                    let mut due = due.lock().unwrap_or_else(PoisonError::into_inner);
                    due.insert(id, Instant::now() + pause);
                });
            }
        }
    }
}

/// Whether two texts say the same: some servers write anew when they were asked (RFC 5545 §3.8.7.2).
fn says_the_same(a: &str, b: &str) -> bool {
    let said = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with("DTSTAMP"));
        lines.map(str::to_owned).collect()
    };
    a == b || a.len() == b.len() && said(a) == said(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendars_are_fetched_over_http_and_nothing_else() {
        let at = |url| fetched_at(url);
        assert_eq!(at("webcal://c.example/a.ics").as_deref(), Some("https://c.example/a.ics"));
        assert_eq!(at("WEBCAL://c.example/a.ics").as_deref(), Some("https://c.example/a.ics"));
        assert_eq!(at("https://c.example/A.ics").as_deref(), Some("https://c.example/A.ics"));
        assert_eq!(at("http://c.example").as_deref(), Some("http://c.example"));
        for none in ["file:///etc/passwd", "ftp://c.example", "c.example", "", "ü"] {
            assert_eq!(at(none), None, "{none}");
        }
    }
}
