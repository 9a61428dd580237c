//! The survey's walk over a history: object by object, row by row.

use std::ops::ControlFlow;

use super::{Extent, SampleSize, Survey, SurveyBuilder, sampled};
use crate::history::{Decoded, HistoryError, Listing, ObjectRead, ReadLimits, RowSink, Source, SourceObject, read_object};
use crate::progress::Progress;

/// What a survey reads and when it gives up.
#[derive(Debug, Clone, Copy, Default)]
pub struct SurveyOptions {
    /// None reads everything.
    pub extent: Option<SampleSize>,
    pub limits: ReadLimits,
    /// The first bad row or damaged object is an error.
    pub strict: bool,
}

/// Why a survey was given up. `E` is what the reader says when the machine fails.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError<E: std::error::Error> {
    #[error(transparent)]
    Read(E),
    #[error("{place}: {reason}")]
    Strict { place: String, reason: String },
}

impl<E: std::error::Error> SurveyError<E> {
    /// What to do next; for a failed reading the reader's own error knows.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read(_) => None,
            Self::Strict { .. } => Some("without --strict, bad rows and damaged objects are counted and named instead".to_owned()),
        }
    }
}

/// Surveys the history in `source`, object by object in the order of `listing`.
///
/// # Errors
/// When the machine fails or an object changed meanwhile; with `strict`, at the first bad row or damaged object.
pub fn survey(
    source: &dyn Source,
    listing: &Listing,
    options: &SurveyOptions,
    progress: &dyn Progress,
) -> Result<Survey, SurveyError<HistoryError>> {
    survey_with(listing, options, progress, |object, sink| read_object(source, object, &options.limits, sink))
}

/// Surveys the objects of `listing`, in its order; `read` decodes one of them (`history::read_object`).
pub fn survey_with<E: std::error::Error>(
    listing: &Listing,
    options: &SurveyOptions,
    progress: &dyn Progress,
    mut read: impl FnMut(&SourceObject, &mut RowSink<'_>) -> Result<ObjectRead, E>,
) -> Result<Survey, SurveyError<E>> {
    let mut builder = SurveyBuilder::new();
    let chosen = sampled(listing, options.extent);
    let mut objects_total: u64 = 0;
    for (number, object) in (0_u32..).zip(listing.objects.iter()).filter(|(_, object)| object.holds_rows()) {
        objects_total += 1;
        builder.listed(&object);
        if chosen.binary_search(&number).is_err() {
            builder.sampled(&object.store);
        }
    }
    let rows_max = options.extent.map_or(u64::MAX, |size| size.rows_per_object_max);
    let objects_read = chosen.len() as u64;
    let mut complete = objects_read == objects_total;

    progress.begin("survey", Some(objects_read), "objects");
    for object in chosen.into_iter().filter_map(|number| listing.objects.numbered(number)) {
        let result = survey_object(&mut builder, &object, options.strict, rows_max, &mut read);
        match result {
            Ok(whole) => complete &= whole,
            Err(error) => {
                progress.end();
                return Err(error);
            }
        }
        progress.advance(1);
    }
    progress.end();

    Ok(builder.finish(if complete { Extent::Full } else { Extent::Sample { objects_read, objects_total, rows_per_object_max: rows_max } }))
}

/// True when the object was read to its end, or to its damage.
fn survey_object<E: std::error::Error>(
    builder: &mut SurveyBuilder,
    object: &SourceObject,
    strict: bool,
    rows_max: u64,
    read: &mut impl FnMut(&SourceObject, &mut RowSink<'_>) -> Result<ObjectRead, E>,
) -> Result<bool, SurveyError<E>> {
    builder.object(object);
    let mut rows: u64 = 0;
    let mut cut = false;
    let mut refused = None;
    let outcome = read(object, &mut |decoded| {
        // Looked at before the row, so that an object of exactly `rows_max` rows counts as read to its end.
        if rows >= rows_max {
            cut = true;
            return ControlFlow::Break(());
        }
        rows += 1;
        match decoded {
            Decoded::Row(row) => builder.row(&row),
            Decoded::Filtered(_) => builder.filtered(),
            Decoded::Bad(bad) => {
                builder.bad(&bad);
                if strict {
                    refused = Some((bad.provenance.to_string(), bad.reason));
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    })
    .map_err(SurveyError::Read)?;
    let damage = outcome.damage.clone().filter(|_| strict).map(|reason| (object.id.key.clone(), reason));
    if let Some((place, reason)) = refused.or(damage) {
        return Err(SurveyError::Strict { place, reason });
    }
    builder.end(object, &outcome, cut);
    Ok(!cut)
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
