use proptest::prelude::*;

use super::*;
use crate::mapping::testing::{object, row, rules};
use crate::mapping::{DimensionRule, Mapper, Route};
use crate::record::MeasureKind;

/// The mapping of `testing`, for the rows that `takes` says, under a measure name of its own.
fn routed(column: &str, takes: Takes, measure_name: &str) -> TableMapping {
    let route = Route { column: column.parse().unwrap(), takes };
    TableMapping { route: Some(route), measure_name: measure_name.into(), ..rules() }
}

fn values(values: &[&str]) -> Takes {
    Takes::Values(values.iter().map(|value| (*value).to_owned()).collect())
}

fn three() -> [TableMapping; 3] {
    let other_table = TableMapping { table: "valves".to_owned(), ..routed("type", values(&["valve", "1", "true"]), "m") };
    [routed("type", values(&["pump", "tank"]), "m"), other_table, routed("type", Takes::Otherwise, "rest")]
}

fn router(mappings: &[TableMapping]) -> Router {
    Router::new(mappings.iter().enumerate()).unwrap()
}

fn causes(mappings: &[TableMapping]) -> Vec<String> {
    let problems = check_routes(&mappings.iter().collect::<Vec<_>>());
    problems.into_iter().map(|problem| format!("{} {}: {}", problem.mapping, problem.field, problem.cause)).collect()
}

#[test]
fn a_row_goes_where_its_value_is_named_and_else_to_the_one_that_takes_all_others() {
    let router = router(&three());
    for (json, number) in [
        (r#"{"type":"pump"}"#, 0),
        (r#"{"type":"tank","ts":1}"#, 0),
        (r#"{"type":"valve"}"#, 1),
        (r#"{"type":"Pump"}"#, 2),
        (r#"{"type":null}"#, 2),
        (r#"{"type":""}"#, 2),
        (r"{}", 2),
        (r#"{"type":["pump"]}"#, 2),
    ] {
        assert_eq!(router.route(&object(json)), Ok(number), "{json}");
    }
    assert_eq!(router.home(), 0);
}

#[test]
fn values_are_compared_as_text_so_a_number_and_its_digits_are_one() {
    let router = router(&three());
    for (json, number) in
        [(r#"{"type":1}"#, 1), (r#"{"type":"1"}"#, 1), (r#"{"type":1.0}"#, 2), (r#"{"type":true}"#, 1), (r#"{"type":"true"}"#, 1)]
    {
        assert_eq!(router.route(&object(json)), Ok(number), "{json}");
    }
}

#[test]
fn the_routing_column_is_found_like_any_other() {
    let nested = router(&[routed("device.type", values(&["a"]), "m"), routed("device.type", values(&["b"]), "n")]);
    assert_eq!(nested.route(&object(r#"{"device":{"type":"b"}}"#)), Ok(1));
    assert!(nested.route(&object(r#"{"device.type":"b"}"#)).is_err());
    let lower_cased = router(&[routed("deviceType", values(&["a"]), "m")]);
    assert_eq!(lower_cased.route(&object(r#"{"devicetype":"a"}"#)), Ok(0), "as Athena's CSV spells it");
    assert!(lower_cased.route(&object(r#"{"devicetype":"a","deviceType":null}"#)).is_err(), "the exact name wins");
}

#[test]
fn a_value_that_no_route_takes_is_shown_escaped_with_what_to_do() {
    let router = router(&three()[..2]);
    let refusal = router.route(&object("{\"type\":\"ro\\u001b[31mbot\\n\"}")).unwrap_err();
    assert_eq!((refusal.code, refusal.column), (RefusalCode::NoRoute, Some("type".parse().unwrap())));
    assert!(refusal.detail.contains(r#"is "ro\u{1b}[31mbot\n", which no route takes; add it to a route"#), "{}", refusal.detail);
    for void in [r"{}", r#"{"type":null}"#, r#"{"type":""}"#] {
        let refusal = router.route(&object(void)).unwrap_err();
        assert!(refusal.detail.contains("missing, null or empty") && refusal.detail.contains("otherwise = true"), "{}", refusal.detail);
    }
}

#[test]
fn a_store_without_routes_goes_to_its_one_mapping_and_stores_do_not_mix() {
    let (other, [first, second, rest]) = (TableMapping { store: "other".into(), table: "other".into(), ..rules() }, three());
    let routers = routers([&other, &first, &second, &rest]).unwrap();
    assert_eq!(routers["other"].route(&object(r#"{"type":"pump"}"#)), Ok(0));
    assert_eq!(routers["plant"].route(&object(r#"{"type":"valve"}"#)), Ok(2), "numbers count all mappings");
    assert_eq!((routers["other"].home(), routers["plant"].home()), (0, 1));
}

#[test]
fn a_mapping_need_not_name_the_column_that_it_is_routed_by() {
    let [pumps, ..] = three();
    let all = r#"{"ts":1687331100000,"deviceId":"d","temp":1,"type":"pump","odd":1}"#;
    let refusal = Mapper::new(&pumps).unwrap().map(&row(object(all))).unwrap_err();
    assert_eq!(refusal.column, Some("odd".parse().unwrap()), "other columns still have to be named");
}

#[test]
fn mappings_of_a_store_that_take_a_row_twice_are_refused() {
    assert_eq!(causes(&three()), [] as [&str; 0]);
    let table = |table: &str, mapping: TableMapping| TableMapping { table: table.to_owned(), ..mapping };
    let plain = || table("plain", rules());
    let unrouted = causes(&[plain(), rules()]);
    assert_eq!(unrouted, ["1 store: another [[table]] has the store `plant` already, and this one has no route"]);
    let [pumps, valves, rest] = three();
    assert_eq!(causes(&[pumps.clone(), plain()]).len(), 1);
    assert_eq!(causes(&[plain(), pumps.clone()]), ["1 route: another [[table]] takes all rows of the store `plant`, as it has no route"]);
    let by_kind = table("kinds", routed("kind", values(&["x"]), "m"));
    assert_eq!(causes(&[pumps.clone(), by_kind]), ["1 route: its column is `kind`, and another [[table]] of the store routes by `type`"]);
    let again = table("again", routed("type", values(&["tank", "new", "new"]), "m"));
    let overlap = causes(&[pumps.clone(), again]);
    assert!(overlap.len() == 2 && overlap[0].contains("\"tank\"") && overlap[1].contains("\"new\""), "{overlap:?}");
    assert!(causes(&[rest.clone(), table("x", rest)])[0].contains("otherwise = true already"));
    assert_eq!(causes(&[table("x", routed("type", values(&[]), "m")), table("y", routed("type", values(&[""]), "m"))]).len(), 2);
    assert!(Router::new([(0, &valves), (1, &valves)]).is_err(), "a router is not made from what would take rows twice");
    assert!(Router::new([]).is_err());
}

#[test]
fn mappings_of_one_table_need_one_store_measure_names_of_their_own_and_agree_on_types() {
    let [pumps, ..] = three();
    let tanks = |change: fn(&mut TableMapping)| {
        let mut mapping = routed("type", values(&["boiler"]), "boiler");
        change(&mut mapping);
        causes(&[pumps.clone(), mapping])
    };
    assert_eq!(tanks(|_| {}), [] as [&str; 0]);
    assert_eq!(tanks(|mapping| mapping.store = "other".to_owned()), ["1 table: another [[table]] has the table `plant` already"]);
    let same_name = tanks(|mapping| mapping.measure_name = "m".into());
    assert_eq!(same_name, ["1 measure_name: another [[table]] writes to the table `plant` under the measure name `m` already"]);
    let types = tanks(|mapping| mapping.measures[0].kind = MeasureKind::Bigint);
    assert!(types.len() == 1 && types[0].starts_with("1 measures: the measure `temp` is BIGINT here and DOUBLE in another"), "{types:?}");
    assert_eq!(tanks(|mapping| mapping.measures[0].name = "device".into()).len(), 1);
    assert_eq!(tanks(|mapping| mapping.dimensions[0].name = "temp".into()).len(), 1);
    let wide = tanks(|mapping| {
        let dimension = |at| DimensionRule { column: ColumnPath::top(&format!("x{at}")), name: format!("x{at}").into() };
        mapping.dimensions = (0..127).map(dimension).collect();
    });
    assert!(wide.len() == 1 && wide[0].contains("have 129 different dimensions"), "{wide:?}");
}

proptest! {
    #[test]
    fn every_row_has_exactly_one_outcome_and_a_model_agrees(
        kinds in prop::collection::vec(prop::option::of(0u8..9), 0..60),
        split in prop::collection::vec(0usize..4, 8),
        otherwise in prop::option::of(0usize..4),
    ) {
        // Value number `v` is named by mapping `split[v]`; mapping 3 is left out, so its values are named by none.
        let mut mappings: Vec<TableMapping> = Vec::new();
        let mut place = [None; 4];
        for (number, place) in place.iter_mut().take(3).enumerate() {
            let named: Vec<String> = (0..8).filter(|v| split[*v] == number).map(|v| format!("k{v}")).collect();
            if !named.is_empty() {
                *place = Some(mappings.len());
                mappings.push(TableMapping { table: format!("t{number}"), ..routed("type", Takes::Values(named), "m") });
            }
        }
        let mut rest = None;
        if let Some(at) = otherwise {
            let at = at.min(mappings.len());
            mappings.insert(at, TableMapping { table: "rest".to_owned(), ..routed("type", Takes::Otherwise, "m") });
            place.iter_mut().flatten().filter(|place| **place >= at).for_each(|place| *place += 1);
            rest = Some(at);
        }
        prop_assume!(!mappings.is_empty());
        let router = router(&mappings);
        let (mut totals, mut refused) = (vec![0usize; mappings.len()], 0usize);
        for kind in &kinds {
            let json = kind.map_or_else(|| "{}".to_owned(), |v| format!("{{\"type\":\"k{v}\"}}"));
            let outcome = router.route(&object(&json));
            let named = kind.and_then(|v| place[*split.get(usize::from(v))?]);
            match (&outcome, named.or(rest)) {
                (Ok(number), Some(expected)) => {
                    prop_assert_eq!(*number, expected);
                    totals[*number] += 1;
                }
                (Err(refusal), None) => {
                    prop_assert_eq!(refusal.code, RefusalCode::NoRoute);
                    refused += 1;
                }
                (outcome, expected) => prop_assert!(false, "{outcome:?} instead of {expected:?}"),
            }
        }
        prop_assert_eq!(totals.iter().sum::<usize>() + refused, kinds.len());
    }
}
