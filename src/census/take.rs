//! Taking a census: read, map, count, spill; then look at the keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::groups::KeyTables;
use super::keeping::{Keeper, ScratchPlace};
use super::model::{COLLISIONS_LISTED_MAX, Census, Collision, Side, TableCensus};
use super::reading::{Reading, Table};
use super::scratch::SpillError;
use super::source::{MappedHistory, ReadFailure, reread};
use super::spill::{ENTRIES_AT_ONCE, Entry, Spill};
use super::workers::over;
use crate::history::{Listing, ReadLimits, SourceObject};
use crate::mapping::{Collisions, TableMapping};
use crate::progress::Progress;
use crate::record::Record;
use crate::survey::{SampleSize, sampled};
use crate::target::{ReadShape, Reads};

/// The sides of all listed collisions of a table together end here, as one key may have as many as there are rows.
const SIDES_LISTED_MAX: usize = 4 * COLLISIONS_LISTED_MAX;
/// A collision's description is cut here.
const WHAT_CHARS_MAX: usize = 500;

/// How a census is taken.
#[derive(Debug, Clone)]
pub struct CensusOptions {
    /// For whoever joins a history to [`MappedHistory`]; the census itself only hands it on.
    pub limits: ReadLimits,
    /// All of the history, unless a part of it is enough.
    pub sample: Option<SampleSize>,
    pub scratch: ScratchPlace,
    /// Objects decoded at once.
    pub readers: usize,
    /// Whether the keys carry row digests: a verification needs them, a plan does not.
    pub digests: bool,
    /// Collisions listed for each table; [`COLLISIONS_LISTED_MAX`] at the most. Listing reads their objects again, for the
    /// words that name them.
    pub collisions_listed_max: usize,
    /// Entries in memory at once; smaller only in tests.
    pub entries_at_once: u64,
}

impl CensusOptions {
    /// A full census with collisions listed and without digests: what a plan needs.
    #[must_use]
    pub fn full(scratch: PathBuf, readers: usize) -> Self {
        Self {
            limits: ReadLimits::default(),
            sample: None,
            scratch: ScratchPlace::Below(scratch),
            readers,
            digests: false,
            collisions_listed_max: COLLISIONS_LISTED_MAX,
            entries_at_once: ENTRIES_AT_ONCE,
        }
    }
}

/// A census and the keys behind it.
#[derive(Debug)]
pub struct Taken {
    pub census: Census,
    pub keys: KeyTables,
    /// Objects that an earlier process had read of the same work.
    pub(crate) objects_before: u64,
}

/// Why a census could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum CensusError {
    #[error("cannot read `{object}`: {failure}")]
    Read { object: String, failure: ReadFailure },
    #[error(transparent)]
    Scratch(#[from] SpillError),
    /// A defect, of this tool or of its reader; no count that does not add up is passed on.
    #[error("the rows of {subject} do not add up: {rows} read, but {detail}")]
    Unbalanced { subject: String, rows: u64, detail: String },
    #[error("the history has {objects} objects; at most {max} can be numbered", max = u32::MAX)]
    TooManyObjects { objects: usize },
}

impl CensusError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { failure, .. } => failure.hint.clone(),
            Self::Scratch(error) => error.hint(),
            Self::Unbalanced { .. } => Some("this is a defect; please report it with the object it names".to_owned()),
            Self::TooManyObjects { .. } => Some("split the history by store into several migrations".to_owned()),
        }
    }
}

/// The columns by which a mapping's records are read back and digested.
#[must_use]
pub fn shape_of(mapping: &TableMapping) -> ReadShape {
    let mut dimensions: Vec<String> = mapping.dimensions.iter().map(|rule| rule.name.to_string()).collect();
    dimensions.sort_unstable();
    ReadShape {
        table: mapping.table.clone(),
        measure_name: mapping.measure_name.to_string(),
        reads: Reads::All,
        dimensions,
        measures: mapping.measures.iter().map(|rule| (rule.name.to_string(), rule.kind)).collect(),
    }
}

/// The shapes of all `mappings`. Where several write to one table, each reads the rows of its own measure name, and the first
/// of them also those of measure names that none of them has.
#[must_use]
pub fn shapes_of<'m>(mappings: impl IntoIterator<Item = &'m TableMapping>) -> Vec<ReadShape> {
    let mut shapes: Vec<ReadShape> = mappings.into_iter().map(shape_of).collect();
    let mut by_table: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, shape) in shapes.iter().enumerate() {
        by_table.entry(shape.table.clone()).or_default().push(at);
    }
    for sharing in by_table.into_values().filter(|sharing| sharing.len() > 1) {
        let name = |at: &usize| shapes.get(*at).map(|shape| shape.measure_name.clone());
        let others: Vec<String> = sharing.iter().skip(1).filter_map(name).collect();
        for (nth, at) in sharing.into_iter().enumerate() {
            if let Some(shape) = shapes.get_mut(at) {
                shape.reads = if nth == 0 { Reads::AllBut(others.clone()) } else { Reads::Own };
            }
        }
    }
    shapes
}

/// Whether `object` gives rows of a store: raw channel messages must go through a pipeline first.
pub(crate) fn holds_rows_of(object: &SourceObject, store: &str) -> bool {
    object.store == store && object.holds_rows()
}

/// Reads all of `listing` that the `mappings` name (or the sample of it), maps every row and keys every record.
///
/// # Errors
/// [`CensusError`]; damage to the data is not an error but part of the census.
pub fn take_from(
    history: &dyn MappedHistory,
    listing: &Listing,
    mappings: &[TableMapping],
    options: &CensusOptions,
    progress: &dyn Progress,
) -> Result<Taken, CensusError> {
    if u32::try_from(listing.objects.len()).is_err() {
        return Err(CensusError::TooManyObjects { objects: listing.objects.len() });
    }
    let stores = stores_of(mappings);
    let chosen: Vec<Vec<u32>> = choose(listing, stores.keys().copied(), options);
    let mut keeper = Keeper::open(&options.scratch)?;
    progress.begin("reading the history", Some(chosen.iter().map(|objects| objects.len() as u64).sum()), "objects");
    let mut objects_before: u64 = 0;
    // By the number of the mapping.
    let mut read: BTreeMap<usize, (TableCensus, (Spill, Collisions))> = BTreeMap::new();
    for ((store, tables), objects) in stores.into_iter().zip(&chosen) {
        let mut begun = keeper.begin(store, tables.len(), options.entries_at_once)?;
        objects_before += begun.objects_done as u64;
        progress.advance(begun.objects_done as u64);
        let reading = Reading { history, listing, tables: &tables, options, progress };
        while let Some(rest) = objects.get(begun.objects_done..).filter(|rest| !rest.is_empty()) {
            let portion = keeper.portion(&listing.objects, rest);
            let tallies = reading.all(rest.get(..portion).unwrap_or(rest), &begun.writers)?;
            begun.tallies.iter_mut().zip(tallies).for_each(|(all, tally)| all.add(tally));
            begun.objects_done += portion;
            keeper.keep(store, &begun)?;
        }
        for ((table, tally), writer) in tables.iter().zip(begun.tallies).zip(begun.writers) {
            let census = tally.into_census(table.mapping, objects.len() as u64);
            read.insert(table.number, (census, (writer.finish(), table.mapping.policies.collisions)));
        }
    }
    progress.end();
    let (tables, spills) = read.into_values().unzip();
    let (census, keys) = finish(history, listing, tables, spills, options, progress)?;
    Ok(Taken { census, keys, objects_before })
}

/// The mappings by store, each store's in their order.
fn stores_of(mappings: &[TableMapping]) -> BTreeMap<&str, Vec<Table<'_>>> {
    let mut stores: BTreeMap<&str, Vec<Table<'_>>> = BTreeMap::new();
    for (number, mapping) in mappings.iter().enumerate() {
        stores.entry(&mapping.store).or_default().push(Table { number, mapping, shape: shape_of(mapping) });
    }
    stores
}

fn finish(
    history: &dyn MappedHistory,
    listing: &Listing,
    mut tables: Vec<TableCensus>,
    spills: Vec<(Spill, Collisions)>,
    options: &CensusOptions,
    progress: &dyn Progress,
) -> Result<(Census, KeyTables), CensusError> {
    let keys = KeyTables::new(spills);
    progress.begin("looking for keys that rows share", Some(tables.len() as u64), "tables");
    for (table, census) in tables.iter_mut().enumerate() {
        look_at_keys(&keys, table, listing, options, census)?;
        name_collisions(history, table, listing, options, &mut census.collisions)?;
        progress.advance(1);
    }
    progress.end();
    Ok((Census { full: options.sample.is_none(), tables }, keys))
}

/// The numbers of each store's objects: of all, or of those that a survey of the same sample reads.
fn choose<'s>(listing: &Listing, stores: impl Iterator<Item = &'s str>, options: &CensusOptions) -> Vec<Vec<u32>> {
    let mut chosen: Vec<(&str, Vec<u32>)> = stores.map(|store| (store, Vec::new())).collect();
    for number in sampled(listing, options.sample) {
        let Some(object) = listing.objects.numbered(number) else { continue };
        chosen.iter_mut().filter(|(store, _)| holds_rows_of(&object, store)).for_each(|(_, numbers)| numbers.push(number));
    }
    chosen.into_iter().map(|(_, numbers)| numbers).collect()
}

/// Counts keys, repeats and collisions, and lists the collisions in the history's order.
fn look_at_keys(
    keys: &KeyTables,
    table: usize,
    listing: &Listing,
    options: &CensusOptions,
    census: &mut TableCensus,
) -> Result<(), CensusError> {
    let listed_max = options.collisions_listed_max.min(COLLISIONS_LISTED_MAX);
    let mut records: u64 = 0;
    let mut sides_listed: usize = 0;
    let mut listed: Vec<Collision> = Vec::new();
    keys.groups::<CensusError>(table, &mut |group| {
        records += group.entries.len() as u64;
        census.distinct_keys += 1;
        census.exact_duplicates += group.exact_duplicates();
        let Some(first) = group.entries.first().filter(|_| group.collides()) else { return Ok(()) };
        census.collisions_total += 1;
        if listed.len() < listed_max && sides_listed + group.entries.len() <= SIDES_LISTED_MAX {
            sides_listed += group.entries.len();
            let sides = group.entries.iter().map(|entry| side(listing, entry)).collect();
            listed.push(Collision { key: format!("{:032x}", first.key), what: String::new(), sides, kept: group.kept() });
        }
        Ok(())
    })?;
    if records != census.records {
        let detail = format!("{records} records came back from the scratch directory");
        return Err(CensusError::Unbalanced { subject: format!("table `{}`", census.table), rows: census.records, detail });
    }
    listed.sort_by_key(|collision| collision.sides.first().map(|side| (side.unit, side.row)));
    census.collisions = listed;
    Ok(())
}

fn side(listing: &Listing, entry: &Entry) -> Side {
    let object = listing.objects.numbered(entry.unit).map(|object| object.id.key.clone());
    Side { unit: entry.unit, object: object.unwrap_or_default(), row: entry.row, content: entry.content }
}

/// Reads the first side of every listed collision again, as only the row knows the words behind a key.
fn name_collisions(
    history: &dyn MappedHistory,
    table: usize,
    listing: &Listing,
    options: &CensusOptions,
    collisions: &mut [Collision],
) -> Result<(), CensusError> {
    let mut wanted: BTreeMap<u32, BTreeMap<u64, usize>> = BTreeMap::new();
    for (at, collision) in collisions.iter().enumerate() {
        if let Some(first) = collision.sides.first() {
            wanted.entry(first.unit).or_default().insert(first.row, at);
        }
    }
    let wanted: Vec<(u32, BTreeMap<u64, usize>)> = wanted.into_iter().collect();
    let named = over(options.readers, wanted.len(), Vec::new, |named, at| {
        let Some((unit, rows)) = wanted.get(at) else { return Ok(()) };
        let Some(object) = listing.objects.numbered(*unit) else { return Ok(()) };
        let numbers: Vec<u64> = rows.keys().copied().collect();
        reread(history, table, &object, &numbers, &mut |row, record| named.extend(rows.get(&row).map(|at| (*at, what(&record)))))
            .map_err(|failure| CensusError::Read { object: object.id.key.clone(), failure })
    })?;
    for (at, text) in named.into_iter().flatten() {
        if let Some(collision) = collisions.get_mut(at) {
            collision.what = text;
        }
    }
    Ok(())
}

/// `device_id=press-1, time 2023-06-21T07:05:00Z`.
fn what(record: &Record) -> String {
    let mut text = String::new();
    for (name, value) in &record.dimensions {
        text.extend([name, "=", value.as_str(), ", "]);
    }
    // The time is what tells rows of a device apart, so it survives the cut.
    let text: String = text.chars().take(WHAT_CHARS_MAX).collect();
    format!("{text}time {}", record.time)
}
