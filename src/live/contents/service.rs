//! The questions: datasets made, started, looked at, removed.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_iotanalytics::Client;
use aws_sdk_iotanalytics::operation::get_dataset_content::GetDatasetContentOutput;
use aws_sdk_iotanalytics::types::{DatasetAction, DatasetContentState, DatasetContentSummary, RetentionPeriod, SqlQueryDatasetAction};

use super::error::ContentsError;
use super::wanted::{LATEST, LATEST_SUCCEEDED};
use crate::inventory::printable;
use crate::live::caller::{Caller, Pace};
use crate::live::error::Closed;
use crate::live::fault::one_line;
use crate::live::{Connection, Fault, Operation};
use crate::progress::Silent;

/// Starts of contents in a second (facts: 1 for each dataset; here for all).
const STARTS_PER_SECOND: u32 = 1;
/// A temporary dataset that nobody could remove keeps its content no longer than this.
const RETENTION_DAYS: i32 = 1;

/// What became of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Creating,
    Succeeded(Vec<Address>),
    Failed(String),
    /// The dataset or the version is not there.
    Gone,
}

/// A presigned address. It is never shown: whoever has it can read the content.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) entry: Option<String>,
    pub(super) url: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("entry", &self.entry).finish_non_exhaustive()
    }
}

pub(super) struct Service<'a> {
    connection: &'a Connection,
    client: Client,
    caller: Caller,
    starter: Caller,
    /// Whether anybody ever answered: if not, the service is gone.
    answered: AtomicBool,
}

impl<'a> Service<'a> {
    pub(super) fn new(connection: &'a Connection, pace: Pace) -> Self {
        let starts_per_second = if pace.requests_per_second == 0 { 0 } else { STARTS_PER_SECOND };
        let starter = Caller::new(Pace { requests_per_second: starts_per_second, ..pace }, std::sync::Arc::new(Silent));
        Self {
            connection,
            client: connection.analytics(),
            caller: Caller::new(pace, std::sync::Arc::new(Silent)),
            starter,
            answered: AtomicBool::new(false),
        }
    }

    pub(super) fn pace(&self) -> Pace {
        self.caller.pace()
    }

    pub(super) fn requests(&self) -> u64 {
        self.caller.requests() + self.starter.requests()
    }

    fn answer<O>(&self, operation: Operation, name: &str, answer: Result<O, Fault>) -> Result<O, ContentsError> {
        let gone = |fault: &Fault| matches!(fault, Fault::Unreachable { .. } | Fault::Foreign { .. } | Fault::Unanswered { .. });
        match answer {
            Ok(output) => {
                self.answered.store(true, Ordering::Relaxed);
                Ok(output)
            }
            Err(fault) if gone(&fault) && !self.answered.load(Ordering::Relaxed) => {
                Err(ContentsError::Closed(Closed::new(self.connection, &fault)))
            }
            Err(fault) => {
                if !gone(&fault) {
                    self.answered.store(true, Ordering::Relaxed);
                }
                Err(ContentsError::Refused { operation, name: name.to_owned(), fault })
            }
        }
    }

    /// Makes a dataset without a schedule. True when it was there already.
    pub(super) async fn create(&self, name: &str, sql: &str) -> Result<bool, ContentsError> {
        let query = SqlQueryDatasetAction::builder().sql_query(sql).build();
        let query = query.map_err(|error| ContentsError::Download { dataset: name.to_owned(), reason: error.to_string() })?;
        let action = DatasetAction::builder().action_name("export").query_action(query).build();
        let kept = RetentionPeriod::builder().number_of_days(RETENTION_DAYS).build();
        let request = || self.client.create_dataset().dataset_name(name).actions(action.clone()).retention_period(kept.clone());
        match self.caller.ask(|keep| request().customize().interceptor(keep).send()).await {
            Err(Fault::Taken { .. }) => Ok(true),
            answer => self.answer(Operation::CreateDataset, name, answer).map(|_| false),
        }
    }

    /// Starts a content.
    pub(super) async fn start(&self, name: &str) -> Result<String, ContentsError> {
        let request = || self.client.create_dataset_content().dataset_name(name);
        let answer = self.starter.ask(|keep| request().customize().interceptor(keep).send()).await;
        let answer = self.answer(Operation::CreateDatasetContent, name, answer)?;
        answer.output.version_id().map(str::to_owned).ok_or_else(|| ContentsError::Refused {
            operation: Operation::CreateDatasetContent,
            name: name.to_owned(),
            fault: Fault::Unanswered { message: "the answer names no version".to_owned() },
        })
    }

    /// What became of a content, with fresh addresses.
    pub(super) async fn content(&self, name: &str, version: &str) -> Result<Content, ContentsError> {
        let request = || self.client.get_dataset_content().dataset_name(name).version_id(version);
        match self.caller.ask(|keep| request().customize().interceptor(keep).send()).await {
            Err(Fault::NotFound { .. }) => Ok(Content::Gone),
            answer => self.answer(Operation::GetDatasetContent, name, answer).map(|answer| content_of(&answer.output)),
        }
    }

    /// The id of the version that `wanted` means now; of the newest where it is none of the service's words.
    pub(super) async fn version(&self, name: &str, wanted: &str) -> Result<Option<String>, ContentsError> {
        if wanted != LATEST && wanted != LATEST_SUCCEEDED {
            return Ok(Some(wanted.to_owned()));
        }
        let size = self.caller.page_size();
        let list = |token, keep| {
            let request = self.client.list_dataset_contents().dataset_name(name).max_results(size).set_next_token(token);
            request.customize().interceptor(keep).send()
        };
        let pages = self.caller.pages(list, |page| page.next_token().map(str::to_owned)).await;
        let listed = pages.fault.map_or(Ok(()), Err);
        self.answer(Operation::ListDatasetContents, name, listed)?;
        let fits = |one: &&DatasetContentSummary| wanted == LATEST || state_of(one) == Some(&DatasetContentState::Succeeded);
        let summaries = pages.answers.iter().flat_map(|answer| answer.output.dataset_content_summaries());
        // The service lists the newest first, and says so nowhere: the time decides, and of equal times the first.
        let newest = summaries.filter(fits).rev_max_by_time();
        Ok(newest.and_then(|one| one.version()).map(str::to_owned))
    }

    /// The query of a dataset; None for one that a container makes.
    pub(super) async fn query(&self, name: &str) -> Result<Option<String>, ContentsError> {
        let request = || self.client.describe_dataset().dataset_name(name);
        let answer = self.caller.ask(|keep| request().customize().interceptor(keep).send()).await;
        let answer = self.answer(Operation::DescribeDataset, name, answer)?;
        let actions = answer.output.dataset().map(|dataset| dataset.actions()).unwrap_or_default();
        Ok(actions.iter().find_map(|action| action.query_action()).map(|query| query.sql_query().to_owned()))
    }

    /// Removes a dataset; that it is not there is what was wanted.
    pub(super) async fn delete(&self, name: &str) -> Result<(), ContentsError> {
        let request = || self.client.delete_dataset().dataset_name(name);
        match self.caller.ask(|keep| request().customize().interceptor(keep).send()).await {
            Err(Fault::NotFound { .. }) => Ok(()),
            answer => self.answer(Operation::DeleteDataset, name, answer).map(drop),
        }
    }
}

fn state_of(summary: &DatasetContentSummary) -> Option<&DatasetContentState> {
    summary.status().and_then(|status| status.state())
}

trait Newest<'s> {
    /// The one made last; of those made at once, the first.
    fn rev_max_by_time(self) -> Option<&'s DatasetContentSummary>;
}

impl<'s, I: Iterator<Item = &'s DatasetContentSummary>> Newest<'s> for I {
    fn rev_max_by_time(self) -> Option<&'s DatasetContentSummary> {
        self.fold(None, |newest: Option<&DatasetContentSummary>, one| match newest {
            Some(newest) if one.creation_time().map(time) <= newest.creation_time().map(time) => Some(newest),
            _ => Some(one),
        })
    }
}

fn time(time: &aws_sdk_iotanalytics::primitives::DateTime) -> (i64, u32) {
    (time.secs(), time.subsec_nanos())
}

fn content_of(output: &GetDatasetContentOutput) -> Content {
    let status = output.status();
    match status.and_then(|status| status.state()) {
        Some(DatasetContentState::Succeeded) => {
            let addresses = output.entries().iter().filter_map(|entry| {
                let url = entry.data_uri()?.to_owned();
                Some(Address { entry: entry.entry_name().map(printable), url })
            });
            Content::Succeeded(addresses.collect())
        }
        Some(DatasetContentState::Creating) => Content::Creating,
        Some(DatasetContentState::Failed) => {
            Content::Failed(one_line(status.and_then(|status| status.reason()).unwrap_or("without a reason")))
        }
        other => Content::Failed(one_line(&format!("in an unknown state: {other:?}"))),
    }
}
