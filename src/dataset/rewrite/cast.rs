//! CAST and TRY_CAST.

use sqlparser::ast::{CastKind, DataType, Expr, TimezoneInfo};

use super::compare::as_instant;
use super::{Rewriter, Typed};
use crate::dataset::kind::{Kind, epoch_power};

impl Rewriter<'_> {
    pub(super) fn cast(&mut self, kind: &CastKind, operand: &Expr, data_type: &DataType, formatted: bool) -> Typed {
        let tried = match kind {
            CastKind::Cast if !formatted => false,
            CastKind::TryCast if !formatted => true,
            _ => return self.refuse("this form of CAST", "write CAST(x AS type) or TRY_CAST(x AS type)"),
        };
        let Some((target, word)) = self.target(data_type) else {
            let remedy = "cast to bigint, double, varchar, boolean, timestamp or date";
            return self.refuse("a CAST to this type", remedy);
        };
        let typed = self.expression(operand);
        self.cast_typed(typed, target, word, tried)
    }

    fn cast_typed(&mut self, typed: Typed, target: Kind, word: &'static str, tried: bool) -> Typed {
        match (&typed.kind, &target) {
            // The same instant, still as the number or the day that it was.
            (Kind::Stamp(format), Kind::Double | Kind::Bigint | Kind::Integer) if epoch_power(format).is_some() => typed,
            (Kind::Day, Kind::Date | Kind::Timestamp) => typed,
            (Kind::Stamp(_) | Kind::InstantText | Kind::Timestamp, Kind::Timestamp) => Typed { kind: Kind::Timestamp, ..typed },
            (Kind::Timestamp, Kind::Varchar) => Typed::new(typed.node.cast(word, tried), Kind::Varchar),
            (Kind::Date, Kind::Timestamp) => as_instant(typed),
            (_, Kind::Varchar) => {
                let typed = self.as_text(typed);
                if typed.kind == Kind::Varchar { typed } else { Typed::new(typed.node.cast(word, tried), target) }
            }
            _ => {
                let typed = self.settle(typed);
                Typed::new(typed.node.cast(word, tried), target)
            }
        }
    }

    fn target(&mut self, data_type: &DataType) -> Option<(Kind, &'static str)> {
        Some(match data_type {
            DataType::BigInt(None) => (Kind::Bigint, "BIGINT"),
            DataType::Int(None) | DataType::Integer(None) | DataType::SmallInt(None) | DataType::TinyInt(None) => {
                (Kind::Integer, "INTEGER")
            }
            DataType::Double(_) | DataType::DoublePrecision | DataType::Real | DataType::Float(_) => (Kind::Double, "DOUBLE"),
            DataType::Decimal(_) | DataType::Numeric(_) | DataType::Dec(_) => {
                self.found.warn(
                    "decimal_as_double",
                    "it casts to DECIMAL, which Timestream does not have; the result is a DOUBLE",
                    "round where the digits matter",
                );
                (Kind::Double, "DOUBLE")
            }
            DataType::Boolean | DataType::Bool => (Kind::Boolean, "BOOLEAN"),
            DataType::Varchar(_) | DataType::Char(_) | DataType::String(_) | DataType::Text => (Kind::Varchar, "VARCHAR"),
            DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithTimeZone) => (Kind::Timestamp, "TIMESTAMP"),
            DataType::Date => (Kind::Date, "DATE"),
            _ => return None,
        })
    }
}
