//! The thread that makes finished units durable: quarantine files first, then the ledger, many units at once; and how far large ones are.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::tracker::Finished;
use crate::failpoint::{self, Failpoints};
use crate::ledger::{Ledger, LedgerError, UnitDone, UnitProgress, quarantine};

/// What is committed together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) finished: Vec<Finished>,
    /// Of other units.
    pub(super) progress: Vec<UnitProgress>,
}

/// Commits groups of units, one after the other.
#[derive(Debug)]
pub(super) struct Committing {
    groups: std_mpsc::Sender<Group>,
    pub(super) answers: mpsc::UnboundedReceiver<Result<u64, LedgerError>>,
    thread: JoinHandle<Ledger>,
}

impl Committing {
    /// Takes the ledger, and with it the lock on the directory, until [`Self::end`].
    pub(super) fn begin(mut ledger: Ledger, quarantine_dir: PathBuf, failpoints: Arc<Failpoints>) -> std::io::Result<Self> {
        let (groups, to_commit) = std_mpsc::channel::<Group>();
        let (answer, answers) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            for group in to_commit {
                let units = u64::try_from(group.finished.len()).unwrap_or(u64::MAX);
                let committed = commit_all(&mut ledger, &quarantine_dir, &failpoints, group).map(|()| units);
                let is_over = committed.is_err();
                if answer.send(committed).is_err() || is_over {
                    break;
                }
            }
            ledger
        })?;
        Ok(Self { groups, answers, thread })
    }

    /// Hands over a group; the answer comes through `answers`. False when the thread is gone.
    pub(super) fn commit(&self, group: Group) -> bool {
        self.groups.send(group).is_ok()
    }

    /// Gives the ledger back; `None` when the thread panicked. Only when nothing is being committed.
    pub(super) fn end(self) -> Option<Ledger> {
        drop(self.groups);
        self.thread.join().ok()
    }
}

fn commit_all(ledger: &mut Ledger, quarantine_dir: &Path, failpoints: &Failpoints, group: Group) -> Result<(), LedgerError> {
    if !group.finished.is_empty() {
        commit(ledger, quarantine_dir, failpoints, group.finished)?;
    }
    if group.progress.is_empty() { Ok(()) } else { ledger.keep_progress(&group.progress) }
}

pub(super) fn commit(ledger: &mut Ledger, quarantine_dir: &Path, failpoints: &Failpoints, group: Vec<Finished>) -> Result<(), LedgerError> {
    let mut is_changed = false;
    for unit in &group {
        is_changed |= quarantine::put_unit(quarantine_dir, unit.done.id, &unit.quarantine)?;
    }
    if is_changed {
        quarantine::settle(quarantine_dir)?;
    }
    failpoints.hit(failpoint::AFTER_QUARANTINE);
    let done: Vec<UnitDone> = group.into_iter().map(|unit| unit.done).collect();
    ledger.complete(&done)
}
