//! The writing side: one request, one attempt, one classified answer.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_sdk_timestreamwrite::Client;
use aws_sdk_timestreamwrite::operation::write_records::WriteRecordsError;
use tokio::time::Instant;

use super::connection::{ConnectError, Connection};
use super::fault::{Failure, one_line};
use super::prepare;
use super::records::batch;
use super::rejection::rejections;
use super::validate::validate;
use crate::record::Record;
use crate::target::{Prepared, RECORDS_PER_BATCH_MAX, Rejection, TableSpec, WriteFault, Writer};

/// A client younger than this is not replaced: many requests learn of one expiry at the same time.
const RECONNECT_AFTER: Duration = Duration::from_secs(5);

/// Writes into one database.
#[derive(Debug)]
pub struct LiveAnalyticsWriter {
    connection: Connection,
    client: RwLock<Arc<Client>>,
    /// When the client was made. Locked while it is being replaced.
    made: tokio::sync::Mutex<Instant>,
}

impl LiveAnalyticsWriter {
    /// Finds the way to the service.
    ///
    /// # Errors
    /// When no region is set, or when the service names no endpoint and none is given.
    pub async fn connect(connection: Connection) -> Result<Self, ConnectError> {
        let client = connection.write_client().await?;
        Ok(Self { connection, client: RwLock::new(Arc::new(client)), made: tokio::sync::Mutex::new(Instant::now()) })
    }

    fn client(&self) -> Arc<Client> {
        // A poisoned lock still holds a whole client.
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Writer for LiveAnalyticsWriter {
    async fn prepare(&self, spec: &TableSpec) -> Result<Prepared, WriteFault> {
        prepare::prepare(&self.client(), spec).await
    }

    fn check(&self, record: &Record) -> Result<(), String> {
        validate(record).map_err(|unfit| unfit.to_string())
    }

    async fn reconnect(&self) -> Result<(), WriteFault> {
        let mut made = self.made.lock().await;
        if made.elapsed() < RECONNECT_AFTER {
            return Ok(());
        }
        let client = self.connection.write_client().await?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(client);
        *made = Instant::now();
        Ok(())
    }

    async fn write(&self, table: &str, records: &[&Record], version: i64) -> Result<Vec<Rejection>, WriteFault> {
        let invalid = |message: String| WriteFault::Invalid { message };
        if records.is_empty() || records.len() > RECORDS_PER_BATCH_MAX {
            return Err(invalid(format!("{} records in one request; 1 to {RECORDS_PER_BATCH_MAX} are allowed", records.len())));
        }
        let batch = batch(records, version).map_err(|error| invalid(one_line(&error.to_string())))?;
        let request = self
            .client()
            .write_records()
            .database_name(&self.connection.database)
            .table_name(table)
            .common_attributes(batch.common)
            .set_records(Some(batch.records));
        let Err(error) = request.send().await else {
            // Whether a repeated record counts among the ingested is not documented, so the count is no verdict.
            return Ok(Vec::new());
        };
        if let Some(WriteRecordsError::RejectedRecordsException(exception)) = error.as_service_error() {
            return rejections(exception.rejected_records(), records.len())
                .ok_or_else(|| WriteFault::Unanswered { message: "records were rejected, and the answer does not say which".to_owned() });
        }
        Err(Failure::of(&error).into_write_fault())
    }
}
