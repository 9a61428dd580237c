//! The files of one function.

use std::fmt::Display;

use crate::mapping::TableMapping;
use crate::stack::report::LeftOut;
use crate::stack::{handler, pipeline, records};
use crate::transform::TransformSpec;

use super::samples;

/// What the emitted expressions lean on; the same for every pipeline.
const IOT_SQL_PY: &str = include_str!("../runtime/iot_sql.py");

/// Every file of the function that runs `spec` and writes to the tables of `mappings`, by name.
pub(super) fn files(spec: &TransformSpec, mappings: &[&TableMapping], version: i64) -> Result<Vec<(&'static str, String)>, LeftOut> {
    let pipeline = pipeline::render(spec).map_err(|error| left_out(&error, error.hint()))?;
    let records = records::render(mappings, version).map_err(|error| left_out(&error, error.hint()))?;
    let mut files = vec![
        ("pipeline.py", pipeline),
        ("records.py", records),
        ("handler.py", handler::render(spec)),
        ("test_handler.py", handler::render_tests(&samples::of(spec, mappings), version)),
        ("iot_sql.py", IOT_SQL_PY.to_owned()),
    ];
    files.extend(handler::fixed_files().map(|(name, text)| (name, text.to_owned())));
    Ok(files)
}

fn left_out(error: &dyn Display, hint: Option<String>) -> LeftOut {
    LeftOut { cause: error.to_string(), remedy: hint.unwrap_or_default() }
}
