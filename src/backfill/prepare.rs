//! The tables made ready before the first row is read.

use tokio::sync::watch;
use tokio::time::Instant;

use super::Job;
use super::error::BackfillError;
use super::retry::{Jitter, pause};
use crate::target::{Prepared, TableSpec, WriteFault, Writer};

/// Whether the tables are ready.
pub(super) enum Ready {
    /// They are, with these remarks.
    Yes(Vec<String>),
    /// Somebody wanted to stop before they were.
    Stopped,
}

/// Creates or checks every one of `tables`, one after the other: creating is allowed once a second (facts).
pub(super) async fn prepare<W: Writer>(job: &Job<W>, tables: &[String]) -> Result<Ready, BackfillError> {
    let target = &job.plan.target;
    let mut remarks = Vec::new();
    for (stream, table) in (0..).zip(tables) {
        let spec = TableSpec {
            database: target.database.clone(),
            table: table.clone(),
            memory_hours: target.memory_hours,
            magnetic_days: target.magnetic_days,
            rejected_data: target.rejected_data_bucket.clone().map(|bucket| (bucket, target.rejected_data_prefix.clone())),
            partition_dimension: target.partition_dimension.clone(),
        };
        match prepare_one(job, &spec, Jitter::new(job.tuning.seed, stream)).await? {
            None => return Ok(Ready::Stopped),
            Some(Prepared::Created) => job.progress.note(&format!("created table {}.{}", spec.database, spec.table)),
            Some(Prepared::Existing { remarks: found }) => {
                found.iter().for_each(|remark| job.progress.note(remark));
                remarks.extend(found);
            }
        }
    }
    Ok(Ready::Yes(remarks))
}

/// `None` when it was stopped while it waited.
async fn prepare_one<W: Writer>(job: &Job<W>, spec: &TableSpec, mut jitter: Jitter) -> Result<Option<Prepared>, BackfillError> {
    let begun = Instant::now();
    let mut attempt = 0;
    loop {
        let mut fault = match job.writer.prepare(spec).await {
            Ok(prepared) => return Ok(Some(prepared)),
            Err(fault) => fault,
        };
        if matches!(fault, WriteFault::EndpointExpired { .. })
            && let Err(worse) = job.writer.reconnect().await
        {
            fault = worse;
        }
        let table = spec.table.clone();
        let Some(pause) = pause(&fault, attempt, &mut jitter) else { return Err(BackfillError::Target { table, fault }) };
        if begun.elapsed() >= job.tuning.give_up_after {
            return Err(BackfillError::GaveUp { table, seconds: begun.elapsed().as_secs(), fault });
        }
        attempt += 1;
        if stopped_within(job.stop.clone(), pause).await {
            return Ok(None);
        }
    }
}

/// Waits for `pause`; true when somebody wants to stop before it is over.
async fn stopped_within(mut stop: watch::Receiver<bool>, pause: std::time::Duration) -> bool {
    let stopped = async {
        if stop.wait_for(|stop| *stop).await.is_err() {
            // Nobody is left who could stop us.
            std::future::pending::<()>().await;
        }
    };
    tokio::time::timeout(pause, stopped).await.is_ok()
}
