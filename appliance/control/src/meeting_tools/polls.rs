//! Polls: a question with answers to choose from, asked by who moderates, answered by everybody.
//!
//! Who chose what is told to nobody, moderators included. A poll is a show of hands and no election: whoever
//! joins a second time, in another browser, is another voter.

use super::ToolsError;
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

const LONGEST_QUESTION: usize = 300;
const LONGEST_ANSWER: usize = 200;
const ANSWERS: std::ops::RangeInclusive<usize> = 2..=10;
/// Of one meeting. More are a slip, or a nuisance.
const MOST: usize = 50;

/// A poll to be asked.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPoll {
    /// 1 to 300 characters.
    pub question: String,
    /// 2 to 10, each other than the rest, of 1 to 200 characters.
    pub answers: Vec<String>,
    /// More than one answer may be chosen.
    #[serde(default)]
    pub several: bool,
    /// Everybody sees the counts while it runs; else when it has ended.
    #[serde(default)]
    pub open_counts: bool,
}

/// A poll as one person sees it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Poll {
    pub id: String,
    pub question: String,
    pub several: bool,
    pub open_counts: bool,
    pub asked_at: UnixMs,
    pub asked_by: String,
    /// It can be answered.
    pub running: bool,
    pub answers: Vec<PollAnswer>,
    /// People who have answered.
    pub voters: u32,
    /// Places of the answers that this person has chosen.
    pub mine: Vec<u32>,
}

/// An answer to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PollAnswer {
    pub text: String,
    /// People who chose it; `null`: not to be seen before the poll has ended.
    #[schema(required)]
    pub votes: Option<u32>,
}

/// A poll as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptPoll {
    id: String,
    question: String,
    answers: Vec<String>,
    several: bool,
    open_counts: bool,
    asked_at: UnixMs,
    asked_by: String,
    running: bool,
    /// What each voter chose.
    votes: BTreeMap<String, BTreeSet<u32>>,
}

impl KeptPoll {
    fn as_seen_by(&self, voter: &str, moderator: bool) -> Poll {
        let counted = moderator || self.open_counts || !self.running;
        let votes =
            |place: u32| self.votes.values().filter(|chosen| chosen.contains(&place)).count();
        let answers = (0u32..).zip(&self.answers).map(|(place, text)| PollAnswer {
            text: text.clone(),
            votes: counted.then(|| votes(place) as u32),
        });
        Poll {
            id: self.id.clone(),
            question: self.question.clone(),
            several: self.several,
            open_counts: self.open_counts,
            asked_at: self.asked_at,
            asked_by: self.asked_by.clone(),
            running: self.running,
            answers: answers.collect(),
            voters: self.votes.len() as u32,
            mine: self
                .votes
                .get(voter)
                .map(|chosen| chosen.iter().copied().collect())
                .unwrap_or_default(),
        }
    }
}

/// All polls of a meeting, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Polls(Vec<KeptPoll>);

fn text(field: &'static str, text: &str, longest: usize) -> Result<String, ToolsError> {
    let text = text.trim();
    match (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(ToolsError::Poll { field, why: "has to be one line, not too long" }),
    }
}

impl Polls {
    /// As `voter` sees them, the newest first.
    pub(super) fn as_seen_by(&self, voter: &str, moderator: bool) -> Vec<Poll> {
        self.0.iter().rev().map(|poll| poll.as_seen_by(voter, moderator)).collect()
    }

    pub(super) fn ask(
        &mut self,
        id: String,
        by: &str,
        now: UnixMs,
        wanted: NewPoll,
    ) -> Result<(), ToolsError> {
        if self.0.len() >= MOST {
            return Err(ToolsError::TooManyPolls { most: MOST });
        }
        let question = text("question", &wanted.question, LONGEST_QUESTION)?;
        if !ANSWERS.contains(&wanted.answers.len()) {
            return Err(ToolsError::Poll { field: "answers", why: "are 2 to 10" });
        }
        let answers = wanted.answers.iter().map(|answer| text("answers", answer, LONGEST_ANSWER));
        let answers: Vec<_> = answers.collect::<Result<_, _>>()?;
        if answers.iter().collect::<BTreeSet<_>>().len() < answers.len() {
            return Err(ToolsError::Poll { field: "answers", why: "are each other than the rest" });
        }
        let NewPoll { several, open_counts, .. } = wanted;
        let (asked_by, votes) = (by.to_owned(), BTreeMap::new());
        self.0.push(KeptPoll {
            id,
            question,
            answers,
            several,
            open_counts,
            asked_at: now,
            asked_by,
            running: true,
            votes,
        });
        Ok(())
    }

    fn of_id(&mut self, id: &str) -> Result<&mut KeptPoll, ToolsError> {
        self.0.iter_mut().find(|poll| poll.id == id).ok_or(ToolsError::NoPoll)
    }

    /// Somebody chooses, again if they like; nothing takes their vote back.
    pub(super) fn vote(&mut self, id: &str, voter: &str, chosen: &[u32]) -> Result<(), ToolsError> {
        let poll = self.of_id(id)?;
        if !poll.running {
            return Err(ToolsError::PollOver);
        }
        let set: BTreeSet<u32> = chosen.iter().copied().collect();
        if set.iter().any(|&place| place as usize >= poll.answers.len()) {
            return Err(ToolsError::Poll {
                field: "chosen",
                why: "names an answer that there is not",
            });
        }
        if set.len() > 1 && !poll.several {
            return Err(ToolsError::Poll { field: "chosen", why: "is one answer in this poll" });
        }
        match set.is_empty() {
            true => poll.votes.remove(voter),
            false => poll.votes.insert(voter.to_owned(), set),
        };
        Ok(())
    }

    /// Ends a poll, or has it go on.
    pub(super) fn set_running(&mut self, id: &str, running: bool) -> Result<(), ToolsError> {
        self.of_id(id)?.running = running;
        Ok(())
    }

    pub(super) fn remove(&mut self, id: &str) -> Result<(), ToolsError> {
        self.of_id(id)?;
        self.0.retain(|poll| poll.id != id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(answers: &[&str], several: bool) -> NewPoll {
        let answers = answers.iter().copied().map(str::to_owned).collect();
        NewPoll { question: " Lunch? ".to_owned(), answers, several, open_counts: false }
    }

    fn asked(several: bool) -> Polls {
        let mut polls = Polls::default();
        polls
            .ask("p".to_owned(), "Ada", UnixMs(1), wanted(&["Soup", "Salad", "None"], several))
            .unwrap();
        polls
    }

    fn counts(polls: &Polls, voter: &str, moderator: bool) -> Vec<Option<u32>> {
        polls.as_seen_by(voter, moderator)[0].answers.iter().map(|answer| answer.votes).collect()
    }

    #[test]
    fn who_votes_again_has_changed_their_mind_and_counts_once() {
        let mut polls = asked(false);
        polls.vote("p", "ada", &[0]).unwrap();
        polls.vote("p", "bob", &[0]).unwrap();
        polls.vote("p", "ada", &[1]).unwrap();
        assert_eq!(counts(&polls, "ada", true), [Some(1), Some(1), Some(0)]);
        let seen = &polls.as_seen_by("ada", false)[0];
        assert_eq!(
            (seen.voters, seen.mine.as_slice(), seen.question.as_str()),
            (2, &[1][..], "Lunch?")
        );
        polls.vote("p", "bob", &[]).unwrap();
        assert_eq!(polls.as_seen_by("bob", false)[0].voters, 1, "and may take it back");
    }

    #[test]
    fn counts_are_seen_when_it_has_ended_unless_it_was_asked_otherwise() {
        let mut polls = asked(false);
        polls.vote("p", "ada", &[2]).unwrap();
        assert_eq!(counts(&polls, "ada", false), [None; 3]);
        assert_eq!(counts(&polls, "eve", true)[2], Some(1), "who moderates sees them");
        polls.set_running("p", false).unwrap();
        assert_eq!(counts(&polls, "bob", false), [Some(0), Some(0), Some(1)]);
        assert!(matches!(polls.vote("p", "bob", &[0]), Err(ToolsError::PollOver)));
        polls.set_running("p", true).unwrap();
        polls.vote("p", "bob", &[0]).unwrap();
    }

    #[test]
    fn several_answers_are_chosen_only_where_it_says_so() {
        assert!(asked(false).vote("p", "ada", &[0, 1]).is_err());
        let mut polls = asked(true);
        polls.vote("p", "ada", &[0, 2, 2]).unwrap();
        assert_eq!(counts(&polls, "ada", true), [Some(1), Some(0), Some(1)]);
        assert!(polls.vote("p", "ada", &[3]).is_err(), "there is no fourth");
        assert!(matches!(polls.vote("q", "ada", &[0]), Err(ToolsError::NoPoll)));
    }

    #[test]
    fn what_is_no_poll_is_refused_with_the_field() {
        let mut polls = Polls::default();
        let mut ask = |wanted| polls.ask("p".to_owned(), "Ada", UnixMs(1), wanted);
        for (answers, field) in [
            (&["Yes"][..], "answers"),
            (&["Yes", " Yes"], "answers"),
            (&["Yes", "a\nb"], "answers"),
        ] {
            let refused = ask(wanted(answers, false)).unwrap_err();
            assert_eq!(refused.field(), Some(field), "{answers:?}");
        }
        let long = NewPoll { question: "?".repeat(301), ..wanted(&["Yes", "No"], false) };
        assert_eq!(ask(long).unwrap_err().field(), Some("question"));
        for _ in 0..MOST {
            ask(wanted(&["Yes", "No"], false)).unwrap();
        }
        assert!(matches!(ask(wanted(&["Yes", "No"], false)), Err(ToolsError::TooManyPolls { .. })));
    }
}
