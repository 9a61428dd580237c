//! What the three attribute activities do to a message.
//!
//! Names are compared exactly: `foo` and `FOO` are two attributes here, as they are to JSON.

use std::cmp::Reverse;

use super::model::{Copy, SelectedNameClash};
use crate::path::{ColumnPath, Segment};
use crate::value::{Object, Value};

/// addAttributes: what is copied stays; where there is nothing to copy, nothing is added.
pub(super) fn add(message: &mut Object, copies: &[Copy]) {
    let found: Vec<Option<Value>> = copies.iter().map(|copy| copy.from.find(message).cloned()).collect();
    for (copy, value) in copies.iter().zip(found) {
        if let Some(value) = value {
            message.insert(copy.to.clone(), value);
        }
    }
}

/// selectAttributes: the message becomes what is selected of it.
pub(super) fn select(message: &mut Object, selections: &[Copy], clash: SelectedNameClash) {
    let mut selected = Object::with_capacity(selections.len());
    for selection in selections {
        let taken = selected.contains_key(&selection.to) && clash == SelectedNameClash::FirstWins;
        if let Some(value) = selection.from.find(message).filter(|_| !taken) {
            selected.insert(selection.to.clone(), value.clone());
        }
    }
    *message = selected;
}

/// removeAttributes, of paths in the order of [`removal_order`].
pub(super) fn remove(message: &mut Object, paths: &[ColumnPath]) {
    for path in paths {
        remove_one(message, path);
    }
}

/// The order in which taking one path out does not move what another names: children before parents, later elements of an array
/// before earlier ones. So an index counts in the message as it came.
pub(crate) fn removal_order(paths: &[ColumnPath]) -> Vec<ColumnPath> {
    let mut paths = paths.to_vec();
    paths.sort_by(|a, b| Reverse(a).cmp(&Reverse(b)));
    paths.dedup();
    paths
}

fn remove_one(message: &mut Object, path: &ColumnPath) {
    let Some((last, parents)) = path.segments().split_last() else { return };
    let Some((first, between)) = parents.split_first() else {
        if let Segment::Name(name) = last {
            message.shift_remove(name);
        }
        return;
    };
    let Segment::Name(first) = first else { return };
    let Some(root) = message.get_mut(first) else { return };
    let parent = between.iter().try_fold(root, |value, segment| match (segment, value) {
        (Segment::Name(name), Value::Object(object)) => object.get_mut(name),
        (Segment::Index(index), Value::Array(items)) => items.get_mut(*index),
        _ => None,
    });
    match (last, parent) {
        (Segment::Name(name), Some(Value::Object(object))) => {
            object.shift_remove(name);
        }
        (Segment::Index(index), Some(Value::Array(items))) if *index < items.len() => {
            items.remove(*index);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::{parsed, text};
    use super::*;

    fn paths(texts: &[&str]) -> Vec<ColumnPath> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn copies(pairs: &[(&str, &str)]) -> Vec<Copy> {
        pairs.iter().map(|(from, to)| Copy { from: from.parse().unwrap(), to: (*to).to_owned() }).collect()
    }

    #[track_caller]
    fn check(before: &str, act: impl Fn(&mut Object), after: &str) {
        let mut message = parsed(before);
        act(&mut message);
        assert_eq!(text(&message), after);
    }

    #[test]
    fn added_attributes_are_copies_and_the_originals_stay() {
        let copied = copies(&[("device.coord[0]", "lat"), ("device.coord[1]", "lon"), ("device.id", "id")]);
        let message = r#"{"device":{"id":"d-1","coord":[47.6152543,-122.3354883]}}"#;
        check(
            message,
            |m| add(m, &copied),
            r#"{"device":{"id":"d-1","coord":[47.6152543,-122.3354883]},"lat":47.6152543,"lon":-122.3354883,"id":"d-1"}"#,
        );
    }

    #[test]
    fn nothing_is_added_where_there_is_nothing_to_copy() {
        let copied = copies(&[("a.b", "x"), ("a[0]", "y"), ("l[2]", "z"), ("location", "factory")]);
        check(r#"{"a":null,"l":[1,2]}"#, |m| add(m, &copied), r#"{"a":null,"l":[1,2]}"#);
    }

    #[test]
    fn all_is_read_before_anything_is_added() {
        check(r#"{"a":1,"b":2}"#, |m| add(m, &copies(&[("a", "b"), ("b", "a")])), r#"{"a":2,"b":1}"#);
    }

    #[test]
    fn selected_attributes_stand_at_the_root_in_the_order_of_the_list() {
        let message = r#"{"device":{"id":"d-1","temp":50,"hum":40},"light":90}"#;
        let selected = copies(&[("device.temp", "temp"), ("light", "light"), ("device.gone", "gone")]);
        check(message, |m| select(m, &selected, SelectedNameClash::LastWins), r#"{"temp":50,"light":90}"#);
    }

    #[test]
    fn of_two_selected_names_the_switch_says_which_wins() {
        let selected = copies(&[("a.t", "t"), ("b.t", "t"), ("c.t", "t")]);
        let message = r#"{"a":{"t":1},"b":{"t":2}}"#;
        check(message, |m| select(m, &selected, SelectedNameClash::LastWins), r#"{"t":2}"#);
        check(message, |m| select(m, &selected, SelectedNameClash::FirstWins), r#"{"t":1}"#);
    }

    #[test]
    fn removing_takes_the_subtree_and_leaves_the_rest_in_order() {
        let removal = removal_order(&paths(&["b", "d.x", "gone", "d.y.z"]));
        check(r#"{"a":1,"b":{"c":[1]},"c":2,"d":{"x":1,"y":2}}"#, |m| remove(m, &removal), r#"{"a":1,"c":2,"d":{"y":2}}"#);
    }

    #[test]
    fn removed_indexes_count_in_the_message_as_it_came() {
        let removal = removal_order(&paths(&["l[0]", "l[2]", "l[1].a", "l[9]", "l[2]"]));
        check(r#"{"l":[0,{"a":1,"b":2},"two",3]}"#, |m| remove(m, &removal), r#"{"l":[{"b":2},3]}"#);
    }
}
