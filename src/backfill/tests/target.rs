//! A target in memory that stores by key and version as the service does, and misbehaves by script.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use crate::record::{Record, RecordKey};
use crate::target::{Prepared, Rejection, RejectionCause, TableSpec, WriteFault, Writer};

/// How one request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Well,
    /// Nothing is stored.
    Fault(WriteFault),
    /// Everything is stored, and the answer is lost.
    LostReply,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// One step per request; when they run out, all goes well.
    pub(super) script: VecDeque<Step>,
    /// What is stored, by table and key: the content and under which version.
    pub(super) stored: BTreeMap<(String, RecordKey), (u64, i64)>,
    /// Sizes of the requests that reached the store, lost replies included.
    pub(super) batches: Vec<usize>,
    pub(super) requests: usize,
    pub(super) prepared: Vec<String>,
    pub(super) reconnects: usize,
}

/// Records whose time is in these lists are refused: the whole request, or the record alone.
#[derive(Debug, Default)]
pub(super) struct Scripted {
    pub(super) state: Mutex<State>,
    pub(super) poison: Vec<i64>,
    pub(super) refused: BTreeMap<i64, RejectionCause>,
    pub(super) unfit: Vec<i64>,
    /// Told after every request that reached the store, with how many there were.
    pub(super) after: Option<(usize, tokio::sync::watch::Sender<bool>)>,
}

impl Scripted {
    pub(super) fn with(script: impl IntoIterator<Item = Step>) -> Self {
        let state = State { script: script.into_iter().collect(), ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    fn store(&self, table: &str, records: &[&Record], version: i64) -> Vec<Rejection> {
        let mut state = self.state.lock().unwrap();
        let mut rejections = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for (index, record) in records.iter().enumerate() {
            assert!(seen.insert(record.key()), "a batch holds a key twice");
            let cause = self.refused.get(&record.time.0).cloned().or_else(|| {
                let (content, held) = *state.stored.get(&(table.to_owned(), record.key()))?;
                match held.cmp(&version) {
                    std::cmp::Ordering::Greater => Some(RejectionCause::OlderVersion { existing: Some(held) }),
                    std::cmp::Ordering::Equal if content != record.content_digest() => Some(RejectionCause::Conflict),
                    _ => None,
                }
            });
            match cause {
                Some(cause) => rejections.push(Rejection { index, cause, reason: "the target's words".to_owned() }),
                None => {
                    state.stored.insert((table.to_owned(), record.key()), (record.content_digest(), version));
                }
            }
        }
        state.batches.push(records.len());
        if let Some((count, stop)) = &self.after
            && state.batches.len() == *count
        {
            stop.send_replace(true);
        }
        rejections
    }
}

impl Writer for Scripted {
    async fn prepare(&self, spec: &TableSpec) -> Result<Prepared, WriteFault> {
        self.state.lock().unwrap().prepared.push(spec.table.clone());
        Ok(Prepared::Created)
    }

    fn check(&self, record: &Record) -> Result<(), String> {
        if self.unfit.contains(&record.time.0) { Err("it does not fit".to_owned()) } else { Ok(()) }
    }

    async fn reconnect(&self) -> Result<(), WriteFault> {
        self.state.lock().unwrap().reconnects += 1;
        Ok(())
    }

    async fn write(&self, table: &str, records: &[&Record], version: i64) -> Result<Vec<Rejection>, WriteFault> {
        let step = {
            let mut state = self.state.lock().unwrap();
            state.requests += 1;
            state.script.pop_front().unwrap_or(Step::Well)
        };
        // A request takes a while, so that several are under way.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        match step {
            Step::Fault(fault) => Err(fault),
            _ if records.iter().any(|record| self.poison.contains(&record.time.0)) => {
                Err(WriteFault::Invalid { message: "one of them is invalid, and which is not said".to_owned() })
            }
            Step::Well => Ok(self.store(table, records, version)),
            Step::LostReply => {
                self.store(table, records, version);
                Err(WriteFault::Unanswered { message: "the connection broke".to_owned() })
            }
        }
    }
}

pub(super) fn throttled(magnetic: bool) -> Step {
    Step::Fault(WriteFault::Throttled { magnetic, message: "slow down".to_owned() })
}

pub(super) fn unanswered() -> Step {
    Step::Fault(WriteFault::Unanswered { message: "503".to_owned() })
}

pub(super) fn denied() -> Step {
    Step::Fault(WriteFault::Denied { message: "the security token has expired".to_owned() })
}
