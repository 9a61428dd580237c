//! Gzip as it is found: in members, cut off, spoilt, or pretended.

use super::*;

fn lines(rows: std::ops::Range<u32>) -> Vec<u8> {
    // Numbers that do not compress well, so that a cut leaves some rows before it.
    rows.map(|row| format!("{{\"row\":{row},\"noise\":{}}}\n", u64::from(row).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect::<String>()
        .into()
}

#[test]
fn members_follow_each_other_and_rows_span_them() {
    let all = lines(0..1000);
    let packed = [gz(&all[..10_001]), gz(b""), gz(&all[10_001..])].concat();
    for piece_bytes in [1, usize::MAX] {
        let outcome = read_with(Format::Json, &packed, &ReadLimits::default(), piece_bytes);
        assert_eq!((outcome.good.len(), outcome.bad.len(), outcome.damage()), (1000, 0, ""));
        assert_eq!(outcome.rows(), read(Format::Json, &all).rows());
    }
}

#[test]
fn rows_before_a_cut_are_handed_on_and_the_damage_says_where_it_is() {
    let packed = gz(&lines(0..100_000));
    let outcome = read(Format::Json, &packed[..packed.len() / 2]);
    let rows = outcome.good.len();
    assert!((30_000..70_000).contains(&rows), "{rows}");
    assert_eq!(outcome.bad.len(), 0);
    let damage = outcome.damage();
    assert!(
        damage.starts_with("the gzip data is cut off after ") && damage.ends_with(&format!("uncompressed bytes (after row {rows})")),
        "{damage}"
    );
    let last = outcome.good.last().unwrap().provenance.byte_offset.unwrap();
    let at: u64 = damage.split(' ').nth(7).unwrap().parse().unwrap();
    assert!(at > last, "{damage}");
}

#[test]
fn every_cut_is_noticed() {
    let packed = gz(&lines(0..20));
    for length in 1..packed.len() {
        let outcome = read(Format::Json, &packed[..length]);
        // One byte is not enough to be gzip: it is a row that is no JSON.
        assert!(outcome.read.damage.is_some() || (length == 1 && outcome.bad.len() == 1), "{length}");
    }
}

#[test]
fn a_flipped_bit_is_noticed() {
    let packed = gz(&lines(0..2000));
    for at in (30..packed.len()).step_by(997).chain([packed.len() - 6]) {
        let mut spoilt = packed.clone();
        spoilt[at] ^= 0x10;
        let outcome = read(Format::Json, &spoilt);
        assert!(outcome.damage().starts_with("the gzip data is "), "{at}: {}", outcome.damage());
    }
}

/// A resumed run and a verification must see the rows that the first reading saw, whatever pieces the network brings.
#[test]
fn where_corrupt_gzip_ends_does_not_depend_on_the_pieces_it_came_in() {
    let good = gz(&lines(0..100));
    let mut seen = std::collections::BTreeSet::new();
    for at in (0..good.len()).step_by(7) {
        let mut packed = good.clone();
        packed[at] ^= 0x5a;
        let read = |piece_bytes| {
            let outcome = read_with(Format::Json, &packed, &ReadLimits::default(), piece_bytes);
            (outcome.rows(), outcome.damage().to_owned())
        };
        let whole = read(usize::MAX);
        for piece_bytes in [1, 100] {
            assert_eq!(read(piece_bytes), whole, "byte {at}, in pieces of {piece_bytes}");
        }
        seen.insert(whole.1);
    }
    assert!(seen.iter().filter(|damage| damage.contains("corrupt")).count() > 1, "{seen:?}");
}

#[test]
fn what_follows_the_gzip_data_is_damage_after_all_rows() {
    let packed = [gz(&lines(0..10)), b"trailing".to_vec()].concat();
    let outcome = read(Format::Json, &packed);
    assert_eq!(outcome.good.len(), 10);
    assert!(outcome.damage().starts_with("something that is not gzip follows the gzip data after "), "{}", outcome.damage());
}

#[test]
fn the_name_does_not_decide_about_gzip() {
    let plain = lines(0..3);
    let source = |bytes: Vec<u8>| InMemory { bytes: Arc::new(bytes), piece_bytes: usize::MAX };
    let said = SourceObject { gzip: true, ..object(Format::Json) };
    let unsaid = object(Format::Json);
    assert_eq!(collect(&source(plain.clone()), &said, &ReadLimits::default()).unwrap().good.len(), 3);
    assert_eq!(collect(&source(gz(&plain)), &unsaid, &ReadLimits::default()).unwrap().good.len(), 3);
}

#[test]
fn a_bomb_is_one_bad_row_in_little_memory() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    encoder.write_all(b"\n\"").unwrap();
    for _ in 0..64 {
        encoder.write_all(&vec![b'x'; 1024 * 1024]).unwrap();
    }
    encoder.write_all(b"\n{\"a\":1}").unwrap();
    let limits = ReadLimits { row_bytes_max: 100_000, ..ReadLimits::default() };
    let outcome = read_with(Format::Json, &encoder.finish().unwrap(), &limits, usize::MAX);
    assert_eq!((outcome.rows(), outcome.bad.len(), outcome.damage()), (vec![r#"{"a":1}"#.to_owned()], 1, ""));
}

/// A source that fails after some bytes.
struct Failing(Vec<u8>);

impl Source for Failing {
    fn list(&self) -> Result<Listing, HistoryError> {
        Err(HistoryError::RootMissing { root: "x".to_owned() })
    }

    fn open(&self, _: &SourceObject) -> Result<Box<dyn Read + Send>, HistoryError> {
        struct Breaks;
        impl Read for Breaks {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the line went dead"))
            }
        }
        Ok(Box::new(io::Cursor::new(self.0.clone()).chain(Breaks)))
    }

    fn open_ranges(&self, _: &SourceObject) -> Result<Box<dyn Ranges>, HistoryError> {
        struct Breaks;
        impl Ranges for Breaks {
            fn size_bytes(&self) -> u64 {
                1 << 30
            }
            fn read_range(&self, _: u64, _: usize) -> io::Result<Vec<u8>> {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the line went dead"))
            }
        }
        Ok(Box::new(Breaks))
    }
}

#[test]
fn a_failing_source_is_never_taken_for_damage() {
    let packed = gz(&lines(0..5000));
    for bytes in [
        Vec::new(),
        lines(0..2),
        packed[..20].to_vec(),
        packed[..packed.len() / 2].to_vec(),
        b"PAR1".to_vec(),
        [b"PAR1".to_vec(), vec![0; 1000]].concat(),
    ] {
        for format in [Format::Json, Format::Csv, Format::Parquet] {
            let failed = collect(&Failing(bytes.clone()), &object(format), &ReadLimits::default()).err();
            let failed = failed.unwrap_or_else(|| panic!("{format:?} {}", bytes.len()));
            assert_eq!(failed.to_string(), "cannot read the object `datastore/s/part`: the line went dead");
        }
    }
}
