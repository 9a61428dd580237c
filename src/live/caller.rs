//! One question at a time: waits for its turn, asks, keeps the bytes of the answer, and asks again what may pass.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_iotanalytics::config::http::HttpResponse;
use aws_sdk_iotanalytics::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_iotanalytics::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_iotanalytics::error::{BoxError, ProvideErrorMetadata, SdkError};
use tokio::task::JoinSet;

use super::budget::Budget;
use super::fault::Fault;
use crate::progress::Progress;

/// Questions under way at once. At 20 a second, more would only wait.
const IN_FLIGHT_MAX: usize = 8;

/// Pages of one list: a list that goes on longer does not end.
const PAGES_MAX: usize = 10_000;

/// How fast to ask, and how long to insist.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Facts: quota of all operations but few. 0 is no limit.
    pub requests_per_second: u32,
    /// The first pause before asking again; it doubles each time, up to `pause_max`.
    pub pause: Duration,
    pub pause_max: Duration,
    /// How often one question is asked at the most.
    pub attempts_max: u32,
    /// How often, where nobody can be reached at all.
    pub connection_attempts_max: u32,
    /// Entries asked for in one page of a list, 1 to 250.
    pub page_size: i32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            requests_per_second: 20,
            pause: Duration::from_millis(500),
            pause_max: Duration::from_secs(20),
            attempts_max: 8,
            connection_attempts_max: 3,
            page_size: 250,
        }
    }
}

/// What the service said: as the SDK understood it, and to the letter.
#[derive(Debug)]
pub(super) struct Answer<O> {
    pub(super) output: O,
    pub(super) bytes: Vec<u8>,
}

/// Asks one service. Clones share budget and counters.
#[derive(Clone)]
pub(super) struct Caller(Arc<Shared>);

struct Shared {
    pace: Pace,
    budget: Budget,
    requests: AtomicU64,
    progress: Arc<dyn Progress>,
}

impl Caller {
    pub(super) fn new(pace: Pace, progress: Arc<dyn Progress>) -> Self {
        Self(Arc::new(Shared { pace, budget: Budget::new(pace.requests_per_second), requests: AtomicU64::new(0), progress }))
    }

    pub(super) fn page_size(&self) -> i32 {
        self.0.pace.page_size
    }

    pub(super) fn pace(&self) -> Pace {
        self.0.pace
    }

    /// How many requests were sent.
    pub(super) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Asks until there is an answer, or a fault that does not pass. `send` makes the request anew each time.
    pub(super) async fn ask<O, E, F>(&self, mut send: impl FnMut(Keep) -> F) -> Result<Answer<O>, Fault>
    where
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let pace = &self.0.pace;
        let mut pause = pace.pause;
        let mut attempt = 1;
        loop {
            self.0.budget.turn().await;
            self.0.requests.fetch_add(1, Ordering::Relaxed);
            self.0.progress.advance(1);
            let keep = Keep::default();
            let fault = match send(keep.clone()).await {
                Ok(output) => return Ok(Answer { output, bytes: keep.take() }),
                Err(error) => Fault::of(&error),
            };
            let attempts_max = match fault {
                Fault::Unreachable { .. } => pace.connection_attempts_max,
                _ => pace.attempts_max,
            };
            if !fault.may_pass() || attempt >= attempts_max {
                return Err(fault);
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(pace.pause_max);
        }
    }

    /// Asks the same of each of `items`, several at once, and hands each answer or fault to `take`, in the order of the items.
    ///
    /// # Errors
    /// A fault after which no other question fares better, once what was answered before it has been handed over.
    pub(super) async fn each<T, O, F>(
        &self,
        items: Vec<T>,
        question: impl Fn(Self, T) -> F,
        mut take: impl FnMut(T, Result<O, Fault>),
    ) -> Result<(), Fault>
    where
        T: Clone,
        O: Send + 'static,
        F: Future<Output = Result<O, Fault>> + Send + 'static,
    {
        let mut waiting = items.iter().map(|item| question(self.clone(), item.clone())).enumerate();
        let mut tasks = JoinSet::new();
        let mut done: BTreeMap<usize, Result<O, Fault>> = BTreeMap::new();
        let mut stopped = None;
        loop {
            while stopped.is_none() && tasks.len() < IN_FLIGHT_MAX {
                let Some((at, question)) = waiting.next() else { break };
                tasks.spawn(async move { (at, question.await) });
            }
            match tasks.join_next().await {
                None => break,
                Some(Ok((_, Err(fault)))) if fault.is_final() => stopped = stopped.or(Some(fault)),
                Some(Ok((at, answer))) => drop(done.insert(at, answer)),
                // A task that panicked or was cancelled: neither is done here.
                Some(Err(error)) => stopped = stopped.or(Some(Fault::Unanswered { message: error.to_string() })),
            }
        }
        drop(waiting);
        for (at, item) in items.into_iter().enumerate() {
            if let Some(answer) = done.remove(&at) {
                take(item, answer);
            }
        }
        stopped.map_or(Ok(()), Err)
    }

    /// Asks for a list page by page. `send` is given the token of the page, `next` finds that of the next one.
    pub(super) async fn pages<O, E, F>(
        &self,
        mut send: impl FnMut(Option<String>, Keep) -> F,
        next: impl Fn(&O) -> Option<String>,
    ) -> Pages<O>
    where
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut pages = Pages { answers: Vec::new(), fault: None };
        let mut token: Option<String> = None;
        loop {
            let answer = match self.ask(|keep| send(token.clone(), keep)).await {
                Ok(answer) => answer,
                Err(fault) => {
                    pages.fault = Some(fault);
                    return pages;
                }
            };
            // Some services close a list with an empty token.
            let following = next(&answer.output).filter(|token| !token.is_empty());
            pages.answers.push(answer);
            match following {
                None => return pages,
                Some(again) if Some(&again) == token.as_ref() || pages.answers.len() >= PAGES_MAX => {
                    pages.fault = Some(Fault::Unanswered { message: "the list comes to no end".to_owned() });
                    return pages;
                }
                following => token = following,
            }
        }
    }
}

/// A list as far as it was answered.
#[derive(Debug)]
pub(super) struct Pages<O> {
    pub(super) answers: Vec<Answer<O>>,
    /// Why it breaks off.
    pub(super) fault: Option<Fault>,
}

/// Keeps the body of an answer as it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Keep(Arc<Mutex<Vec<u8>>>);

impl Keep {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Keep {
    fn name(&self) -> &'static str {
        "keep the answer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(bytes) = context.response().body().bytes() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
        }
        Ok(())
    }
}
