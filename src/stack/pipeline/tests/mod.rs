//! The emitted code under a real Python: the documented examples, hostile names, and random pipelines against the engine.

mod differential;
mod examples;
mod generator;
mod harness;
