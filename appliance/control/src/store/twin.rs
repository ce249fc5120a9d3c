//! What a fleet wants of its boxes: at a box what it made of it, at a hub groups, wishes and reports.

use super::fleet::HeardRow;
use super::{Store, StoreError, fleet_library, settings, signed, unsigned};
use crate::fleet::{Decision, Named, Report, Wish};
use crate::settings::Settings;
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde_json::Value;
use std::collections::BTreeMap;

/// The kind of an event that says which settings a box has.
pub(crate) const REPORTED: &str = "settings.reported";

/// Settings that several boxes are to have.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRow {
    pub id: String,
    pub name: String,
    /// Texts may name variables.
    pub settings: Named,
}

/// What a hub knows of a box's settings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TwinRow {
    pub of: String,
    pub group: Option<String>,
    pub site: String,
    /// Of this box alone; null: not the group's either.
    pub settings: Named,
    pub decisions: BTreeMap<String, Decision>,
    /// The newest.
    pub wish: Option<Wish>,
    pub report: Option<Report>,
    pub report_ms: u64,
}

/// Keeps what a box says that it has, if it says so; an older report changes nothing. Older by number and by the
/// box's clock: a box whose folder came from a copy counts anew from there.
pub(super) fn learn(sql: &Transaction<'_>, row: &HeardRow, now_ms: u64) -> Result<(), StoreError> {
    if row.kind != REPORTED {
        return Ok(());
    }
    let Ok(report) = serde_json::from_str::<Report>(&row.body) else { return Ok(()) };
    let known = sql.execute(
        "INSERT INTO fleet_twins (box, report, report_ms, report_epoch, report_seq, report_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (box) DO UPDATE SET report = excluded.report, report_ms = excluded.report_ms,
            report_epoch = excluded.report_epoch, report_seq = excluded.report_seq,
            report_at_ms = excluded.report_at_ms
         WHERE report_epoch <> excluded.report_epoch OR report_seq < excluded.report_seq
            OR report_at_ms < excluded.report_at_ms",
        params![
            row.of,
            serde_json::to_string(&report)?,
            signed(now_ms),
            row.epoch,
            signed(row.seq),
            signed(row.at_ms)
        ],
    )?;
    if known == 1 && report.refuses.recordings {
        sql.execute("DELETE FROM fleet_library WHERE box = ?1", [&row.of])?;
    }
    Ok(())
}

impl Store {
    /// What this box knows of its fleet's wishes, JSON.
    pub async fn twin_get(&self) -> Result<Option<String>, StoreError> {
        self.call(|sql| {
            Ok(sql.query_row("SELECT state FROM twin", [], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Keeps it, with the settings that follow from it and what the hub is to hear of both; `again`: the hub
    /// hears of all recordings. All or nothing; nothing while the box is in no fleet.
    pub async fn twin_put(
        &self,
        state: String,
        changed: Option<Settings>,
        report: Option<Value>,
        again: bool,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let kept = sql.execute(
                "INSERT INTO twin (id, state) SELECT 1, ?1 FROM fleet WHERE true
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state",
                [state],
            )? == 1;
            if !kept {
                return Ok(false);
            }
            if let Some(changed) = changed {
                settings::put(sql, &changed)?;
            }
            if let Some(report) = report {
                sql.execute(
                    "INSERT INTO fleet_events (kind, body, made_ms)
                     VALUES (?1, ?2, CAST(unixepoch('subsec') * 1000 AS INTEGER))",
                    params![REPORTED, report.to_string()],
                )?;
            }
            if again {
                fleet_library::tell(sql, None)?;
            }
            Ok(true)
        })
        .await
    }

    /// Groups of this hub, by name.
    pub async fn fleet_group_list(&self) -> Result<Vec<GroupRow>, StoreError> {
        self.call(|sql| {
            let query = "SELECT id, name, settings FROM fleet_groups ORDER BY name, id";
            let mut statement = sql.prepare_cached(query)?;
            let mut rows = statement.query([])?;
            let mut groups = Vec::new();
            while let Some(row) = rows.next()? {
                let settings = serde_json::from_str(&row.get::<_, String>(2)?)?;
                groups.push(GroupRow { id: row.get(0)?, name: row.get(1)?, settings });
            }
            Ok(groups)
        })
        .await
    }

    pub async fn fleet_group_put(&self, group: GroupRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO fleet_groups (id, name, settings) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, settings = excluded.settings",
                params![group.id, group.name, serde_json::to_string(&group.settings)?],
            )?;
            Ok(())
        })
        .await
    }

    /// Its boxes are in none then. False if there is no such group.
    pub async fn fleet_group_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            sql.execute("UPDATE fleet_twins SET group_id = NULL WHERE group_id = ?1", [&id])?;
            Ok(sql.execute("DELETE FROM fleet_groups WHERE id = ?1", [id])? == 1)
        })
        .await
    }

    /// What is known of settings of this hub's boxes, as far as anything is.
    pub async fn fleet_twin_list(&self) -> Result<Vec<TwinRow>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare_cached(
                "SELECT t.box, t.group_id, t.site, t.settings, t.decisions, t.wish, t.report, t.report_ms
                 FROM fleet_twins AS t JOIN fleet_boxes AS b ON b.box = t.box ORDER BY t.box",
            )?;
            let mut rows = statement.query([])?;
            let mut twins = Vec::new();
            while let Some(row) = rows.next()? {
                let text = |at| row.get::<_, Option<String>>(at);
                let wish = text(5)?.map(|text| serde_json::from_str(&text)).transpose()?;
                let report = text(6)?.map(|text| serde_json::from_str(&text)).transpose()?;
                twins.push(TwinRow {
                    of: row.get(0)?,
                    group: row.get(1)?,
                    site: row.get(2)?,
                    settings: serde_json::from_str(&row.get::<_, String>(3)?)?,
                    decisions: serde_json::from_str(&row.get::<_, String>(4)?)?,
                    wish,
                    report,
                    report_ms: unsigned(row.get(7)?),
                });
            }
            Ok(twins)
        })
        .await
    }

    /// What is wanted of a box of this hub; its report stays.
    pub async fn fleet_twin_put(&self, row: TwinRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            let wish = row.wish.as_ref().map(serde_json::to_string).transpose()?;
            sql.execute(
                "INSERT INTO fleet_twins (box, group_id, site, settings, decisions, wish)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (box) DO UPDATE SET group_id = excluded.group_id, site = excluded.site,
                    settings = excluded.settings, decisions = excluded.decisions, wish = excluded.wish",
                params![
                    row.of,
                    row.group,
                    row.site,
                    serde_json::to_string(&row.settings)?,
                    serde_json::to_string(&row.decisions)?,
                    wish
                ],
            )?;
            Ok(())
        })
        .await
    }
}
