//! Which functions old queries may call, what each becomes, and what is refused with which advice.

use Class::{Any, Number, Text, Time};
use Gives::{Fixed, Same};
use Standing::{Taken, Unverified};

use crate::dataset::kind::Kind;

/// What the arguments of a function are: an instant that the store held as a number or a text is put to it accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Any,
    Number,
    Text,
    Time,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gives {
    Fixed(Kind),
    /// The type of this argument.
    Same(usize),
}

/// How sure it is that Timestream has the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Documented, or served by the embedded Query, which is what this project takes for true.
    Taken,
    /// Presto has it; nothing that we could read says whether Timestream has it.
    Unverified,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// As old queries call it.
    pub(super) name: &'static str,
    /// As the new query calls it.
    pub(super) emits: &'static str,
    pub(super) takes: Class,
    pub(super) gives: Gives,
    pub(super) standing: Standing,
}

const fn entry(name: &'static str, takes: Class, gives: Gives, standing: Standing) -> Entry {
    Entry { name, emits: name, takes, gives, standing }
}

const fn renamed(name: &'static str, emits: &'static str, takes: Class, gives: Gives) -> Entry {
    Entry { name, emits, takes, gives, standing: Taken }
}

const AGGREGATES: [Entry; 36] = [
    entry("count", Any, Fixed(Kind::Bigint), Taken),
    entry("count_if", Any, Fixed(Kind::Bigint), Taken),
    entry("sum", Number, Same(0), Taken),
    entry("avg", Number, Fixed(Kind::Double), Taken),
    entry("min", Any, Same(0), Taken),
    entry("max", Any, Same(0), Taken),
    entry("min_by", Any, Same(0), Taken),
    entry("max_by", Any, Same(0), Taken),
    entry("approx_distinct", Any, Fixed(Kind::Bigint), Taken),
    entry("bool_and", Any, Fixed(Kind::Boolean), Taken),
    entry("bool_or", Any, Fixed(Kind::Boolean), Taken),
    entry("every", Any, Fixed(Kind::Boolean), Taken),
    entry("arbitrary", Any, Same(0), Taken),
    renamed("any_value", "arbitrary", Any, Same(0)),
    entry("array_agg", Any, Fixed(Kind::Unknown), Taken),
    entry("stddev", Number, Fixed(Kind::Double), Taken),
    entry("stddev_samp", Number, Fixed(Kind::Double), Taken),
    entry("stddev_pop", Number, Fixed(Kind::Double), Taken),
    entry("variance", Number, Fixed(Kind::Double), Taken),
    entry("var_samp", Number, Fixed(Kind::Double), Taken),
    entry("var_pop", Number, Fixed(Kind::Double), Taken),
    entry("geometric_mean", Number, Fixed(Kind::Double), Taken),
    entry("approx_percentile", Number, Same(0), Unverified),
    entry("corr", Number, Fixed(Kind::Double), Unverified),
    entry("covar_pop", Number, Fixed(Kind::Double), Unverified),
    entry("covar_samp", Number, Fixed(Kind::Double), Unverified),
    entry("regr_slope", Number, Fixed(Kind::Double), Unverified),
    entry("regr_intercept", Number, Fixed(Kind::Double), Unverified),
    entry("skewness", Number, Fixed(Kind::Double), Unverified),
    entry("kurtosis", Number, Fixed(Kind::Double), Unverified),
    entry("bitwise_and_agg", Number, Fixed(Kind::Bigint), Unverified),
    entry("bitwise_or_agg", Number, Fixed(Kind::Bigint), Unverified),
    entry("histogram", Any, Fixed(Kind::Unknown), Unverified),
    entry("numeric_histogram", Number, Fixed(Kind::Unknown), Unverified),
    entry("map_agg", Any, Fixed(Kind::Unknown), Unverified),
    entry("checksum", Any, Fixed(Kind::Unknown), Unverified),
];

const WINDOWS: [Entry; 11] = [
    entry("row_number", Any, Fixed(Kind::Bigint), Unverified),
    entry("rank", Any, Fixed(Kind::Bigint), Unverified),
    entry("dense_rank", Any, Fixed(Kind::Bigint), Unverified),
    entry("percent_rank", Any, Fixed(Kind::Double), Unverified),
    entry("cume_dist", Any, Fixed(Kind::Double), Unverified),
    entry("ntile", Any, Fixed(Kind::Bigint), Unverified),
    entry("first_value", Any, Same(0), Unverified),
    entry("last_value", Any, Same(0), Unverified),
    entry("nth_value", Any, Same(0), Unverified),
    entry("lag", Any, Same(0), Unverified),
    entry("lead", Any, Same(0), Unverified),
];

const NUMBERS: [Entry; 36] = [
    entry("abs", Number, Same(0), Taken),
    entry("ceil", Number, Same(0), Taken),
    entry("ceiling", Number, Same(0), Taken),
    entry("floor", Number, Same(0), Taken),
    entry("round", Number, Same(0), Taken),
    entry("truncate", Number, Fixed(Kind::Double), Taken),
    entry("sign", Number, Same(0), Taken),
    entry("mod", Number, Same(0), Taken),
    entry("sqrt", Number, Fixed(Kind::Double), Taken),
    entry("exp", Number, Fixed(Kind::Double), Taken),
    entry("ln", Number, Fixed(Kind::Double), Taken),
    entry("log2", Number, Fixed(Kind::Double), Taken),
    entry("log10", Number, Fixed(Kind::Double), Taken),
    entry("power", Number, Fixed(Kind::Double), Taken),
    entry("pow", Number, Fixed(Kind::Double), Taken),
    entry("is_finite", Number, Fixed(Kind::Boolean), Taken),
    entry("is_infinite", Number, Fixed(Kind::Boolean), Taken),
    entry("pi", Number, Fixed(Kind::Double), Taken),
    entry("e", Number, Fixed(Kind::Double), Taken),
    entry("infinity", Number, Fixed(Kind::Double), Taken),
    entry("is_nan", Number, Fixed(Kind::Boolean), Unverified),
    entry("nan", Number, Fixed(Kind::Double), Unverified),
    entry("cbrt", Number, Fixed(Kind::Double), Unverified),
    entry("degrees", Number, Fixed(Kind::Double), Unverified),
    entry("radians", Number, Fixed(Kind::Double), Unverified),
    entry("acos", Number, Fixed(Kind::Double), Unverified),
    entry("asin", Number, Fixed(Kind::Double), Unverified),
    entry("atan", Number, Fixed(Kind::Double), Unverified),
    entry("atan2", Number, Fixed(Kind::Double), Unverified),
    entry("cos", Number, Fixed(Kind::Double), Unverified),
    entry("cosh", Number, Fixed(Kind::Double), Unverified),
    entry("sin", Number, Fixed(Kind::Double), Unverified),
    entry("tan", Number, Fixed(Kind::Double), Unverified),
    entry("tanh", Number, Fixed(Kind::Double), Unverified),
    entry("width_bucket", Number, Fixed(Kind::Bigint), Unverified),
    entry("random", Number, Fixed(Kind::Double), Unverified),
];

const TEXTS: [Entry; 28] = [
    entry("length", Text, Fixed(Kind::Bigint), Taken),
    entry("lower", Text, Fixed(Kind::Varchar), Taken),
    entry("upper", Text, Fixed(Kind::Varchar), Taken),
    entry("trim", Text, Fixed(Kind::Varchar), Taken),
    entry("ltrim", Text, Fixed(Kind::Varchar), Taken),
    entry("rtrim", Text, Fixed(Kind::Varchar), Taken),
    entry("reverse", Text, Fixed(Kind::Varchar), Taken),
    entry("substr", Text, Fixed(Kind::Varchar), Taken),
    renamed("substring", "substr", Text, Fixed(Kind::Varchar)),
    entry("replace", Text, Fixed(Kind::Varchar), Taken),
    entry("strpos", Text, Fixed(Kind::Bigint), Taken),
    entry("split_part", Text, Fixed(Kind::Varchar), Taken),
    entry("lpad", Text, Fixed(Kind::Varchar), Taken),
    entry("rpad", Text, Fixed(Kind::Varchar), Taken),
    entry("chr", Number, Fixed(Kind::Varchar), Taken),
    entry("concat", Text, Fixed(Kind::Varchar), Taken),
    entry("to_utf8", Text, Fixed(Kind::Unknown), Taken),
    entry("to_hex", Any, Fixed(Kind::Varchar), Taken),
    entry("from_hex", Text, Fixed(Kind::Unknown), Taken),
    entry("xxhash64", Any, Fixed(Kind::Unknown), Taken),
    entry("from_big_endian_64", Any, Fixed(Kind::Bigint), Taken),
    entry("to_big_endian_64", Any, Fixed(Kind::Unknown), Taken),
    entry("codepoint", Text, Fixed(Kind::Integer), Unverified),
    entry("levenshtein_distance", Text, Fixed(Kind::Bigint), Unverified),
    entry("regexp_like", Text, Fixed(Kind::Boolean), Unverified),
    entry("regexp_extract", Text, Fixed(Kind::Varchar), Unverified),
    entry("regexp_replace", Text, Fixed(Kind::Varchar), Unverified),
    entry("split", Text, Fixed(Kind::Unknown), Unverified),
];

const TIMES: [Entry; 34] = [
    renamed("localtimestamp", "now", Time, Fixed(Kind::Timestamp)),
    renamed("current_timestamp", "now", Time, Fixed(Kind::Timestamp)),
    entry("now", Time, Fixed(Kind::Timestamp), Taken),
    entry("ago", Time, Fixed(Kind::Timestamp), Taken),
    entry("bin", Time, Fixed(Kind::Timestamp), Taken),
    entry("date_trunc", Time, Fixed(Kind::Timestamp), Taken),
    entry("last_day_of_month", Time, Fixed(Kind::Date), Taken),
    entry("from_iso8601_date", Time, Fixed(Kind::Date), Taken),
    entry("to_unixtime", Time, Fixed(Kind::Double), Taken),
    entry("to_milliseconds", Time, Fixed(Kind::Bigint), Taken),
    entry("from_milliseconds", Number, Fixed(Kind::Timestamp), Taken),
    entry("from_nanoseconds", Number, Fixed(Kind::Timestamp), Taken),
    entry("year", Time, Fixed(Kind::Bigint), Taken),
    entry("month", Time, Fixed(Kind::Bigint), Taken),
    entry("day", Time, Fixed(Kind::Bigint), Taken),
    renamed("day_of_month", "day", Time, Fixed(Kind::Bigint)),
    entry("hour", Time, Fixed(Kind::Bigint), Taken),
    entry("minute", Time, Fixed(Kind::Bigint), Taken),
    entry("second", Time, Fixed(Kind::Bigint), Taken),
    entry("day_of_week", Time, Fixed(Kind::Bigint), Taken),
    renamed("dow", "day_of_week", Time, Fixed(Kind::Bigint)),
    entry("day_of_year", Time, Fixed(Kind::Bigint), Taken),
    renamed("doy", "day_of_year", Time, Fixed(Kind::Bigint)),
    entry("date_diff", Time, Fixed(Kind::Bigint), Taken),
    entry("date_add", Time, Fixed(Kind::Timestamp), Unverified),
    entry("date_format", Time, Fixed(Kind::Varchar), Unverified),
    entry("format_datetime", Time, Fixed(Kind::Varchar), Unverified),
    entry("date_parse", Any, Fixed(Kind::Timestamp), Unverified),
    entry("parse_datetime", Any, Fixed(Kind::Timestamp), Unverified),
    entry("quarter", Time, Fixed(Kind::Bigint), Unverified),
    entry("week", Time, Fixed(Kind::Bigint), Unverified),
    entry("week_of_year", Time, Fixed(Kind::Bigint), Unverified),
    entry("year_of_week", Time, Fixed(Kind::Bigint), Unverified),
    entry("millisecond", Time, Fixed(Kind::Bigint), Unverified),
];

const CHOICES: [Entry; 6] = [
    entry("coalesce", Any, Same(0), Taken),
    entry("nullif", Any, Same(0), Taken),
    entry("greatest", Any, Same(0), Taken),
    entry("least", Any, Same(0), Taken),
    entry("if", Any, Same(1), Taken),
    entry("try", Any, Same(0), Unverified),
];

/// The entry of a function, by its name in lower case.
pub(super) fn lookup(name: &str) -> Option<&'static Entry> {
    static TABLES: [&[Entry]; 6] = [&AGGREGATES, &WINDOWS, &NUMBERS, &TEXTS, &TIMES, &CHOICES];
    TABLES.iter().flat_map(|table| table.iter()).find(|entry| entry.name == name)
}

/// Whether a function of the new query folds rows.
pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.iter().any(|entry| entry.emits == name)
}

/// What to write instead of a function that is refused.
pub(super) fn advice(name: &str) -> &'static str {
    match name {
        name if name.starts_with("json_") || name.starts_with("is_json") => {
            "the mapping made columns of what was inside the JSON; name the column, or add the member to the mapping"
        }
        "unnest" | "cardinality" | "contains" | "element_at" | "transform" | "filter" | "reduce" | "slice" | "flatten" | "sequence"
        | "zip" | "map" | "map_keys" | "map_values" | "row" => "rows hold no arrays or maps now; name the columns that they became",
        name if name.starts_with("array_") || name.starts_with("map_") => {
            "rows hold no arrays or maps now; name the columns that they became"
        }
        "md5" | "sha1" | "sha256" | "sha512" | "crc32" | "xxhash32" => "use to_hex(xxhash64(cast(x as varbinary))), or hash in the reader",
        "current_time" | "localtime" => "use date_trunc and intervals on now()",
        "at_timezone" | "with_timezone" | "current_timezone" => "Timestream knows UTC only; add or subtract an interval",
        name if name.starts_with("st_") || name.starts_with("great_circle") || name.starts_with("to_geo") => {
            "compute geometry in the reader, on the columns of the coordinates"
        }
        name if name.starts_with("url_") => "cut the text with split_part and strpos",
        _ => "write it with functions that Timestream documents",
    }
}
