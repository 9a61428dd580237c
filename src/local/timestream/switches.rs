//! What the documentation leaves open, each as a named switch with a default, and the texts that had to be chosen.
//!
//! | the service refuses | where | text from |
//! |---|---|---|
//! | a value that is not of its type | whole request | observed: `Invalid value None for bigint measure value type.` |
//! | NaN and the infinities | [`NonFiniteHandling`] | the same text, by analogy |
//! | a time that is no whole number | whole request | observed: `Invalid time for record.` |
//! | no dimension at all | whole request | observed: `At least one dimension is required for a record.` |
//! | `TIMESTAMP` outside `MULTI` | whole request | observed: `TIMESTAMP is an invalid measure value type.` |
//! | a time outside the window | record | observed: `The record timestamp is outside the time range […) of the …` |
//! | an older version | record | observed: `The record version 2 is lower than the existing version 200. …` |
//! | the same version with another value | record | observed: `A record already exists with the same time, …` |
//! | another type for a measure of a multi-measure record | record | observed in part: `Each multi measure name can have only one measure value type and cannot be changed.` |
//! | another type for a measure name | record | chosen, after the one above |
//! | more dimensions, measures or bytes than the limits | [`LimitHandling`] | chosen; that they reject records is documented |
//! | a dimension named as a measure of the table | record | chosen |
//! | a missing partition key that is REQUIRED | record | chosen |
//! | a reserved name, a `:`, a name twice, common and own dimension overlapping | whole request | chosen |
//! | `Version` below 1, a missing measure name or value, an empty dimension value | whole request | chosen |
//!
//! The rule behind the choices: what can be known from the request alone fails the request; what needs the table's state or
//! is a documented limit rejects the record.

/// What the service does where nobody has written down what it does. All defaults suit a rehearsal: the stricter reading,
/// unless it would refuse what is documented to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switches {
    pub non_finite: NonFiniteHandling,
    pub limits: LimitHandling,
    pub record_size: RecordSize,
    pub partial_upsert: PartialUpsert,
    pub pre_epoch_times: PreEpochTimes,
}

/// A DOUBLE of NaN or an infinity cannot be written (facts §1.1); how it is refused is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NonFiniteHandling {
    /// As other values that are not of their type: ValidationException, nothing is stored.
    #[default]
    FailRequest,
    /// The record is rejected, the others are stored.
    RejectRecord,
}

/// How a record beyond a limit that is not part of the API model is refused: name lengths, sizes, counts per table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LimitHandling {
    /// The record is rejected (API reference of `RejectedRecord`: "dimensions or measures that exceed the … limits").
    #[default]
    RejectRecord,
    /// ValidationException, nothing is stored. Counts per table reject the record in any case.
    FailRequest,
}

/// What counts towards the 2 KB of a record; only that there is such a limit is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordSize {
    /// All that is metered: time, names and values of dimensions, measure names, values. The one definition of a record's
    /// size that is written down; it leaves no room for 256 numbers, which the other limits allow.
    #[default]
    Metered,
    /// Nothing beyond the limits of dimensions and of measure values, 2 KB each.
    Unlimited,
}

/// Whether a multi-measure record with a higher version keeps the stored measures that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartialUpsert {
    /// The record takes the place of the stored one.
    #[default]
    Replace,
    /// Measures that the new record does not name stay.
    Merge,
}

/// Whether a time before 1970 is taken, if it is inside the window (retention reaches back 200 years at most).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PreEpochTimes {
    #[default]
    Accept,
    /// ValidationException `Invalid time for record.`
    Refuse,
}
