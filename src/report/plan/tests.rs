use super::*;
use crate::history::Layout;
use crate::plan::fixture::{collision, known, object};
use crate::report::text::WIDTH;
use crate::time::Nanos;

#[test]
fn a_plan_reads_from_the_sources_to_the_next_step() {
    let mut known = known();
    known.census.tables[0].collisions = vec![collision(1)];
    known.census.tables[0].collisions_total = 1;
    known.census.tables[0].exact_duplicates = 12;
    known.census.tables[0].earliest = Some(Nanos(0));
    known.listing.objects.push(&object("raw", Layout::Channel, 0));
    insta::assert_snapshot!(plan_text(&known.plan()), @r#"
Migration plan of 2023-11-14T22:13:20Z, made by iota2ts 0.1.0
  from        history: 2 objects, 1.9 KiB as stored
  to          database factory (1 table), 12 hours in memory, 400 days in the magnetic store
  read        every row of every object
  bound to    inventory 111111111111, settings 222222222222, history 333333333333

Resources
  kind       name   what                                                    becomes
  datastore  press  service-managed, parquet of 1 column, kept for 90 days  to table press

Table press, from store press
  rows        1,000 rows in 2 objects of 1.9 KiB
  becoming    1,000 records of 58.5 KiB metered; 0 refused by the mapping, 0 undecodable
  time        1970-01-01T00:00:00Z to 2023-11-13T22:13:20Z, from column ts as epoch_ms; the target
              takes rows from 2022-10-10T10:13:20Z on
  keys        1,000 keys in 4 series; 12 exact repeats, 1 collision (quarantine all)
  dimensions  device_id (from device.id)
  measures    all in records of the measure name telemetry
              measure      type     column
              temperature  DOUBLE   temperature
              running      BOOLEAN  running
  ignored     __dt
  policies    nested values flattened with `_`; missing dimensions omitted; empty strings omitted;
              NaN and infinities omitted; rows with oversize strings quarantined; rows with values
              of a wrong type quarantined; rows with unknown columns quarantined

Findings: 1 error, 3 warnings, 7 notes
  error       time_before_window: table press
              its oldest row is of 1970-01-01T00:00:00Z, and 400 days and 12 hours of retention
              reach back to 2022-10-10T10:13:20Z only: older rows would be refused
              -> set target.magnetic_days to at least 19706 before the table is created
  warning     channel_history_not_used: channel raw
              the history holds 1 object of raw messages from before the pipeline, which are not
              migrated; only processed rows are
              -> nothing to do if the datastore's own history is complete; else let its rows come
                 from the channel with [[raw]] in migration.toml
  warning     key_collisions: table press
              1 key is shared by rows with different values (device_id=press-1, time
              2023-06-21T07:05:00Z); all of those rows are quarantined
              -> add a column that tells these rows apart to its dimensions, or choose `collisions`
                 in [table.policies]
  warning     magnetic_partition_budget: target
              the history touches about 19675 magnetic partitions (taking one a day), and a database
              has 250 active ones in 6 hours: the service may throttle, and rows may be visible up
              to 6 hours late
              -> nothing to do: objects are written in the order of time and the rate follows the
                 throttling; expect to wait before verifying
  note        exact_duplicates: table press
              12 rows repeat another row exactly, and the target stores them once
              -> nothing to do: the verification counts them as collapsed
  note        irreversible_names: table press
              names of database, table, dimensions and measures can never be changed, nor what
              identifies a record: telemetry, device_id and ts
              -> read the names in migration.toml before the first backfill
  note        irreversible_partition_key: migration.toml: target.partition_dimension
              tables are created without a partition key of your own, which can never be added
              -> set a dimension that most queries filter by, if there is one, before the first
                 backfill
  note        irreversible_retention: migration.toml: target.magnetic_days
              tables are created with 12 hours in memory and 400 days in the magnetic store; what
              retention deletes is gone, and raising it later does not open the window at once
              -> decide how long rows must be kept before the first backfill
  note        irreversible_types: table press
              the type of a measure can never be changed in a table: 1 BOOLEAN, 1 DOUBLE
              -> read the types of [[table]].measures in migration.toml before the first backfill
  note        live_analytics_closed: target
              Timestream for LiveAnalytics takes no new customers since 2025-06-20
              -> make sure that the account used it before; a rehearsal with `--target embedded`
                 needs no account
  note        magnetic_visibility: target
              rows older than 12 hours go to the magnetic store, where queries may see them up to 6
              hours later
              -> expect the verification to wait; it knows rows that are not visible yet from rows
                 that are missing

Cost, at prices of 2020-07-28, US East list prices; check them for your Region
  writing     less than $0.01 for 68 write units of 1 KiB
  keeping     less than $0.01 a month in the magnetic store, $0.00 in the memory store
  - a write unit is 1 KiB, rounded up for every request of 100 records; dimensions are counted in
    full in every record, so the bill can be lower where the service charges repeated dimensions
    once
  - storage is counted as metered bytes, 1 GB as 10^9 bytes; the magnetic store's price is for the
    history alone
  - memory store hours are counted only for rows young enough to enter it, taken to be spread evenly
    over time
  - queries are not counted, those of the verification among them

Duration
  writing     less than a second for 10 requests
  bound by    WriteRecords throughput: about 21,000 records a second, the most that has been
              published

Next: mend the errors above, most of them in migration.toml, and run `iota2ts plan` again; a
      backfill is refused until then
"#);
}

#[test]
fn a_plan_without_definitions_or_errors_says_so_and_where_to_go_on() {
    let mut known = known();
    known.inventory.datastores.clear();
    let text = plan_text(&known.plan());
    assert!(text.contains("no definition was captured"), "{text}");
    assert!(text.contains("Findings: 0 errors, 0 warnings, "), "{text}");
    assert!(text.contains("then `iota2ts backfill --target aws`"), "{text}");
}

#[test]
fn lines_fit_and_hostile_names_cannot_steer_the_terminal() {
    let mut known = known();
    let evil = "\u{1b}[2J\r\n\u{202e}press";
    known.settings.history = evil.to_owned();
    known.settings.target.database = evil.to_owned();
    known.settings.tables[0].measure_name = evil.into();
    known.settings.tables[0].dimensions[0].name = evil.into();
    known.settings.tables[0].measures[0].name = evil.into();
    known.settings.tables[0].policies.missing_dimension = MissingDimension::Fill(evil.to_owned());
    known.census.tables[0].damaged.push((evil.to_owned(), evil.to_owned()));
    known.census.tables[0].refused.insert(evil.to_owned(), 1);
    let text = plan_text(&known.plan());
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    assert!(!text.contains('\u{202e}'), "{text}");
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= WIDTH, "{widest}: {text}");
}

#[test]
fn long_lists_are_counted_and_not_printed_whole() {
    let plan = known().plan();
    let mut long = plan.clone();
    long.findings = vec![plan.findings[0].clone(); LISTED_MAX + 5];
    assert!(findings(&long).contains("… and 5 more in plan.json"));
}
