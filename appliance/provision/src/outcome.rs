//! What a box answers to a `roombox.toml`: the content of `roombox-result.json`.

use crate::SCHEMA;
use serde::{Deserialize, Serialize};

/// What became of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything in it holds now.
    Applied,
    /// Nothing of it was applied.
    Refused,
    /// The box has an owner, who decides in the panel. Nothing of it was applied yet.
    WaitingForOwner,
}

/// One thing to know about the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// From 1; absent where it is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<usize>,
    /// For people, in English; never a secret.
    pub text: String,
}

/// What a box answers. It holds no secret: it lies on a partition that everybody can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionResult {
    /// Version of the schema that the box understands.
    pub schema: u32,
    /// When, in RFC 3339. A box without a clock is wrong about it.
    pub at: String,
    /// The box's software.
    pub version: String,
    /// Id of the box.
    #[serde(rename = "box")]
    pub box_id: String,
    pub outcome: Outcome,
    pub messages: Vec<Message>,
}

impl ProvisionResult {
    pub fn new(at: String, version: &str, box_id: &str, outcome: Outcome) -> Self {
        let (version, box_id) = (version.to_owned(), box_id.to_owned());
        Self { schema: SCHEMA, at, version, box_id, outcome, messages: Vec::new() }
    }

    /// Adds something to know.
    #[must_use]
    pub fn saying(mut self, line: Option<usize>, text: impl Into<String>) -> Self {
        self.messages.push(Message { line, text: text.into() });
        self
    }
}
