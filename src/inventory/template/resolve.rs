//! Intrinsic functions of a template. `!Ref` of a parameter becomes its value and of a resource its name; what only the
//! stack knows becomes a symbol, `${…}`, and is remembered as unknown.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::super::problem::shown;
use super::super::tree::{Data, Node, join, nth};

/// Text that functions build is cut off from growing here: a template can double it with every resource.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// What all functions of a template may resolve to, in bytes and values.
const RESOLVED_MAX: usize = 64 * 1024 * 1024;
/// How far names and conditions may lean on each other.
const REFERENCES_DEEP_MAX: usize = 32;

type Section<'t> = Option<&'t IndexMap<String, Node>>;

/// Something that stays unknown, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unknown {
    pub(super) path: String,
    pub(super) unknown: String,
}

pub(super) struct Resolver<'t> {
    parameters: Section<'t>,
    mappings: Section<'t>,
    pub(super) conditions: Section<'t>,
    resources: Section<'t>,
    given: &'t BTreeMap<String, String>,
    used: BTreeSet<String>,
    names: BTreeMap<String, Node>,
    pub(super) truths: BTreeMap<String, Result<bool, String>>,
    /// Names and conditions being worked out, so that a template that refers to itself comes to an end.
    pub(super) visiting: BTreeSet<String>,
    unknowns: BTreeSet<Unknown>,
    budget: usize,
}

impl<'t> Resolver<'t> {
    pub(super) fn new(root: &'t Node, given: &'t BTreeMap<String, String>) -> Self {
        let section = |key: &str| root.get(key).and_then(Node::as_map);
        Self {
            parameters: section("Parameters"),
            mappings: section("Mappings"),
            conditions: section("Conditions"),
            resources: section("Resources"),
            given,
            used: BTreeSet::new(),
            names: BTreeMap::new(),
            truths: BTreeMap::new(),
            visiting: BTreeSet::new(),
            unknowns: BTreeSet::new(),
            budget: RESOLVED_MAX,
        }
    }

    /// Notes that `mark` is being worked out; false when it already is, or when the way here is too long.
    pub(super) fn enter(&mut self, mark: &str) -> bool {
        self.visiting.len() < REFERENCES_DEEP_MAX && self.visiting.insert(mark.to_owned())
    }

    /// Given parameters that the template declares, whether or not a resource needed them.
    pub(super) fn take_used(&mut self) -> BTreeSet<String> {
        let declared = self.parameters.into_iter().flat_map(IndexMap::keys).filter(|name| self.given.contains_key(*name));
        let mut used: BTreeSet<String> = declared.cloned().collect();
        used.append(&mut self.used);
        used
    }

    pub(super) fn take_unknowns(&mut self) -> BTreeSet<Unknown> {
        std::mem::take(&mut self.unknowns)
    }

    /// Runs `work` and keeps what it found unknown out of the report.
    pub(super) fn silently<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, BTreeSet<Unknown>) {
        let before = std::mem::take(&mut self.unknowns);
        let result = work(self);
        (result, std::mem::replace(&mut self.unknowns, before))
    }

    /// `node` with its functions resolved; none for `AWS::NoValue`.
    pub(super) fn value(&mut self, node: &Node, path: &str) -> Option<Node> {
        if let Some((name, argument)) = call(node) {
            return self.afford(name, argument, node.line, path);
        }
        let data = match &node.data {
            Data::Map(map) => {
                let entries = map.iter().filter_map(|(key, value)| Some((key.clone(), self.value(value, &join(path, key))?)));
                Data::Map(entries.collect())
            }
            Data::List(items) => Data::List(items.iter().enumerate().filter_map(|(i, item)| self.value(item, &nth(path, i))).collect()),
            Data::Text(text) if text.contains("{{resolve:") => {
                self.remember(path, format!("{} is looked up when the stack is made", shown(text)));
                Data::Symbol(text.clone())
            }
            other => other.clone(),
        };
        Some(Node::new(node.line, data))
    }

    /// Resolves a call as long as the template has not used up what it may resolve to.
    fn afford(&mut self, name: &str, argument: &Node, line: u32, path: &str) -> Option<Node> {
        let resolved = if self.budget > 0 { Some(self.call(name, argument, line, path)?) } else { None };
        self.budget = self.budget.saturating_sub(resolved.as_ref().map_or(0, size_of_node));
        match resolved.filter(|_| self.budget > 0) {
            Some(node) => Some(node),
            None => Some(self.symbol(
                name,
                &format!("is one function too many: all together come to more than {RESOLVED_MAX} bytes"),
                line,
                path,
            )),
        }
    }

    fn call(&mut self, name: &str, argument: &Node, line: u32, path: &str) -> Option<Node> {
        let arguments = argument.as_list().unwrap_or_default();
        let resolved = match (name, &argument.data, arguments) {
            ("Ref", Data::Text(target), _) => return self.reference(target, line, path),
            ("Fn::GetAtt", Data::Text(target), _) => Some(self.attribute(target, line, path)),
            ("Fn::GetAtt", _, [resource, attribute]) => {
                let attribute = self.value(attribute, path).as_ref().and_then(text_of).unwrap_or_default();
                resource.as_text().map(|resource| self.attribute(&format!("{resource}.{attribute}"), line, path))
            }
            ("Fn::Sub", Data::Text(text), _) => Some(self.substitute(text, None, line, path)),
            ("Fn::Sub", _, [text, variables]) => text.as_text().map(|text| self.substitute(text, variables.as_map(), line, path)),
            ("Fn::Join", _, [delimiter, parts]) => self.join(delimiter, parts, line, path),
            ("Fn::Select", _, [index, items]) => self.select(index, items, path),
            ("Fn::Split", _, [delimiter, text]) => self.split(delimiter, text, line, path),
            ("Fn::If", _, [condition, yes, no]) => match condition.as_text().map(|name| self.condition(name)) {
                Some(Ok(truth)) => return self.value(if truth { yes } else { no }, path),
                Some(Err(why)) => {
                    let name = condition.as_text().unwrap_or_default();
                    Some(self.symbol(&format!("Fn::If({name})"), &format!("depends on the condition {}: {why}", shown(name)), line, path))
                }
                None => None,
            },
            ("Fn::FindInMap", _, [map, first, second, ..]) => self.find_in_map([map, first, second], path),
            _ => None,
        };
        // Whatever is not resolved stays, named by its function and what it was given.
        Some(resolved.unwrap_or_else(|| {
            let mut given: String = argument.to_json().to_string().chars().take(100).collect();
            if let Some(text) = argument.as_text() {
                given = text.to_owned();
            }
            self.symbol(&format!("{name}({given})"), &format!("{} is worked out by CloudFormation", shown(name)), line, path)
        }))
    }

    fn symbol(&mut self, what: &str, why: &str, line: u32, path: &str) -> Node {
        let text = format!("${{{what}}}");
        self.remember(path, format!("{} {why}", shown(&text)));
        Node::new(line, Data::Symbol(text))
    }

    fn remember(&mut self, path: &str, unknown: String) {
        self.unknowns.insert(Unknown { path: path.to_owned(), unknown });
    }

    /// `!Ref name`: a parameter's value or a resource's name.
    fn reference(&mut self, name: &str, line: u32, path: &str) -> Option<Node> {
        if name == "AWS::NoValue" {
            return None;
        }
        let declared = self.parameters.and_then(|parameters| parameters.get(name));
        if declared.is_some() || name.starts_with("AWS::") {
            return Some(self.parameter(name, declared, line, path));
        }
        if self.resources.is_some_and(|resources| resources.contains_key(name)) {
            let mut node = self.name_node(name);
            node.line = line;
            if let Data::Symbol(text) = &node.data {
                self.remember(path, format!("{} is the name that CloudFormation gave to a resource", shown(text)));
            }
            return Some(node);
        }
        Some(self.symbol(name, "is neither a parameter nor a resource of this template", line, path))
    }

    fn parameter(&mut self, name: &str, declared: Option<&Node>, line: u32, path: &str) -> Node {
        let kind = declared.and_then(|node| node.get("Type")).and_then(Node::as_text).unwrap_or("String").to_owned();
        let given = self.given.get(name).cloned();
        if given.is_some() {
            self.used.insert(name.to_owned());
        }
        let is_looked_up = kind.starts_with("AWS::SSM::Parameter::Value");
        let default = declared.and_then(|node| node.get("Default")).filter(|_| !is_looked_up).and_then(text_of);
        let Some(value) = given.or(default) else {
            let why = match declared {
                None => "is known to the stack only".to_owned(),
                Some(_) if is_looked_up => "is looked up in the Systems Manager when the stack is made".to_owned(),
                Some(_) => "is a parameter without a default".to_owned(),
            };
            return self.symbol(name, &format!("{why}; give it as `{name}=VALUE`"), line, path);
        };
        let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
        if !is_list {
            return Node::new(line, Data::Text(value));
        }
        let items = value.split(',').map(|item| Node::new(line, Data::Text(item.trim().to_owned())));
        Node::new(line, Data::List(items.collect()))
    }

    /// `!GetAtt Resource.Attribute` is not known before there is a stack.
    fn attribute(&mut self, target: &str, line: u32, path: &str) -> Node {
        self.symbol(target, "is an attribute that only the stack knows", line, path)
    }

    /// The physical name of a resource, symbolic where CloudFormation made it up.
    pub(super) fn name_of(&mut self, logical: &str) -> String {
        let node = self.name_node(logical);
        if let Data::Symbol(text) = &node.data {
            let unknown =
                format!("{} is the name that CloudFormation gave to this resource; capture list or describe output for it", shown(text));
            self.remember(&join("Resources", logical), unknown);
        }
        text_of(&node).unwrap_or_default()
    }

    fn name_node(&mut self, logical: &str) -> Node {
        if let Some(known) = self.names.get(logical) {
            return known.clone();
        }
        let unnamed = Node::new(0, Data::Symbol(format!("${{{logical}}}")));
        let mark = format!("resource {logical}");
        if !self.enter(&mark) {
            return unnamed;
        }
        let resource = self.resources.and_then(|resources| resources.get(logical));
        let kind = resource.and_then(|resource| resource.get("Type")).and_then(Node::as_text).unwrap_or_default();
        let property = resource.and_then(|resource| resource.get("Properties")?.get(name_property(kind)?));
        let path = join(&join("Resources", logical), "Properties");
        let node =
            property.and_then(|property| self.value(property, &path)).filter(|node| text_of(node).is_some_and(|text| !text.is_empty()));
        self.visiting.remove(&mark);
        let node = node.unwrap_or(unnamed);
        self.names.insert(logical.to_owned(), node.clone());
        node
    }

    fn substitute(&mut self, text: &str, variables: Section<'_>, line: u32, path: &str) -> Node {
        let mut out = Built::default();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push(before, false);
            let Some((inner, behind)) = after.split_once('}') else {
                rest = after;
                out.push("${", false);
                continue;
            };
            rest = behind;
            let name = inner.trim();
            if let Some(literal) = inner.strip_prefix('!') {
                out.push(&format!("${{{literal}}}"), false);
                continue;
            }
            let value = match variables.and_then(|variables| variables.get(name)) {
                Some(variable) => self.value(variable, path),
                None if name.contains('.') => Some(self.attribute(name, line, path)),
                None => self.reference(name, line, path),
            };
            match value.as_ref().and_then(text_of) {
                Some(text) => out.push(&text, matches!(value.map(|v| v.data), Some(Data::Symbol(_)))),
                None => out.push(&format!("${{{name}}}"), true),
            }
        }
        out.push(rest, false);
        self.built(out, line, path)
    }

    fn join(&mut self, delimiter: &Node, parts: &Node, line: u32, path: &str) -> Option<Node> {
        let delimiter = delimiter.as_text()?.to_owned();
        let parts = self.value(parts, path)?;
        let mut out = Built::default();
        for (index, part) in parts.as_list()?.iter().enumerate() {
            if index > 0 {
                out.push(&delimiter, false);
            }
            out.push(&text_of(part)?, matches!(part.data, Data::Symbol(_)));
        }
        Some(self.built(out, line, path))
    }

    fn built(&mut self, built: Built, line: u32, path: &str) -> Node {
        if built.too_long {
            return self.symbol("…", &format!("is text of more than {TEXT_BYTES_MAX} bytes"), line, path);
        }
        Node::new(line, if built.symbolic { Data::Symbol(built.text) } else { Data::Text(built.text) })
    }

    fn select(&mut self, index: &Node, items: &Node, path: &str) -> Option<Node> {
        let index: usize = text_of(&self.value(index, path)?)?.parse().ok()?;
        let (items, unknowns) = self.silently(|resolver| resolver.value(items, path));
        let item = items?.as_list()?.get(index).cloned();
        if item.as_ref().is_some_and(|item| matches!(item.data, Data::Symbol(_))) {
            self.unknowns.extend(unknowns);
        }
        item
    }

    fn split(&mut self, delimiter: &Node, text: &Node, line: u32, path: &str) -> Option<Node> {
        let delimiter = delimiter.as_text().filter(|d| !d.is_empty())?.to_owned();
        let text = self.value(text, path)?;
        // A symbol's own text may hold the delimiter in other places than its value will.
        let parts = text.as_text()?.split(delimiter.as_str()).map(|part| Node::new(line, Data::Text(part.to_owned())));
        Some(Node::new(line, Data::List(parts.collect())))
    }

    fn find_in_map(&mut self, keys: [&Node; 3], path: &str) -> Option<Node> {
        let mut texts = Vec::with_capacity(keys.len());
        for key in keys {
            texts.push(self.value(key, path)?.as_text()?.to_owned());
        }
        let [map, first, second] = texts.as_slice() else {
            return None;
        };
        let found = self.mappings?.get(map)?.get(first)?.get(second)?;
        // A mapping holds texts and lists of texts, nothing that would have to be resolved again.
        let is_flat = found.as_list().is_none_or(|items| items.iter().all(|item| text_of(item).is_some()));
        (found.as_map().is_none() && is_flat).then(|| found.clone())
    }
}

/// Text that grows up to a limit.
#[derive(Default)]
struct Built {
    text: String,
    symbolic: bool,
    too_long: bool,
}

impl Built {
    fn push(&mut self, text: &str, symbolic: bool) {
        self.symbolic |= symbolic;
        self.too_long |= self.text.len() + text.len() > TEXT_BYTES_MAX;
        if !self.too_long {
            self.text.push_str(text);
        }
    }
}

/// A function and its argument, if `node` is a call of one.
fn call(node: &Node) -> Option<(&str, &Node)> {
    let (name, argument) = node.as_map().filter(|map| map.len() == 1)?.first()?;
    (name == "Ref" || name.starts_with("Fn::")).then_some((name.as_str(), argument))
}

fn size_of_node(node: &Node) -> usize {
    let inner: usize = match &node.data {
        Data::Text(text) | Data::Symbol(text) | Data::Number(text) => text.len(),
        Data::List(items) => items.iter().map(size_of_node).sum(),
        Data::Map(map) => map.iter().map(|(key, value)| key.len() + size_of_node(value)).sum(),
        Data::Null | Data::Bool(_) => 0,
    };
    inner + size_of::<Node>()
}

/// Text, or what CloudFormation writes as text.
fn text_of(node: &Node) -> Option<String> {
    match &node.data {
        Data::Text(text) | Data::Symbol(text) | Data::Number(text) => Some(text.clone()),
        Data::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The property that names a resource, for types whose `Ref` is that name.
fn name_property(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::IoTAnalytics::Channel" => "ChannelName",
        "AWS::IoTAnalytics::Pipeline" => "PipelineName",
        "AWS::IoTAnalytics::Datastore" => "DatastoreName",
        "AWS::IoTAnalytics::Dataset" => "DatasetName",
        "AWS::IoT::TopicRule" => "RuleName",
        "AWS::IoT::Thing" => "ThingName",
        "AWS::Lambda::Function" | "AWS::Serverless::Function" => "FunctionName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::IoTEvents::Input" => "InputName",
        _ => return None,
    })
}
