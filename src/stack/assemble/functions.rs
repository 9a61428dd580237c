//! The files of one function.

use crate::mapping::TableMapping;
use crate::stack::pipeline;
use crate::stack::report::LeftOut;
use crate::transform::TransformSpec;

/// Every file of the function that runs `spec` and writes to the tables of `mappings`, by name.
pub(super) fn files(spec: &TransformSpec, mappings: &[&TableMapping], version: i64) -> Result<Vec<(&'static str, String)>, LeftOut> {
    let pipeline = pipeline::render(spec).map_err(|error| left_out(&error, error.hint()))?;
    let _ = (mappings, version);
    Ok(vec![("pipeline.py", pipeline)])
}

fn left_out(error: &dyn std::fmt::Display, hint: Option<String>) -> LeftOut {
    LeftOut { cause: error.to_string(), remedy: hint.unwrap_or_default() }
}
