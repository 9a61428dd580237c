//! What a page of a Parquet file says of itself, and what it costs to believe it.
//!
//! parquet-format: `PageHeader`, `Encodings.md`, `Compression.md`.

use std::io::{BufRead as _, BufReader, Read};

use flate2::read::MultiGzDecoder;
use parquet::basic::{Compression, Type as PhysicalType};
use parquet::schema::types::ColumnDescriptor;

use super::thrift::{Kind, Thrift};

/// What a value takes beside its bytes: levels, views, masks.
const VALUE_BYTES: u64 = 24;
/// What a length takes while it is looked at and while it is used.
const LENGTH_BYTES: u64 = 32;
/// Gzip packs 1032 bytes into one at the most, LZ4 255.
const GZIP_RATIO_MAX: u64 = 1032;
const LZ4_RATIO_MAX: u64 = 255;
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;
const BUFFER_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageKind {
    Data,
    /// Its levels stand before the rest and are never packed.
    DataV2,
    Dictionary,
    /// Passed over by every reader.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: PageKind,
    pub(super) unpacked_bytes: u64,
    pub(super) values: u64,
    encoding: i64,
    /// Bytes before the values that are not packed, as a page of the second version has them.
    plain_bytes: u64,
    is_packed: bool,
}

impl Header {
    /// The header at the beginning of `bytes`, and its length. Stricter than the format: nothing may stand there twice, so that no reader takes
    /// another word for the last one.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut header = Self { kind: PageKind::Other, unpacked_bytes: 0, values: 0, encoding: 0, plain_bytes: 0, is_packed: true };
        let (mut said, mut last) = (None, 0);
        let mut thrift = Thrift { rest: bytes };
        thrift.fields(|thrift, id, kind| {
            if id <= last {
                return None;
            }
            last = id;
            match (id, kind) {
                (1, Kind::I32) => said = Some(thrift.zigzag()?),
                (2, Kind::I32) => header.unpacked_bytes = u64::try_from(thrift.zigzag()?).ok()?,
                (5, Kind::STRUCT) => header.of_page(thrift, PageKind::Data, 2)?,
                (7, Kind::STRUCT) => header.of_page(thrift, PageKind::Dictionary, 2)?,
                (8, Kind::STRUCT) => header.of_page(thrift, PageKind::DataV2, 4)?,
                _ => thrift.skip(kind, 0)?,
            }
            Some(())
        })?;
        let kind = match said? {
            0 => PageKind::Data,
            2 => PageKind::Dictionary,
            3 => PageKind::DataV2,
            _ => PageKind::Other,
        };
        (kind == header.kind).then(|| (header, bytes.len() - thrift.rest.len()))
    }

    fn of_page(&mut self, thrift: &mut Thrift<'_>, kind: PageKind, encoding_id: i64) -> Option<()> {
        if self.kind != PageKind::Other {
            return None;
        }
        self.kind = kind;
        let mut last = 0;
        thrift.fields(|thrift, id, field| {
            if id <= last {
                return None;
            }
            last = id;
            match (id, field) {
                (1, Kind::I32) => self.values = u64::try_from(thrift.zigzag()?).ok()?,
                (id, Kind::I32) if id == encoding_id => self.encoding = thrift.zigzag()?,
                (5 | 6, Kind::I32) if kind == PageKind::DataV2 => {
                    self.plain_bytes = self.plain_bytes.checked_add(u64::try_from(thrift.zigzag()?).ok()?)?;
                }
                (7, Kind::FALSE) if kind == PageKind::DataV2 => self.is_packed = false,
                _ => thrift.skip(field, 0)?,
            }
            Some(())
        })
    }

    /// How texts state their lengths at the beginning of the page: whether with shared beginnings, if they do.
    pub(super) fn delta_prefixes(&self) -> Option<bool> {
        match (self.kind, self.encoding) {
            (PageKind::Data | PageKind::DataV2, DELTA_LENGTH_BYTE_ARRAY) => Some(false),
            (PageKind::Data | PageKind::DataV2, DELTA_BYTE_ARRAY) => Some(true),
            _ => None,
        }
    }

    /// Values that are decoded at once: elements of a row all together.
    pub(super) fn values_at_once(&self, column: &ColumnDescriptor, batch_rows: u64) -> u64 {
        if self.kind == PageKind::Dictionary || column.max_rep_level() > 0 { self.values } else { self.values.min(batch_rows) }
    }

    /// Bytes of memory that the page takes while a batch of its rows is read, at the most, beside texts with shared beginnings.
    pub(super) fn cost(&self, packed_bytes: u64, column: &ColumnDescriptor, batch_rows: u64) -> u64 {
        let fixed = column.physical_type() == PhysicalType::FIXED_LEN_BYTE_ARRAY;
        let value_bytes = VALUE_BYTES + if fixed { u64::try_from(column.type_length()).unwrap_or(0) } else { 0 };
        let lengths = if self.delta_prefixes().is_some() { self.values.saturating_mul(LENGTH_BYTES) } else { 0 };
        let values = self.values_at_once(column, batch_rows).saturating_mul(value_bytes);
        self.unpacked_bytes.max(packed_bytes).saturating_add(values).saturating_add(lengths)
    }

    /// Checks that the page becomes no larger than it says, where its codec does not, and where it could become larger than `bytes_max`.
    pub(super) fn keeps_its_word(&self, codec: Compression, body: &[u8], bytes_max: u64) -> Result<(), String> {
        let packed = match usize::try_from(self.plain_bytes).ok().and_then(|plain| body.get(plain..)) {
            Some(packed) if self.is_packed => packed,
            _ => return Ok(()),
        };
        let could_reach = |ratio: u64| u64::try_from(packed.len()).unwrap_or(u64::MAX).saturating_mul(ratio) > bytes_max;
        let kept = match codec {
            Compression::GZIP(_) if could_reach(GZIP_RATIO_MAX) => self.holds(MultiGzDecoder::new(packed)),
            // Nothing bounds what Brotli makes of a byte.
            Compression::BROTLI(_) => self.holds(brotli::Decompressor::new(packed, BUFFER_BYTES)),
            // What is no Hadoop's is tried as frames, whose size nobody states.
            Compression::LZ4 if could_reach(LZ4_RATIO_MAX) => self.is_of_hadoop(packed),
            _ => true,
        };
        if kept { Ok(()) } else { Err(format!("a page becomes larger than the {} bytes that it says", self.unpacked_bytes)) }
    }

    /// Whether what comes out is no more than was said. Damage is left for the decoder to find.
    fn holds(&self, unpacked: impl Read) -> bool {
        let mut unpacked = BufReader::with_capacity(BUFFER_BYTES, unpacked);
        let mut left = self.unpacked_bytes;
        loop {
            match unpacked.fill_buf().map(<[u8]>::len) {
                Ok(0) | Err(_) => return true,
                Ok(length) => {
                    let Some(rest) = u64::try_from(length).ok().and_then(|length| left.checked_sub(length)) else { return false };
                    left = rest;
                    unpacked.consume(length);
                }
            }
        }
    }

    /// Whether LZ4 stands in blocks that give their sizes, as Hadoop writes them: those are unpacked into as much room as they say.
    fn is_of_hadoop(&self, packed: &[u8]) -> bool {
        let (mut rest, mut unpacked_bytes) = (packed, 0_u64);
        while let Some((sizes, after)) = rest.split_first_chunk::<8>() {
            let [a, b, c, d, e, f, g, h] = *sizes;
            let length = usize::try_from(u32::from_be_bytes([e, f, g, h])).unwrap_or(usize::MAX);
            let Some(next) = after.get(length..) else { return false };
            unpacked_bytes = unpacked_bytes.saturating_add(u32::from_be_bytes([a, b, c, d]).into());
            rest = next;
        }
        rest.is_empty() && unpacked_bytes <= self.unpacked_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: Header = Header { kind: PageKind::Data, unpacked_bytes: 300, values: 70, encoding: 7, plain_bytes: 0, is_packed: true };

    #[test]
    fn headers_of_all_kinds_are_read() {
        // 1: type 0, 2: unpacked 300, 3: packed 9, then 5: { 1: values 70, 2: encoding 7 }, and what follows.
        let data = [0x15, 0, 0x15, 0xd8, 0x04, 0x15, 18, 0x2c, 0x15, 0x8c, 0x01, 0x15, 14, 0, 0, b'x'];
        assert_eq!(Header::read(&data), Some((DATA, 15)));
        // 1: type 3, 2: unpacked 10, 8: { 1: values 1, 4: encoding 8, 5: 3 bytes, 6: 2 bytes, 7: false }.
        let second = [0x15, 6, 0x15, 20, 0x6c, 0x15, 2, 0x35, 16, 0x15, 6, 0x15, 4, 0x12, 0, 0];
        let expected = Header { kind: PageKind::DataV2, unpacked_bytes: 10, values: 1, encoding: 8, plain_bytes: 5, is_packed: false };
        assert_eq!(Header::read(&second), Some((expected, 16)));
        assert_eq!(Header::read(&second[..9]), None);
    }

    #[test]
    fn a_header_that_contradicts_itself_is_none() {
        assert_eq!(Header::read(&[0x15, 0, 0x15, 1, 0x3c, 0, 0]), None, "a negative size");
        assert_eq!(Header::read(&[0x15, 0, 0x5c, 0, 0]), None, "a data page that describes a dictionary");
        assert_eq!(Header::read(&[0x15, 0, 0x4c, 0x15, 2, 0, 0x2c, 0, 0]), None, "two descriptions");
        assert_eq!(Header::read(&[0x15, 0, 0x15, 2, 0x05, 4, 200, 0x3c, 0, 0]), None, "a size that stands twice");
        // A text of 2^35 bytes in the statistics, for which the crate would make room.
        assert_eq!(Header::read(&[0x15, 0, 0x4c, 0x5c, 0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0, 0, 0]), None);
    }

    #[test]
    fn blocks_of_hadoop_are_told_from_frames() {
        let blocks = [&[0, 0, 0, 3, 0, 0, 0, 2][..], b"ab", &[0, 0, 0, 3, 0, 0, 0, 1], b"c"].concat();
        assert!(Header { unpacked_bytes: 6, ..DATA }.is_of_hadoop(&blocks));
        assert!(!Header { unpacked_bytes: 5, ..DATA }.is_of_hadoop(&blocks));
        assert!(!DATA.is_of_hadoop(b"\x04\x22\x4d\x18\x60\x40\x82\x0b\x00\x00\x00"));
    }
}
