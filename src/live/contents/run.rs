//! The whole: parts claimed by two workers, each content made, waited for, fetched, and what was made for it removed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::bring::Brought;
use super::download::Downloads;
use super::error::ContentsError;
use super::job::{ContentsJob, Fetched, Patience, Stopped};
use super::service::{Content, Service};
use super::source::{self, FetchedContents};
use super::sql::{self, ResourceName};
use super::state::{self, Entry, State, Step, What, entry_path};
use super::wanted::Wanted;
use super::windows::{self, day_text};
use crate::failpoint::{self, Failpoints};
use crate::live::{Connection, Operation, Pace};
use crate::time::Nanos;

/// Fetches all that is wanted, from the beginning or from where an earlier run was interrupted. Must be called on a tokio runtime.
///
/// # Errors
/// When the service, the credentials or the disk fail, or a content cannot be had. Temporary datasets are removed either way, and those
/// that could not be are named.
pub async fn fetch(job: &ContentsJob<'_>) -> Result<Fetched, Stopped> {
    if job.connection.sdk_config.region().is_none() {
        return Err(ContentsError::NoRegion.into());
    }
    let _locked = state::lock(&job.folder)?;
    let run = Run::new(job, begin(job)?);
    job.progress.begin("fetching contents", None, "contents");
    let worked = run.all().await;
    // A statement of its own: the state must not be held while datasets are removed. Where nobody answers, there is none to remove; what an
    // earlier run made stays in the state.
    let nobody = matches!(worked, Err(ContentsError::Closed(_)));
    let temporary = if nobody { BTreeSet::new() } else { run.state().temporary.clone() };
    let left = run.remove(&temporary).await;
    job.progress.end();
    match (worked, left) {
        (Err(cause), left) => Err(Stopped { cause, left }),
        (Ok(()), left) => {
            let state = run.state();
            Ok(Fetched {
                contents: FetchedContents::of(&job.folder, &state),
                differences: differences(&state),
                left,
                requests: run.service.requests(),
            })
        }
    }
}

/// Removes all temporary datasets that an export in `folder` left behind. Returns those that are gone, and those that are not with the
/// reason.
///
/// # Errors
/// When the state cannot be read or another export is at work.
pub async fn clean_up(connection: &Connection, pace: Pace, folder: &Path) -> Result<(Vec<String>, Vec<String>), ContentsError> {
    let Some(state) = State::load(folder)? else { return Ok((Vec::new(), Vec::new())) };
    let _locked = state::lock(folder)?;
    let job = ContentsJob {
        connection,
        pace,
        patience: Patience::default(),
        folder: folder.to_owned(),
        wanted: Vec::new(),
        sizing: state.sizing,
        content_bytes_max: 0,
        staged: None,
        now: Nanos(0),
        progress: Arc::new(crate::progress::Silent),
        failpoints: &Failpoints::none(),
    };
    let before = state.temporary.clone();
    let run = Run::new(&job, state);
    let left = run.remove(&before).await;
    let gone = before.difference(&run.state().temporary).cloned().collect();
    Ok((gone, left))
}

/// The state to go on with.
fn begin(job: &ContentsJob<'_>) -> Result<State, ContentsError> {
    let fresh = || {
        let unique = format!("{}\n{}\n{}", job.folder.display(), job.now.0, std::process::id());
        State::new(format!("{:016x}", xxhash_rust::xxh3::xxh3_64(unique.as_bytes())), job.wanted.clone(), job.sizing)
    };
    let mut state = match State::load(&job.folder)? {
        Some(state) if state.wanted == job.wanted && state.sizing == job.sizing => state,
        // Nothing was done yet, or all of it undone.
        Some(state) if state.temporary.is_empty() && state.parts.iter().all(|part| part.step == Step::Planned) => fresh(),
        Some(_) => return Err(ContentsError::Other { path: job.folder.clone() }),
        None => fresh(),
    };
    let staged = job.staged.as_ref() == Some(&FetchedContents::of(&job.folder, &state).listing().digest());
    for part in state.parts.iter_mut().filter(|_| !staged) {
        let serial = part.serial;
        let Step::Fetched { entries, .. } = &part.step else { continue };
        let there = |(number, entry): (usize, &Entry)| {
            fs::metadata(entry_path(&job.folder, serial, number)).is_ok_and(|there| there.len() == entry.bytes)
        };
        // What was counted once need not be counted again.
        if !matches!(part.what, What::Survey { .. }) && !(1..).zip(entries).all(there) {
            part.step = Step::Planned;
        }
    }
    state.save(&job.folder)?;
    Ok(state)
}

fn differences(state: &State) -> Vec<String> {
    let difference = |part: &state::Part| {
        let (What::Window { store, window, days }, Step::Fetched { entries, .. }) = (&part.what, &part.step) else { return None };
        let (found, counted) = (entries.iter().map(|entry| entry.rows).sum::<u64>(), window.rows(days));
        let (from, to) = (day_text(window.from), day_text(window.to));
        (found != counted)
            .then(|| format!("`{store}` from {from} to before {to}: {found} rows were fetched, and the survey before counted {counted}"))
    };
    state.parts.iter().filter_map(difference).collect()
}

pub(super) struct Run<'a> {
    pub(super) job: &'a ContentsJob<'a>,
    pub(super) service: Service<'a>,
    pub(super) downloads: Downloads<'a>,
    state: Mutex<State>,
    claims: Mutex<Claims>,
}

#[derive(Default)]
struct Claims {
    claimed: BTreeSet<u64>,
    stopped: bool,
    failed: Vec<ContentsError>,
}

impl<'a> Run<'a> {
    fn new(job: &'a ContentsJob<'a>, state: State) -> Self {
        Self {
            job,
            service: Service::new(job.connection, job.pace),
            downloads: Downloads::new(&job.connection.sdk_config, job.failpoints),
            state: Mutex::new(state),
            claims: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, durably.
    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, ContentsError> {
        let mut state = self.state();
        let changed = change(&mut state);
        state.save(&self.job.folder)?;
        Ok(changed)
    }

    async fn all(&self) -> Result<(), ContentsError> {
        let spent = self.state().spent().into_iter().collect();
        // One that cannot be removed now is tried again at the end, and named then.
        drop(self.remove(&spent).await);
        // Windows come of surveys.
        self.round(|what| !matches!(what, What::Window { .. })).await?;
        self.round(|what| matches!(what, What::Window { .. })).await?;
        let mut failed = std::mem::take(&mut self.claims().failed);
        match failed.len() {
            0 => Ok(()),
            1 => Err(failed.remove(0)),
            _ => Err(ContentsError::Windows(failed.iter().map(ToString::to_string).collect())),
        }
    }

    /// Two workers: as many contents may be under way at once (facts: quotas).
    async fn round(&self, fits: impl Fn(&What) -> bool + Copy) -> Result<(), ContentsError> {
        let (one, other) = tokio::join!(self.work(fits), self.work(fits));
        one.and(other)
    }

    async fn work(&self, fits: impl Fn(&What) -> bool) -> Result<(), ContentsError> {
        while let Some((serial, what)) = self.claim(&fits) {
            match self.part(serial, what).await {
                Ok(()) => {}
                Err(error) if error.is_final() => {
                    self.claims().stopped = true;
                    return Err(error);
                }
                Err(error) => self.claims().failed.push(error),
            }
        }
        Ok(())
    }

    fn claim(&self, fits: impl Fn(&What) -> bool) -> Option<(u64, What)> {
        let (state, mut claims) = (self.state(), self.claims());
        if claims.stopped {
            return None;
        }
        let open =
            |part: &&state::Part| fits(&part.what) && !matches!(part.step, Step::Fetched { .. }) && !claims.claimed.contains(&part.serial);
        let part = state.parts.iter().find(open)?;
        claims.claimed.insert(part.serial);
        Some((part.serial, part.what.clone()))
    }

    async fn part(&self, serial: u64, what: What) -> Result<(), ContentsError> {
        match what {
            What::Existing { dataset, version, store } => self.existing(serial, &dataset, &version, store).await,
            What::Survey { store } => {
                let text = sql::survey(&store);
                let entries = self.temporary(serial, &store, &text, None).await?;
                if entries.is_some() { self.surveyed(serial, &store) } else { Ok(()) }
            }
            What::Window { store, window, .. } => {
                let text = sql::window(&store, window);
                let most = window.halves().is_some().then_some(self.job.content_bytes_max);
                self.temporary(serial, &store, &text, most).await.map(drop)
            }
        }
    }

    /// A content that a dataset of the customer has.
    async fn existing(&self, serial: u64, dataset: &ResourceName, wanted: &str, store: Option<ResourceName>) -> Result<(), ContentsError> {
        let name = dataset.as_str();
        let text = self.service.query(name).await?.ok_or_else(|| ContentsError::Container { dataset: name.to_owned() })?;
        let plain = || sql::plain_store(&text).ok_or_else(|| ContentsError::NotPlain { dataset: name.to_owned() });
        let store = store.map_or_else(plain, Ok)?;
        if self.state().wanted.contains(&Wanted::Datastore { name: store.clone() }) {
            return Err(ContentsError::Both { dataset: name.to_owned(), store: store.as_str().to_owned() });
        }
        let no_content = |version: &str| ContentsError::NoContent { dataset: name.to_owned(), version: version.to_owned() };
        let pinned = match self.state().part(serial).map(|part| part.step.clone()) {
            Some(Step::Started { version, .. }) => Some(version),
            _ => None,
        };
        let version = match pinned {
            Some(version) => version,
            None => {
                let version = self.service.version(name, wanted).await?.ok_or_else(|| no_content(wanted))?;
                let step = Step::Started { dataset: name.to_owned(), version: version.clone() };
                self.update(|state| set(state, serial, step))?;
                version
            }
        };
        let addresses = match self.wait(name, &version).await? {
            Content::Succeeded(addresses) => addresses,
            Content::Failed(reason) => {
                self.update(|state| set(state, serial, Step::Planned))?;
                return Err(ContentsError::Failed { dataset: name.to_owned(), version, reason: format!("failed: {reason}") });
            }
            Content::Gone | Content::Creating => {
                self.update(|state| set(state, serial, Step::Planned))?;
                return Err(no_content(&version));
            }
        };
        match self.bring(serial, name, &version, addresses, false, None).await? {
            Brought::Whole(entries) => {
                let step = Step::Fetched { dataset: name.to_owned(), version, store, sql: text, entries };
                self.update(|state| set(state, serial, step))?;
                self.job.progress.advance(1);
            }
            // Not reached: no limit was given.
            Brought::TooLarge(bytes) => {
                let reason = format!("has {bytes} bytes");
                return Err(ContentsError::Failed { dataset: name.to_owned(), version, reason });
            }
        }
        Ok(())
    }

    /// A content that is made for this export. None where the window was halved instead.
    async fn temporary(&self, serial: u64, store: &ResourceName, sql: &str, most: Option<u64>) -> Result<Option<()>, ContentsError> {
        let mut gone_before = false;
        let (dataset, version, addresses) = loop {
            let (dataset, version) = self.started(serial, sql).await?;
            match self.wait(&dataset, &version).await? {
                Content::Succeeded(addresses) => break (dataset, version, addresses),
                Content::Failed(reason) => return self.given_up(serial, &dataset, &version, &format!("failed: {reason}")).await,
                Content::Gone | Content::Creating if gone_before => {
                    return self.given_up(serial, &dataset, &version, "vanished twice").await;
                }
                // Somebody removed it: once more.
                Content::Gone | Content::Creating => {
                    gone_before = true;
                    self.update(|state| set(state, serial, Step::Planned))?;
                }
            }
        };
        match self.bring(serial, &dataset, &version, addresses, true, most).await? {
            Brought::TooLarge(bytes) => self.given_up(serial, &dataset, &version, &format!("has {bytes} bytes")).await,
            Brought::Whole(entries) => {
                let step = Step::Fetched { dataset: dataset.clone(), version, store: store.clone(), sql: sql.to_owned(), entries };
                self.update(|state| set(state, serial, step))?;
                self.job.progress.advance(1);
                self.job.failpoints.hit(failpoint::CONTENTS_BEFORE_CLEAN_UP);
                // One that cannot be removed is tried again at the end, and named then.
                drop(self.remove(&BTreeSet::from([dataset])).await);
                Ok(Some(()))
            }
        }
    }

    /// Halves the window, or says why there is nothing to be had.
    async fn given_up(&self, serial: u64, dataset: &str, version: &str, reason: &str) -> Result<Option<()>, ContentsError> {
        let what = self.state().part(serial).map(|part| part.what.clone());
        let halved = self.update(|state| state.halve(serial))?;
        // What failed is not looked at again: the next run makes it anew.
        drop(self.remove(&BTreeSet::from([dataset.to_owned()])).await);
        if halved {
            return Ok(None);
        }
        self.update(|state| set(state, serial, Step::Planned))?;
        Err(match what {
            Some(What::Window { store, window, .. }) => {
                ContentsError::Windows(vec![format!("the content of `{store}` that arrived on {} {reason}", day_text(window.from))])
            }
            Some(What::Survey { store }) => ContentsError::Survey { store: store.to_string(), reason: format!("its content {reason}") },
            _ => ContentsError::Failed { dataset: dataset.to_owned(), version: version.to_owned(), reason: reason.to_owned() },
        })
    }

    /// The dataset and version of a part, made and started where an earlier run has not.
    async fn started(&self, serial: u64, sql: &str) -> Result<(String, String), ContentsError> {
        if let Some(Step::Started { dataset, version }) = self.state().part(serial).map(|part| part.step.clone()) {
            return Ok((dataset, version));
        }
        let (name, first) = self.update(|state| {
            let name = state.dataset_name(serial);
            let first = state.temporary.insert(name.clone());
            (name, first)
        })?;
        // One that is there is ours: the name was kept before it was made. An answer was lost then, or the process; a content may be
        // started too.
        let there = match self.service.create(&name, sql).await {
            Ok(there) => there,
            Err(error) => {
                if first && is_certain(&error) {
                    self.update(|state| state.removed(&name))?;
                }
                return Err(error);
            }
        };
        self.job.failpoints.hit(failpoint::CONTENTS_BEFORE_START);
        let started = if there { self.service.version(&name, super::wanted::LATEST).await? } else { None };
        let version = match started {
            Some(version) => version,
            None => self.service.start(&name).await?,
        };
        let step = Step::Started { dataset: name.clone(), version: version.clone() };
        self.update(|state| set(state, serial, step))?;
        Ok((name, version))
    }

    async fn wait(&self, dataset: &str, version: &str) -> Result<Content, ContentsError> {
        let patience = self.job.patience;
        let (mut pause, mut waited) = (patience.poll, Duration::ZERO);
        loop {
            let content = self.service.content(dataset, version).await?;
            self.job.failpoints.hit(failpoint::CONTENTS_WHILE_POLLING);
            if content != Content::Creating {
                return Ok(content);
            }
            if waited >= patience.generation_max {
                return Ok(Content::Failed(format!("not made within {} minutes", patience.generation_max.as_secs() / 60)));
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(patience.poll_max);
        }
    }

    /// Makes windows of a survey.
    fn surveyed(&self, serial: u64, store: &ResourceName) -> Result<(), ContentsError> {
        let Some(Step::Fetched { entries, .. }) = self.state().part(serial).map(|part| part.step.clone()) else { return Ok(()) };
        let days = source::days(&self.job.folder, serial, &entries, store)?;
        let sizing = self.job.sizing;
        self.update(|state| {
            for window in windows::cut(&days, sizing) {
                let days = days.iter().filter(|day| (window.from..window.to).contains(&day.day)).copied().collect();
                state.add(What::Window { store: store.clone(), window, days });
            }
        })
    }

    /// Removes temporary datasets; what could not be removed stays in the state, and is returned with the reason.
    async fn remove(&self, names: &BTreeSet<String>) -> Vec<String> {
        let mut left = Vec::new();
        let mut hopeless: Option<String> = None;
        for name in names {
            if let Some(reason) = &hopeless {
                left.push(format!("{name} ({reason})"));
                continue;
            }
            let removed = match self.service.delete(name).await {
                Ok(()) => self.update(|state| state.removed(name)),
                Err(error) => Err(error),
            };
            if let Err(error) = removed {
                let reason = match &error {
                    ContentsError::Refused { operation: Operation::DeleteDataset, fault, .. } => fault.to_string(),
                    error => error.to_string(),
                };
                let passes = matches!(&error, ContentsError::Refused { fault, .. } if !fault.is_final() && !fault.may_pass());
                hopeless = (!passes).then(|| reason.clone());
                left.push(format!("{name} ({reason})"));
            }
        }
        left
    }
}

/// Whether a refusal means that nothing was made.
fn is_certain(error: &ContentsError) -> bool {
    matches!(error, ContentsError::Refused { fault, .. } if !fault.may_pass())
}

fn set(state: &mut State, serial: u64, step: Step) {
    if let Some(part) = state.part_mut(serial) {
        part.step = step;
    }
}
