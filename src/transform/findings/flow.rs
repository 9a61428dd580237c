//! Which attributes a message can still have, from one activity to the next.

use std::collections::BTreeMap;

use super::known::{KnownColumns, Side};
use super::root;
use crate::path::ColumnPath;

/// What can be said of an attribute that an activity reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Presence {
    /// Messages may have it.
    Possible,
    /// An activity took it out of every message.
    TakenOutBy(String),
    /// No row of the channel's history has it, and no activity sets it.
    InNoRow,
}

/// An attribute that an activity set.
#[derive(Debug)]
struct Set {
    by: String,
    read: bool,
}

/// The state of knowledge between two activities.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    known: Option<&'a KnownColumns>,
    /// Attributes at the root that activities have set, and which.
    set: BTreeMap<String, Set>,
    removed: Vec<(ColumnPath, String)>,
    /// The selectAttributes activity after which a message has nothing but what it selected and what was set since.
    closed_by: Option<String>,
    /// False once a function may have made anything of a message.
    from_channel: bool,
}

impl<'a> Flow<'a> {
    pub(super) fn new(known: Option<&'a KnownColumns>) -> Self {
        Self { known, set: BTreeMap::new(), removed: Vec::new(), closed_by: None, from_channel: true }
    }

    /// An activity reads `path`.
    pub(super) fn read(&mut self, path: &ColumnPath) -> Presence {
        let taken = self.removed.iter().find(|(removed, _)| path.segments().starts_with(removed.segments()));
        if let Some((_, by)) = taken {
            return Presence::TakenOutBy(by.clone());
        }
        if let Some(set) = self.set.get_mut(root(path)) {
            set.read = true;
            return Presence::Possible;
        }
        if let Some(by) = &self.closed_by {
            return Presence::TakenOutBy(by.clone());
        }
        let raw = self.known.filter(|known| known.side() == Side::Channel && self.from_channel);
        if raw.is_some_and(|known| !known.has(path)) { Presence::InNoRow } else { Presence::Possible }
    }

    /// True when an activity has set the attribute `name` of the root.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// An activity sets `name` at the root. The activity that set it before, if nobody has read it since.
    pub(super) fn set(&mut self, name: &str, by: &str) -> Option<String> {
        self.removed.retain(|(removed, _)| root(removed) != name);
        self.set.insert(name.to_owned(), Set { by: by.to_owned(), read: false }).filter(|before| !before.read).map(|before| before.by)
    }

    /// An activity takes `path` out. The activity that set it, if nobody has read it.
    pub(super) fn remove(&mut self, path: &ColumnPath, by: &str) -> Option<String> {
        self.removed.push((path.clone(), by.to_owned()));
        if path.segments().len() > 1 {
            return None;
        }
        self.set.remove(root(path)).filter(|before| !before.read).map(|before| before.by)
    }

    /// selectAttributes: nothing is left but `selected`. What had been set and nobody has read, with who set it.
    pub(super) fn select(&mut self, selected: &[&str], by: &str) -> Vec<(String, String)> {
        let before = std::mem::take(&mut self.set);
        self.removed.clear();
        self.closed_by = Some(by.to_owned());
        for name in selected {
            self.set.insert((*name).to_owned(), Set { by: by.to_owned(), read: true });
        }
        before.into_iter().filter(|(_, set)| !set.read).map(|(name, set)| (name, set.by)).collect()
    }

    /// A function may make anything of a message.
    pub(super) fn anything(&mut self) {
        self.set.clear();
        self.removed.clear();
        self.closed_by = None;
        self.from_channel = false;
    }
}
