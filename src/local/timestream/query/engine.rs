//! Running queries, and the results that are being paged through.
//!
//! Facts (Query): a page has at most 1 MB and `MaxRows` rows; a token is good for five calls or an hour, gives the same
//! rows each time, goes with the query string it was given for, and ends with the first use of its successor.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use xxhash_rust::xxh3::xxh3_128;

use super::Catalogue;
use super::compile::Compiled;
use super::failure::QueryFailure;
use super::reading::{Ask, read};
use super::response::{ColumnInfo, PreparedQuery, QueryResponse, Row};
use super::spool::{Spool, written};
use crate::time::{HOUR_NANOS, Nanos};

/// Bytes of a page.
const PAGE_BYTES_MAX: usize = 1_000_000;
/// Calls that one token is good for.
const TOKEN_USES_MAX: u32 = 5;
/// The life of a token.
const TOKEN_LIFE_NANOS: i64 = HOUR_NANOS;
/// A client token may be repeated for this long …
const CLIENT_TOKEN_REPEAT_NANOS: i64 = 5 * 60_000_000_000;
/// … and is forgotten after this long.
const CLIENT_TOKEN_LIFE_NANOS: i64 = 4 * HOUR_NANOS;
/// Client tokens that are remembered; the oldest go first.
const CLIENT_TOKENS_MAX: usize = 10_000;
/// Results that can be open; the one not used for longest is given up for a new one.
const OPEN_RESULTS_MAX: usize = 256;
/// Bytes of all open results (facts: a result has at most 5 GB).
const KEPT_BYTES_MAX: usize = 5_000_000_000;
/// Rows are handed to the spool in portions of this many bytes.
const PORTION_BYTES: usize = 1_000_000;
/// Cancelled queries that are remembered.
const CANCELLED_MAX: usize = 256;
/// Characters of a query id.
const QUERY_ID_CHARS: usize = 32;

/// Switches of the service.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The first reply of a query has no rows but a token, as when the real service is still at work.
    pub empty_first_page: bool,
}

/// A Query request, as it came.
#[derive(Debug, Clone, Default)]
pub struct QueryRequest {
    pub query_string: String,
    pub next_token: Option<String>,
    /// 1 to 1000.
    pub max_rows: Option<i64>,
    /// 32 to 128 characters.
    pub client_token: Option<String>,
}

/// Runs queries and holds open results. One for all connections of a service.
#[derive(Debug)]
pub struct Engine {
    options: EngineOptions,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    spool: Spool,
    /// By query id.
    open: BTreeMap<String, OpenResult>,
    kept_bytes: usize,
    client_tokens: BTreeMap<String, ClientToken>,
    cancelled: VecDeque<String>,
    /// Counts queries and uses: names, and an order of use.
    serial: i64,
}

#[derive(Debug)]
struct ClientToken {
    parameters: u128,
    used_at: Nanos,
}

/// A result with rows that have not been answered yet, or not for the last time.
#[derive(Debug)]
struct OpenResult {
    kept: Kept,
    query_string: u128,
    columns: Vec<ColumnInfo>,
    /// The token that was used last, and can be used again.
    current: Option<Ticket>,
    /// The token that was answered last.
    upcoming: Option<Ticket>,
    last_used: i64,
}

/// Rows in the spool.
#[derive(Debug, Clone, Copy)]
struct Kept {
    result: i64,
    rows: u64,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Ticket {
    token: String,
    start: u64,
    /// Where the page ends, once it has been answered.
    end: Option<u64>,
    uses: u32,
    issued_at: Nanos,
}

impl Engine {
    /// # Errors
    /// When no temporary database can be made.
    pub fn new(options: EngineOptions) -> Result<Self, QueryFailure> {
        let state = State {
            spool: Spool::open()?,
            open: BTreeMap::new(),
            kept_bytes: 0,
            client_tokens: BTreeMap::new(),
            cancelled: VecDeque::new(),
            serial: 0,
        };
        Ok(Self { options, state: Mutex::new(state) })
    }

    /// Answers a Query request. `connection` must have been given to [`super::register`]; it is read in one statement.
    ///
    /// # Errors
    /// See [`QueryFailure`].
    pub fn query(
        &self,
        request: &QueryRequest,
        catalogue: &dyn Catalogue,
        connection: &Connection,
        now: Nanos,
    ) -> Result<QueryResponse, QueryFailure> {
        let rows_max = check_request(request)?;
        self.state().forget_expired(now)?;
        if let Some(token) = &request.next_token {
            return self.state().page(token, &request.query_string, rows_max, now);
        }
        if let Some(token) = &request.client_token {
            self.state().use_client_token(token, request, now)?;
        }
        let ask = read(&request.query_string, catalogue, now)?;
        let result = self.state().next_serial();
        let mut collector = Collector::new(self, result, if self.options.empty_first_page { 0 } else { rows_max });
        let columns = match collector.run(&ask, catalogue, connection, now) {
            Ok(columns) => columns,
            Err(failure) => {
                self.state().give_up_kept(collector.kept)?;
                return Err(failure);
            }
        };
        let query_id = query_id(result, now, &request.query_string);
        let Collector { page, kept, .. } = collector;
        let more = kept.rows > 0 || self.options.empty_first_page;
        let next_token = if more { Some(self.state().open_result(&query_id, &request.query_string, &columns, kept, now)?) } else { None };
        Ok(QueryResponse { query_id, next_token, rows: page, columns })
    }

    /// Answers PrepareQuery with `ValidateOnly`: the columns that a SELECT would have. Nothing is kept.
    ///
    /// # Errors
    /// As [`Engine::query`]; only a SELECT can be prepared.
    pub fn prepare(&self, query_string: &str, catalogue: &dyn Catalogue, now: Nanos) -> Result<PreparedQuery, QueryFailure> {
        let Ask::Select(compiled) = read(query_string, catalogue, now)? else {
            return Err(QueryFailure::Validation("Only a SELECT can be prepared".to_owned()));
        };
        let columns = compiled.columns.iter().map(|column| (ColumnInfo::scalar(&column.name, column.kind), column.aliased)).collect();
        Ok(PreparedQuery { query_string: query_string.to_owned(), columns })
    }

    /// Ends a query: its tokens are worth nothing any more. The answer is the `CancellationMessage`, which there is when
    /// the query had ended or had been cancelled before; an id that never was counts as ended.
    ///
    /// # Errors
    /// When `query_id` is not the form of one.
    pub fn cancel(&self, query_id: &str) -> Result<Option<String>, QueryFailure> {
        if query_id.is_empty() || query_id.len() > 64 || !query_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let message = "1 validation error detected: Value at 'queryId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9]+";
            return Err(QueryFailure::Validation(message.to_owned()));
        }
        let mut state = self.state();
        if state.cancelled.iter().any(|known| known == query_id) {
            return Ok(Some(format!("Query {query_id} has already been cancelled.")));
        }
        let Some(open) = state.open.remove(query_id) else { return Ok(Some(format!("Query {query_id} is not running."))) };
        state.give_up_kept(open.kept)?;
        state.cancelled.push_back(query_id.to_owned());
        if state.cancelled.len() > CANCELLED_MAX {
            state.cancelled.pop_front();
        }
        Ok(None)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panicking thread leaves behind is at worst a result that nobody has a token for.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Collects the rows of one query: the first page in memory, the rest into the spool.
struct Collector<'e> {
    engine: &'e Engine,
    rows_max: usize,
    page: Vec<Row>,
    page_bytes: usize,
    page_is_full: bool,
    kept: Kept,
    portion: Vec<String>,
    portion_bytes: usize,
}

impl<'e> Collector<'e> {
    fn new(engine: &'e Engine, result: i64, rows_max: usize) -> Self {
        let kept = Kept { result, rows: 0, bytes: 0 };
        Self { engine, rows_max, page: Vec::new(), page_bytes: 0, page_is_full: false, kept, portion: Vec::new(), portion_bytes: 0 }
    }

    fn run(&mut self, ask: &Ask, catalogue: &dyn Catalogue, connection: &Connection, now: Nanos) -> Result<Vec<ColumnInfo>, QueryFailure> {
        let columns = match ask {
            Ask::Show(show) => {
                let (columns, rows) = super::show::answer(show, catalogue, connection, now)?;
                rows.into_iter().try_for_each(|row| self.push(row))?;
                columns
            }
            Ask::Select(compiled) => {
                self.select(compiled, connection)?;
                compiled.columns.iter().map(|column| ColumnInfo::scalar(&column.name, column.kind)).collect()
            }
        };
        self.flush()?;
        Ok(columns)
    }

    fn select(&mut self, compiled: &Compiled, connection: &Connection) -> Result<(), QueryFailure> {
        let mut statement = connection.prepare(&compiled.sql).map_err(|error| QueryFailure::while_preparing(&error))?;
        // Parameters that only a discarded attempt used are not in the statement.
        for (position, value) in (1..=statement.parameter_count()).zip(&compiled.parameters) {
            statement.raw_bind_parameter(position, value).map_err(|error| QueryFailure::while_preparing(&error))?;
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| QueryFailure::while_running(&error))? {
            let mut cells = Vec::with_capacity(compiled.columns.len());
            for (position, column) in compiled.columns.iter().enumerate() {
                let value = row.get_ref(position).map_err(|error| QueryFailure::while_running(&error))?;
                cells.push(column.kind.datum(value)?);
            }
            self.push(Row(cells))?;
        }
        Ok(())
    }

    fn push(&mut self, row: Row) -> Result<(), QueryFailure> {
        let bytes = row.wire_bytes();
        let fits = self.page.len() < self.rows_max && (self.page.is_empty() || self.page_bytes + bytes <= PAGE_BYTES_MAX);
        if fits && !self.page_is_full {
            self.page_bytes += bytes;
            self.page.push(row);
            return Ok(());
        }
        self.page_is_full = true;
        let cells = written(&row);
        self.portion_bytes += cells.len();
        self.portion.push(cells);
        if self.portion_bytes >= PORTION_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), QueryFailure> {
        if self.portion.is_empty() {
            return Ok(());
        }
        self.engine.state().keep(&mut self.kept, &self.portion, self.portion_bytes)?;
        self.portion.clear();
        self.portion_bytes = 0;
        Ok(())
    }
}

impl State {
    fn next_serial(&mut self) -> i64 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    fn keep(&mut self, kept: &mut Kept, rows: &[String], bytes: usize) -> Result<(), QueryFailure> {
        while self.kept_bytes.saturating_add(bytes) > KEPT_BYTES_MAX {
            if !self.give_up_oldest()? {
                return Err(QueryFailure::Execution(format!("The result is larger than {KEPT_BYTES_MAX} bytes")));
            }
        }
        self.spool.append(kept.result, kept.rows, rows)?;
        kept.rows += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        kept.bytes += bytes;
        self.kept_bytes += bytes;
        Ok(())
    }

    fn give_up_kept(&mut self, kept: Kept) -> Result<(), QueryFailure> {
        self.kept_bytes = self.kept_bytes.saturating_sub(kept.bytes);
        if kept.rows == 0 { Ok(()) } else { self.spool.forget(kept.result, None) }
    }

    /// Gives up the result that was not used for longest; false when none is open.
    fn give_up_oldest(&mut self) -> Result<bool, QueryFailure> {
        let oldest = self.open.iter().min_by_key(|(_, open)| open.last_used).map(|(id, _)| id.clone());
        let Some(open) = oldest.and_then(|id| self.open.remove(&id)) else { return Ok(false) };
        self.give_up_kept(open.kept)?;
        Ok(true)
    }

    fn open_result(
        &mut self,
        query_id: &str,
        query_string: &str,
        columns: &[ColumnInfo],
        kept: Kept,
        now: Nanos,
    ) -> Result<String, QueryFailure> {
        while self.open.len() >= OPEN_RESULTS_MAX && self.give_up_oldest()? {}
        let ticket = self.ticket(query_id, 0, now);
        let token = ticket.token.clone();
        let last_used = self.next_serial();
        let open = OpenResult {
            kept,
            query_string: xxh3_128(query_string.as_bytes()),
            columns: columns.to_vec(),
            current: None,
            upcoming: Some(ticket),
            last_used,
        };
        self.open.insert(query_id.to_owned(), open);
        Ok(token)
    }

    fn ticket(&mut self, query_id: &str, start: u64, issued_at: Nanos) -> Ticket {
        Ticket { token: format!("{query_id}{:016x}", self.next_serial()), start, end: None, uses: 0, issued_at }
    }

    /// Answers a request with a token.
    fn page(&mut self, token: &str, query_string: &str, rows_max: usize, now: Nanos) -> Result<QueryResponse, QueryFailure> {
        let invalid = || QueryFailure::Validation("Invalid pagination token.".to_owned());
        let query_id = token.get(..QUERY_ID_CHARS).ok_or_else(invalid)?.to_owned();
        if self.cancelled.contains(&query_id) {
            return Err(QueryFailure::Conflict("Unable to poll results for a cancelled query.".to_owned()));
        }
        let serial = self.next_serial();
        let open = self.open.get_mut(&query_id).ok_or_else(invalid)?;
        if open.query_string != xxh3_128(query_string.as_bytes()) {
            return Err(invalid());
        }
        if open.upcoming.as_ref().is_some_and(|ticket| ticket.token == token) {
            open.current = open.upcoming.take();
        }
        let ticket = open.current.as_mut().filter(|ticket| ticket.token == token && ticket.uses < TOKEN_USES_MAX).ok_or_else(invalid)?;
        ticket.uses += 1;
        open.last_used = serial;
        let (kept, columns) = (open.kept, open.columns.clone());
        let (start, end, is_first_use) = (ticket.start, ticket.end, ticket.end.is_none());
        if is_first_use {
            self.spool.forget(kept.result, Some(start))?;
        }
        let rows_max = end.map_or(rows_max, |end| usize::try_from(end - start).unwrap_or(usize::MAX));
        let (mut count, mut bytes) = (0, 0);
        let rows = self.spool.read(kept.result, start, |row| {
            count += 1;
            bytes += row.wire_bytes();
            count <= rows_max && (end.is_some() || count == 1 || bytes <= PAGE_BYTES_MAX)
        })?;
        let end = start + u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let upcoming = (is_first_use && end < kept.rows).then(|| self.ticket(&query_id, end, now));
        let open = self.open.get_mut(&query_id).ok_or_else(invalid)?;
        if let Some(ticket) = open.current.as_mut() {
            ticket.end = Some(end);
        }
        if upcoming.is_some() {
            open.upcoming = upcoming;
        }
        let next_token = open.upcoming.as_ref().map(|ticket| ticket.token.clone());
        Ok(QueryResponse { query_id, next_token, rows, columns })
    }

    /// A repeated request with the same client token is run again, which for a read is idempotent; anything else is refused.
    fn use_client_token(&mut self, token: &str, request: &QueryRequest, now: Nanos) -> Result<(), QueryFailure> {
        let parameters = xxh3_128(format!("{:?} {}", request.max_rows, request.query_string).as_bytes());
        if let Some(known) = self.client_tokens.get(token) {
            let in_time = now.0.saturating_sub(known.used_at.0) <= CLIENT_TOKEN_REPEAT_NANOS;
            if in_time && known.parameters == parameters {
                return Ok(());
            }
            let why = if in_time { "with other parameters" } else { "more than 5 minutes ago" };
            return Err(QueryFailure::Validation(format!("The client token was already used {why}")));
        }
        if self.client_tokens.len() >= CLIENT_TOKENS_MAX {
            let oldest = self.client_tokens.iter().min_by_key(|(_, known)| known.used_at.0).map(|(token, _)| token.clone());
            oldest.and_then(|token| self.client_tokens.remove(&token));
        }
        self.client_tokens.insert(token.to_owned(), ClientToken { parameters, used_at: now });
        Ok(())
    }

    fn forget_expired(&mut self, now: Nanos) -> Result<(), QueryFailure> {
        self.client_tokens.retain(|_, known| now.0.saturating_sub(known.used_at.0) <= CLIENT_TOKEN_LIFE_NANOS);
        let is_alive = |ticket: &Ticket| now.0.saturating_sub(ticket.issued_at.0) <= TOKEN_LIFE_NANOS;
        let mut given_up = Vec::new();
        self.open.retain(|_, open| {
            open.current = open.current.take().filter(is_alive);
            open.upcoming = open.upcoming.take().filter(is_alive);
            let keep = open.current.is_some() || open.upcoming.is_some();
            if !keep {
                given_up.push(open.kept);
            }
            keep
        });
        given_up.into_iter().try_for_each(|kept| self.give_up_kept(kept))
    }
}

fn query_id(serial: i64, now: Nanos, query_string: &str) -> String {
    format!("{:032X}", xxh3_128(format!("{serial} {} {query_string}", now.0).as_bytes()))
}

/// Checks the parameters (facts: timestream-query model); gives the rows that a page may have.
fn check_request(request: &QueryRequest) -> Result<usize, QueryFailure> {
    let violated = |member: &str, constraint: &str| {
        QueryFailure::Validation(format!("1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"))
    };
    if let Some(token) = &request.client_token
        && !(32..=128).contains(&token.chars().count())
    {
        return Err(violated("clientToken", "Member must have length between 32 and 128, inclusive"));
    }
    if let Some(token) = &request.next_token
        && !(1..=2048).contains(&token.chars().count())
    {
        return Err(violated("nextToken", "Member must have length between 1 and 2048, inclusive"));
    }
    match request.max_rows {
        None => Ok(usize::MAX),
        Some(rows) if (1..=1000).contains(&rows) => Ok(usize::try_from(rows).unwrap_or(1)),
        Some(_) => Err(violated("maxRows", "Member must have value between 1 and 1000, inclusive")),
    }
}
