//! What the writing costs and how long it takes, from published prices and published throughput.
//!
//! Estimates err on the dear and slow side, and say how they were reached.

use super::make::{PlanInputs, memory_nanos};
use super::model::{Cost, Duration};
use crate::census::TableCensus;

// Facts: pricing, us-east; the only figures that could be found are those of 2020, repeated since by third parties.
const PRICES_AS_OF: &str = "2020-07-28, US East list prices; check them for your Region";
const USD_PER_MILLION_WRITE_UNITS: f64 = 0.50;
const USD_PER_GB_MONTH_MAGNETIC: f64 = 0.03;
const USD_PER_GB_HOUR_MEMORY: f64 = 0.036;
const BYTES_PER_GB: f64 = 1e9;
const WRITE_UNIT_BYTES: u64 = 1024;
/// As `target` has it, which this room may not reach.
pub(super) const RECORDS_PER_REQUEST_MAX: u64 = 100;

// Facts: published throughput. One thread writes about 16 requests of 100 records a second; the fastest published run
// of the vendor's own multi-threaded writer reached about 21,000 records a second.
const SECONDS_PER_REQUEST: f64 = 0.062;
const RECORDS_PER_SECOND_PUBLISHED: f64 = 21_000.0;

/// What one table will cost, before it is added up.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    records: u64,
    bytes: u64,
    requests: u64,
    /// Bytes of records that are young enough for the memory store.
    memory_bytes: f64,
}

pub(super) fn cost(inputs: &PlanInputs<'_>) -> Cost {
    let loads = loads(inputs);
    let sum = |of: fn(&Load) -> u64| loads.iter().map(of).fold(0, u64::saturating_add);
    let (bytes, requests) = (sum(|load| load.bytes), sum(|load| load.requests));
    // The sum over requests of ceil(bytes / 1 KiB) is at most this, however the bytes are spread over the requests.
    let rounding = requests.saturating_mul(WRITE_UNIT_BYTES - 1);
    let write_units = bytes.saturating_add(rounding) / WRITE_UNIT_BYTES;
    let memory_bytes: f64 = loads.iter().map(|load| load.memory_bytes).sum();
    let memory_hours = float(inputs.settings.target.memory_hours);
    Cost {
        write_units,
        writes_usd: float(write_units) / 1e6 * USD_PER_MILLION_WRITE_UNITS,
        magnetic_usd_per_month: float(bytes) / BYTES_PER_GB * USD_PER_GB_MONTH_MAGNETIC,
        memory_usd: memory_bytes / BYTES_PER_GB * memory_hours * USD_PER_GB_HOUR_MEMORY,
        prices_as_of: PRICES_AS_OF.to_owned(),
        basis: basis(inputs),
    }
}

pub(super) fn duration(inputs: &PlanInputs<'_>) -> Duration {
    let loads = loads(inputs);
    let requests = loads.iter().map(|load| load.requests).fold(0, u64::saturating_add);
    let records = loads.iter().map(|load| load.records).fold(0, u64::saturating_add);
    let in_flight = inputs.settings.write.requests_in_flight_max;
    let by_latency = float(requests) * SECONDS_PER_REQUEST / float(u64::try_from(in_flight).unwrap_or(u64::MAX)).max(1.0);
    let by_throughput = float(records) / RECORDS_PER_SECOND_PUBLISHED;
    let (seconds, bound_by) = if requests == 0 {
        (0.0, "there is nothing to write".to_owned())
    } else if by_latency >= by_throughput {
        (by_latency, format!("WriteRecords round trips: {in_flight} in flight of about 62 ms"))
    } else {
        (by_throughput, "WriteRecords throughput: about 21,000 records a second, the most that has been published".to_owned())
    };
    Duration { requests, seconds, bound_by }
}

fn loads(inputs: &PlanInputs<'_>) -> Vec<Load> {
    let of = |mapping| inputs.census_of(mapping).map(|census| load(inputs, census)).unwrap_or_default();
    inputs.settings.tables.iter().map(of).collect()
}

fn load(inputs: &PlanInputs<'_>, census: &TableCensus) -> Load {
    // A sample stands for its table by the number of objects; `basis` says so.
    let listed = inputs.listed(&census.store).0;
    let scaled = |count: u64| match census.objects {
        read if !inputs.census.full && read > 0 && read < listed => {
            u64::try_from(u128::from(count) * u128::from(listed) / u128::from(read)).unwrap_or(u64::MAX)
        }
        _ => count,
    };
    let (records, bytes) = (scaled(census.records), scaled(census.metered_bytes));
    Load { records, bytes, requests: records.div_ceil(RECORDS_PER_REQUEST_MAX), memory_bytes: float(bytes) * young_part(inputs, census) }
}

/// The part of a table's rows, from 0 to 1, that is inside the memory store's window if they are spread evenly over time.
fn young_part(inputs: &PlanInputs<'_>, census: &TableCensus) -> f64 {
    let (Some(earliest), Some(latest)) = (census.earliest, census.latest) else { return 0.0 };
    let window_from = i128::from(inputs.now.0) - memory_nanos(inputs.settings.target.memory_hours);
    let (earliest, latest) = (i128::from(earliest.0), i128::from(latest.0));
    let inside = latest - earliest.max(window_from);
    if inside < 0 {
        return 0.0;
    }
    let span = u64::try_from(latest - earliest).unwrap_or(u64::MAX);
    if span == 0 { 1.0 } else { float(u64::try_from(inside).unwrap_or(u64::MAX)) / float(span) }
}

fn basis(inputs: &PlanInputs<'_>) -> Vec<String> {
    let mut basis = vec![
        "a write unit is 1 KiB, rounded up for every request of 100 records; dimensions are counted in full in every record, so the \
         bill can be lower where the service charges repeated dimensions once"
            .to_owned(),
        "storage is counted as metered bytes, 1 GB as 10^9 bytes; the magnetic store's price is for the history alone".to_owned(),
        "memory store hours are counted only for rows young enough to enter it, taken to be spread evenly over time".to_owned(),
        "queries are not counted, those of the verification among them".to_owned(),
    ];
    if !inputs.census.full {
        basis.push(
            "only a sample was read: figures are scaled by the number of objects, and too low where objects hold more rows than were read"
                .to_owned(),
        );
    }
    basis
}

/// The nearest double, without a lossy cast.
fn float(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}
