//! What the pages of a Parquet file take in memory, known before they are unpacked.
//!
//! A page says how large it becomes, and the Parquet crate takes its word: a few kilobytes can ask for gigabytes, and what cannot be had ends
//! the process. The crate asks a [`ChunkReader`] for the header of a page, then for the page. This one stands in between. It reads the header
//! first and lets the crate have that and no more; and it refuses a page that takes too much beside the pages that are held already: the
//! dictionaries, the pages of the batch of rows that is being read, and the last one of each column, which the next batch begins with.

use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader as _};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length, SerializedPageReader};

use super::delta;
use super::page_header::{Header, PageKind};
use super::parquet::Chunks;

/// Headers of any writer are read at once; one with the longest statistics is still far below the limit.
const HEADER_READ_BYTES: u64 = 8 * 1024;
const HEADER_BYTES_MAX: u64 = 1024 * 1024;

/// A Parquet file whose pages are looked at before they are unpacked. For one reader, which reads each column once and forward.
pub(super) struct WatchedPages {
    chunks: Chunks,
    watch: Arc<Watch>,
}

/// What the pages of one reader take. Shared with whoever moves the reader on.
pub(super) struct Watch {
    metadata: Arc<ParquetMetaData>,
    /// Column chunks by their place in the file; no two share one (`parquet::chunks_lie_inside`).
    places: Vec<Place>,
    batch_rows: u64,
    bytes_max: u64,
    state: Mutex<State>,
}

struct Place {
    begin: u64,
    end: u64,
    row_group: usize,
    column: usize,
}

#[derive(Default)]
struct State {
    columns: Vec<Column>,
    /// Why a page was refused: the crate wraps the reason into errors of its own.
    refused: Option<String>,
}

/// The pages of one column.
#[derive(Default)]
struct Column {
    /// Where the column chunk begins that they are of.
    begin: u64,
    /// Headers whose pages were not asked for: a dictionary's may be passed by and its page wanted later.
    dictionary_header: Option<Announced>,
    data_header: Option<Announced>,
    dictionary_bytes: u64,
    last_bytes: u64,
    /// Of the pages before the last one that hold rows of this batch.
    passed_bytes: u64,
}

struct Announced {
    page_at: u64,
    header: Header,
    bytes: Bytes,
}

impl Column {
    /// Another column chunk begins: what is held of the one before goes with the batch.
    fn enter(&mut self, begin: u64) {
        if self.begin != begin {
            let passed_bytes = self.held_bytes();
            *self = Self { begin, passed_bytes, ..Self::default() };
        }
    }

    fn held_bytes(&self) -> u64 {
        self.dictionary_bytes.saturating_add(self.last_bytes).saturating_add(self.passed_bytes)
    }

    fn take(&mut self, kind: PageKind, bytes: u64) {
        if kind == PageKind::Dictionary {
            self.dictionary_bytes = bytes;
        } else {
            self.passed_bytes = self.passed_bytes.saturating_add(self.last_bytes);
            self.last_bytes = bytes;
        }
    }
}

impl WatchedPages {
    /// `bytes_max` is what the pages may take that are held at one time.
    pub(super) fn new(chunks: Chunks, metadata: &Arc<ParquetMetaData>, batch_rows: usize, bytes_max: u64) -> Self {
        let mut places = Vec::new();
        for (row_group, group) in metadata.row_groups().iter().enumerate() {
            for (column, chunk) in group.columns().iter().enumerate() {
                let (begin, length) = chunk.byte_range();
                places.push(Place { begin, end: begin.saturating_add(length), row_group, column });
            }
        }
        places.sort_by_key(|place| (place.begin, place.end));
        let columns = metadata.file_metadata().schema_descr().num_columns();
        let state = State { columns: std::iter::repeat_with(Column::default).take(columns).collect(), refused: None };
        let watch = Watch {
            metadata: Arc::clone(metadata),
            places,
            batch_rows: u64::try_from(batch_rows).unwrap_or(u64::MAX),
            bytes_max,
            state: Mutex::new(state),
        };
        Self { chunks, watch: Arc::new(watch) }
    }

    pub(super) fn watch(&self) -> Arc<Watch> {
        Arc::clone(&self.watch)
    }

    /// The header of the page at `at`, and nothing when the crate has read it before.
    fn header(&self, at: u64) -> Result<Bytes, ParquetError> {
        let place = self.watch.place(at).ok_or_else(senseless)?;
        if self.watch.is_announced(place, at) {
            return Ok(Bytes::new());
        }
        let left = place.end - at;
        let mut length = HEADER_READ_BYTES.min(left);
        loop {
            let bytes = self.chunks.get_bytes(at, usize::try_from(length)?)?;
            if let Some((header, header_length)) = Header::read(&bytes) {
                let bytes = bytes.slice(..header_length);
                let page_at = at.saturating_add(u64::try_from(header_length)?);
                self.watch.announce(place, Announced { page_at, header, bytes: bytes.clone() });
                return Ok(bytes);
            }
            if length == left || length >= HEADER_BYTES_MAX {
                return Err(senseless());
            }
            length = length.saturating_mul(8).min(left).min(HEADER_BYTES_MAX);
        }
    }

    fn page(&self, at: u64, length: usize) -> Result<Bytes, ParquetError> {
        let place = self.watch.place(at).ok_or_else(senseless)?;
        let chunk = self.watch.metadata.row_group(place.row_group).column(place.column);
        let Announced { header, bytes: header_bytes, .. } = self.watch.announced(place, at).ok_or_else(senseless)?;
        let cost = header.cost(u64::try_from(length)?, chunk.column_descr(), self.watch.batch_rows);
        self.watch.admit(place, header.kind, cost)?;
        let page = self.chunks.get_bytes(at, length)?;
        header.keeps_its_word(chunk.compression(), &page, self.watch.bytes_max).map_err(ParquetError::General)?;
        if let Some(prefixes) = header.delta_prefixes() {
            let values = usize::try_from(header.values)?;
            let window = usize::try_from(header.values_at_once(chunk.column_descr(), self.watch.batch_rows))?;
            let encoded = encoded_values(chunk, [&header_bytes[..], &page].concat().into())?;
            let texts = delta::bytes_at_once(&encoded, prefixes, values, window)
                .ok_or_else(|| ParquetError::General("the lengths of a page's values make no sense".to_owned()))?;
            if prefixes {
                self.watch.grow(place, texts)?;
            }
        }
        Ok(page)
    }

    fn refuse(&self, error: ParquetError) -> ParquetError {
        if let ParquetError::General(reason) = &error {
            self.watch.state().refused = Some(reason.clone());
        }
        error
    }
}

fn senseless() -> ParquetError {
    ParquetError::General("a page header makes no sense".to_owned())
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a batch is done: what it held besides the pages that go on is given back.
    pub(super) fn batch_done(&self) {
        for column in &mut self.state().columns {
            column.passed_bytes = 0;
        }
    }

    /// Why a page was refused, if one was.
    pub(super) fn refused(&self) -> Option<String> {
        self.state().refused.take()
    }

    fn place(&self, at: u64) -> Option<&Place> {
        let after = self.places.partition_point(|place| place.begin <= at);
        self.places.get(after.checked_sub(1)?).filter(|place| at < place.end || place.begin == place.end)
    }

    /// Runs `work` on the column of the place, and on what all columns hold.
    fn on<T>(&self, place: &Place, work: impl FnOnce(&mut Column, u64) -> T) -> Option<T> {
        let mut state = self.state();
        let held = state.columns.iter().fold(0_u64, |sum, column| sum.saturating_add(column.held_bytes()));
        let column = state.columns.get_mut(place.column)?;
        column.enter(place.begin);
        Some(work(column, held))
    }

    fn is_announced(&self, place: &Place, at: u64) -> bool {
        let waits = |header: &Option<Announced>| header.as_ref().is_some_and(|header| header.page_at == at);
        self.on(place, |column, _| waits(&column.dictionary_header) || waits(&column.data_header)).unwrap_or(false)
    }

    fn announce(&self, place: &Place, announced: Announced) {
        self.on(place, |column, _| match announced.header.kind {
            PageKind::Dictionary => column.dictionary_header = Some(announced),
            _ => column.data_header = Some(announced),
        });
    }

    /// The header of the page at `at`, which is asked for now.
    fn announced(&self, place: &Place, at: u64) -> Option<Announced> {
        let take = |header: &mut Option<Announced>| header.take_if(|header| header.page_at == at);
        self.on(place, |column, _| take(&mut column.dictionary_header).or_else(|| take(&mut column.data_header)))?
    }

    fn admit(&self, place: &Place, kind: PageKind, bytes: u64) -> Result<(), ParquetError> {
        let admitted = self.on(place, |column, held| {
            let fits = held.saturating_add(bytes) <= self.bytes_max;
            if fits {
                column.take(kind, bytes);
            }
            fits
        });
        if admitted == Some(true) { Ok(()) } else { Err(self.too_much()) }
    }

    /// The page that was taken last takes more.
    fn grow(&self, place: &Place, bytes: u64) -> Result<(), ParquetError> {
        let fits = self.on(place, |column, held| {
            column.last_bytes = column.last_bytes.saturating_add(bytes);
            held.saturating_add(bytes) <= self.bytes_max
        });
        if fits == Some(true) { Ok(()) } else { Err(self.too_much()) }
    }

    fn too_much(&self) -> ParquetError {
        ParquetError::General(format!("its pages take more than {} bytes of memory at one time", self.bytes_max))
    }
}

/// The values of a page as they are encoded, unpacked and without the levels before them.
fn encoded_values(chunk: &ColumnChunkMetaData, page: Bytes) -> Result<Bytes, ParquetError> {
    let length = i64::try_from(page.len())?;
    let alone = chunk.clone().into_builder().set_dictionary_page_offset(None).set_data_page_offset(0).set_total_compressed_size(length);
    let page = SerializedPageReader::new(Arc::new(page), &alone.build()?, 0, None)?.get_next_page()?;
    let column = chunk.column_descr();
    let (mut values, levels_bytes) = match page {
        Some(Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. }) => {
            (buf, u64::from(def_levels_byte_len) + u64::from(rep_levels_byte_len))
        }
        Some(Page::DataPage { mut buf, def_level_encoding, rep_level_encoding, .. }) => {
            let levels = [(column.max_rep_level(), rep_level_encoding), (column.max_def_level(), def_level_encoding)];
            for (_, encoding) in levels.iter().filter(|(level, _)| *level > 0) {
                let length = buf.first_chunk().filter(|_| *encoding == Encoding::RLE).copied().map(u32::from_le_bytes);
                let end = length.and_then(|length| usize::try_from(length).ok()?.checked_add(4)).filter(|end| *end <= buf.len());
                drop(buf.split_to(end.ok_or_else(senseless)?));
            }
            (buf, 0)
        }
        _ => return Err(senseless()),
    };
    let levels_bytes = usize::try_from(levels_bytes)?;
    if levels_bytes > values.len() {
        return Err(senseless());
    }
    Ok(values.split_off(levels_bytes))
}

impl Length for WatchedPages {
    fn len(&self) -> u64 {
        self.chunks.len()
    }
}

impl ChunkReader for WatchedPages {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.header(start).map(Cursor::new).map_err(|error| self.refuse(error))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.page(start, length).map_err(|error| self.refuse(error))
    }
}
