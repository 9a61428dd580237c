//! Conditions of a template: true, false, or not to be known from parameters.

use super::super::problem::shown;
use super::super::tree::{Data, Node};
use super::resolve::Resolver;

impl Resolver<'_> {
    /// Evaluates a named condition.
    ///
    /// # Errors
    /// Why it cannot be known.
    pub(super) fn condition(&mut self, name: &str) -> Result<bool, String> {
        if let Some(known) = self.truths.get(name) {
            return known.clone();
        }
        let Some(node) = self.conditions.and_then(|conditions| conditions.get(name)) else {
            return Err(format!("the template has no condition {}", shown(name)));
        };
        let mark = format!("condition {name}");
        if !self.enter(&mark) {
            return Err(format!("the condition {} refers to itself, or leans on too many others", shown(name)));
        }
        let truth = self.truth(node);
        self.visiting.remove(&mark);
        self.truths.insert(name.to_owned(), truth.clone());
        truth
    }

    fn truth(&mut self, node: &Node) -> Result<bool, String> {
        let Some((name, argument)) = node.as_map().filter(|map| map.len() == 1).and_then(|map| map.first()) else {
            return Err("it is no condition function".to_owned());
        };
        let arguments = argument.as_list().unwrap_or_default();
        match (name.as_str(), &argument.data) {
            ("Condition", Data::Text(other)) => self.condition(other),
            ("Fn::Equals", _) => match arguments {
                [left, right] => Ok(self.known_text(left)? == self.known_text(right)?),
                _ => Err("Fn::Equals takes two values".to_owned()),
            },
            ("Fn::Not", _) => match arguments {
                [only] => self.truth(only).map(|truth| !truth),
                _ => Err("Fn::Not takes one condition".to_owned()),
            },
            ("Fn::And", _) => self.fold(arguments, false),
            ("Fn::Or", _) => self.fold(arguments, true),
            _ => Err(format!("{} is not evaluated here", shown(name))),
        }
    }

    /// One `deciding` member decides; otherwise all must be known.
    fn fold(&mut self, members: &[Node], deciding: bool) -> Result<bool, String> {
        let mut unknown = None;
        for member in members {
            match self.truth(member) {
                Ok(truth) if truth == deciding => return Ok(deciding),
                Ok(_) => {}
                Err(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or(Ok(!deciding), Err)
    }

    fn known_text(&mut self, node: &Node) -> Result<String, String> {
        // What stays unknown here matters only if the condition does, and whoever asked for the condition says so.
        let (value, _) = self.silently(|resolver| resolver.value(node, ""));
        match value.map(|value| value.data) {
            Some(Data::Text(text) | Data::Number(text)) => Ok(text),
            Some(Data::Bool(value)) => Ok(value.to_string()),
            Some(Data::Symbol(text)) => Err(format!("{} is not known", shown(&text))),
            _ => Err("it compares what is no text".to_owned()),
        }
    }
}
