//! For tests: everything that a plan is made from, healthy, so that a test can bend one thing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::census::{Census, Collision, Side, TableCensus};
use crate::history::{Format, Layout, Listing, SourceObject};
use crate::inventory::{Activity, ActivityKind, Datastore, FileFormat, Inventory, Origin, Pipeline, Retention, SchemaColumn, Storage};
use crate::mapping::{DimensionRule, MeasureRule, Policies, TableMapping, TimeRule};
use crate::path::ColumnPath;
use crate::provenance::ObjectId;
use crate::record::MeasureKind;
use crate::settings::{Settings, TargetSettings, WriteSettings};
use crate::survey::{ColumnSurvey, Extent, KindCounts, StoreSurvey, Survey};
use crate::time::{DAY_NANOS, Nanos, TimeFormat};

/// 2023-11-14T22:13:20Z
pub(crate) const NOW: Nanos = Nanos(1_700_000_000_000_000_000);

/// Everything that a plan is made from, owned.
pub(crate) struct Known {
    pub(crate) inventory: Inventory,
    pub(crate) survey: Survey,
    pub(crate) census: Census,
    pub(crate) settings: Settings,
    pub(crate) listing: Listing,
    pub(crate) rule_problems: Vec<RuleRemark>,
    pub(crate) doubts: Vec<RuleRemark>,
}

impl Known {
    pub(crate) fn plan(&self) -> Plan {
        make(&PlanInputs {
            inventory: &self.inventory,
            survey: &self.survey,
            census: &self.census,
            settings: &self.settings,
            listing: &self.listing,
            now: NOW,
            tool_version: "0.1.0",
            bound_to: Binding { inventory: "1".repeat(64), settings: "2".repeat(64), listing: "3".repeat(64) },
            rule_problems: &self.rule_problems,
            doubts: &self.doubts,
        })
    }

    /// A pipeline of one activity, from the channel `raw` to the store `press`.
    pub(crate) fn pipeline(&mut self, name: &str, kind: ActivityKind) {
        let ends = [
            ActivityKind::Channel { channel_name: "raw".to_owned() },
            kind,
            ActivityKind::Datastore { datastore_name: "press".to_owned() },
        ];
        let activities = ends.into_iter().zip(["in", "step", "out"]).map(|(kind, name)| Activity { name: name.to_owned(), kind }).collect();
        let pipeline = Pipeline { name: name.to_owned(), origin: origin(), activities, tags: BTreeMap::new() };
        self.inventory.pipelines.insert(name.to_owned(), pipeline);
    }

    pub(crate) fn table(&mut self) -> &mut TableCensus {
        &mut self.census.tables[0]
    }

    pub(crate) fn codes(&self) -> BTreeSet<(Grade, String)> {
        self.plan().findings.into_iter().map(|finding| (finding.grade, finding.code)).collect()
    }

    pub(crate) fn finding(&self, code: &str) -> Finding {
        let plan = self.plan();
        plan.findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("no {code} in {:#?}", plan.findings)).clone()
    }
}

pub(crate) fn ago(days: i64) -> Nanos {
    Nanos(NOW.0 - days * DAY_NANOS)
}

pub(crate) fn object(store: &str, layout: Layout, at: u32) -> SourceObject {
    let folder = if layout == Layout::Channel { "channel" } else { "datastore" };
    let key = format!("{folder}/{store}/__dt=2023-06-21 00:00:00/{at}.json.gz");
    SourceObject {
        id: Arc::new(ObjectId { key: key.clone(), etag: "1".to_owned() }),
        locator: key,
        store: store.to_owned(),
        layout,
        format: Format::Json,
        gzip: true,
        size_bytes: 1_000,
        partitions: Arc::new([]),
        pipeline: None,
    }
}

pub(crate) fn origin() -> Origin {
    Origin { file: "press.json".to_owned(), path: String::new() }
}

pub(crate) fn datastore(name: &str, retention: Retention, storage: Storage) -> Datastore {
    let columns = vec![SchemaColumn { name: "temperature".to_owned(), column_type: "double".to_owned() }];
    Datastore {
        name: name.to_owned(),
        origin: origin(),
        storage,
        retention,
        format: FileFormat::Parquet { columns },
        partitions: Vec::new(),
        tags: BTreeMap::new(),
    }
}

pub(crate) fn column(name: &str, kinds: KindCounts) -> ColumnSurvey {
    ColumnSurvey {
        path: ColumnPath::top(name),
        partition: false,
        present: 1_000,
        kinds,
        string_bytes_max: 0,
        distinct: 1,
        distinct_more: false,
        distinct_estimate: 1,
        other_spellings: Vec::new(),
        frequent: Vec::new(),
        times: Vec::new(),
        examples: Vec::new(),
    }
}

pub(crate) fn measure(name: &str, kind: MeasureKind) -> MeasureRule {
    MeasureRule { column: ColumnPath::top(name), name: Arc::from(name), kind, format: None }
}

/// One healthy store of 1,000 rows in two objects, 100 to 1 days old.
pub(crate) fn known() -> Known {
    let mapping = TableMapping {
        store: "press".to_owned(),
        route: None,
        table: "press".to_owned(),
        time: TimeRule { column: ColumnPath::top("ts"), format: TimeFormat::EpochMillis },
        measure_name: Arc::from("telemetry"),
        dimensions: vec![DimensionRule { column: ColumnPath::top("device").child("id"), name: Arc::from("device_id") }],
        measures: vec![measure("temperature", MeasureKind::Double), measure("running", MeasureKind::Boolean)],
        ignored: vec![ColumnPath::top("__dt")],
        policies: Policies::default(),
    };
    let census = TableCensus {
        table: "press".to_owned(),
        store: "press".to_owned(),
        objects: 2,
        rows: 1_000,
        records: 1_000,
        distinct_keys: 1_000,
        earliest: Some(ago(100)),
        latest: Some(ago(1)),
        metered_bytes: 60_000,
        dimension_bytes: 16_000,
        series: 4,
        ..TableCensus::default()
    };
    let survey = StoreSurvey {
        layouts: vec![Layout::Datastore],
        formats: vec![Format::Json],
        objects: 2,
        bytes: 2_000,
        rows: 1_000,
        bad_rows: 0,
        damaged: Vec::new(),
        empty_objects: 0,
        columns: vec![column("temperature", KindCounts { integers: 400, decimals: 600, ..KindCounts::default() })],
        ..StoreSurvey::default()
    };
    Known {
        inventory: Inventory {
            datastores: BTreeMap::from([("press".to_owned(), datastore("press", Retention::Days(90), Storage::ServiceManaged))]),
            ..Inventory::empty()
        },
        survey: Survey { extent: Extent::Full, stores: BTreeMap::from([("press".to_owned(), survey)]) },
        census: Census { full: true, tables: vec![census] },
        settings: Settings {
            history: "history".to_owned(),
            target: TargetSettings {
                database: "factory".to_owned(),
                memory_hours: 12,
                magnetic_days: 400,
                rejected_data_bucket: Some("rejected-rows".to_owned()),
                rejected_data_prefix: "press/".to_owned(),
                partition_dimension: None,
            },
            write: WriteSettings::default(),
            tables: vec![mapping],
            skipped_stores: Vec::new(),
            raw: Vec::new(),
            functions: BTreeMap::new(),
            invoked_functions: BTreeMap::new(),
            switches: crate::transform::TransformSwitches::default(),
        },
        listing: Listing {
            root: "history".to_owned(),
            objects: [object("press", Layout::Datastore, 0), object("press", Layout::Datastore, 1)].into_iter().collect(),
            passed_over: Vec::new(),
        },
        rule_problems: Vec::new(),
        doubts: Vec::new(),
    }
}

pub(crate) fn collision(at: u64) -> Collision {
    let side = |row| Side { unit: 0, object: "datastore/press/0.json".to_owned(), row, content: row };
    Collision {
        key: format!("{at:032x}"),
        what: format!("device_id=press-{at}, time 2023-06-21T07:05:00Z"),
        sides: vec![side(1), side(2)],
        kept: None,
    }
}
