//! The reading side: SQL out, pages of text in.

use aws_sdk_timestreamquery::Client;
use aws_sdk_timestreamquery::types::Datum;

use super::connection::{ConnectError, Connection};
use super::fault::Failure;
use super::rows::{Columns, RowReader, bucket, cell};
use super::sql;
use crate::record::Record;
use crate::target::{Bucket, Cell, Part, ReadFault, ReadShape, Reader};
use crate::time::Nanos;

/// A query may answer with empty pages while it runs (facts: empty rows and a token), for an hour at the most; each page then
/// takes its time. So many in a row are not a running query.
const EMPTY_PAGES_MAX: usize = 10_000;

/// Reads back from one database.
#[derive(Debug)]
pub struct LiveAnalyticsReader {
    database: String,
    client: Client,
}

impl LiveAnalyticsReader {
    /// Finds the way to the service.
    ///
    /// # Errors
    /// When no region is set, or when the service names no endpoint and none is given.
    pub async fn connect(connection: Connection) -> Result<Self, ConnectError> {
        let client = connection.query_client().await?;
        Ok(Self { database: connection.database, client })
    }

    /// Runs `query` and hands every row of every page to `each`.
    async fn run<F>(&self, query: &str, mut each: F) -> Result<(), ReadFault>
    where
        F: FnMut(&[Datum]) -> Result<(), ReadFault> + Send,
    {
        let mut token: Option<String> = None;
        let mut empty_pages = 0;
        loop {
            // Facts: with a token, the same query text must be sent along.
            let page = self.client.query().query_string(query).set_next_token(token.take()).send().await;
            let page = page.map_err(|error| Failure::of(&error).into_read_fault())?;
            for row in page.rows() {
                each(row.data())?;
            }
            empty_pages = if page.rows().is_empty() { empty_pages + 1 } else { 0 };
            match page.next_token {
                None => return Ok(()),
                Some(_) if empty_pages >= EMPTY_PAGES_MAX => {
                    return Err(ReadFault::Unanswered { message: format!("{EMPTY_PAGES_MAX} empty pages in a row") });
                }
                next => token = next,
            }
        }
    }

    /// The columns of a table. Asked anew each time: a table gets columns as rows become visible.
    async fn columns(&self, table: &str) -> Result<Columns, ReadFault> {
        let mut columns = Columns::default();
        self.run(&sql::describe(&self.database, table), |row| columns.add(row)).await?;
        Ok(columns)
    }
}

impl Reader for LiveAnalyticsReader {
    async fn buckets(&self, shape: &ReadShape, bucket_nanos: i64, digests: bool) -> Result<Vec<Bucket>, ReadFault> {
        let columns = self.columns(&shape.table).await?;
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let query = sql::buckets(&self.database, shape, &columns, bucket_nanos, digests)?;
        let mut buckets = Vec::new();
        self.run(&query, |row| {
            buckets.push(bucket(row)?);
            Ok(())
        })
        .await?;
        Ok(buckets)
    }

    async fn cells(&self, shape: &ReadShape, from: Nanos, to: Nanos, width_nanos: i64, slices: u16) -> Result<Vec<Cell>, ReadFault> {
        let columns = self.columns(&shape.table).await?;
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let query = sql::cells(&self.database, shape, &columns, &Part { from, to, slices: None }, width_nanos, slices)?;
        let mut cells = Vec::new();
        self.run(&query, |row| {
            cells.push(cell(row)?);
            Ok(())
        })
        .await?;
        Ok(cells)
    }

    async fn rows(&self, shape: &ReadShape, part: &Part, each: &mut (dyn FnMut(Record) + Send)) -> Result<(), ReadFault> {
        let columns = self.columns(&shape.table).await?;
        if columns.is_empty() {
            return Ok(());
        }
        let reader = RowReader::new(shape, &columns);
        let query = sql::rows(&self.database, shape, &columns, part)?;
        self.run(&query, |row| {
            each(reader.record(row)?);
            Ok(())
        })
        .await
    }
}
