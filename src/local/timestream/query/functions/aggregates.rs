//! Aggregates that SQLite does not have, or has in a form that would hide a NaN.

use std::cmp::Ordering;

use rusqlite::functions::{Aggregate, Context};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

use super::{failed, flags, number};

pub(super) fn register(connection: &Connection) -> Result<()> {
    connection.create_aggregate_function("ts_min_by", 2, flags(), Extreme { wanted: Ordering::Less })?;
    connection.create_aggregate_function("ts_max_by", 2, flags(), Extreme { wanted: Ordering::Greater })?;
    for (name, what) in [
        ("ts_sum_double", Moment::Sum),
        ("ts_avg", Moment::Average),
        ("ts_geometric_mean", Moment::GeometricMean),
        ("ts_var_pop", Moment::Variance { sample: false }),
        ("ts_var_samp", Moment::Variance { sample: true }),
        ("ts_stddev_pop", Moment::Deviation { sample: false }),
        ("ts_stddev_samp", Moment::Deviation { sample: true }),
    ] {
        connection.create_aggregate_function(name, 1, flags(), what)?;
    }
    Ok(())
}

/// `min_by(value, by)` and `max_by`: rows without `by` do not count.
struct Extreme {
    wanted: Ordering,
}

impl Aggregate<Option<(Value, Value)>, Value> for Extreme {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<(Value, Value)>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, best: &mut Option<(Value, Value)>) -> Result<()> {
        let by = context.get_raw(1);
        let is_better = match best {
            _ if matches!(by, ValueRef::Null) => false,
            None => true,
            Some((known, _)) => compare(by, ValueRef::from(&*known)) == self.wanted,
        };
        if is_better {
            let owned = |value: ValueRef<'_>| Value::try_from(value).map_err(|_| failed("a text that is not UTF-8".to_owned()));
            *best = Some((owned(by)?, owned(context.get_raw(0))?));
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, best: Option<Option<(Value, Value)>>) -> Result<Value> {
        Ok(best.flatten().map_or(Value::Null, |(_, value)| value))
    }
}

/// The order of two values of one type.
fn compare(one: ValueRef<'_>, other: ValueRef<'_>) -> Ordering {
    match (one, other) {
        (ValueRef::Integer(a), ValueRef::Integer(b)) => a.cmp(&b),
        (ValueRef::Text(a), ValueRef::Text(b)) | (ValueRef::Blob(a), ValueRef::Blob(b)) => a.cmp(b),
        (a, b) => match (number(a), number(b)) {
            (Ok(a), Ok(b)) => a.total_cmp(&b),
            _ => Ordering::Equal,
        },
    }
}

/// Numbers of doubles.
#[derive(Clone, Copy)]
enum Moment {
    Sum,
    Average,
    GeometricMean,
    Variance { sample: bool },
    Deviation { sample: bool },
}

/// Count, sum, and Welford's running mean and sum of squares.
#[derive(Default)]
struct Seen {
    count: f64,
    sum: f64,
    mean: f64,
    squares: f64,
}

impl Aggregate<Seen, Value> for Moment {
    fn init(&self, _: &mut Context<'_>) -> Result<Seen> {
        Ok(Seen::default())
    }

    fn step(&self, context: &mut Context<'_>, seen: &mut Seen) -> Result<()> {
        let value = context.get_raw(0);
        if matches!(value, ValueRef::Null) {
            return Ok(());
        }
        let value = number(value).map_err(failed)?;
        let value = if matches!(self, Self::GeometricMean) { value.ln() } else { value };
        seen.count += 1.0;
        seen.sum += value;
        let delta = value - seen.mean;
        seen.mean += delta / seen.count;
        seen.squares += delta * (value - seen.mean);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, seen: Option<Seen>) -> Result<Value> {
        let Some(Seen { count, sum, squares, .. }) = seen else { return Ok(Value::Null) };
        let variance = |sample: bool| if sample { squares / (count - 1.0) } else { squares / count };
        let value = match self {
            _ if count == 0.0 => return Ok(Value::Null),
            Self::Variance { sample: true } | Self::Deviation { sample: true } if count < 2.0 => return Ok(Value::Null),
            Self::Sum => sum,
            Self::Average => sum / count,
            Self::GeometricMean => (sum / count).exp(),
            Self::Variance { sample } => variance(*sample),
            Self::Deviation { sample } => variance(*sample).sqrt(),
        };
        if value.is_nan() {
            return Err(failed("the result is NaN, which is not served by the embedded service".to_owned()));
        }
        Ok(Value::Real(value))
    }
}
