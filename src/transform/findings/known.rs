//! What attributes the history has, as far as a survey knows.

use crate::path::{ColumnPath, Segment};

/// The columns of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownColumns {
    /// In lower case, as the service's catalog made them alike; cut at the first index.
    columns: Vec<Vec<String>>,
    side: Side,
}

/// Which end of the pipeline a history shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Raw messages of the channel: an attribute that is not there comes in with no message.
    Channel,
    /// Rows of the datastore: an attribute that is not there may have been taken out on the way.
    Datastore,
}

impl KnownColumns {
    #[must_use]
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a ColumnPath>, side: Side) -> Self {
        Self { columns: columns.into_iter().map(names).collect(), side }
    }

    pub(super) fn side(&self) -> Side {
        self.side
    }

    /// True when a row may hold something at `path`.
    pub(super) fn has(&self, path: &ColumnPath) -> bool {
        let wanted = names(path);
        self.columns.iter().any(|column| column.iter().zip(&wanted).all(|(a, b)| a == b))
    }
}

fn names(path: &ColumnPath) -> Vec<String> {
    let names = path.segments().iter().map_while(|segment| match segment {
        Segment::Name(name) => Some(name.to_lowercase()),
        Segment::Index(_) => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_there_when_a_column_lies_on_its_way() {
        let columns: Vec<ColumnPath> = ["device.Id", "device.coord", "l"].iter().map(|text| text.parse().unwrap()).collect();
        let known = KnownColumns::new(&columns, Side::Channel);
        for there in ["device", "Device.id", "device.coord[1]", "l[0].x"] {
            assert!(known.has(&there.parse().unwrap()), "{there}");
        }
        for missing in ["device.temp", "location", "coord"] {
            assert!(!known.has(&missing.parse().unwrap()), "{missing}");
        }
    }
}
