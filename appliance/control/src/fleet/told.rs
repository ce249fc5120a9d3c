//! At a hub: what its boxes told, for who reads it.

use super::{Fleet, listed};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::pages::{checked, page};
use crate::store::{OutageRow, ToldMark, ToldRow, ToldSearch};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use utoipa::ToSchema;

/// What somebody wants to read; what is absent is not asked for.
#[derive(Debug, Clone, Default)]
pub struct ToldWanted {
    /// Id of the box.
    pub of: Option<String>,
    pub kind: Option<String>,
    /// `next` of the page before.
    pub before: Option<String>,
}

/// A box, as one that reads names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BoxName {
    pub id: String,
    /// Absent: it is not in the fleet any more.
    #[schema(required)]
    pub name: Option<String>,
}

/// Something that happened on a box of the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ToldEvent {
    /// `evt_` and what makes it this one on its box.
    pub id: String,
    /// By the box's own clock.
    pub at: UnixMs,
    #[serde(rename = "box")]
    pub of: BoxName,
    /// `noun.verb`, in the past tense.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id of what it happened to.
    pub subject: String,
    /// Its number on its box; numbers begin anew when the box joins again or comes from a copy.
    pub seq: u64,
    /// What the box says of it.
    pub data: Value,
}

/// Some of what boxes told, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ToldPage {
    pub items: Vec<ToldEvent>,
    /// Where the next page begins; absent: there is none.
    #[schema(required)]
    pub next: Option<String>,
}

/// A time in which the hub heard nothing of a box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outage {
    /// Its last heartbeat; for one that was not heard since the hub started, that start.
    pub since: UnixMs,
    /// When it was heard again; absent: it is silent.
    #[schema(required)]
    pub until: Option<UnixMs>,
}

/// Some of a box's outages, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutagePage {
    pub items: Vec<Outage>,
    /// Where the next page begins; absent: there is none.
    #[schema(required)]
    pub next: Option<String>,
}

/// What boxes told.
pub struct Told<'a> {
    pub(super) fleet: &'a Fleet,
}

impl Told<'_> {
    /// What is wanted, newest first.
    ///
    /// # Errors
    /// This box is no hub, what is wanted cannot be, or the store refuses.
    pub async fn events(&self, wanted: ToldWanted, limit: u32) -> Result<ToldPage, ControlError> {
        self.fleet.as_hub().whereabouts().await?;
        checked(limit)?;
        let ToldWanted { of, kind, before } = wanted;
        let before = before.as_deref().map(read).transpose()?;
        let search = ToldSearch { of, kind, before };
        let mut rows = self.fleet.store.fleet_told(search, limit + 1).await?;
        let next = page(&mut rows, limit, |row| write(row.mark));
        let names = names(self.fleet).await?;
        Ok(ToldPage { items: rows.into_iter().map(|row| event(row, &names)).collect(), next })
    }

    /// When a box was silent in the last 90 days, newest first. `before`: `next` of the page before.
    ///
    /// # Errors
    /// This box is no hub, it has no such box, what is wanted cannot be, or the store refuses.
    pub async fn outages(
        &self,
        id: &str,
        limit: u32,
        before: Option<String>,
    ) -> Result<OutagePage, ControlError> {
        self.fleet.as_hub().whereabouts().await?;
        checked(limit)?;
        let before = match before {
            None => u64::MAX,
            Some(mark) => mark.parse().map_err(|_| no_mark())?,
        };
        if !self.fleet.store.fleet_box_list().await?.iter().any(|row| row.id == id) {
            return Err(ControlError::NotFound("box"));
        }
        let mut rows = self.fleet.store.fleet_outage_list(id.to_owned(), before, limit + 1).await?;
        let next = page(&mut rows, limit, |row| row.since_ms.to_string());
        let outage = |row: OutageRow| Outage {
            since: UnixMs(row.since_ms),
            until: row.until_ms.map(UnixMs),
        };
        Ok(OutagePage { items: rows.into_iter().map(outage).collect(), next })
    }
}

/// Names of the boxes, by id.
pub(super) async fn names(fleet: &Fleet) -> Result<HashMap<String, String>, ControlError> {
    let rows = fleet.store.fleet_box_list().await?;
    let now = fleet.now();
    let named = rows.into_iter().map(|row| listed(row, &now.roster));
    Ok(named.map(|one| (one.id, one.name)).collect())
}

fn event(row: ToldRow, names: &HashMap<String, String>) -> ToldEvent {
    let data: Value = serde_json::from_str(&row.body).unwrap_or_default();
    ToldEvent {
        id: format!("evt_{}", row.id),
        at: UnixMs(row.at_ms),
        of: BoxName { name: names.get(&row.of).cloned(), id: row.of },
        kind: row.kind,
        subject: data["id"].as_str().unwrap_or_default().to_owned(),
        seq: row.seq,
        data,
    }
}

pub(super) fn write(ToldMark { ms, row }: ToldMark) -> String {
    format!("{ms}-{row}")
}

fn no_mark() -> ControlError {
    let why = "is next of the page before, as it was answered: leave it out to begin at the newest";
    ControlError::InvalidSearch { field: "before", why }
}

pub(super) fn read(mark: &str) -> Result<ToldMark, ControlError> {
    let numbers = mark.split_once('-').map(|(ms, row)| (ms.parse(), row.parse()));
    match numbers {
        Some((Ok(ms), Ok(row))) => Ok(ToldMark { ms, row }),
        _ => Err(no_mark()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_page_begins_is_read_as_it_was_written_and_nothing_else_is() {
        let mark = ToldMark { ms: 1_793_491_200_000, row: 17 };
        assert_eq!(read(&write(mark)).unwrap(), mark);
        for wrong in ["", "-", "1", "1-", "-1", "1-2-3", "1 - 2", "-1--2"] {
            let refused = read(wrong).unwrap_err();
            assert_eq!(refused.code(), "invalid_search", "{wrong}");
        }
    }

    #[test]
    fn an_event_is_told_on_with_the_name_of_its_box_and_one_without_details_as_well() {
        let row = ToldRow {
            mark: ToldMark { ms: 5, row: 1 },
            of: "box-a".into(),
            id: "1a".into(),
            seq: 3,
            kind: "room.created".into(),
            at_ms: 7,
            body: r#"{"id":"rm_1","name":"Hall"}"#.into(),
        };
        let names = HashMap::from([("box-a".to_owned(), "Library".to_owned())]);
        let told = serde_json::to_value(event(row.clone(), &names)).unwrap();
        let wanted = serde_json::json!({
            "id": "evt_1a", "at": "1970-01-01T00:00:00.007Z",
            "box": {"id": "box-a", "name": "Library"}, "type": "room.created",
            "subject": "rm_1", "seq": 3, "data": {"id": "rm_1", "name": "Hall"}
        });
        assert_eq!(told, wanted);
        let short = event(ToldRow { body: "null".into(), ..row }, &HashMap::new());
        assert_eq!((short.subject.as_str(), short.of.name), ("", None));
    }
}
