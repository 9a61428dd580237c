//! How a long piece of work says how far it is, without knowing who listens.
//!
//! The library never prints; `cli` hands in bars, plain lines or nothing.

/// One phase's progress. Calls are cheap and may come from any thread.
pub trait Progress: Send + Sync {
    /// A phase begins; `total` counts in `unit`s where it is known.
    fn begin(&self, phase: &str, total: Option<u64>, unit: &'static str);
    /// `count` more of the phase's units are done.
    fn advance(&self, count: u64);
    /// Something that a person should read now, without stopping.
    fn note(&self, text: &str);
    /// The phase is over.
    fn end(&self);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _phase: &str, _total: Option<u64>, _unit: &'static str) {}
    fn advance(&self, _count: u64) {}
    fn note(&self, _text: &str) {}
    fn end(&self) {}
}
