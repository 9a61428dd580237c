//! What an object's bytes are: its name has a say, its first bytes have the last word, because objects in real buckets have
//! no extension, or the wrong one, or are gzip without saying so.

use std::io::{Cursor, Read as _};

use flate2::bufread::GzDecoder;

use super::Format;

/// How many bytes of an object are enough to tell.
pub(super) const HEAD_BYTES: usize = 512;
const BOM: &[u8] = &[0xef, 0xbb, 0xbf];
pub(super) const PARQUET_MAGIC: &[u8] = b"PAR1";
pub(super) const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// What an object is, from its file name and first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) format: Format,
    pub(super) gzip: bool,
}

/// Why the file of this name is never an object of a store, if so.
pub(super) fn passed_over(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| lower.ends_with(end));
    if lower.starts_with('.') {
        Some("a hidden file")
    } else if ends(&[".tmp", ".temp", ".part", ".partial", ".crdownload", ".inprogress", ".swp", "~"]) {
        Some("an unfinished copy")
    } else if ends(&[".crc", ".md5", ".sha256"]) {
        Some("a checksum")
    } else if ends(&["_$folder$"]) {
        Some("a folder's marker")
    } else if lower.starts_with('_') {
        Some("a writer's marker: names that begin with `_` are no data to Athena and Hive either")
    } else if ends(&[".manifest", ".metadata"]) || matches!(lower.as_str(), "manifest.json" | "manifest.csv" | "thumbs.db" | "desktop.ini")
    {
        Some("a manifest")
    } else {
        None
    }
}

/// What an object is by its name alone, where that says something; whoever reads it looks at its bytes all the same.
pub(super) fn kind_by_name(name: &str) -> Option<Kind> {
    let lower = name.to_ascii_lowercase();
    let stem = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".gzip"));
    let format = match extension(stem.unwrap_or(&lower)) {
        Some("json" | "jsonl" | "ndjson") | None => Format::Json,
        Some("csv") => Format::Csv,
        Some("parquet" | "parq" | "pq") => Format::Parquet,
        Some(_) => return None,
    };
    Some(Kind { format, gzip: stem.is_some() })
}

/// Tells what objects are, one after the other.
///
/// It keeps its decoder: one made anew for each of many thousand objects left a hole of 48 kB in the heap behind every key that the
/// listing keeps.
pub(super) struct Sniffer {
    decoder: GzDecoder<Cursor<Vec<u8>>>,
}

impl Sniffer {
    pub(super) fn new() -> Self {
        Self { decoder: GzDecoder::new(Cursor::default()) }
    }

    /// Tells what the object is.
    ///
    /// # Errors
    /// The reason for which it is none of the formats that are read.
    pub(super) fn kind(&mut self, name: &str, head: Vec<u8>) -> Result<Kind, String> {
        let lower = name.to_ascii_lowercase();
        let stem = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".gzip")).unwrap_or(&lower);
        let gzip = head.starts_with(GZIP_MAGIC);
        let seen = seen(&if gzip { self.unpacked(head) } else { head });
        let format = match (extension(stem), seen) {
            (_, Some(seen)) => seen,
            (Some("json" | "jsonl" | "ndjson"), None) => Format::Json,
            (Some("csv"), None) => Format::Csv,
            (Some("parquet" | "parq" | "pq"), None) => Format::Parquet,
            // JSON is what a store holds unless it says otherwise; whatever else it is shows as bad rows instead of vanishing.
            (None, None) => Format::Json,
            (Some(other), None) => return Err(format!("`.{other}` is none of the formats that are read (JSON, Parquet, CSV)")),
        };
        Ok(Kind { format, gzip })
    }

    /// What the beginning of gzip data holds; as much of it as can be unpacked.
    fn unpacked(&mut self, head: Vec<u8>) -> Vec<u8> {
        drop(self.decoder.reset(Cursor::new(head)));
        let mut out = vec![0; HEAD_BYTES];
        let mut filled = 0;
        while let Some(space) = out.get_mut(filled..).filter(|space| !space.is_empty()) {
            match self.decoder.read(space) {
                Ok(read) if read > 0 => filled += read,
                // The head is cut off by design, and damage is for the reader of the whole object to report.
                _ => break,
            }
        }
        out.truncate(filled);
        out
    }
}

/// The format that the first uncompressed bytes show, if they do.
pub(super) fn seen(head: &[u8]) -> Option<Format> {
    if head.starts_with(PARQUET_MAGIC) {
        return Some(Format::Parquet);
    }
    let text = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
    match text.first()? {
        b'{' | b'[' => Some(Format::Json),
        b'"' => begins_with_quoted_field(text).then_some(Format::Csv),
        _ => None,
    }
}

/// `"what",` or `"what"` and a line's end: no JSON value goes on like that inside an object that holds rows.
fn begins_with_quoted_field(text: &[u8]) -> bool {
    let rest = text.get(1..).unwrap_or_default();
    let end = rest.iter().position(|b| *b == b'"');
    end.and_then(|end| rest.get(end + 1)).is_some_and(|next| matches!(next, b',' | b'\n' | b'\r'))
}

/// The extension, if there is one: `…_2118.0` has none.
fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let is_one =
        !stem.is_empty() && (1..=10).contains(&extension.len()) && extension.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    (is_one && extension.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(extension)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn kind(name: &str, head: &[u8]) -> Result<Kind, String> {
        Sniffer::new().kind(name, head.to_vec())
    }

    #[test]
    fn what_came_before_leaves_nothing_behind() {
        let mut sniffer = Sniffer::new();
        let mut is = |name: &str, head: Vec<u8>| sniffer.kind(name, head).map(|kind| (kind.format, kind.gzip));
        let cut = gz(&b"{\"a\":1}\n".repeat(9999))[..40].to_vec();
        assert_eq!(is("a", cut).unwrap(), (Format::Json, true));
        assert_eq!(is("b", gz(b"\"a\",\"b\"\n")).unwrap(), (Format::Csv, true));
        assert_eq!(is("c", vec![0x1f, 0x8b, 0xff, 0xff]).unwrap(), (Format::Json, true));
        assert_eq!(is("d", gz(b"PAR1")).unwrap(), (Format::Parquet, true));
    }

    fn is(name: &str, head: &[u8]) -> (Format, bool) {
        let kind = kind(name, head).unwrap();
        (kind.format, kind.gzip)
    }

    #[test]
    fn the_bytes_have_the_last_word() {
        assert_eq!(is("1_2_3_store_0_2118.0.json.gz", b"{\"a\":1}"), (Format::Json, false));
        assert_eq!(is("part-0000", &gz(b"\xef\xbb\xbf [{")), (Format::Json, true));
        assert_eq!(is("part.json", &gz(b"{}")), (Format::Json, true));
        assert_eq!(is("part.json", b"PAR1\x15"), (Format::Parquet, false));
        assert_eq!(is("part.parquet", b"{\"a\":1}\n"), (Format::Json, false));
        assert_eq!(is("part.json", b"\"what\",\"who\"\n"), (Format::Csv, false));
        assert_eq!(is("results.csv", b"what,who\n"), (Format::Csv, false));
        assert_eq!(is("results.csv", b""), (Format::Csv, false));
        assert_eq!(is("part", b""), (Format::Json, false));
        assert_eq!(is("part.snappy.parquet", b"nothing"), (Format::Parquet, false));
        assert_eq!(is("part_2118.0", b"???"), (Format::Json, false));
    }

    #[test]
    fn formats_that_are_not_read_are_named() {
        assert_eq!(kind("raw_1_2.avro", b"Obj\x01").unwrap_err(), "`.avro` is none of the formats that are read (JSON, Parquet, CSV)");
        assert!(kind("notes.txt", b"hello").is_err());
        assert_eq!(is("notes.txt", b"{\"a\":1}"), (Format::Json, false));
    }

    #[test]
    fn markers_and_leftovers_are_no_objects() {
        for name in [".DS_Store", "_SUCCESS", "part.json.tmp", ".part.json.crc", "x.crc", "manifest.json", "a.csv.metadata", "dir_$folder$"]
        {
            assert!(passed_over(name).is_some(), "{name}");
        }
        for name in ["part-0000", "1582940490000_1582940520000_123456789012_s_0_2118.0.json.gz", "a.csv"] {
            assert_eq!(passed_over(name), None, "{name}");
        }
    }
}
