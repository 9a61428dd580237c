//! Which channel objects stand for which store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::history::{Layout, Listing, ObjectList, SourceObject};
use crate::inventory::{ActivityKind, Inventory, Pipeline};

/// A store whose rows come from raw channel messages, by way of a pipeline, instead of from the datastore's objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RawStore {
    pub store: String,
    /// A pipeline of the inventory that ends in this store.
    pub pipeline: String,
}

/// Why a store's rows cannot come from a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    #[error("[[raw]] names the pipeline {pipeline:?}, which the inventory does not hold with its activities")]
    UnknownPipeline { pipeline: String },
    #[error("[[raw]] sends the pipeline {pipeline:?} to the store {store:?}, and it ends in {ends_in:?}")]
    OtherStore { pipeline: String, store: String, ends_in: String },
    #[error("the history holds no object of the channel {channel:?}, which the pipeline {pipeline:?} reads")]
    NoMessages { channel: String, pipeline: String },
}

impl ViewError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownPipeline { .. } => {
                "capture the pipeline's definition with `iota2ts capture --from PATH…`, or correct [[raw]] in migration.toml".to_owned()
            }
            Self::OtherStore { ends_in, .. } => format!("write store = {ends_in:?} in that [[raw]], or name another pipeline"),
            Self::NoMessages { channel, .. } => {
                format!("copy `channel/{channel}/…` below the history's directory, or remove the [[raw]] from migration.toml")
            }
        })
    }
}

/// `listing` with the stores of `raw` made of channel objects: theirs of the datastore are passed over, with the reason, and the
/// channel's objects stand in their place, once for each pipeline.
///
/// # Errors
/// [`ViewError`], when inventory or history do not hold what `raw` asks for.
pub fn view(listing: &Listing, raw: &[RawStore], inventory: &Inventory) -> Result<Listing, ViewError> {
    if raw.is_empty() {
        return Ok(listing.clone());
    }
    let mut channels = Vec::new();
    for raw in raw {
        channels.push((channel_of(raw, inventory)?, raw));
    }
    let mut viewed = Listing { root: listing.root.clone(), objects: ObjectList::default(), passed_over: listing.passed_over.clone() };
    let mut found = vec![false; channels.len()];
    for object in listing.objects.iter() {
        if object.layout != Layout::Channel {
            if raw.iter().any(|raw| raw.store == object.store) {
                let reason = "the rows of its store come from raw channel messages, as [[raw]] says".to_owned();
                viewed.passed_over.push(crate::history::PassedOver { key: object.id.key.clone(), reason });
            } else {
                viewed.objects.push(&object);
            }
            continue;
        }
        let mut taken = false;
        for ((channel, raw), found) in channels.iter().zip(&mut found) {
            if object.store == **channel {
                taken = true;
                *found = true;
                viewed.objects.push(&through(&object, raw));
            }
        }
        if !taken {
            viewed.objects.push(&object);
        }
    }
    if let Some(((channel, raw), _)) = channels.iter().zip(found).find(|(_, found)| !found) {
        return Err(ViewError::NoMessages { channel: (*channel).to_owned(), pipeline: raw.pipeline.clone() });
    }
    Ok(viewed)
}

/// The channel that the pipeline reads, if it writes the store.
fn channel_of<'i>(raw: &RawStore, inventory: &'i Inventory) -> Result<&'i str, ViewError> {
    let unknown = || ViewError::UnknownPipeline { pipeline: raw.pipeline.clone() };
    let pipeline = inventory.pipelines.get(&raw.pipeline).ok_or_else(unknown)?;
    let (channel, store) = ends(pipeline).ok_or_else(unknown)?;
    if store != raw.store {
        let (pipeline, store, ends_in) = (raw.pipeline.clone(), raw.store.clone(), store.to_owned());
        return Err(ViewError::OtherStore { pipeline, store, ends_in });
    }
    Ok(channel)
}

/// The channel that a pipeline begins with and the datastore that it ends in.
pub(super) fn ends(pipeline: &Pipeline) -> Option<(&str, &str)> {
    let (mut channel, mut store) = (None, None);
    for activity in &pipeline.activities {
        match &activity.kind {
            ActivityKind::Channel { channel_name } => channel = Some(channel_name.as_str()),
            ActivityKind::Datastore { datastore_name } => store = Some(datastore_name.as_str()),
            _ => {}
        }
    }
    Some((channel?, store?))
}

/// A channel's object as rows of a store. Its key says nothing about the rows: a message has no partition columns.
fn through(object: &SourceObject, raw: &RawStore) -> SourceObject {
    SourceObject { store: raw.store.clone(), partitions: Arc::new([]), pipeline: Some(Arc::from(raw.pipeline.as_str())), ..object.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::fixture::{inventory, listing};

    fn raw(store: &str, pipeline: &str) -> RawStore {
        RawStore { store: store.to_owned(), pipeline: pipeline.to_owned() }
    }

    fn rows_of(listing: &Listing) -> Vec<String> {
        let rows = listing.objects.iter().filter(|object| object.holds_rows());
        rows.map(|object| format!("{} {} {}", object.store, object.id.key, object.pipeline.as_deref().unwrap_or("-"))).collect()
    }

    #[test]
    fn without_a_wish_for_raw_messages_the_listing_stays_as_it_is() {
        assert_eq!(view(&listing(), &[], &inventory()).unwrap(), listing());
    }

    #[test]
    fn a_stores_rows_come_from_its_channel_or_its_datastore_and_never_from_both() {
        let viewed = view(&listing(), &[raw("plant", "clean")], &inventory()).unwrap();
        assert_eq!(rows_of(&viewed), ["plant channel/readings/1.json.gz clean", "other datastore/other/1.json -"]);
        assert!(viewed.passed_over.iter().any(|passed| passed.key == "datastore/plant/1.json"), "{:?}", viewed.passed_over);
    }

    #[test]
    fn one_channel_can_feed_several_stores() {
        let viewed = view(&listing(), &[raw("plant", "clean"), raw("other", "copy")], &inventory()).unwrap();
        let stores: Vec<String> = viewed.objects.iter().filter(|object| object.holds_rows()).map(|object| object.store).collect();
        assert_eq!(stores, ["plant", "other"]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_to_do() {
        let refused = |raw: RawStore, listing: &Listing| view(listing, &[raw], &inventory()).unwrap_err();
        assert!(matches!(refused(raw("plant", "nobody"), &listing()), ViewError::UnknownPipeline { .. }));
        let other = refused(raw("plant", "copy"), &listing());
        assert!(matches!(&other, ViewError::OtherStore { ends_in, .. } if ends_in == "other"), "{other}");
        assert!(other.hint().unwrap().contains("store = \"other\""));
        let mut empty = listing();
        empty.objects = empty.objects.iter().filter(|object| object.layout != Layout::Channel).collect();
        assert!(matches!(refused(raw("plant", "clean"), &empty), ViewError::NoMessages { .. }));
    }
}
