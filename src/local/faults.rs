//! Trouble on demand: what a network and a busy service do to a client, switched on and off while the server runs.
//!
//! Invariant: everything is counted, nothing is random, so a test that saw a failure sees it again.
//!
//! Public: tests, the demo and the command line hand one [`Faults`] to the server and keep a clone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::failure::{ErrorKind, Failure};

/// Which of the two stores a throttle speaks of. Clients must react in opposite ways (facts §1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottledStore {
    /// Keep sending at the same or a higher rate.
    Memory,
    /// Slow down.
    Magnetic,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The request is served after this long. Adds up with the other rules that match.
    Latency(Duration),
    /// 429, with the text of one of the two stores. Nothing is stored.
    Throttle(ThrottledStore),
    /// The request is served and stored, then the connection drops without an answer.
    LostReply,
    /// The connection drops before anything is stored.
    Reset,
    /// The request is neither served nor answered for this long (or until the server stops), then the connection drops.
    Stall(Duration),
    /// An error of this kind. Nothing is stored.
    Answer(ErrorKind),
    /// 400 for a request whose body holds this text, as for a record that the service cannot take. Nothing of the request is stored.
    InvalidWhere(String),
    /// The body of an object ends in the middle, as a broken connection does: for `GetObject body` only.
    TruncatedBody,
    /// Every piece of an object's body waits this long: for `GetObject body` only.
    SlowBody(Duration),
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The Nth, the 2Nth … request that matches; 1 is every one, 0 is none.
    Every(u64),
    /// The next N requests that match, then never again.
    Next(u64),
}

/// One piece of trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub fault: Fault,
    pub when: When,
    /// The operations it is limited to, such as `WriteRecords`; none means all.
    pub operations: Vec<String>,
    /// The access key whose requests it is limited to; none means everybody's.
    pub access_key: Option<String>,
}

impl Rule {
    /// `fault` for every operation.
    #[must_use]
    pub fn new(fault: Fault, when: When) -> Self {
        Self { fault, when, operations: Vec::new(), access_key: None }
    }

    /// The same, for one more operation only.
    #[must_use]
    pub fn only(mut self, operation: &str) -> Self {
        self.operations.push(operation.to_owned());
        self
    }

    /// The same, for what is signed with this access key only.
    #[must_use]
    pub fn signed_with(mut self, access_key: &str) -> Self {
        self.access_key = Some(access_key.to_owned());
        self
    }
}

/// What the server has seen since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests that named an operation, by operation.
    pub requests: BTreeMap<String, u64>,
    /// Records taken by WriteRecords (stored, or recognised as already there).
    pub records_accepted: u64,
    /// Records named in RejectedRecords.
    pub records_rejected: u64,
    /// Magnetic writes dropped after the fact, and reported instead.
    pub records_dropped: u64,
    pub throttles: u64,
    /// Connections dropped on purpose: lost replies, resets, stalls.
    pub dropped_connections: u64,
}

#[derive(Debug, Default)]
struct State {
    /// Each rule with the number of requests that matched it so far.
    rules: Vec<(Rule, u64)>,
    counters: Counters,
}

/// The switchboard. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

/// What is to happen to one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) latency: Duration,
    /// The first fault, other than latency, whose turn it is.
    pub(crate) fault: Option<Fault>,
}

impl Faults {
    /// No trouble.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a rule; rules are asked in the order in which they were added.
    pub fn add(&self, rule: Rule) {
        self.state().rules.push((rule, 0));
    }

    /// Takes all rules away. Counters stay.
    pub fn clear(&self) {
        self.state().rules.clear();
    }

    /// What the server has seen so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.state().counters.clone()
    }

    /// Counts a request for `operation`, signed with `access_key`, and says what is to happen to it.
    pub(crate) fn judge(&self, operation: &str, access_key: &str) -> Verdict {
        let mut state = self.state();
        *state.counters.requests.entry(operation.to_owned()).or_default() += 1;
        let mut verdict = Verdict::default();
        for (rule, matched) in &mut state.rules {
            let limited_to_others = (!rule.operations.is_empty() && !rule.operations.iter().any(|name| name == operation))
                || rule.access_key.as_deref().is_some_and(|key| key != access_key);
            // A rule that another one pre-empts keeps its turn: so a list of `Next` rules is a script.
            let preempted = verdict.fault.is_some() && !matches!(rule.fault, Fault::Latency(_));
            if limited_to_others || preempted {
                continue;
            }
            *matched += 1;
            let its_turn = match rule.when {
                When::Every(n) => n != 0 && matched.is_multiple_of(n),
                When::Next(n) => *matched <= n,
            };
            if !its_turn {
                continue;
            }
            match &rule.fault {
                Fault::Latency(time) => verdict.latency += *time,
                other => verdict.fault = Some(other.clone()),
            }
        }
        match verdict.fault {
            Some(Fault::Throttle(_) | Fault::Answer(ErrorKind::Throttling)) => state.counters.throttles += 1,
            Some(Fault::LostReply | Fault::Reset | Fault::Stall(_)) => state.counters.dropped_connections += 1,
            _ => {}
        }
        verdict
    }

    pub(crate) fn count_records(&self, accepted: u64, rejected: u64, dropped: u64) {
        let counters = &mut self.state().counters;
        counters.records_accepted += accepted;
        counters.records_rejected += rejected;
        counters.records_dropped += dropped;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The failure that stands for a throttle. Texts chosen, except that the magnetic one names the metric
/// (facts §1.5: troubleshoot-writethrottles).
pub(crate) fn throttle(store: ThrottledStore) -> Failure {
    let message = match store {
        ThrottledStore::Memory => {
            "Request rate limit exceeded. Timestream is scaling to the rate of your writes: retry with the same or a higher rate."
        }
        ThrottledStore::Magnetic => {
            "Request was throttled: the database has reached its limit of active magnetic store partitions. Slow down, and see the CloudWatch \
             metric ActiveMagneticStorePartitions. It may take up to 6 hours to resolve."
        }
    };
    Failure::new(ErrorKind::Throttling, message)
}

/// Whether `fault` refuses a request with this body.
pub(crate) fn is_invalid(fault: Option<&Fault>, body: &[u8]) -> bool {
    matches!(fault, Some(Fault::InvalidWhere(text)) if memchr::memmem::find(body, text.as_bytes()).is_some())
}

/// The failure that stands for an error asked for by kind.
pub(crate) fn answer(kind: ErrorKind) -> Failure {
    let message = match kind {
        ErrorKind::Throttling => return throttle(ThrottledStore::Memory),
        ErrorKind::InternalServer => "An internal server error occurred. Retry your request.",
        ErrorKind::ServiceUnavailable => "The service is unavailable.",
        ErrorKind::InvalidEndpoint => "The endpoint is no longer valid. Call DescribeEndpoints to get a current one.",
        ErrorKind::AccessDenied => "User is not authorized to perform this operation.",
        ErrorKind::ExpiredToken => "The security token included in the request is expired",
        ErrorKind::SignatureExpired => "Signature expired: 20251214T000000Z is now earlier than 20251214T235500Z",
        ErrorKind::ServiceQuotaExceeded => "The quota of the account is exceeded.",
        _ => "The request failed as a fault rule of the embedded service asks.",
    };
    Failure::new(kind, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(when: When, requests: usize) -> Vec<bool> {
        let faults = Faults::none();
        faults.add(Rule::new(Fault::Reset, when));
        (0..requests).map(|_| faults.judge("WriteRecords", "k").fault.is_some()).collect()
    }

    #[test]
    fn rules_fire_on_their_turn_and_only_then() {
        assert_eq!(turns(When::Every(3), 7), [false, false, true, false, false, true, false]);
        assert_eq!(turns(When::Every(0), 2), [false, false]);
        assert_eq!(turns(When::Next(2), 4), [true, true, false, false]);
    }

    #[test]
    fn a_rule_counts_only_the_operations_it_is_limited_to() {
        let faults = Faults::none();
        faults.add(Rule::new(Fault::LostReply, When::Next(1)).only("WriteRecords"));
        assert_eq!(faults.judge("DescribeTable", "k"), Verdict::default());
        assert_eq!(faults.judge("WriteRecords", "k").fault, Some(Fault::LostReply));
        assert_eq!(faults.judge("WriteRecords", "k").fault, None);
        let counters = faults.counters();
        assert_eq!((counters.requests["WriteRecords"], counters.requests["DescribeTable"], counters.dropped_connections), (2, 1, 1));
    }

    #[test]
    fn a_rule_for_one_access_key_leaves_the_others_alone() {
        let faults = Faults::none();
        faults.add(Rule::new(Fault::Answer(ErrorKind::ExpiredToken), When::Every(1)).signed_with("old"));
        assert_eq!(faults.judge("WriteRecords", "old").fault, Some(Fault::Answer(ErrorKind::ExpiredToken)));
        assert_eq!(faults.judge("WriteRecords", "fresh").fault, None);
    }

    #[test]
    fn latencies_add_up_and_the_first_other_fault_wins() {
        let faults = Faults::none();
        let ms = Duration::from_millis;
        faults.add(Rule::new(Fault::Latency(ms(5)), When::Every(1)));
        faults.add(Rule::new(Fault::Throttle(ThrottledStore::Magnetic), When::Every(1)));
        faults.add(Rule::new(Fault::Reset, When::Every(1)));
        faults.add(Rule::new(Fault::Latency(ms(7)), When::Every(1)));
        let verdict = faults.judge("WriteRecords", "k");
        assert_eq!(verdict, Verdict { latency: ms(12), fault: Some(Fault::Throttle(ThrottledStore::Magnetic)) });
        assert_eq!(faults.counters().throttles, 1);
        faults.clear();
        assert_eq!(faults.judge("WriteRecords", "k"), Verdict::default());
    }

    #[test]
    fn rules_for_the_next_requests_play_one_after_the_other() {
        let faults = Faults::none();
        faults.add(Rule::new(Fault::Reset, When::Next(1)));
        faults.add(Rule::new(Fault::LostReply, When::Next(1)));
        let played: Vec<_> = (0..3).map(|_| faults.judge("WriteRecords", "k").fault).collect();
        assert_eq!(played, [Some(Fault::Reset), Some(Fault::LostReply), None]);
    }
}
