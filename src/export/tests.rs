//! What the room promises, on a real directory: the staging reads like its source, and tells when it does not.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::failpoint::Failpoints;
use crate::history::{Decoded, Directory, Listing, ObjectRead, Objects, ReadLimits, RowReader, Source as _, SourceObject};
use crate::progress::Silent;
use crate::time::{Nanos, TimeFormat};

/// Small, so that objects cross groups and files.
const SMALL: Sizes = Sizes { group_rows: 7, group_text_bytes: 2000, file_text_bytes: 3000 };

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn write(root: &Path, key: &str, bytes: &[u8]) {
    let path = root.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Every kind of object: gzip JSON, CSV, damaged gzip, empty, raw messages, custom partitions, bad rows, and something that is passed over.
fn plant(root: &Path) {
    let mut lines = String::new();
    for row in 0..40 {
        lines.push_str(&format!(
            "{{\"ts\":{},\"big\":9007199254740993,\"exact\":{row}.50,\"sci\":1E+2,\"text\":\"27\",\"nothing\":null,\"deep\":{{\"a\":[1,{{\"$timestamp\":5}}]}}}}\n",
            1_760_000_000 + row
        ));
    }
    write(root, "datastore/plant/__dt=2025-10-09 00:00:00/1.json.gz", &gzip(lines.as_bytes()));
    write(root, "datastore/plant/__dt=2025-10-10 00:00:00/2.json", b"{\"ts\":1760100000,\"a\":1}\n{\"ts\":17601\n\xff\xfe\n{\"a\":2}\n");
    let mut damaged = gzip(lines.as_bytes());
    damaged.truncate(damaged.len() / 2);
    write(root, "datastore/plant/__dt=2025-10-11 00:00:00/3.json.gz", &damaged);
    write(root, "datastore/plant/__dt=2025-10-11 00:00:00/4.json", b"");
    write(root, "datastore/plant/__partition_site=a%2Fb/__year=2025/__month=10/__day=12/5.json", b"{\"ts\":1760200000}\n");
    write(root, "channel/readings/__dt=2025-10-09 00:00:00/1_2_3_readings_0_1.0.json.gz", &gzip(b"{\"t\":1.0}\nno message\n"));
    write(
        root,
        "plant/2025-10-13T00:00:00Z/0f1e2d3c-4b5a.csv",
        b"\"ts\",\"a\"\n\"1760300000\",\"x\"\n\"1760300001\",\n\"1760300002\",\"\"\n\"1\"\n",
    );
    write(root, "datastore/plant/__dt=2025-10-14 00:00:00/6.parquet", &parquet_of_awkward_columns());
    write(root, "notes.txt", b"hello");
}

fn parquet_of_awkward_columns() -> Vec<u8> {
    use arrow::array::{ArrayRef, Decimal128Array, Float32Array, Float64Array, RecordBatch, TimestampNanosecondArray, UInt64Array};
    let decimals = Decimal128Array::from(vec![Some(12_345), None]).with_precision_and_scale(20, 3).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("when", Arc::new(TimestampNanosecondArray::from(vec![Some(1), None]))),
        ("share", Arc::new(Float64Array::from(vec![f64::INFINITY, 0.1]))),
        ("small", Arc::new(Float32Array::from(vec![0.1, f32::NAN]))),
        ("count", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("money", Arc::new(decimals)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

struct Bench {
    root: tempfile::TempDir,
    listing: Listing,
    rows: Arc<dyn RowReader>,
}

impl Bench {
    fn new(fill: impl FnOnce(&Path)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("source");
        std::fs::create_dir(&source).unwrap();
        fill(&source);
        let source = Arc::new(Directory::new(&source));
        let listing = source.list().unwrap();
        Self { root, listing, rows: Arc::new(Objects::new(source, ReadLimits::default())) }
    }

    fn stage(&self, name: &str, readers: usize, sizes: Sizes) -> Result<Staged, ExportError> {
        stage(&StageJob {
            listing: &self.listing,
            rows: Arc::clone(&self.rows),
            staging: self.root.path().join(name),
            times: &|_, columns| TimeFormat::EpochSeconds.read(columns.get("ts")?).ok(),
            times_from: "ts".to_owned(),
            readers,
            sizes,
            tool_version: "test",
            progress: &Silent,
            failpoints: &Failpoints::none(),
        })
    }

    fn folder(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }
}

/// All that reading an object says. As text: NaN is not equal to itself.
fn all(rows: &dyn RowReader, listing: &Listing) -> Vec<(String, ObjectRead)> {
    let one = |object: SourceObject| {
        let mut seen = String::new();
        let read = rows.read(&object, &mut |decoded: Decoded| {
            seen.push_str(&format!("{decoded:?}\n"));
            ControlFlow::Continue(())
        });
        (seen, read.unwrap())
    };
    listing.objects.iter().map(one).collect()
}

#[track_caller]
fn reads_like_its_source(bench: &Bench, name: &str) {
    let staging = Staging::open(&bench.folder(name)).unwrap();
    assert_eq!(*staging.listing(), bench.listing);
    let (source, staged) = (all(&*bench.rows, &bench.listing), all(&staging, staging.listing()));
    for (at, (source, staged)) in source.iter().zip(&staged).enumerate() {
        assert_eq!(source, staged, "{}", bench.listing.objects.get(at).unwrap().id.key);
    }
}

#[test]
fn a_staging_reads_like_its_source() {
    let bench = Bench::new(plant);
    for (name, sizes) in [("small", SMALL), ("large", Sizes::default())] {
        let staged = bench.stage(name, 3, sizes).unwrap();
        reads_like_its_source(&bench, name);
        let read: Vec<ObjectRead> = all(&*bench.rows, &bench.listing).into_iter().map(|(_, read)| read).collect();
        let manifest = &staged.manifest;
        assert_eq!(manifest.rows, read.iter().map(|read| read.rows).sum::<u64>());
        assert_eq!(manifest.damaged_objects, 1);
        assert_eq!(manifest.bad_rows, 3);
        assert!(check(&bench.folder(name), &Silent).unwrap().is_intact());
    }
    assert!(Manifest::load(&bench.folder("small")).unwrap().files.len() > 3);
    let large = Manifest::load(&bench.folder("large")).unwrap();
    assert_eq!(large.files.len(), 1, "many small objects are one file");
    assert_eq!(large.files[0].times.as_ref().unwrap().first, Nanos(1_760_000_000_000_000_000).to_iso8601());
    assert_eq!(large.files[0].arrived.as_ref().unwrap().last, "2025-10-14 00:00:00");
}

#[test]
fn a_manifest_names_no_file_outside_of_its_folder() {
    let bench = Bench::new(plant);
    bench.stage("staged", 1, SMALL).unwrap();
    let (folder, other) = (bench.folder("staged"), bench.folder("other"));
    let good: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    std::fs::create_dir_all(&other).unwrap();
    std::fs::copy(folder.join("objects.jsonl"), other.join("objects.jsonl")).unwrap();
    let absolute = other.join("objects.jsonl").to_str().unwrap().to_owned();
    for name in ["../other/objects.jsonl", &absolute, "", ".", "..", "./objects.jsonl", "objects.jsonl/", "below/objects.jsonl"] {
        for place in ["/index/name", "/files/0/name"] {
            let mut manifest = good.clone();
            *manifest.pointer_mut(place).unwrap() = name.into();
            std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
            for refused in [Staging::open(&folder).err().unwrap(), check(&folder, &Silent).err().unwrap()] {
                assert!(refused.to_string().contains("is no name of a file beside it"), "{place} {name}: {refused}");
            }
        }
    }
    std::fs::write(folder.join("manifest.json"), good.to_string()).unwrap();
    Staging::open(&folder).unwrap();
}

#[test]
fn neither_threads_nor_a_second_run_change_a_digest() {
    let bench = Bench::new(plant);
    let one = bench.stage("one", 1, SMALL).unwrap();
    let many = bench.stage("many", 5, SMALL).unwrap();
    assert_eq!(one.manifest, many.manifest);
    let again = bench.stage("one", 2, SMALL).unwrap();
    assert!(again.already);
    assert_eq!(again.digest, one.digest);
}

/// Reads as the source does, until an object fails as a disk would.
struct Failing {
    rows: Arc<dyn RowReader>,
    key: String,
}

impl RowReader for Failing {
    fn read(
        &self,
        object: &crate::history::SourceObject,
        sink: &mut crate::history::RowSink<'_>,
    ) -> Result<ObjectRead, crate::history::HistoryError> {
        if object.id.key == self.key {
            return Err(crate::history::HistoryError::Vanished { key: self.key.clone() });
        }
        self.rows.read(object, sink)
    }
}

#[test]
fn interrupted_at_any_object_it_goes_on_to_the_same_digests() {
    let mut bench = Bench::new(plant);
    let whole = bench.stage("whole", 2, SMALL).unwrap();
    let rows = Arc::clone(&bench.rows);
    for (at, object) in bench.listing.objects.clone().iter().enumerate() {
        let name = format!("at-{at}");
        bench.rows = Arc::new(Failing { rows: Arc::clone(&rows), key: object.id.key.clone() });
        assert!(matches!(bench.stage(&name, 2, SMALL), Err(ExportError::History(_))));
        assert!(matches!(Staging::open(&bench.folder(&name)), Err(ExportError::NotStaged { .. })), "half a staging is none");
        bench.rows = Arc::clone(&rows);
        let resumed = bench.stage(&name, 2, SMALL).unwrap();
        assert_eq!(resumed.manifest, whole.manifest, "{name}");
        assert!(check(&bench.folder(&name), &Silent).unwrap().is_intact());
    }
}

#[test]
fn what_was_tampered_with_is_named_and_never_read() {
    let bench = Bench::new(plant);
    type Tamper = fn(&Path);
    let tampers: [(&str, Tamper); 6] = [
        ("rows-000002.parquet", |folder| {
            let path = folder.join("rows-000002.parquet");
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }),
        ("rows-000001.parquet", |folder| std::fs::remove_file(folder.join("rows-000001.parquet")).unwrap()),
        ("objects.jsonl", |folder| {
            let path = folder.join("objects.jsonl");
            let text = std::fs::read_to_string(&path).unwrap().replacen("2.json", "9.json", 1);
            std::fs::write(path, text).unwrap();
        }),
        ("stranger.parquet", |folder| std::fs::write(folder.join("stranger.parquet"), b"x").unwrap()),
        ("manifest.json", |folder| {
            let path = folder.join("manifest.json");
            let text = std::fs::read_to_string(&path).unwrap().replacen("\"bad_rows\": ", "\"bad_rows\": 9", 1);
            std::fs::write(path, text).unwrap();
        }),
        ("rows-000003.parquet", |folder| {
            // A whole staged file, but another one.
            std::fs::copy(folder.join("rows-000002.parquet"), folder.join("rows-000003.parquet")).unwrap();
        }),
    ];
    for (at, (file, tamper)) in tampers.into_iter().enumerate() {
        let name = format!("tampered-{at}");
        bench.stage(&name, 2, SMALL).unwrap();
        tamper(&bench.folder(&name));
        let checked = check(&bench.folder(&name), &Silent).unwrap();
        assert!(checked.differences.iter().any(|difference| difference.file == file), "{file}: {:?}", checked.differences);
        if file.starts_with("rows-") {
            let staging = Staging::open(&bench.folder(&name)).unwrap();
            let failed = |object| staging.read(&object, &mut |_| ControlFlow::Continue(())).is_err();
            assert!(staging.listing().objects.iter().any(failed), "{file} was read");
        }
    }
}

#[test]
fn another_history_is_not_mixed_in() {
    let bench = Bench::new(plant);
    bench.stage("staging", 1, SMALL).unwrap();
    let other = Bench::new(|root| write(root, "datastore/plant/__dt=2025-10-09 00:00:00/1.json", b"{}\n"));
    let refused = stage(&StageJob {
        listing: &other.listing,
        rows: Arc::clone(&other.rows),
        staging: bench.folder("staging"),
        times: &|_, _| None,
        times_from: String::new(),
        readers: 1,
        sizes: SMALL,
        tool_version: "test",
        progress: &Silent,
        failpoints: &Failpoints::none(),
    });
    assert!(matches!(refused, Err(ExportError::OtherHistory { .. })));
}

#[test]
fn a_sink_that_has_enough_gets_no_more() {
    let bench = Bench::new(plant);
    bench.stage("staging", 1, SMALL).unwrap();
    let staging = Staging::open(&bench.folder("staging")).unwrap();
    for object in bench.listing.objects.iter() {
        let first = |rows: &dyn RowReader| rows.read(&object, &mut |_| ControlFlow::Break(())).unwrap();
        let (source, staged) = (first(&*bench.rows), first(&staging));
        if source.rows > 0 {
            assert_eq!(source, staged, "{}", object.id.key);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_lines_read_the_same_from_staging(
        objects in prop::collection::vec(prop::collection::vec("(\\{\"[a-c$]{1,2}\":(-?[0-9]{1,22}(\\.[0-9]{1,9})?(e[0-9])?|null|\"[^\"\\\\\\x00-\\x1f]{0,9}\")\\}|[ -~]{0,30})", 0..30), 1..6),
        group_rows in 1..20_usize,
        file_text_bytes in 1..4000_usize,
        readers in 1..4_usize,
    ) {
        let bench = Bench::new(|root| {
            for (at, lines) in objects.iter().enumerate() {
                write(root, &format!("datastore/s/__dt=2025-10-09 00:00:00/{at}.json"), lines.join("\n").as_bytes());
            }
        });
        bench.stage("staging", readers, Sizes { group_rows, group_text_bytes: 1500, file_text_bytes }).unwrap();
        reads_like_its_source(&bench, "staging");
        prop_assert!(check(&bench.folder("staging"), &Silent).unwrap().is_intact());
    }
}
