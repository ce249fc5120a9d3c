//! The box in a fleet: its place, what its hub is to hear, and at a hub its boxes.
//!
//! Rows of `fleet_events` are written by triggers, in the transaction of what they tell of.

use super::fleet_library::Learnt;
use super::fleet_shares::{self, BOUNDS, Bounds};
use super::remembered::Of;
use super::{Store, StoreError, fleet_library, signed, twin, unsigned};
use crate::fleet::{Place, Whereabouts};
use rusqlite::{OptionalExtension as _, Transaction, params};
use std::collections::BTreeMap;

/// The box's place, and how it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetRow {
    pub place: Place,
    /// Names a run of numbers.
    pub epoch: String,
    /// The epoch's first number.
    pub first: u64,
}

/// Something that the hub is to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetEventRow {
    pub seq: u64,
    /// What makes it this one, whatever its number.
    pub id: String,
    pub kind: String,
    /// JSON.
    pub body: String,
    pub made_ms: u64,
    /// How often the hub has asked for it again.
    pub round: u64,
}

/// A box of this hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetBoxRow {
    pub id: String,
    /// The public key, as NATS writes it.
    pub key: String,
    pub name: String,
    pub joined_ms: u64,
}

/// What a box told its hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardRow {
    pub of: String,
    /// What makes it this one, whatever its number.
    pub id: String,
    pub epoch: String,
    /// Of the epoch.
    pub first: u64,
    pub seq: u64,
    pub kind: String,
    pub at_ms: u64,
    pub body: String,
}

/// Numbers that the hub has not heard, although it heard later ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub of: String,
    pub epoch: String,
    /// The first of them.
    pub from: u64,
    /// The next one that is there.
    pub until: u64,
}

/// What hearing a batch came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hearing {
    pub new: u64,
    /// Heard before.
    pub again: u64,
    /// Of boxes that are not this hub's.
    pub strangers: u64,
    /// Older events of a box that went for newer ones, since it tells too much; by box.
    pub forgotten: BTreeMap<String, u64>,
    /// Recordings that are not listed, since a box has too many; by box.
    pub unlisted: BTreeMap<String, u64>,
}

fn place(sql: &Transaction<'_>) -> Result<Option<FleetRow>, StoreError> {
    let found = sql.query_row("SELECT place, epoch, first FROM fleet", [], |row| {
        Ok((row.get::<_, String>(0)?, row.get(1)?, unsigned(row.get(2)?)))
    });
    let Some((text, epoch, first)) = found.optional()? else { return Ok(None) };
    Ok(Some(FleetRow { place: serde_json::from_str(&text)?, epoch, first }))
}

fn replace(sql: &Transaction<'_>, change: impl FnOnce(&mut Place)) -> Result<(), StoreError> {
    let Some(FleetRow { mut place, .. }) = place(sql)? else { return Ok(()) };
    change(&mut place);
    sql.execute("UPDATE fleet SET place = ?1", [serde_json::to_string(&place)?])?;
    Ok(())
}

fn next_seq(sql: &Transaction<'_>) -> Result<u64, StoreError> {
    let query = "SELECT COALESCE((SELECT MIN(seq) FROM fleet_events WHERE sent_ms IS NULL),
        (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'fleet_events'), 1)";
    Ok(unsigned(sql.query_row(query, [], |row| row.get(0))?))
}

fn box_put(sql: &Transaction<'_>, row: &FleetBoxRow) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO fleet_boxes VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (box) DO UPDATE SET name = excluded.name, joined_ms = excluded.joined_ms",
        params![row.id, row.key, row.name, signed(row.joined_ms)],
    )?;
    Ok(())
}

fn strike(sql: &Transaction<'_>, id: &str) -> Result<bool, StoreError> {
    sql.execute("DELETE FROM fleet_invites WHERE box = ?1", [id])?;
    sql.execute("DELETE FROM fleet_outages WHERE box = ?1", [id])?;
    sql.execute("DELETE FROM fleet_library WHERE box = ?1", [id])?;
    sql.execute("DELETE FROM fleet_twins WHERE box = ?1", [id])?;
    sql.execute("DELETE FROM fleet_epochs WHERE box = ?1", [id])?;
    Ok(sql.execute("DELETE FROM fleet_boxes WHERE box = ?1", [id])? == 1)
}

/// Moves each epoch on, as far as nothing is missing.
fn advance(sql: &Transaction<'_>) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE fleet_epochs SET upto = (
            SELECT MAX(seq) FROM (
                SELECT seq, seq - ROW_NUMBER() OVER (ORDER BY seq) AS run
                FROM (SELECT DISTINCT h.seq AS seq FROM fleet_heard AS h
                    WHERE h.box = fleet_epochs.box AND h.epoch = fleet_epochs.epoch
                        AND h.seq > fleet_epochs.upto))
            WHERE run = fleet_epochs.upto)
         WHERE EXISTS (SELECT 1 FROM fleet_heard AS h WHERE h.box = fleet_epochs.box
            AND h.epoch = fleet_epochs.epoch AND h.seq = fleet_epochs.upto + 1)",
        [],
    )?;
    Ok(())
}

impl Store {
    pub async fn fleet_get(&self) -> Result<Option<FleetRow>, StoreError> {
        self.ask(Of::All, "fleet", (), place).await
    }

    /// Takes a place and begins an epoch; a hub is the first of its own boxes. False if the box has
    /// a place already.
    pub async fn fleet_enter(
        &self,
        place: Place,
        epoch: String,
        hub: Option<FleetBoxRow>,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let text = serde_json::to_string(&place)?;
            let first = signed(next_seq(sql)?);
            let query =
                "INSERT OR IGNORE INTO fleet (id, place, epoch, first) VALUES (1, ?1, ?2, ?3)";
            let entered = sql.execute(query, params![text, epoch, first])? == 1;
            if let Some(row) = hub.filter(|_| entered) {
                box_put(sql, &row)?;
            }
            if entered {
                // What was recorded before is news to the hub.
                fleet_library::tell(sql, None)?;
            }
            Ok(entered)
        })
        .await
    }

    /// Gives the place up, with everything that belongs to it; what waits for the hub is not sent.
    pub async fn fleet_leave(&self) -> Result<(), StoreError> {
        self.call(|sql| {
            sql.execute_batch(
                "DELETE FROM fleet_shares; DELETE FROM fleet; DELETE FROM fleet_events; DELETE FROM fleet_boxes;
                 DELETE FROM fleet_invites; DELETE FROM fleet_heard; DELETE FROM fleet_epochs;
                 DELETE FROM fleet_outages; DELETE FROM fleet_library; DELETE FROM twin;
                 DELETE FROM fleet_groups; DELETE FROM fleet_twins; DELETE FROM fleet_update;
                 DELETE FROM fleet_waves;",
            )?;
            Ok(())
        })
        .await
    }

    /// The hub is to be found here from now on.
    pub async fn fleet_relocate(&self, to: Vec<String>) -> Result<(), StoreError> {
        self.call(move |sql| {
            replace(sql, |place| {
                let (Place::Hub { addresses, .. } | Place::Member { addresses, .. }) = place;
                *addresses = to;
            })
        })
        .await
    }

    /// A member's hub has said this of itself.
    pub async fn fleet_moved(&self, to: Whereabouts) -> Result<(), StoreError> {
        self.call(move |sql| {
            replace(sql, |place| {
                if let Place::Member { hub_name, addresses, mark, .. } = place {
                    (*addresses, *mark) = (to.after(addresses), to.mark());
                    *hub_name = to.name;
                }
            })
        })
        .await
    }

    /// Has the hub hear something of the fleet itself.
    pub async fn fleet_say(
        &self,
        kind: &'static str,
        body: serde_json::Value,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO fleet_events (kind, body, made_ms) SELECT ?1, ?2,
                    CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM fleet",
                params![kind, body.to_string()],
            )?;
            Ok(())
        })
        .await
    }

    /// Compares `found`, what the file beside the database says, and begins another epoch if this
    /// database is from another time. From now on the file is to say `next`. True: it was.
    pub async fn fleet_mark(
        &self,
        found: Option<String>,
        next: String,
        epoch: String,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "SELECT mark, mark_before FROM fleet";
            let marks = sql.query_row(query, [], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            });
            let Some((mark, before)) = marks.optional()? else { return Ok(false) };
            let found = found.unwrap_or_default();
            // The one before: the power went between the two.
            let ours = mark.is_empty() || found == mark || found == before;
            if !ours {
                let first = signed(next_seq(sql)?);
                sql.execute("UPDATE fleet SET epoch = ?1, first = ?2", params![epoch, first])?;
                // Recordings are those of that other time, too.
                fleet_library::tell(sql, None)?;
            }
            sql.execute("UPDATE fleet SET mark = ?1, mark_before = ?2", params![next, found])?;
            Ok(!ours)
        })
        .await
    }

    /// What is to be sent after this number, oldest first.
    pub async fn fleet_unsent(
        &self,
        after: u64,
        most: usize,
    ) -> Result<Vec<FleetEventRow>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT seq, kind, body, made_ms, round, id FROM fleet_events
                 WHERE sent_ms IS NULL AND seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let rows = statement.query_map(params![signed(after), signed(most as u64)], |row| {
                Ok(FleetEventRow {
                    seq: unsigned(row.get(0)?),
                    kind: row.get(1)?,
                    body: row.get(2)?,
                    made_ms: unsigned(row.get(3)?),
                    round: unsigned(row.get(4)?),
                    id: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The hub's stream has these.
    pub async fn fleet_sent(&self, seqs: Vec<u64>, now_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE fleet_events SET sent_ms = ?2
                 WHERE seq IN (SELECT value FROM json_each(?1))",
                params![serde_json::to_string(&seqs)?, signed(now_ms)],
            )?;
            Ok(())
        })
        .await
    }

    /// The hub wants these numbers once more, `until` not among them, if it means this epoch.
    pub async fn fleet_again(
        &self,
        epoch: String,
        from: u64,
        until: u64,
    ) -> Result<usize, StoreError> {
        self.call(move |sql| {
            let changed = sql.execute(
                "UPDATE fleet_events SET sent_ms = NULL, round = round + 1
                 WHERE seq >= ?2 AND seq < ?3 AND sent_ms IS NOT NULL
                 AND EXISTS (SELECT 1 FROM fleet WHERE epoch = ?1)",
                params![epoch, signed(from), signed(until)],
            )?;
            Ok(changed)
        })
        .await
    }

    /// How much waits for the hub, and the highest number that its stream has; 0: none.
    pub async fn fleet_progress(&self) -> Result<(u64, u64), StoreError> {
        self.ask(Of::All, "fleet progress", (), |sql| {
            let query = "SELECT (SELECT COUNT(*) FROM fleet_events WHERE sent_ms IS NULL),
                (SELECT COALESCE(MAX(seq), 0) FROM fleet_events WHERE sent_ms IS NOT NULL)";
            let told = |row: &rusqlite::Row<'_>| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)));
            Ok(sql.query_row(query, [], told)?)
        })
        .await
    }

    /// Forgets what was sent, or heard, before this.
    pub async fn fleet_forget(&self, before_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            let before = [signed(before_ms)];
            sql.execute("DELETE FROM fleet_events WHERE sent_ms < ?1", before)?;
            sql.execute("DELETE FROM fleet_heard WHERE heard_ms < ?1", before)?;
            sql.execute("DELETE FROM fleet_library WHERE gone_ms < ?1", before)?;
            Ok(())
        })
        .await
    }

    /// Boxes of this hub, by name.
    pub async fn fleet_box_list(&self) -> Result<Vec<FleetBoxRow>, StoreError> {
        self.ask(Of::All, "fleet boxes", (), |sql| {
            let query = "SELECT box, key, name, joined_ms FROM fleet_boxes ORDER BY name, box";
            let mut statement = sql.prepare_cached(query)?;
            let rows = statement.query_map([], |row| {
                let joined_ms = unsigned(row.get(3)?);
                Ok(FleetBoxRow { id: row.get(0)?, key: row.get(1)?, name: row.get(2)?, joined_ms })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// An invitation, beside those that are still good.
    pub async fn fleet_invite(
        &self,
        token: [u8; 32],
        expires_ms: u64,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM fleet_invites WHERE expires_ms < ?1", [signed(now_ms)])?;
            let query = "INSERT INTO fleet_invites (token_hash, expires_ms) VALUES (?1, ?2)";
            sql.execute(query, params![token, signed(expires_ms)])?;
            Ok(())
        })
        .await
    }

    /// Lets a box in by an invitation, which is used up for all others. False: the invitation is not good.
    pub async fn fleet_admit(
        &self,
        token: [u8; 32],
        row: FleetBoxRow,
        now_ms: u64,
        most: usize,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "SELECT COUNT(*) FROM fleet_boxes WHERE box <> ?1";
            if unsigned(sql.query_row(query, [&row.id], |row| row.get(0))?) >= most as u64 {
                return Ok(false);
            }
            let used = sql.execute(
                "UPDATE fleet_invites SET box = ?3 WHERE token_hash = ?1 AND expires_ms >= ?2
                 AND (box IS NULL OR box = ?3)",
                params![token, signed(now_ms), row.id],
            )?;
            if used == 0 {
                return Ok(false);
            }
            box_put(sql, &row)?;
            // What was decided about a box that comes anew was decided for good.
            sql.execute("UPDATE fleet_twins SET decisions = '{}' WHERE box = ?1", [&row.id])?;
            Ok(true)
        })
        .await
    }

    /// False if there is no such box.
    pub async fn fleet_expel(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| strike(sql, &id)).await
    }

    /// Strikes a box off that had joined before this. False if there is none.
    pub async fn fleet_left(&self, id: String, before_ms: u64) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "SELECT 1 FROM fleet_boxes WHERE box = ?1 AND joined_ms < ?2";
            match sql.prepare_cached(query)?.exists(params![id, signed(before_ms)])? {
                true => strike(sql, &id),
                false => Ok(false),
            }
        })
        .await
    }

    /// Keeps what boxes told, each thing once; of each box so much as [`BOUNDS`] says.
    pub async fn fleet_hear(
        &self,
        rows: Vec<HeardRow>,
        now_ms: u64,
    ) -> Result<Hearing, StoreError> {
        self.fleet_hear_within(rows, now_ms, BOUNDS).await
    }

    pub(super) async fn fleet_hear_within(
        &self,
        rows: Vec<HeardRow>,
        now_ms: u64,
        bounds: Bounds,
    ) -> Result<Hearing, StoreError> {
        self.call(move |sql| {
            let mut known = sql.prepare_cached("SELECT 1 FROM fleet_boxes WHERE box = ?1")?;
            let mut epoch =
                sql.prepare_cached("INSERT OR IGNORE INTO fleet_epochs VALUES (?1, ?2, ?3, ?4)")?;
            let mut keep = sql.prepare_cached(
                "INSERT OR IGNORE INTO fleet_heard VALUES (?1, ?8, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            let mut hearing = Hearing::default();
            let now = signed(now_ms);
            let mut listed = BTreeMap::<String, u64>::new();
            for row in rows {
                if !known.exists([&row.of])? {
                    hearing.strangers += 1;
                    continue;
                }
                let before = signed(row.first.saturating_sub(1));
                if epoch.execute(params![row.of, row.epoch, before, now])? == 1 {
                    fleet_shares::fewer_epochs(sql, &row.of)?;
                }
                let (seq, at) = (signed(row.seq), signed(row.at_ms));
                let new = keep.execute(params![
                    row.of, row.epoch, seq, row.kind, at, row.body, now, row.id
                ])?;
                match new {
                    0 => hearing.again += 1,
                    _ => {
                        if !listed.contains_key(&row.of) {
                            let share = fleet_shares::get(sql, &row.of)?;
                            listed.insert(row.of.clone(), share.listed);
                        }
                        let listed = listed.entry(row.of.clone()).or_default();
                        let room = bounds.listed.saturating_sub(*listed);
                        match fleet_library::learn(sql, &row, now_ms, room)? {
                            Learnt::Another => *listed += 1,
                            Learnt::NoRoom => {
                                *hearing.unlisted.entry(row.of.clone()).or_default() += 1;
                            }
                            Learnt::Known => {}
                        }
                        twin::learn(sql, &row, now_ms)?;
                        hearing.new += 1;
                    }
                }
            }
            advance(sql)?;
            for of in listed.into_keys() {
                let gone = fleet_shares::trim(sql, &of, bounds)?;
                if gone > 0 {
                    hearing.forgotten.insert(of, gone);
                }
            }
            Ok(hearing)
        })
        .await
    }

    /// Where numbers are missing: the first gap of each epoch. `told`: box, epoch and the last number that
    /// the box says was sent, since nothing later shows that the last ones are missing.
    pub async fn fleet_missing(
        &self,
        told: Vec<(String, String, u64)>,
    ) -> Result<Vec<Missing>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT e.box, e.epoch, e.upto + 1, MIN(h.seq) FROM fleet_epochs AS e
                 JOIN fleet_heard AS h ON h.box = e.box AND h.epoch = e.epoch AND h.seq > e.upto
                 GROUP BY e.box, e.epoch",
            )?;
            let rows = statement.query_map([], |row| {
                let (from, until) = (unsigned(row.get(2)?), unsigned(row.get(3)?));
                Ok(Missing { of: row.get(0)?, epoch: row.get(1)?, from, until })
            })?;
            let mut missing: Vec<Missing> = rows.collect::<Result<_, _>>()?;
            let mut upto =
                sql.prepare_cached("SELECT upto FROM fleet_epochs WHERE box = ?1 AND epoch = ?2")?;
            for (of, epoch, last) in told {
                let known = upto.query_row([&of, &epoch], |row| row.get(0)).optional()?;
                let from = known.map_or(1, |upto: i64| unsigned(upto) + 1);
                let open = missing.iter().any(|one| one.of == of && one.epoch == epoch);
                if from <= last && !open {
                    missing.push(Missing { of, epoch, from, until: last.saturating_add(1) });
                }
            }
            Ok(missing)
        })
        .await
    }

    /// These numbers are given up: they will not come.
    pub async fn fleet_skip(&self, missing: Missing) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE fleet_epochs SET upto = ?3 WHERE box = ?1 AND epoch = ?2 AND upto < ?3",
                params![missing.of, missing.epoch, signed(missing.until.saturating_sub(1))],
            )?;
            advance(sql)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
