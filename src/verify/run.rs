//! A verification from beginning to end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::ask::{self, RowFetch, TargetBuckets, TargetRows};
use super::compare::{Comparison, Counts, Found};
use super::describe::{self, difference};
use super::differences::DifferencesFile;
use super::error::VerifyError;
use super::expect::{Expected, disagreements, expect};
use super::ledger::LedgerRecord;
use super::lists::{self, Lists};
use super::model::{Kind, LedgerDisagreement, LeftOut, Method, Resumed, TableVerification, Verification};
use super::narrow;
use super::rejected::Rejections;
use super::scope::Scope;
use super::why::{Cause, Why};
use super::workplace::{self, Checked, Journal, Work, Workplace};
use crate::census::{CensusOptions, ENTRIES_AT_ONCE, Keeping, MappedHistory, ScratchPlace, Taken, holds_rows_of, shapes_of, take_from};
use crate::encoding::hex;
use crate::history::{Layout, Listing, ReadLimits, SourceObject};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::target::{ReadShape, Reader};
use crate::time::{Clock, DAY_NANOS, HOUR_NANOS, Nanos};

/// All that a verification needs. The source is joined with the plan's mappings, in the plan's order of tables.
pub struct VerifyJob<R> {
    pub plan: Arc<Plan>,
    /// The listing as it is now; the caller has compared its digest with the plan's.
    pub listing: Arc<Listing>,
    pub source: Arc<dyn MappedHistory>,
    pub reader: R,
    pub ledger: Option<Arc<LedgerRecord>>,
    /// What reports of rejected data say, where some were read.
    pub rejections: Option<Arc<Rejections>>,
    pub clock: Arc<dyn Clock>,
    pub progress: Arc<dyn Progress>,
    /// About 54 bytes per row are needed there while it runs. What an interrupted verification left there is gone on with.
    pub workplace: Arc<Workplace>,
    /// What tells the target from every other one.
    pub target_name: String,
    /// Where the list of differences goes, also when there is none.
    pub differences: PathBuf,
    /// Plain lists of it beside.
    pub lists: Lists,
    pub options: VerifyOptions,
}

impl<R> std::fmt::Debug for VerifyJob<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyJob")
            .field("workplace", &self.workplace)
            .field("differences", &self.differences)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Width of the time buckets; one hour at the least.
    pub bucket_nanos: i64,
    /// Source objects decoded at once.
    pub readers: usize,
    /// Differences in the result, for each table and kind.
    pub shown_max: usize,
    /// Differences whose values are fetched, for each table and kind. The others are listed by key, time and place.
    pub described_max: usize,
    /// How long a row of the magnetic store may stay invisible after it was acknowledged (facts: within 6 hours).
    pub magnetic_window_nanos: i64,
    /// The same for the memory store: reads are eventually consistent, for how long is not stated.
    pub memory_window_nanos: i64,
    /// How long to wait for rows that are not visible yet before the verdict.
    pub wait: Duration,
    /// A bucket of more target rows is cut by shorter times and slices of the dimensions before rows are fetched.
    pub rows_uncut_max: u64,
    /// What has more target rows is fetched in pieces.
    pub rows_per_request_max: u64,
    /// Keys in memory at once.
    pub entries_at_once: u64,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            bucket_nanos: DAY_NANOS,
            readers: 2,
            shown_max: 10,
            described_max: 20_000,
            magnetic_window_nanos: 6 * HOUR_NANOS,
            memory_window_nanos: HOUR_NANOS / 12,
            wait: Duration::ZERO,
            rows_uncut_max: 10_000,
            rows_per_request_max: 200_000,
            entries_at_once: ENTRIES_AT_ONCE,
        }
    }
}

/// Reads the source again, compares it with the target, lists every difference, and gives the verdict. When it does not end, the same job at
/// the same workplace goes on with it. Who has put the result where it belongs clears the workplace.
///
/// # Errors
/// [`VerifyError`] when no verdict can be given. Differences are no error.
pub async fn verify<R: Reader>(job: VerifyJob<R>) -> Result<Verification, VerifyError> {
    if job.options.bucket_nanos < HOUR_NANOS {
        return Err(VerifyError::Bucket { nanos: job.options.bucket_nanos });
    }
    let mut journal = job.workplace.journal(work_of(&job), job.clock.now())?;
    let taken = take_census(&job, journal.keeping()).await?;
    let expected = expectations(&job, &taken).await?;
    let shapes = shapes_of(job.plan.tables.iter().map(|table| &table.mapping));
    let mut file = DifferencesFile::create(&job.differences)?;
    let mut checked = Vec::new();
    let mut tables_before = Vec::new();
    for (table, shape) in shapes.iter().enumerate() {
        if let Some(kept) = journal.checked(table) {
            tables_before.push((kept.verified.table.clone(), kept.compared_at));
            checked.push(kept.clone());
        } else {
            checked.push(check_table(&job, &mut journal, &taken, &expected, table, shape).await?);
        }
    }
    let mut waited = Duration::ZERO;
    while waited < job.options.wait && checked.iter().any(|checked| checked.verified.pending > 0) {
        let pause = pause_within(job.options.wait).min(job.options.wait - waited);
        job.progress.begin("waiting for rows to become visible", None, "rows");
        tokio::time::sleep(pause).await;
        job.progress.end();
        waited += pause;
        for (table, (shape, checked)) in shapes.iter().zip(&mut checked).enumerate() {
            if checked.verified.pending > 0 {
                *checked = check_table(&job, &mut journal, &taken, &expected, table, shape).await?;
            }
        }
    }
    let mut tables = Vec::new();
    for checked in checked {
        file.append_file(&journal.lines_path(&checked), checked.lines)?;
        tables.push(checked.verified);
    }
    let differences_listed = file.finish()?;
    write_lists(&job, &tables)?;
    let resumed = (taken.objects_before > 0 || !tables_before.is_empty())
        .then_some(Resumed { objects_read: taken.objects_before, tables_compared: tables_before });
    let verification = Verification {
        begun_at: Some(journal.begun_at()),
        verified_at: job.clock.now(),
        resumed,
        history: job.plan.history.clone(),
        database: job.plan.target.database.clone(),
        verdict: Verification::verdict_of(&tables),
        tables,
        left_out: left_out(&job.plan, &job.listing),
        passed_over: job.listing.passed_over.len() as u64,
        ledger_consulted: job.ledger.is_some(),
        rejected_reports: job.rejections.as_ref().map(|rejections| rejections.summary().clone()),
        waited_s: waited.as_secs(),
        differences_listed,
    };
    Ok(verification)
}

/// How long to pause between two looks: often for a short wait, and every five minutes for one of hours, as each look is a query.
fn pause_within(wait: Duration) -> Duration {
    (wait / 10).clamp(Duration::from_secs(1), Duration::from_secs(300))
}

/// All that the results depend on.
fn work_of<R>(job: &VerifyJob<R>) -> Work {
    let skipped: Vec<_> = job.ledger.iter().flat_map(|ledger| ledger.skipped()).collect();
    let source = workplace::digest_of(&[&env!("CARGO_PKG_VERSION"), &job.plan.digest(), &skipped]);
    // How long is waited for pending rows changes nothing about the others.
    let options = VerifyOptions { wait: Duration::ZERO, ..job.options.clone() };
    let target = workplace::digest_of(&[&source, &job.target_name, &job.ledger, &job.rejections, &options]);
    Work { source, target }
}

/// Verifies one table, and leaves its differences as lines at the workplace.
async fn check_table<R: Reader>(
    job: &VerifyJob<R>,
    journal: &mut Journal,
    taken: &Arc<Taken>,
    expected: &[Expected],
    table: usize,
    shape: &ReadShape,
) -> Result<Checked, VerifyError> {
    let path = journal.fresh_lines();
    let mut file = DifferencesFile::create(&path)?;
    let compared_at = job.clock.now();
    let verified = verify_table(job, taken, expected, table, shape, &mut file).await?;
    verified.check().map_err(|identity| VerifyError::Unbalanced { table: verified.table.clone(), identity })?;
    let lines = file.finish()?;
    let lines_file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let checked = Checked { compared_at, verified, lines_file, lines };
    journal.keep(table, &checked)?;
    Ok(checked)
}

fn write_lists<R>(job: &VerifyJob<R>, tables: &[TableVerification]) -> Result<(), VerifyError> {
    let damaged: BTreeSet<&str> = tables.iter().flat_map(|table| &table.damaged).map(|(object, _)| object.as_str()).collect();
    let compared = |object: &SourceObject| job.plan.tables.iter().any(|table| holds_rows_of(object, &table.mapping.store));
    let objects = job.listing.objects.iter().filter(compared).map(|object| object.id.key.clone());
    lists::write(&job.lists, &job.differences, objects, &damaged)
}

/// Runs `work` off the async threads.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, VerifyError> + Send + 'static) -> Result<T, VerifyError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            // A defect is not turned into an ordinary error.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(VerifyError::Stopped),
        },
    }
}

async fn take_census<R>(job: &VerifyJob<R>, keeping: Keeping) -> Result<Arc<Taken>, VerifyError> {
    let (plan, listing, source, progress) =
        (Arc::clone(&job.plan), Arc::clone(&job.listing), Arc::clone(&job.source), Arc::clone(&job.progress));
    let options = CensusOptions {
        limits: ReadLimits::default(),
        sample: None,
        scratch: ScratchPlace::Kept(keeping),
        readers: job.options.readers,
        digests: true,
        collisions_listed_max: 0,
        entries_at_once: job.options.entries_at_once,
    };
    blocking(move || {
        let mappings: Vec<_> = plan.tables.iter().map(|table| table.mapping.clone()).collect();
        Ok(Arc::new(take_from(source.as_ref(), &listing, &mappings, &options, progress.as_ref())?))
    })
    .await
}

/// What the target must hold of every table.
async fn expectations<R>(job: &VerifyJob<R>, taken: &Arc<Taken>) -> Result<Vec<Expected>, VerifyError> {
    let (taken, ledger, bucket_nanos) = (Arc::clone(taken), job.ledger.clone(), job.options.bucket_nanos);
    let tables = job.plan.tables.len();
    blocking(move || (0..tables).map(|table| expect(&taken.keys, table, bucket_nanos, ledger.as_deref())).collect()).await
}

/// Where the ledger tells another story about the table of the mapping numbered `table`: asked once for each table, at the
/// first of the mappings that write to it.
fn ledger_disagrees<R>(job: &VerifyJob<R>, taken: &Taken, expected: &[Expected], table: usize) -> Vec<LedgerDisagreement> {
    let (Some(ledger), Some(census)) = (&job.ledger, taken.census.tables.get(table)) else { return Vec::new() };
    let all = taken.census.tables.iter().zip(expected).enumerate();
    let (numbers, written): (Vec<usize>, Vec<_>) = all.filter(|(_, (other, _))| other.table == census.table).unzip();
    let home = taken.census.tables.iter().find(|other| other.store == census.store).map_or("", |home| home.table.as_str());
    if numbers.first() == Some(&table) { disagreements(&census.table, home, &written, ledger) } else { Vec::new() }
}

async fn verify_table<R: Reader>(
    job: &VerifyJob<R>,
    taken: &Arc<Taken>,
    all_expected: &[Expected],
    table: usize,
    shape: &ReadShape,
    file: &mut DifferencesFile,
) -> Result<TableVerification, VerifyError> {
    let (Some(census), Some(expected)) = (taken.census.tables.get(table), all_expected.get(table)) else {
        return Err(VerifyError::Stopped);
    };
    let target = ask::buckets(&job.reader, shape, job.options.bucket_nanos).await?;
    let differing = differing_buckets(expected, &target);
    let all: BTreeSet<i64> = expected.buckets.keys().chain(target.buckets.keys()).copied().collect();
    let alike_rows: u64 = all.difference(&differing).filter_map(|number| expected.buckets.get(number)).map(|bucket| bucket.rows).sum();

    let mut verified = TableVerification {
        table: census.table.clone(),
        measure_name: census.measure_name.clone(),
        store: census.store.clone(),
        method: target.method,
        source_digest: digest_of(expected.buckets.iter().map(|(number, bucket)| (*number, bucket.rows, bucket.digest))),
        target_digest: (target.method == Method::Digests)
            .then(|| digest_of(target.buckets.iter().map(|(number, bucket)| (*number, bucket.rows, bucket.digest)))),
        table_found: target.table_found,
        source_rows: census.rows,
        undecodable: census.undecodable,
        refused: census.refused.clone(),
        filtered: census.filtered.clone(),
        collided: expected.collided,
        acknowledged: census.records - expected.collided,
        collapsed: expected.collapsed,
        present: alike_rows,
        target_rows: alike_rows,
        buckets: all.len() as u64,
        buckets_compared: differing.len() as u64,
        damaged: census.damaged.clone(),
        ledger_disagrees: ledger_disagrees(job, taken, all_expected, table),
        ..TableVerification::default()
    };
    if expected.rows() + expected.collapsed != verified.acknowledged {
        let identity = format!("acknowledged {} = distinct {} + collapsed {}", verified.acknowledged, expected.rows(), expected.collapsed);
        return Err(VerifyError::Unbalanced { table: verified.table, identity });
    }
    if !differing.is_empty() {
        job.progress.begin(&format!("comparing the rows of {}", census.table), None, "parts");
        let narrow = narrow::narrow(job, taken, table, shape, expected, &target, &differing).await?;
        verified.present += narrow.alike_rows;
        verified.target_rows += narrow.alike_rows;
        compare_rows(job, taken, table, shape, &target, narrow.scope, &mut verified, file).await?;
        job.progress.end();
    }
    Ok(verified)
}

/// One digest over the buckets that hold rows.
fn digest_of(buckets: impl Iterator<Item = (i64, u64, i64)>) -> String {
    let mut hasher = Sha256::new();
    for (number, rows, digest) in buckets.filter(|(_, rows, _)| *rows > 0) {
        hasher.update(number.to_be_bytes());
        hasher.update(rows.to_be_bytes());
        hasher.update(digest.to_be_bytes());
    }
    hex(&hasher.finalize())
}

/// Buckets whose rows must be compared: all of them where there are no digests.
fn differing_buckets(expected: &Expected, target: &TargetBuckets) -> BTreeSet<i64> {
    let numbers: BTreeSet<i64> = expected.buckets.keys().chain(target.buckets.keys()).copied().collect();
    let alike = |number: &i64| match (expected.buckets.get(number), target.buckets.get(number)) {
        (Some(ours), Some(theirs)) => ours.rows == theirs.rows && ours.digest == theirs.digest,
        _ => false,
    };
    numbers.into_iter().filter(|number| target.method == Method::Rows || !alike(number)).collect()
}

/// What a comparison of rows gathered.
struct Narrowed {
    counts: Counts,
    causes: BTreeMap<Kind, BTreeMap<String, u64>>,
    uneven: BTreeSet<i64>,
    pending_until: Option<Nanos>,
    /// Those whose values are fetched.
    described: Vec<Found>,
    /// The others, as lines.
    rest: DifferencesFile,
}

#[expect(clippy::too_many_arguments, reason = "one caller; the arguments are the stations of one journey")]
async fn compare_rows<R: Reader>(
    job: &VerifyJob<R>,
    taken: &Arc<Taken>,
    table: usize,
    shape: &ReadShape,
    target: &TargetBuckets,
    scope: Scope,
    verified: &mut TableVerification,
    file: &mut DifferencesFile,
) -> Result<(), VerifyError> {
    let Some((scratch, entries_at_once)) = taken.keys.scratch(table) else { return Err(VerifyError::Stopped) };
    let options = &job.options;
    let fetch = RowFetch { reader: &job.reader, shape, rows_per_request_max: options.rows_per_request_max };
    let scope = Arc::new(scope);
    let wanted = scope.parts(&|number| target.buckets.get(&number).map(|bucket| bucket.rows));
    let rows = fetch.spill(&wanted, scratch, entries_at_once, || job.progress.advance(1)).await?;
    let rest = DifferencesFile::create(&scratch.fresh_path())?;
    let narrowed = compare(job, taken, table, rows, Arc::clone(&scope), target.table_found, rest).await?;

    let counts = narrowed.counts;
    verified.present += counts.present;
    verified.changed = counts.changed;
    verified.pending = counts.pending;
    verified.pending_until = narrowed.pending_until;
    verified.missing = counts.missing;
    verified.skipped = counts.skipped;
    verified.extra = counts.extra;
    verified.target_rows += counts.target_rows;
    verified.rows_fetched = counts.target_rows;
    verified.causes = narrowed.causes;
    verified.buckets_alike = verified.buckets_compared - narrowed.uneven.len() as u64;
    verified.listed_without_values = narrowed.rest.lines();
    if verified.method == Method::Rows {
        verified.buckets_alike = 0;
    }
    list(job, table, &fetch, &scope, narrowed.described, verified, file).await?;
    file.append(narrowed.rest)
}

async fn compare<R: Reader>(
    job: &VerifyJob<R>,
    taken: &Arc<Taken>,
    table: usize,
    target: TargetRows,
    scope: Arc<Scope>,
    table_found: bool,
    mut rest: DifferencesFile,
) -> Result<Narrowed, VerifyError> {
    let (taken, ledger, listing) = (Arc::clone(taken), job.ledger.clone(), Arc::clone(&job.listing));
    let rejections = job.rejections.clone();
    let (now, memory_hours, options) = (job.clock.now(), job.plan.target.memory_hours, job.options.clone());
    blocking(move || {
        let why = Why {
            ledger: ledger.as_deref(),
            rejections: rejections.as_deref(),
            now,
            memory_hours,
            // What was written to a table that is not there will not appear in it.
            magnetic_window_nanos: if table_found { options.magnetic_window_nanos } else { 0 },
            memory_window_nanos: if table_found { options.memory_window_nanos } else { 0 },
        };
        let name = taken.census.tables.get(table).map(|census| census.table.clone()).unwrap_or_default();
        let comparison = Comparison { keys: &taken.keys, table, target: &target, scope: &scope, why };
        let object = |unit| object_key(&listing, unit);
        let mut causes: BTreeMap<Kind, BTreeMap<String, u64>> = BTreeMap::new();
        let mut described_of: BTreeMap<Kind, usize> = BTreeMap::new();
        let (mut described, mut uneven, mut pending_until) = (Vec::new(), BTreeSet::new(), None);
        let counts = comparison.run(&mut uneven, &mut |found| {
            *causes.entry(found.kind).or_default().entry(found.cause.label()).or_default() += 1;
            if let Cause::NotYetVisible { until } = &found.cause {
                pending_until = pending_until.max(Some(*until));
            }
            let so_far = described_of.entry(found.kind).or_default();
            if *so_far < options.described_max {
                *so_far += 1;
                described.push(found);
                return Ok(());
            }
            rest.write(&difference(&found, &name, &object, None, None))
        })?;
        Ok(Narrowed { counts, causes, uneven, pending_until, described, rest })
    })
    .await
}

/// Fetches the values of `found`, writes its lines in time order, and keeps the first of each kind to show.
async fn list<R: Reader>(
    job: &VerifyJob<R>,
    table: usize,
    fetch: &RowFetch<'_, R>,
    scope: &Scope,
    mut found: Vec<Found>,
    verified: &mut TableVerification,
    file: &mut DifferencesFile,
) -> Result<(), VerifyError> {
    found.sort_by_key(|found| (found.time, found.key, found.kind, found.target));
    let target = describe::from_target(fetch, scope, &found).await?;
    let (source, listing, readers) = (Arc::clone(&job.source), Arc::clone(&job.listing), job.options.readers);
    let (found, sources) = blocking(move || {
        let sources = describe::from_source(source.as_ref(), &listing, table, &found, readers)?;
        Ok((found, sources))
    })
    .await?;
    let object = |unit| object_key(&job.listing, unit);
    let mut shown: BTreeMap<Kind, usize> = BTreeMap::new();
    for found in &found {
        let source = found.source.and_then(|at| sources.get(&at));
        let target = found.target.and_then(|content| target.get(&(found.key, content)));
        let line = difference(found, &verified.table, &object, source, target);
        file.write(&line)?;
        let shown = shown.entry(found.kind).or_default();
        if *shown < job.options.shown_max {
            *shown += 1;
            verified.shown.push(line);
        }
    }
    Ok(())
}

fn object_key(listing: &Listing, unit: u32) -> String {
    listing.objects.numbered(unit).map_or_else(|| format!("object {unit}"), |object| object.id.key.clone())
}

/// Objects that no table of the plan takes, by store and layout.
fn left_out(plan: &Plan, listing: &Listing) -> Vec<LeftOut> {
    let taken = |object: &SourceObject| plan.tables.iter().any(|table| holds_rows_of(object, &table.mapping.store));
    let mut groups: BTreeMap<(String, &'static str), LeftOut> = BTreeMap::new();
    for object in listing.objects.iter().filter(|object| !taken(object)) {
        let layout = match object.layout {
            Layout::Datastore => "datastore",
            Layout::Dataset => "dataset",
            Layout::Channel => "channel",
        };
        let group = groups.entry((object.store.clone(), layout)).or_insert_with(|| LeftOut {
            store: object.store.clone(),
            layout: object.layout,
            objects: 0,
            bytes: 0,
        });
        group.objects += 1;
        group.bytes += object.size_bytes;
    }
    groups.into_values().collect()
}
