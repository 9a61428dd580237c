//! One reader per kind of resource. Each takes the place of a definition in either spelling and its name, and returns the
//! definition, or nothing when an error of it was reported.

pub(crate) mod dataset;
pub(crate) mod handler;
pub(crate) mod observed;
pub(crate) mod pipeline;
pub(crate) mod rule;
pub(crate) mod storage;
pub(crate) mod thing;
