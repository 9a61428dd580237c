use super::*;
use crate::mapping::testing::rules;
use crate::mapping::{DimensionRule, MeasureRule};
use crate::time::TimeFormat;

fn problems(change: impl FnOnce(&mut TableMapping)) -> Vec<String> {
    let mut rules = rules();
    change(&mut rules);
    check_rules(&rules).into_iter().map(|problem| format!("{}: {}", problem.subject, problem.cause)).collect()
}

#[test]
fn rules_that_can_be_obeyed_have_no_problem() {
    assert_eq!(problems(|_| {}).len(), 0);
}

#[test]
fn illegal_names_are_found_all_at_once() {
    let found = problems(|rules| {
        rules.table = "a b".to_owned();
        rules.measure_name = "time".into();
        rules.dimensions[0].name = "ts_device".into();
        rules.measures[0].name = "a:b".into();
    });
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn a_dimension_and_a_measure_may_not_share_a_name_nor_a_role_its_column() {
    let same_name = problems(|rules| rules.measures[0].name = rules.dimensions[0].name.clone());
    assert_eq!(same_name, ["measure device: a dimension has this name too; names of dimensions and measures share one space"]);
    let same_column = problems(|rules| rules.measures[1].column = rules.measures[0].column.clone());
    assert_eq!(same_column, ["column temp: it is a measure twice"]);
    let ignored = problems(|rules| rules.ignored.push(rules.time.column.clone()));
    assert_eq!(ignored, ["column ts: it is ignored and used"]);
}

#[test]
fn there_must_be_dimensions_and_measures_and_not_too_many() {
    assert_eq!(problems(|rules| rules.dimensions.clear()).len(), 1);
    assert_eq!(problems(|rules| rules.measures.clear()).len(), 1);
    let dimension = |i| DimensionRule { column: ColumnPath::top(&format!("x{i}")), name: format!("x{i}").into() };
    assert_eq!(problems(|rules| rules.dimensions = (0..128).map(dimension).collect()).len(), 0);
    assert_eq!(problems(|rules| rules.dimensions = (0..129).map(dimension).collect()).len(), 1);
    let measure = |i| MeasureRule {
        column: ColumnPath::top(&format!("x{i}")),
        name: format!("x{i}").into(),
        kind: MeasureKind::Double,
        format: None,
    };
    assert_eq!(problems(|rules| rules.measures = (0..257).map(measure).collect()).len(), 1);
}

#[test]
fn the_day_of_a_partition_is_never_the_time() {
    for name in ["__dt", "__year", "__partition_ts"] {
        assert_eq!(problems(|rules| rules.time.column = ColumnPath::top(name)).len(), 1, "{name}");
    }
}

#[test]
fn formats_fillings_and_separators_must_make_sense() {
    assert_eq!(problems(|rules| rules.measures[0].format = Some(TimeFormat::Iso8601)).len(), 1);
    assert_eq!(problems(|rules| rules.policies.missing_dimension = MissingDimension::Fill(String::new())).len(), 1);
    assert_eq!(problems(|rules| rules.policies.nested = Nested::Flatten { separator: ":".to_owned() }).len(), 1);
}
