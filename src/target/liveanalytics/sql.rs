//! The few queries that reading back needs, written by an emitter: a name or a value gets into a text here or not at all.

use std::fmt::Write as _;

use super::limits::QUERY_CHARACTERS_MAX;
use super::rows::Columns;
use crate::digest::DIGEST_MODULUS;
use crate::record::MeasureKind;
use crate::target::{Part, ReadFault, ReadShape, Reads, Slices};
use crate::time::Nanos;

/// `DESCRIBE`: the columns that the table has, without scanning a row.
pub(super) fn describe(database: &str, table: &str) -> String {
    format!("DESCRIBE {}.{}", identifier(database), identifier(table))
}

/// Counts, and digests where asked for, per bucket; columns `time`, count, digest.
///
/// # Errors
/// A bucket that is no duration, or a table so wide that its digest does not fit into a query.
pub(super) fn buckets(database: &str, shape: &ReadShape, columns: &Columns, bucket_nanos: i64, digests: bool) -> Result<String, ReadFault> {
    let bin = format!("bin(time, {})", duration(bucket_nanos)?);
    let digest = if digests { format!("sum({})", digest(shape, columns)) } else { "0".to_owned() };
    let table = identifier(&shape.table);
    let measure_names = measure_names(shape);
    let filter = if measure_names.is_empty() { String::new() } else { format!(" WHERE {measure_names}") };
    let query = format!("SELECT {bin}, count(*), {digest} FROM {}.{table}{filter} GROUP BY {bin} ORDER BY 1", identifier(database));
    bounded(query)
}

/// Counts and digests of a part of a table per cell; columns `time`, slice, count, digest.
///
/// # Errors
/// As of [`buckets`].
pub(super) fn cells(
    database: &str,
    shape: &ReadShape,
    columns: &Columns,
    part: &Part,
    width_nanos: i64,
    slices: u16,
) -> Result<String, ReadFault> {
    let bin = format!("bin(time, {})", duration(width_nanos)?);
    let (slice, digest, table) = (slice(shape, columns, slices), digest(shape, columns), identifier(&shape.table));
    bounded(format!(
        "SELECT {bin}, {slice}, count(*), sum({digest}) FROM {}.{table} WHERE {} GROUP BY {bin}, {slice} ORDER BY 1, 2",
        identifier(database),
        condition(shape, columns, part)
    ))
}

/// Every row of a part of a table, in time order; columns `time`, `measure_name`, then the shape's own that the table has.
pub(super) fn rows(database: &str, shape: &ReadShape, columns: &Columns, part: &Part) -> Result<String, ReadFault> {
    let mut list = String::from("time, measure_name");
    let measures = shape.measures.iter().map(|(name, _)| name);
    for name in shape.dimensions.iter().chain(measures).filter(|name| columns.kind(name).is_some()) {
        list.push_str(", ");
        list.push_str(&identifier(name));
    }
    let table = identifier(&shape.table);
    bounded(format!("SELECT {list} FROM {}.{table} WHERE {} ORDER BY time", identifier(database), condition(shape, columns, part)))
}

/// The rows of a part that a shape reads.
fn condition(shape: &ReadShape, columns: &Columns, part: &Part) -> String {
    let mut text = format!("time >= {} AND time < {}", timestamp(part.from), timestamp(part.to));
    let measure_names = measure_names(shape);
    if !measure_names.is_empty() {
        push(&mut text, format_args!(" AND {measure_names}"));
    }
    if let Some(Slices { count, of }) = &part.slices {
        let of: Vec<String> = of.iter().map(u16::to_string).collect();
        // An empty list is no SQL; there is no slice of that number.
        let of = if of.is_empty() { count.to_string() } else { of.join(", ") };
        push(&mut text, format_args!(" AND {} IN ({of})", slice(shape, columns, *count)));
    }
    text
}

/// The slice of one row out of `count`, by the rule of [`crate::digest::dimension_slice`].
fn slice(shape: &ReadShape, columns: &Columns, count: u16) -> String {
    let parts: Vec<String> = shape.dimensions.iter().map(|name| format!("{} || '|'", digest_part(name, columns))).collect();
    let text = if parts.is_empty() { "''".to_owned() } else { parts.join(" || ") };
    format!("abs(from_big_endian_64(xxhash64(CAST({text} AS varbinary))) % {count})")
}

/// The condition on `measure_name` that picks the rows of a shape; empty where it reads all of them.
fn measure_names(shape: &ReadShape) -> String {
    match &shape.reads {
        Reads::All => String::new(),
        Reads::Own => format!("measure_name = {}", literal(&shape.measure_name)),
        Reads::AllBut(others) => {
            let others: Vec<String> = others.iter().map(|other| literal(other)).collect();
            if others.is_empty() { String::new() } else { format!("measure_name NOT IN ({})", others.join(", ")) }
        }
    }
}

/// The digest of one row, by the rule of [`crate::digest`]. A column that the table does not have is absent in every row.
fn digest(shape: &ReadShape, columns: &Columns) -> String {
    let mut text = String::from("CAST(to_nanoseconds(time) AS varchar) || '|' || ");
    push(&mut text, format_args!("CAST(length(measure_name) AS varchar) || ':' || measure_name || '|'"));
    let measures = shape.measures.iter().map(|(name, _)| name);
    for name in shape.dimensions.iter().chain(measures) {
        let part = digest_part(name, columns);
        push(&mut text, format_args!(" || {part} || '|'"));
    }
    format!("from_big_endian_64(xxhash64(CAST({text} AS varbinary))) % {DIGEST_MODULUS}")
}

/// One column in the text of a digest.
fn digest_part(name: &str, columns: &Columns) -> String {
    let column = identifier(name);
    // By the type that the table has: where it is not the plan's, the digests differ, and the rows will say why.
    match columns.kind(name) {
        None => "'~'".to_owned(),
        Some(MeasureKind::Varchar) => format!("COALESCE(CAST(length({column}) AS varchar) || ':' || {column}, '~')"),
        Some(MeasureKind::Timestamp) => format!("COALESCE(CAST(to_nanoseconds({column}) AS varchar), '~')"),
        Some(MeasureKind::Double | MeasureKind::Bigint | MeasureKind::Boolean) => format!("COALESCE(CAST({column} AS varchar), '~')"),
    }
}

/// A name in double quotes, its own double quotes doubled.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes, its own single quotes doubled.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An instant as the documented typed literal (facts: date and time functions), nine decimals.
fn timestamp(at: Nanos) -> String {
    format!("TIMESTAMP '{}'", at.to_timestream())
}

/// A duration literal in the coarsest unit that is exact.
fn duration(nanos: i64) -> Result<String, ReadFault> {
    if nanos <= 0 {
        return Err(ReadFault::Invalid { message: format!("a bucket of {nanos} ns is none") });
    }
    let units = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    let (size, unit) = units.into_iter().find(|(size, _)| nanos % size == 0).unwrap_or((1, "ns"));
    Ok(format!("{}{unit}", nanos / size))
}

fn bounded(query: String) -> Result<String, ReadFault> {
    let characters = query.chars().count();
    if characters > QUERY_CHARACTERS_MAX {
        let message = format!("the query has {characters} characters, and {QUERY_CHARACTERS_MAX} are allowed");
        return Err(ReadFault::Invalid { message });
    }
    Ok(query)
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(part).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY_NANOS, HOUR_NANOS};

    fn shape(dimensions: &[&str], measures: &[(&str, MeasureKind)]) -> ReadShape {
        ReadShape {
            table: "factory".into(),
            measure_name: "telemetry".into(),
            reads: Reads::All,
            dimensions: dimensions.iter().map(|name| (*name).to_owned()).collect(),
            measures: measures.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
        }
    }

    fn part() -> Part {
        Part { from: Nanos(0), to: Nanos(1), slices: None }
    }

    fn columns_of(shape: &ReadShape) -> Columns {
        let dimensions = shape.dimensions.iter().map(|name| (name.clone(), MeasureKind::Varchar));
        Columns::new(dimensions.chain(shape.measures.iter().cloned()))
    }

    #[test]
    fn hostile_names_stay_inside_their_quotes() {
        let evil = "x\" FROM \"other\".\"t\" -- '";
        let shape = ReadShape { table: evil.into(), measure_name: evil.into(), ..shape(&[evil], &[("a\"b'c;", MeasureKind::Double)]) };
        let columns = columns_of(&shape);
        let others = ReadShape { reads: Reads::AllBut(vec![evil.into(), "';".into()]), ..shape.clone() };
        let own = ReadShape { reads: Reads::Own, ..shape.clone() };
        for query in [
            describe(evil, evil),
            rows(evil, &shape, &columns, &part()).unwrap(),
            buckets(evil, &shape, &columns, DAY_NANOS, true).unwrap(),
            rows(evil, &own, &columns, &part()).unwrap(),
            buckets(evil, &others, &columns, DAY_NANOS, false).unwrap(),
            cells(evil, &others, &columns, &part(), DAY_NANOS, 16).unwrap(),
        ] {
            // Outside of quoted names and literals nothing of the names is left.
            let mut outside = String::new();
            let mut quote = None;
            for c in query.chars() {
                match quote {
                    None if c == '"' || c == '\'' => quote = Some(c),
                    None => outside.push(c),
                    Some(open) if c == open => quote = None,
                    Some(_) => {}
                }
            }
            assert_eq!(quote, None, "{query}");
            assert!(!outside.contains("other") && !outside.contains("--") && !outside.contains(';'), "{outside}");
        }
    }

    #[test]
    fn a_digest_query_follows_the_rule_of_the_digest() {
        let shape = shape(
            &["device"],
            &[
                ("temp", MeasureKind::Double),
                ("note", MeasureKind::Varchar),
                ("seen", MeasureKind::Timestamp),
                ("gone", MeasureKind::Bigint),
            ],
        );
        let mut columns = columns_of(&shape);
        columns.remove("gone");
        assert_eq!(
            buckets("plant", &shape, &columns, HOUR_NANOS, true).unwrap(),
            "SELECT bin(time, 1h), count(*), sum(from_big_endian_64(xxhash64(CAST(CAST(to_nanoseconds(time) AS varchar) || '|' || \
             CAST(length(measure_name) AS varchar) || ':' || measure_name || '|' || \
             COALESCE(CAST(length(\"device\") AS varchar) || ':' || \"device\", '~') || '|' || \
             COALESCE(CAST(\"temp\" AS varchar), '~') || '|' || \
             COALESCE(CAST(length(\"note\") AS varchar) || ':' || \"note\", '~') || '|' || \
             COALESCE(CAST(to_nanoseconds(\"seen\") AS varchar), '~') || '|' || \
             '~' || '|' AS varbinary))) % 1099511627776) FROM \"plant\".\"factory\" GROUP BY bin(time, 1h) ORDER BY 1"
        );
        assert_eq!(
            rows("plant", &shape, &columns, &part()).unwrap(),
            "SELECT time, measure_name, \"device\", \"temp\", \"note\", \"seen\" FROM \"plant\".\"factory\" \
             WHERE time >= TIMESTAMP '1970-01-01 00:00:00.000000000' AND time < TIMESTAMP '1970-01-01 00:00:00.000000001' ORDER BY time"
        );
    }

    #[test]
    fn shapes_of_one_table_read_each_row_once() {
        let own = ReadShape { reads: Reads::Own, ..shape(&["d"], &[]) };
        let rest = ReadShape { measure_name: "other".into(), reads: Reads::AllBut(vec!["telemetry".into(), "it's".into()]), ..own.clone() };
        let columns = columns_of(&own);
        assert_eq!(
            buckets("p", &own, &columns, DAY_NANOS, false).unwrap(),
            "SELECT bin(time, 1d), count(*), 0 FROM \"p\".\"factory\" WHERE measure_name = 'telemetry' GROUP BY bin(time, 1d) ORDER BY 1"
        );
        assert_eq!(
            rows("p", &rest, &columns, &part()).unwrap(),
            "SELECT time, measure_name, \"d\" FROM \"p\".\"factory\" WHERE time >= TIMESTAMP '1970-01-01 00:00:00.000000000' AND time \
             < TIMESTAMP '1970-01-01 00:00:00.000000001' AND measure_name NOT IN ('telemetry', 'it''s') ORDER BY time"
        );
        for name in ["telemetry", "it's", "other", "a stranger"] {
            assert_eq!(own.reads(name), name == "telemetry");
            assert_eq!(rest.reads(name), name != "telemetry" && name != "it's");
        }
    }

    #[test]
    fn cells_are_counted_by_shorter_time_and_slice_and_their_rows_are_asked_for_by_the_same_rule() {
        let mut shape = shape(&["device", "gone"], &[]);
        shape.reads = Reads::Own;
        let mut columns = columns_of(&shape);
        columns.remove("gone");
        let hash = "from_big_endian_64(xxhash64(CAST(COALESCE(CAST(length(\"device\") AS varchar) || ':' || \"device\", '~') || '|' || '~' || '|' \
                    AS varbinary)))";
        let cells = cells("p", &shape, &columns, &part(), HOUR_NANOS, 16).unwrap();
        let range = "time >= TIMESTAMP '1970-01-01 00:00:00.000000000' AND time < TIMESTAMP '1970-01-01 00:00:00.000000001' AND measure_name = \
                     'telemetry'";
        assert!(cells.starts_with(&format!("SELECT bin(time, 1h), abs({hash} % 16), count(*), sum(from_big_endian_64(")), "{cells}");
        assert!(cells.ends_with(&format!("WHERE {range} GROUP BY bin(time, 1h), abs({hash} % 16) ORDER BY 1, 2")), "{cells}");
        let some = Part { slices: Some(Slices { count: 16, of: [3, 9].into() }), ..part() };
        let rows = rows("p", &shape, &columns, &some).unwrap();
        assert!(rows.ends_with(&format!("WHERE {range} AND abs({hash} % 16) IN (3, 9) ORDER BY time")), "{rows}");
    }

    #[test]
    fn buckets_are_written_in_the_coarsest_exact_unit() {
        for (nanos, text) in [(2 * DAY_NANOS, "2d"), (HOUR_NANOS, "1h"), (90_000_000_000, "90s"), (1_500_000, "1500us"), (7, "7ns")] {
            assert_eq!(duration(nanos).unwrap(), text);
        }
        assert!(matches!(duration(0), Err(ReadFault::Invalid { .. })));
    }

    #[test]
    fn a_query_that_would_be_too_long_is_refused_here() {
        let names: Vec<String> = (0..256).map(|at| format!("{at:0256}")).collect();
        let measures: Vec<(&str, MeasureKind)> = names.iter().map(|name| (name.as_str(), MeasureKind::Varchar)).collect();
        let mut wide = shape(&["d"], &measures);
        wide.measures.extend(names.iter().map(|name| (format!("x{name}"), MeasureKind::Varchar)));
        let columns = columns_of(&wide);
        assert!(matches!(buckets("p", &wide, &columns, DAY_NANOS, true), Err(ReadFault::Invalid { .. })));
        assert!(buckets("p", &wide, &columns, DAY_NANOS, false).is_ok());
    }
}
