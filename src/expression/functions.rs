//! The 21 functions. The arguments are numbers already: what does not convert never comes here.

use super::ast::Function;
use super::number::{NoResult, Numeric};

/// The value of a call; `Ok(None)` is Undefined whatever the switches say.
pub(super) fn call(function: Function, arguments: &[Numeric]) -> Result<Option<Numeric>, NoResult> {
    match *arguments {
        [x] => one(function, x),
        [x, y] => two(function, x, y),
        _ => Ok(None),
    }
}

fn one(function: Function, x: Numeric) -> Result<Option<Numeric>, NoResult> {
    let double = match function {
        Function::Abs => return Ok(Some(x.absolute())),
        Function::Ceil => return x.ceiling().map(Some),
        Function::Round => return x.nearest().map(Some),
        Function::Sign => return Ok(Some(Numeric::Int(x.sign()))),
        Function::Atan2 | Function::Mod | Function::Power | Function::Trunc => return Ok(None),
        Function::Acos => f64::acos,
        Function::Asin => f64::asin,
        Function::Atan => f64::atan,
        Function::Cos => f64::cos,
        Function::Cosh => f64::cosh,
        Function::Exp => f64::exp,
        Function::Ln => f64::ln,
        Function::Log => f64::log10,
        Function::Sin => f64::sin,
        Function::Sinh => f64::sinh,
        Function::Sqrt => f64::sqrt,
        Function::Tan => f64::tan,
        Function::Tanh => f64::tanh,
    };
    let Some(x) = x.to_f64() else { return Ok(None) };
    if matches!(function, Function::Ln | Function::Log) && x <= 0.0 {
        return Err(NoResult);
    }
    from_double(double(x))
}

fn two(function: Function, x: Numeric, y: Numeric) -> Result<Option<Numeric>, NoResult> {
    let double = match function {
        Function::Mod => return x.remainder(y).map(Some),
        Function::Trunc => return Ok(Some(x.cut(y))),
        Function::Atan2 => f64::atan2,
        Function::Power => f64::powf,
        _ => return Ok(None),
    };
    let (Some(x), Some(y)) = (x.to_f64(), y.to_f64()) else { return Ok(None) };
    from_double(double(x, y))
}

/// NaN is an imaginary result, hence Undefined; an infinity is a result that no number holds.
fn from_double(result: f64) -> Result<Option<Numeric>, NoResult> {
    if result.is_nan() { Ok(None) } else { Numeric::of_f64(result).map(Some).ok_or(NoResult) }
}
