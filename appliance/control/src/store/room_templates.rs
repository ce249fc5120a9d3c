//! Templates for rooms.

use super::rooms::rules_closed;
use super::{Store, StoreError, signed, unsigned};
use crate::rooms::templates::RoomSettings;
use rusqlite::{Row, params};

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomTemplateRow {
    /// `rt_` and a ULID.
    pub id: String,
    /// Unique.
    pub name: String,
    pub settings: RoomSettings,
    /// One is, at most.
    pub is_default: bool,
    pub created_ms: u64,
}

fn template(row: &Row<'_>) -> rusqlite::Result<RoomTemplateRow> {
    Ok(RoomTemplateRow {
        id: row.get(0)?,
        name: row.get(1)?,
        settings: settings(&row.get::<_, String>(2)?),
        is_default: row.get(3)?,
        created_ms: unsigned(row.get(4)?),
    })
}

/// As with rooms: what a newer version wrote in a way that this one cannot read lets no guest in.
fn settings(text: &str) -> RoomSettings {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::warn!(%error, "a template's settings cannot be read: rooms from it let no guest in");
        RoomSettings { rules: rules_closed(), ..RoomSettings::default() }
    })
}

impl Store {
    /// All, by name.
    pub async fn room_template_list(&self) -> Result<Vec<RoomTemplateRow>, StoreError> {
        self.call(|sql| {
            let query = "SELECT id, name, settings, is_default, created_ms FROM room_templates
                 ORDER BY name COLLATE NOCASE";
            let mut statement = sql.prepare_cached(query)?;
            let rows = statement.query_map([], template)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps a template, new or changed; one that becomes the default takes the place of the one that was. False
    /// if another one has its name.
    pub async fn room_template_put(&self, row: RoomTemplateRow) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let taken = "SELECT EXISTS (SELECT 1 FROM room_templates
                 WHERE name = ?1 COLLATE NOCASE AND id <> ?2)";
            if sql.query_row(taken, params![row.name, row.id], |found| found.get::<_, bool>(0))? {
                return Ok(false);
            }
            if row.is_default {
                sql.execute("UPDATE room_templates SET is_default = 0", [])?;
            }
            let settings = serde_json::to_string(&row.settings)?;
            sql.execute(
                "INSERT INTO room_templates (id, name, settings, is_default, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name,
                     settings = excluded.settings, is_default = excluded.is_default",
                params![row.id, row.name, settings, row.is_default, signed(row.created_ms)],
            )?;
            Ok(true)
        })
        .await
    }

    /// False if there is no such template.
    pub async fn room_template_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(
            move |sql| Ok(sql.execute("DELETE FROM room_templates WHERE id = ?1", [id])? == 1),
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::GuestEntry;

    #[tokio::test]
    async fn one_template_is_the_default_and_names_are_taken_whatever_their_case() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let row = |id: &str, name: &str, is_default| RoomTemplateRow {
            id: id.to_owned(),
            name: name.to_owned(),
            settings: RoomSettings { lobby: true, ..RoomSettings::default() },
            is_default,
            created_ms: 1,
        };
        assert!(store.room_template_put(row("rt_1", "Lecture", true)).await.unwrap());
        assert!(!store.room_template_put(row("rt_2", "lecture", false)).await.unwrap());
        assert!(store.room_template_put(row("rt_2", "Board", true)).await.unwrap());
        assert!(store.room_template_put(row("rt_1", "Lectures", false)).await.unwrap());
        let all = store.room_template_list().await.unwrap();
        assert_eq!(all, [row("rt_2", "Board", true), row("rt_1", "Lectures", false)]);
        store
            .call(|sql| Ok(sql.execute("UPDATE room_templates SET settings = 'no JSON'", [])?))
            .await
            .unwrap();
        let unread = store.room_template_list().await.unwrap().remove(0).settings;
        assert_eq!(unread.rules.guests, GuestEntry::Nobody);
        assert!(store.room_template_delete("rt_1".to_owned()).await.unwrap());
        assert!(!store.room_template_delete("rt_1".to_owned()).await.unwrap());
    }
}
