use std::collections::BTreeMap;

use super::*;
use crate::census::{COLLISIONS_LISTED_MAX, TableCensus};
use crate::history::{Layout, ObjectList, PassedOver};
use crate::inventory::{Activity, ActivityKind, BlindSpot, Dataset, DatasetAction, Handler, Pipeline, Retention, Storage, Versioning};
use crate::mapping::{Route, TableMapping, Takes};
use crate::path::ColumnPath;
use crate::plan::RuleRemark;
use crate::plan::fixture::{Known, NOW, ago, collision, datastore, known, measure, object, origin};
use crate::record::MeasureKind;
use crate::survey::Extent;
use crate::time::{HOUR_NANOS, Nanos};

#[test]
fn a_healthy_migration_has_notes_only_and_every_irreversible_choice_among_them() {
    let codes: Vec<String> = known().codes().into_iter().map(|(grade, code)| format!("{} {code}", grade.word())).collect();
    assert_eq!(
        codes,
        [
            "note irreversible_names",
            "note irreversible_partition_key",
            "note irreversible_retention",
            "note irreversible_types",
            "note live_analytics_closed",
            "note magnetic_visibility",
        ]
    );
}

#[test]
fn every_finding_is_raised_by_what_it_is_about_and_by_nothing_else() {
    type Bend = fn(&mut Known);
    let cases: [(&str, Grade, Bend); 37] = [
        ("no_rows", Grade::Error, |k| k.table().records = 0),
        ("not_counted", Grade::Error, |k| k.census.tables.clear()),
        ("table_without_history", Grade::Error, |k| {
            k.listing.objects = ObjectList::default();
            k.inventory.datastores.clear();
        }),
        ("store_not_in_settings", Grade::Error, |k| {
            k.listing.objects.push(&object("oven", Layout::Datastore, 0));
            k.inventory.datastores.insert("oven".to_owned(), datastore("oven", Retention::Days(1), Storage::ServiceManaged));
        }),
        ("store_skipped", Grade::Note, |k| {
            k.listing.objects.push(&object("oven", Layout::Datastore, 0));
            k.settings.skipped_stores.push("oven".to_owned());
        }),
        ("store_without_definition", Grade::Note, |k| k.inventory.datastores.clear()),
        ("definition_without_history", Grade::Warning, |k| {
            k.inventory.datastores.insert("oven".to_owned(), datastore("oven", Retention::Unlimited, Storage::ServiceManaged));
        }),
        ("sitewise_store", Grade::Warning, |k| {
            let storage = Storage::SiteWise { bucket: "b".to_owned(), key_prefix: String::new() };
            k.inventory.datastores.insert("assets".to_owned(), datastore("assets", Retention::Unknown, storage));
        }),
        ("channel_history_not_used", Grade::Warning, |k| k.listing.objects.push(&object("raw", Layout::Channel, 0))),
        ("passed_over_objects", Grade::Warning, |k| {
            k.listing.passed_over.push(PassedOver { key: "README".to_owned(), reason: "not below a store".to_owned() });
        }),
        ("damaged_objects", Grade::Warning, |k| k.table().damaged.push(("a.gz".to_owned(), "cut off".to_owned()))),
        ("undecodable_rows", Grade::Warning, |k| k.table().undecodable = 3),
        ("refused_rows", Grade::Warning, |k| {
            k.table().refused.insert("time_unreadable".to_owned(), 2);
        }),
        ("omitted_values", Grade::Warning, |k| {
            k.table().omitted.insert("temperature: NaN".to_owned(), 9);
        }),
        ("sampled", Grade::Warning, |k| k.census.full = false),
        ("irreversible_types", Grade::Warning, |k| {
            k.survey.extent = Extent::Sample { objects_read: 1, objects_total: 2, rows_per_object_max: 10 };
        }),
        ("time_before_window", Grade::Error, |k| k.table().earliest = Some(Nanos(ago(400).0 - 12 * HOUR_NANOS - 1))),
        ("retention_deletes_soon", Grade::Warning, |k| k.table().earliest = Some(Nanos(ago(400).0 - 12 * HOUR_NANOS))),
        ("time_before_1970", Grade::Warning, |k| {
            k.table().earliest = Some(Nanos(-1));
            k.settings.target.magnetic_days = 73_000;
        }),
        ("time_in_future", Grade::Warning, |k| k.table().latest = Some(Nanos(NOW.0 + 15 * 60 * 1_000_000_000 + 1))),
        ("magnetic_partition_budget", Grade::Warning, |k| k.table().earliest = Some(ago(300))),
        ("magnetic_visibility", Grade::Note, |_| {}),
        ("rejected_data_location_missing", Grade::Warning, |k| k.settings.target.rejected_data_bucket = None),
        ("retention_shorter_than_datastore", Grade::Warning, |k| {
            k.inventory.datastores.insert("press".to_owned(), datastore("press", Retention::Unlimited, Storage::ServiceManaged));
        }),
        ("partition_dimension_unknown", Grade::Error, |k| {
            k.settings.target.partition_dimension = Some("site".to_owned());
            k.table().series = 1;
        }),
        ("key_collisions", Grade::Warning, |k| {
            k.table().collisions.push(collision(1));
            k.table().collisions_total = 1;
        }),
        ("key_collisions", Grade::Error, |k| k.table().collisions_total = u64::try_from(COLLISIONS_LISTED_MAX).unwrap() + 1),
        ("exact_duplicates", Grade::Note, |k| k.table().exact_duplicates = 1),
        ("mixed_types", Grade::Warning, |k| k.survey.stores.get_mut("press").unwrap().columns[0].kinds.strings = 1),
        ("case_insensitive_names", Grade::Warning, |k| {
            k.settings.tables[0].measures.push(measure("Temperature", MeasureKind::Bigint));
        }),
        ("too_many_measures", Grade::Error, |k| {
            k.settings.tables[0].measures = (0..257).map(|n| measure(&format!("m{n}"), MeasureKind::Double)).collect();
        }),
        ("near_limit", Grade::Note, |k| {
            k.settings.tables[0].measures = (0..256).map(|n| measure(&format!("m{n}"), MeasureKind::Double)).collect();
        }),
        ("ignored_columns", Grade::Note, |k| k.settings.tables[0].ignored.push(ColumnPath::top("firmware"))),
        ("invalid_mapping", Grade::Error, |k| k.rule_problems.push(remark())),
        ("mapping_in_doubt", Grade::Warning, |k| k.doubts.push(remark())),
        ("blind_spot", Grade::Warning, |k| {
            let unknown = "its retention".to_owned();
            k.inventory.blind_spots.push(BlindSpot { subject: "datastore press".to_owned(), unknown });
        }),
        ("constant_in_add_attributes", Grade::Warning, |k| {
            let attributes = BTreeMap::from([("location".to_owned(), "factory_floor_1".to_owned())]);
            k.pipeline("clean", ActivityKind::AddAttributes { attributes });
        }),
    ];
    let healthy = known().codes();
    for (code, grade, bend) in cases {
        let mut bent = known();
        bend(&mut bent);
        let raised = bent.codes();
        assert!(raised.contains(&(grade, code.to_owned())), "{code} of {grade:?} is not in {raised:?}");
        // A sample is a warning of its own, and a long history touches many partitions.
        let companion = match code {
            "irreversible_types" => "sampled",
            "time_before_window" | "retention_deletes_soon" | "time_before_1970" => "magnetic_partition_budget",
            _ => code,
        };
        let expected = |found: &str| found == code || found == companion;
        let others: Vec<_> = raised.difference(&healthy).filter(|(_, found)| !expected(found)).collect();
        assert!(others.is_empty(), "{code} came with {others:?}");
    }
}

fn remark() -> RuleRemark {
    RuleRemark {
        table: "press".to_owned(),
        subject: "measure running".to_owned(),
        cause: "its name is reserved".to_owned(),
        remedy: "rename it".to_owned(),
    }
}

#[test]
fn a_row_on_the_edge_of_a_window_is_inside_it() {
    let mut edge = known();
    edge.table().latest = Some(Nanos(NOW.0 + 15 * 60 * 1_000_000_000));
    edge.table().earliest = Some(Nanos(ago(400).0 - 12 * HOUR_NANOS));
    let codes: Vec<String> = edge.codes().into_iter().map(|(_, code)| code).collect();
    assert!(!codes.iter().any(|code| code == "time_in_future" || code == "time_before_window"), "{codes:?}");
    assert_eq!(edge.plan().accepted_from(), edge.census.tables[0].earliest.unwrap());
}

#[test]
fn remedies_for_the_window_name_the_days_that_are_needed() {
    let mut old = known();
    old.table().earliest = Some(ago(500));
    let finding = old.finding("time_before_window");
    assert_eq!(finding.remedy, "set target.magnetic_days to at least 530 before the table is created");
    old.table().earliest = Some(Nanos(i64::MIN));
    assert!(old.finding("time_before_window").remedy.starts_with("correct or filter the times"));
}

/// A dataset that the service ran every hour.
fn dataset(name: &str, action: DatasetAction) -> Dataset {
    Dataset {
        name: name.to_owned(),
        origin: origin(),
        action: Some(action),
        triggers: Vec::new(),
        deliveries: Vec::new(),
        retention: Retention::Unknown,
        versioning: Versioning::Default,
        late_data_timeout_minutes: None,
        tags: BTreeMap::new(),
    }
}

#[test]
fn container_datasets_are_named() {
    let mut known = known();
    let action = DatasetAction::Container {
        name: "a".to_owned(),
        image: "i".to_owned(),
        execution_role_arn: "r".to_owned(),
        compute_type: "ACU_1".to_owned(),
        volume_size_gb: 1,
        variables: Vec::new(),
    };
    known.inventory.datasets.insert("forecast".to_owned(), dataset("forecast", action));
    assert_eq!(known.finding("container_action").subject, "dataset forecast");
}

#[test]
fn a_mistake_in_a_definition_keeps_no_processed_row_back_unless_its_own_messages_are_migrated() {
    let mut known = known();
    known.pipeline("clean", ActivityKind::Filter { filter: "temperature LIKE 'a'".to_owned() });
    let sql = "SELECT temperature_celsius FROM press ORDER BY timestamp DESC LIMIT 100".to_owned();
    let action = DatasetAction::Query { name: "q".to_owned(), sql, delta_time: None };
    known.inventory.datasets.insert("hot".to_owned(), dataset("hot", action));
    assert_eq!(known.finding("expression_not_translated").grade, Grade::Warning);
    assert_eq!(known.finding("unknown_column").grade, Grade::Warning);
    assert_eq!(known.plan().graded(Grade::Error), 0);
    known.settings.raw = vec![crate::channel::RawStore { store: "press".to_owned(), pipeline: "clean".to_owned() }];
    assert_eq!(known.finding("expression_not_translated").grade, Grade::Error);
}

#[test]
fn what_no_documentation_settles_is_said_with_the_switch_in_force() {
    let mut known = known();
    known.pipeline("clean", ActivityKind::Math { attribute: "f".to_owned(), math: "temperature * 9 / 5".to_owned() });
    let points: Vec<String> =
        known.plan().findings.into_iter().filter(|finding| finding.code == "open_point").map(|finding| finding.cause).collect();
    assert!(points.iter().any(|cause| cause.contains("`integer_division` is `truncate`")), "{points:?}");
}

#[test]
fn findings_come_graded_and_in_a_stable_order() {
    let mut known = known();
    known.rule_problems = vec![remark()];
    known.table().undecodable = 1;
    let plan = known.plan();
    assert!(plan.findings.is_sorted_by_key(|finding| (finding.grade, finding.code.clone(), finding.subject.clone())));
    assert_eq!((plan.graded(Grade::Error), plan.graded(Grade::Warning)), (1, 1));
}

#[test]
fn a_function_that_replaces_the_pipeline_badly_is_told_each_mistake_and_a_good_one_none() {
    let mut known = known();
    let filter = ActivityKind::Filter { filter: "temperature > 0 AND temperature < 100".to_owned() };
    let activities = vec![Activity { name: "sane".to_owned(), kind: filter }];
    let pipeline = Pipeline { name: "clean".to_owned(), origin: origin(), activities, tags: BTreeMap::new() };
    known.inventory.pipelines.insert("clean".to_owned(), pipeline);
    let reads = ["temperature", "device"].map(str::to_owned).into();
    let careless = Handler {
        name: "process".to_owned(),
        origin: origin(),
        is_fed_by_kinesis: true,
        decodes_base64: false,
        asks_the_clock: true,
        handles_rejected_records: false,
        conditions: ["records".to_owned()].into(),
        reads,
    };
    let careful = Handler {
        decodes_base64: true,
        asks_the_clock: false,
        handles_rejected_records: true,
        conditions: ["temperature".to_owned()].into(),
        reads: known.settings.tables[0]
            .dimensions
            .iter()
            .map(|rule| &rule.column)
            .chain(known.settings.tables[0].measures.iter().map(|rule| &rule.column))
            .chain([&known.settings.tables[0].time.column])
            .map(|column| column.to_string().rsplit('.').next().unwrap().to_owned())
            .collect(),
        ..careless.clone()
    };
    let mut told = |handler: Handler| -> Vec<String> {
        known.inventory.handlers = BTreeMap::from([("process".to_owned(), handler)]);
        known.codes().into_iter().map(|(_, code)| code).filter(|code| code.starts_with("handler_")).collect()
    };
    assert_eq!(
        told(careless),
        [
            "handler_drops_columns",
            "handler_forgets_base64",
            "handler_forgets_filter",
            "handler_ignores_rejected_records",
            "handler_time_is_now",
        ]
    );
    assert_eq!(told(careful), [] as [&str; 0]);
}

/// `press` with two routes into one table, and a third into another.
fn routed() -> Known {
    let mut known = known();
    let of = |value: &str, table: &str, name: &str| TableMapping {
        route: Some(Route { column: ColumnPath::top("type"), takes: Takes::Values(vec![value.to_owned()]) }),
        table: table.to_owned(),
        measure_name: name.into(),
        ..known.settings.tables[0].clone()
    };
    let tables = vec![of("a", "press", "a"), of("b", "press", "b"), of("c", "other", "c")];
    let census = |mapping: &TableMapping| TableCensus {
        table: mapping.table.clone(),
        measure_name: Some(mapping.measure_name.to_string()),
        ..known.census.tables[0].clone()
    };
    known.census.tables = tables.iter().map(census).collect();
    known.settings.tables = tables;
    known
}

#[test]
fn findings_about_mappings_of_one_table_name_the_measure_name_too() {
    let mut known = routed();
    known.census.tables[1].exact_duplicates = 3;
    assert_eq!(known.finding("exact_duplicates").subject, "table press (b)");
    let plan = known.plan();
    let subjects: Vec<&str> = plan.findings.iter().filter(|f| f.code == "irreversible_names").map(|f| f.subject.as_str()).collect();
    assert_eq!(subjects, ["table other", "table press (a)", "table press (b)"]);
    assert_eq!(plan.resources.iter().find(|r| r.kind == "datastore").unwrap().fate, "to tables press, other");
}

#[test]
fn a_route_without_rows_is_a_warning_and_rows_without_a_route_say_how_to_add_one() {
    let mut known = routed();
    let home = &mut known.census.tables[0];
    (home.rows, home.records, home.undecodable) = (5, 0, 2);
    home.refused = BTreeMap::from([("no_route".to_owned(), 3)]);
    let finding = known.finding("route_without_rows");
    assert_eq!((finding.grade, finding.subject.as_str()), (Grade::Warning, "table press (a)"));
    assert!(known.finding("refused_rows").remedy.contains("otherwise = true"));
    assert!(known.plan().findings.iter().all(|finding| finding.grade != Grade::Error));
    // Rows that a route takes, of which none becomes a record, are as bad as without routes.
    known.census.tables[0].rows = 6;
    assert_eq!(known.finding("no_rows").grade, Grade::Error);
}

#[test]
fn types_that_mix_in_the_store_are_no_finding_where_a_route_parts_them() {
    let mixed = |mut known: Known| {
        let store = known.survey.stores.get_mut("press").unwrap();
        store.columns[0].kinds.strings = 7;
        known.codes().iter().any(|(_, code)| code == "mixed_types")
    };
    assert!(mixed(known()));
    assert!(!mixed(routed()));
}
