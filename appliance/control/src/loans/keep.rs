//! Tokens of loans. Nothing lasts: after a restart the desk has taken every attempt back.

use super::LoanFile;
use crate::jobs::{Attempt, Borrower};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A film can be longer than what it is made of, where that was coded better.
const FACTOR: u64 = 4;
const SPARE: u64 = 1 << 30;

/// What a token opens.
#[derive(Debug)]
pub(super) struct Loan {
    pub attempt: Attempt,
    pub borrower: Borrower,
    /// The recording's.
    pub folder: PathBuf,
    /// What it is made of; it is whole, so that does not change.
    pub files: Vec<LoanFile>,
    /// Held by whoever writes one of its files.
    pub writing: Arc<tokio::sync::Mutex<()>>,
}

impl Loan {
    /// What its files can be together at most.
    pub fn most_bytes(&self) -> u64 {
        let bytes = self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
        bytes.saturating_mul(FACTOR).saturating_add(SPARE)
    }
}

type Token = [u8; 32];

/// Loans by their tokens' hashes, oldest first.
pub(super) struct Keep {
    most: usize,
    open: Mutex<Vec<(Token, Arc<Loan>)>>,
}

impl Keep {
    pub fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    fn all(&self) -> MutexGuard<'_, Vec<(Token, Arc<Loan>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An earlier token for the same job is worth nothing any more: the borrower did not hear of it.
    pub fn open(&self, token: Token, loan: Loan) {
        let mut all = self.all();
        all.retain(|(_, other)| other.attempt.job != loan.attempt.job);
        if all.len() >= self.most {
            all.remove(0);
        }
        all.push((token, Arc::new(loan)));
    }

    /// What the token opens, while the desk says that it is `lent`.
    pub fn get(&self, token: &Token, lent: impl Fn(&Attempt, &str) -> bool) -> Option<Arc<Loan>> {
        let found = self.all().iter().find(|(known, _)| known == token)?.1.clone();
        match lent(&found.attempt, &found.borrower.id) {
            true => Some(found),
            false => {
                self.close(token);
                None
            }
        }
    }

    pub fn close(&self, token: &Token) {
        self.all().retain(|(known, _)| known != token);
    }
}
