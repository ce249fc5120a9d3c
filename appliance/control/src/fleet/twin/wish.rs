//! What a hub wants of one box: its settings by name, and what somebody decided there. Pure.

use crate::hex::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The longest wish, bytes: it is one signed command.
pub const LONGEST: usize = 12 * 1024;
/// Most settings of a wish; a box has a few dozen.
pub const MOST: usize = 200;
/// Typed at the box alone: a hub would have to keep it.
pub(super) const SECRETS: [&str; 2] = ["turn.secret", "proxy.password"];

/// Settings by section and name with a dot between.
pub type Named = BTreeMap<String, Value>;

/// What a hub wants of one box.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Wish {
    /// Rises with every change of what is wanted of this box.
    pub revision: u64,
    /// The fleet, as the hub is called.
    pub fleet: String,
    pub settings: Named,
    /// By setting.
    #[serde(default)]
    pub decisions: BTreeMap<String, Decision>,
}

/// What somebody at the hub decided about a setting that box and fleet want otherwise. It holds only while both
/// still want what was seen then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Each is carried out once.
    pub id: String,
    pub choice: Choice,
    /// What the fleet wanted.
    pub wanted: Value,
    /// What the box had.
    pub own: Value,
}

/// Whose value a setting gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The box keeps its own.
    Box,
    /// It takes the fleet's.
    Fleet,
}

impl Wish {
    /// Names what is wanted, whatever its revision; empty: nothing is.
    pub fn mark(&self) -> String {
        if self.settings.is_empty() {
            return String::new();
        }
        let text = serde_json::to_vec(&(&self.settings, &self.decisions, &self.fleet));
        let hash = Sha256::digest(text.unwrap_or_default());
        hex(&hash[..8])
    }

    /// Whether a box can keep it.
    pub fn fits(&self) -> bool {
        let short = |name: &String| (1..=100).contains(&name.len());
        self.revision > 0
            && self.revision <= i64::MAX as u64
            && self.fleet.chars().count() <= 100
            && self.settings.len() <= MOST
            && self.decisions.len() <= MOST
            && self.settings.keys().chain(self.decisions.keys()).all(short)
    }
}

/// What a group's text may name in double braces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    pub box_name: String,
    pub box_id: String,
    pub group: String,
    /// Empty: nobody has said where the box is.
    pub site: String,
}

impl Variables {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "box.name" => Some(&self.box_name),
            "box.id" => Some(&self.box_id),
            "group" => Some(&self.group),
            "site" => Some(&self.site),
            _ => None,
        }
    }

    /// A value with its variables filled in, in all of its texts.
    ///
    /// # Errors
    /// A variable that there is not, or that this box has no value for: why, in English.
    pub fn fill(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) => self.text(text).map(Value::String),
            Value::Array(all) => all.iter().map(|one| self.fill(one)).collect(),
            other => Ok(other.clone()),
        }
    }

    fn text(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after
                .split_once("}}")
                .ok_or("has a variable that does not end: close it with }}")?;
            let name = name.trim();
            let value = self.get(name).ok_or_else(|| {
                format!("has no variable {name}: there are box.name, box.id, group and site")
            })?;
            if value.is_empty() {
                return Err(format!("needs {name}, and this box has none"));
            }
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_filled_in_where_there_are_texts_and_a_missing_one_is_said() {
        let of = Variables {
            box_name: "Aula {{site}}".to_owned(),
            box_id: "box-a".to_owned(),
            group: "Halls".to_owned(),
            site: String::new(),
        };
        let fill = |value: Value| of.fill(&value);
        // What a value says is no place for another one.
        assert_eq!(fill(json!("a {{ box.name }} b")), Ok(json!("a Aula {{site}} b")));
        assert_eq!(
            fill(json!(["{{group}}", "{{box.id}}{{group}}"])),
            Ok(json!(["Halls", "box-aHalls"]))
        );
        assert_eq!(fill(json!(7)), Ok(json!(7)));
        for (wrong, says) in
            [("{{site}}", "needs site"), ("{{x}}", "no variable x"), ("{{box.name", "}}")]
        {
            let why = fill(json!(wrong)).unwrap_err();
            assert!(why.contains(says), "{wrong}: {why}");
        }
    }

    #[test]
    fn the_mark_follows_what_is_wanted_and_not_its_number() {
        let named = |seconds| Named::from([("meeting.empty_timeout_s".to_owned(), json!(seconds))]);
        let wish = Wish { revision: 1, settings: named(5), ..Wish::default() };
        assert_eq!(wish.mark(), Wish { revision: 2, ..wish.clone() }.mark());
        assert_ne!(wish.mark(), Wish { settings: named(6), ..wish.clone() }.mark());
        assert_eq!(Wish { revision: 9, ..Wish::default() }.mark(), "");
        assert!(wish.fits() && !Wish { revision: 0, ..wish.clone() }.fits());
        let long = Named::from([("x".repeat(101), json!(1))]);
        assert!(!Wish { settings: long, ..wish }.fits());
    }
}
