//! How often a dataset was made, and the window of a deltaTime filter that follows from it.

use super::finding::Findings;
use super::rewrite::Window;
use super::syntax::parse_expression;
use super::tree::{Digits, Node};
use crate::inventory::shown;
use crate::inventory::{Dataset, DeltaTime, Trigger};

const MINUTES_OF_DAY: u32 = 24 * 60;
const MINUTES_OF_WEEK: u32 = 7 * MINUTES_OF_DAY;
/// A window reaches no further than this many seconds.
const OFFSET_SECONDS_MAX: i64 = 400 * 86_400;

/// A schedule that a scheduled query can take over as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) expression: String,
    /// The time from one run to the next, where it can be told.
    pub(super) every: Option<Every>,
}

/// The distance between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Every {
    /// The longest distance.
    pub(super) minutes: u32,
    /// False when some runs are closer together.
    pub(super) uniform: bool,
}

/// The dataset's schedule, and what must be said about its triggers.
pub(super) fn of(dataset: &Dataset, found: &mut Findings) -> Option<Schedule> {
    let mut schedules = dataset.triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Schedule { expression } => Some(expression),
        Trigger::Dataset { .. } => None,
    });
    let first = schedules.next()?;
    for other in schedules {
        let cause = format!("it has a second schedule, {}", shown(other));
        found.warn("second_schedule", cause, "make a second scheduled query with the same text and this schedule");
    }
    let expression = first.trim();
    match every(expression) {
        Ok(every) => Some(Schedule { expression: expression.to_owned(), every }),
        Err(()) => {
            let cause = format!("its schedule {} is no rate(…) and no cron(…) of six fields", shown(expression));
            found.error("schedule_unreadable", cause, "write the schedule as rate(1 hour) or cron(0 * * * ? *)");
            None
        }
    }
}

/// The bounds of the window, as expressions of the run's own time.
pub(super) fn window(delta: &DeltaTime, schedule: &Schedule, found: &mut Findings) -> Option<Window> {
    let expression = parse_expression(&delta.time_expression);
    let expression = expression.map_err(|problem| {
        let cause = format!("the time expression {} of its deltaTime window cannot be read: {problem}", shown(&delta.time_expression));
        found.error("window_expression", cause, "correct the expression in the definition");
    });
    let Some(every) = schedule.every else {
        let cause = format!("its schedule {} does not say how far its deltaTime window reaches back", shown(&schedule.expression));
        found.error("window_irregular", cause, "write the time bounds into the query, from @scheduled_runtime");
        return None;
    };
    let offset = delta.offset_seconds;
    if offset.abs() > OFFSET_SECONDS_MAX {
        found.error("window_irregular", format!("the offset of its deltaTime window is {offset} seconds"), "write the time bounds by hand");
        return None;
    }
    if !every.uniform {
        found.warn(
            "window_irregular",
            format!("its runs are not evenly spaced, so its window reaches back over the longest gap, {} minutes", every.minutes),
            "sum and count over windows that overlap with care; rows that are selected twice are the same rows",
        );
    }
    found.note(
        "window_fixed",
        format!(
            "its deltaTime window is fixed: each run takes {} minutes up to its scheduled time, moved by {offset} seconds; it does not catch \
             up what was missed while it was disabled, and where the first window began is not documented",
            every.minutes
        ),
        "backfill the result for earlier times with the plain query",
    );
    let to = shifted(offset);
    let from = shifted(offset - i64::from(every.minutes) * 60);
    Some(Window { expression: expression.ok()?, from, to })
}

/// `@scheduled_runtime`, `seconds` later or earlier.
fn shifted(seconds: i64) -> Node {
    let count = u32::try_from(seconds.unsigned_abs()).unwrap_or(u32::MAX);
    match (count, seconds < 0) {
        (0, _) => Node::RunTime,
        (_, true) => Node::binary("-", Node::RunTime, duration(count)),
        (_, false) => Node::binary("+", Node::RunTime, duration(count)),
    }
}

fn duration(seconds: u32) -> Node {
    let (size, unit) = [(86_400, "DAY"), (3_600, "HOUR"), (60, "MINUTE")]
        .into_iter()
        .find(|(size, _)| seconds.is_multiple_of(*size))
        .unwrap_or((1, "SECOND"));
    Node::Interval { count: Digits::of(seconds / size), unit }
}

/// How often an expression fires; `Err` when it is no schedule, `None` when its distances cannot be told.
fn every(expression: &str) -> Result<Option<Every>, ()> {
    let inside = |word: &str| expression.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(rate) = inside("rate") {
        return rate_every(rate).map(Some).ok_or(());
    }
    let fields: Vec<&str> = inside("cron").ok_or(())?.split_whitespace().collect();
    let [minutes, hours, day, month, weekday, year] = <[&str; 6]>::try_from(fields).map_err(|_| ())?;
    let legal = |field: &str| field.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?' | b'/' | b',' | b'-' | b'#'));
    if ![minutes, hours, day, month, weekday, year].into_iter().all(legal) {
        return Err(());
    }
    if !matches!(day, "*" | "?" | "1/1") || month != "*" || year != "*" {
        return Ok(None);
    }
    let (Some(minutes), Some(hours), Some(days)) = (field(minutes, 0, 59), field(hours, 0, 23), weekdays(weekday)) else {
        return Ok(None);
    };
    let mut fires = Vec::new();
    for day in &days {
        for hour in &hours {
            fires.extend(minutes.iter().map(|minute| day * MINUTES_OF_DAY + hour * 60 + minute));
        }
    }
    Ok(distances(&fires))
}

fn rate_every(rate: &str) -> Option<Every> {
    let mut words = rate.split_whitespace();
    let (count, unit, rest) = (words.next()?.parse::<u32>().ok()?, words.next()?, words.next());
    let size = match unit {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => MINUTES_OF_DAY,
        _ => return None,
    };
    let minutes = count.checked_mul(size).filter(|minutes| *minutes > 0)?;
    rest.is_none().then_some(Every { minutes, uniform: true })
}

fn weekdays(text: &str) -> Option<Vec<u32>> {
    const NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let mut plain = text.to_ascii_uppercase();
    for (number, name) in (1..).zip(NAMES) {
        let number: u32 = number;
        plain = plain.replace(name, &number.to_string());
    }
    field(&plain, 1, 7).map(|days| days.into_iter().map(|day| day - 1).collect())
}

/// The values of one field, in order: `*`, `?`, lists, ranges, steps.
fn field(text: &str, low: u32, high: u32) -> Option<Vec<u32>> {
    let mut values = Vec::new();
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, "1"), |(range, step)| (range, step));
        let stepped = part.contains('/');
        let step: usize = step.parse().ok().filter(|step| *step > 0)?;
        let (first, last) = match range {
            "*" | "?" => (low, high),
            range => match range.split_once('-') {
                Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
                None => {
                    let first = range.parse().ok()?;
                    (first, if stepped { high } else { first })
                }
            },
        };
        if first < low || last > high || first > last {
            return None;
        }
        values.extend((first..=last).step_by(step));
    }
    values.sort_unstable();
    values.dedup();
    Some(values)
}

/// The longest distance between the minutes of a week, round the end of the week.
fn distances(fires: &[u32]) -> Option<Every> {
    let (first, last) = (*fires.first()?, *fires.last()?);
    let round = MINUTES_OF_WEEK - last + first;
    let gaps: Vec<u32> = fires.iter().zip(fires.iter().skip(1)).map(|(one, next)| next - one).chain([round]).collect();
    let (longest, shortest) = (*gaps.iter().max()?, *gaps.iter().min()?);
    Some(Every { minutes: longest, uniform: longest == shortest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(expression: &str) -> Option<(u32, bool)> {
        every(expression).unwrap().map(|every| (every.minutes, every.uniform))
    }

    #[test]
    fn the_distance_of_runs_is_read_from_rates_and_crons() {
        for (expression, expected) in [
            ("rate(1 hour)", Some((60, true))),
            ("rate(15 minutes)", Some((15, true))),
            ("rate(2 days)", Some((2_880, true))),
            ("cron(0/15 * * * ? *)", Some((15, true))),
            ("cron(*/5 * * * ? *)", Some((5, true))),
            ("cron(0 * * * ? *)", Some((60, true))),
            ("cron(0 0/6 * * ? *)", Some((360, true))),
            ("cron(30 2 * * ? *)", Some((1_440, true))),
            ("cron(0 12 ? * MON *)", Some((10_080, true))),
            ("cron(0 12 ? * MON-FRI *)", Some((4_320, false))),
            ("cron(0/25 * * * ? *)", Some((25, false))),
            ("cron(0 0,12 * * ? *)", Some((720, true))),
            ("cron(0 0 1 * ? *)", None),
            ("cron(0 0 L * ? *)", None),
            ("cron(0 0 ? * 2#1 *)", None),
        ] {
            assert_eq!(told(expression), expected, "{expression}");
        }
        for wrong in [
            "",
            "hourly",
            "rate(1)",
            "rate(0 minutes)",
            "rate(-1 hours)",
            "rate(1 hour) --",
            "cron(0 0)",
            "cron(0 0 * * ? *;)",
            "rate(99999999999 days)",
        ] {
            assert_eq!(every(wrong), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_duration_is_written_in_the_coarsest_unit() {
        let text = |seconds| format!("{:?}", shifted(seconds));
        assert!(text(-900).contains("\"15\"") && text(-900).contains("MINUTE"), "{}", text(-900));
        assert!(text(-1_080).contains("\"18\""));
        assert!(text(-86_400).contains("DAY"));
        assert_eq!(shifted(0), Node::RunTime);
    }
}
