//! Good objects that were spoilt: whatever the bytes, reading ends, says what is wrong, and says the same the next time.

use proptest::prelude::*;

use super::*;
use crate::spoilt::{changes, spoilt};

fn good() -> Vec<(Format, Vec<u8>)> {
    let lines = "{\"time\":\"2023-06-21T07:05:00Z\",\"v\":1.50E2,\"d\":{\"a\":[1,null,true,\"\\u00e9\"]}}\n".repeat(20);
    let csv = "\"time\",\"v\",\"d\"\n\"2023-06-21 07:05:00.000\",\"1.5\",\"{a=[1, 2]}\"\n\"\",,\"a\"\"b\nc\"\n".repeat(3);
    vec![
        (Format::Json, lines.clone().into_bytes()),
        (Format::Json, format!("[\n{}]", lines.trim_end().replace('\n', ",\n")).into_bytes()),
        (Format::Json, gz(lines.as_bytes())),
        (Format::Csv, csv.clone().into_bytes()),
        (Format::Csv, gz(csv.as_bytes())),
    ]
}

/// What was read, up to more rows than any of the objects above can hold.
fn some(format: Format, bytes: &[u8], piece_bytes: usize) -> (Vec<Decoded>, ObjectRead) {
    const ROWS_MAX: usize = 2_000;
    let limits = ReadLimits { row_bytes_max: 4096, nesting_max: 20 };
    let source = InMemory { bytes: Arc::new(bytes.to_vec()), piece_bytes };
    let mut rows = Vec::new();
    let read = read_object(&source, &object(format), &limits, &mut |decoded| {
        rows.push(decoded);
        if rows.len() < ROWS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    (rows, read.unwrap())
}

#[test]
fn unspoilt_they_are_read_without_a_complaint() {
    for (format, bytes) in good() {
        let (rows, read) = some(format, &bytes, usize::MAX);
        assert_eq!(read.damage, None);
        assert!(rows.len() >= 6 && rows.iter().filter(|row| !matches!(row, Decoded::Row(_))).count() <= 4, "{format:?}");
    }
}

proptest! {
    #[test]
    fn spoilt_objects_are_read_to_the_same_end_each_time(which in 0_usize..5, changes in changes(), piece_bytes in 1_usize..400) {
        thread_local! { static GOOD: Vec<(Format, Vec<u8>)> = good(); }
        let (format, bytes) = GOOD.with(|good| good[which].clone());
        let bytes = spoilt(&bytes, &changes);
        let (rows, read) = some(format, &bytes, usize::MAX);
        prop_assert_eq!(some(format, &bytes, piece_bytes), (rows.clone(), read.clone()));
        prop_assert_eq!(read.rows, rows.len() as u64);
        for text in read.damage.iter().chain(rows.iter().filter_map(|row| match row { Decoded::Bad(bad) => Some(&bad.reason), _ => None })) {
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
            prop_assert!(text.chars().count() < 1000, "{text}");
        }
    }
}
