//! Findings about the target: its windows, its retention, and what it does not take back.

use super::{Findings, PlanInputs, table_subject};
use crate::census::TableCensus;
use crate::inventory::Retention;
use crate::mapping::TableMapping;
use crate::plan::make::memory_nanos;
use crate::settings::{MAGNETIC_DAYS_MAX, RETENTION_MARGIN_DAYS, days_back};
use crate::time::{DAY_NANOS, Nanos};

/// Facts: rows may lie this far ahead of the service's clock.
const FUTURE_NANOS_MAX: i128 = 15 * 60 * 1_000_000_000;
/// Facts: active magnetic partitions per database, by default.
const ACTIVE_PARTITIONS_MAX: u64 = 250;
/// Rows that retention deletes within this many days of the plan are worth a warning.
const EXPIRY_MARGIN_DAYS: i128 = 7;

pub(super) fn look(inputs: &PlanInputs<'_>, found: &mut Findings) {
    for mapping in &inputs.settings.tables {
        if let Some(census) = inputs.census_of(mapping) {
            window(inputs, &table_subject(inputs, mapping), census, found);
        }
        retention(inputs, mapping, found);
        partition_dimension(inputs, mapping, found);
    }
    magnetic_store(inputs, found);
    irreversible(inputs, found);
    found.note(
        "live_analytics_closed",
        "target",
        "Timestream for LiveAnalytics takes no new customers since 2025-06-20",
        "make sure that the account used it before; a rehearsal with `--target embedded` needs no account",
    );
}

fn window(inputs: &PlanInputs<'_>, subject: &str, census: &TableCensus, found: &mut Findings) {
    let now = i128::from(inputs.now.0);
    let kept_from = now - inputs.kept_nanos();
    if let Some(earliest) = census.earliest {
        let target = &inputs.settings.target;
        let needed = days_back(earliest, inputs.now).saturating_add(RETENTION_MARGIN_DAYS);
        let oldest = i128::from(earliest.0);
        if oldest < kept_from {
            let remedy = if needed <= MAGNETIC_DAYS_MAX {
                format!("set target.magnetic_days to at least {needed} before the table is created")
            } else {
                "correct or filter the times at the source: no retention reaches that far back".to_owned()
            };
            found.error(
                "time_before_window",
                subject,
                format!(
                    "its oldest row is of {earliest}, and {} days and {} hours of retention reach back to {} only: older rows would be refused",
                    target.magnetic_days,
                    target.memory_hours,
                    instant(kept_from)
                ),
                remedy,
            );
        } else if oldest < kept_from + EXPIRY_MARGIN_DAYS * i128::from(DAY_NANOS) {
            found.warn(
                "retention_deletes_soon",
                subject,
                format!("retention deletes its oldest row, of {earliest}, on {}", instant(oldest + inputs.kept_nanos())),
                format!(
                    "set target.magnetic_days to {} or more, so that backfill and verification have time",
                    needed.min(MAGNETIC_DAYS_MAX)
                ),
            );
        }
        if earliest < Nanos(0) {
            found.warn(
                "time_before_1970",
                subject,
                format!("its oldest row is of {earliest}; whether the service takes times before 1970 is not documented"),
                "check the clocks of the devices; rows that the service refuses are quarantined",
            );
        }
    }
    if let Some(latest) = census.latest
        && i128::from(latest.0) > now + FUTURE_NANOS_MAX
    {
        found.warn(
            "time_in_future",
            subject,
            format!("its newest row is of {latest}; rows more than 15 minutes ahead of the service's clock are refused"),
            "check the time format and the clocks of the devices; refused rows are quarantined and can be written later",
        );
    }
}

/// The instant `nanos` after the epoch, as near as the range of times allows.
fn instant(nanos: i128) -> Nanos {
    Nanos(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
}

fn retention(inputs: &PlanInputs<'_>, mapping: &TableMapping, found: &mut Findings) {
    let days = inputs.settings.target.magnetic_days;
    let Some(datastore) = inputs.inventory.datastores.get(&mapping.store) else { return };
    let kept = match datastore.retention {
        Retention::Unlimited if days < MAGNETIC_DAYS_MAX => "without limit".to_owned(),
        Retention::Days(kept) if kept > days => format!("for {kept} days"),
        _ => return,
    };
    found.warn(
        "retention_shorter_than_datastore",
        table_subject(inputs, mapping),
        format!("the datastore {} kept rows {kept}, the target deletes them after {days} days", mapping.store),
        "raise target.magnetic_days before the table is created, if they must be kept as long",
    );
}

fn partition_dimension(inputs: &PlanInputs<'_>, mapping: &TableMapping, found: &mut Findings) {
    let Some(name) = &inputs.settings.target.partition_dimension else { return };
    if mapping.dimensions.iter().any(|dimension| *dimension.name == **name) {
        return;
    }
    found.error(
        "partition_dimension_unknown",
        table_subject(inputs, mapping),
        format!("target.partition_dimension is `{name}`, which is not one of its dimensions"),
        "name a dimension that every table has, or remove the setting",
    );
}

fn magnetic_store(inputs: &PlanInputs<'_>, found: &mut Findings) {
    let memory_from = i128::from(inputs.now.0) - memory_nanos(inputs.settings.target.memory_hours);
    let tables = inputs.settings.tables.iter().filter_map(|mapping| inputs.census_of(mapping));
    let old: Vec<&TableCensus> =
        tables.filter(|census| census.earliest.is_some_and(|earliest| i128::from(earliest.0) < memory_from)).collect();
    if old.is_empty() {
        return;
    }
    found.note(
        "magnetic_visibility",
        "target",
        format!(
            "rows older than {} hours go to the magnetic store, where queries may see them up to 6 hours later",
            inputs.settings.target.memory_hours
        ),
        "expect the verification to wait; it knows rows that are not visible yet from rows that are missing",
    );
    if inputs.settings.target.rejected_data_bucket.is_none() {
        found.warn(
            "rejected_data_location_missing",
            "migration.toml: target.rejected_data_bucket",
            "the magnetic store can refuse an update after it was acknowledged, and reports that to a bucket only",
            "set target.rejected_data_bucket to an S3 bucket of yours",
        );
    }
    let partitioned = inputs.settings.target.partition_dimension.is_some();
    let partitions = old.iter().map(|census| partitions(census, memory_from, partitioned)).fold(0, u64::saturating_add);
    if partitions > ACTIVE_PARTITIONS_MAX {
        found.warn(
            "magnetic_partition_budget",
            "target",
            format!(
                "the history touches about {partitions} magnetic partitions (taking one a day{}), and a database has {ACTIVE_PARTITIONS_MAX} \
                 active ones in 6 hours: the service may throttle, and rows may be visible up to 6 hours late",
                if partitioned { " and series" } else { "" }
            ),
            "nothing to do: objects are written in the order of time and the rate follows the throttling; expect to wait before verifying",
        );
    }
}

/// How many magnetic partitions a table's old rows fall in, if each spans a day (facts say time and a hash of the
/// dimension names and measure name; the span is not documented), and a series each under a partition key of one's own.
fn partitions(census: &TableCensus, memory_from: i128, partitioned: bool) -> u64 {
    let (Some(earliest), Some(latest)) = (census.earliest, census.latest) else { return 0 };
    let last = instant(i128::from(latest.0).min(memory_from));
    let days = u64::try_from(last.day() - earliest.day()).unwrap_or(0).saturating_add(1);
    days.saturating_mul(if partitioned { census.series.max(1) } else { 1 })
}

fn irreversible(inputs: &PlanInputs<'_>, found: &mut Findings) {
    let target = &inputs.settings.target;
    found.note(
        "irreversible_retention",
        "migration.toml: target.magnetic_days",
        format!(
            "tables are created with {} hours in memory and {} days in the magnetic store; what retention deletes is gone, and raising it \
             later does not open the window at once",
            target.memory_hours, target.magnetic_days
        ),
        "decide how long rows must be kept before the first backfill",
    );
    let cause = match &target.partition_dimension {
        Some(name) => format!("tables are created with the partition key `{name}`, which can never be changed"),
        None => "tables are created without a partition key of your own, which can never be added".to_owned(),
    };
    found.note(
        "irreversible_partition_key",
        "migration.toml: target.partition_dimension",
        cause,
        "set a dimension that most queries filter by, if there is one, before the first backfill",
    );
}
