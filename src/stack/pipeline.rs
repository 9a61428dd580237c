//! A pipeline's spec → `pipeline.py`: one Python function for each activity, with the meaning that the engine gives it.
//!
//! The emitted functions take a message and return it, or None where they drop it. They never change what stands inside an attribute, only
//! which attributes a message has; so a copied value may be shared.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::expression::{filter_to_python, math_to_python};
use crate::inventory::{printable, shown};
use crate::path::{ColumnPath, Segment};
use crate::python::{comment, identifier, string};
use crate::transform::{
    Action, Copy, LambdaMayDrop, REGISTRY_MEMBERS, SPEC_VERSION, SelectedNameClash, Step, TransformSpec, TransformSwitches, removal_order,
};

/// Why a pipeline has no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineCodeError {
    #[error("the activity {} is not translated: {}", shown(activity), printable(reason))]
    Manual { activity: String, reason: String },
    #[error("the activity {} calls {}, a name that only a deployed template knows", shown(activity), shown(function))]
    SymbolicFunction { activity: String, function: String },
    #[error("the spec has version {found} and this program translates version {SPEC_VERSION}")]
    Version { found: u32 },
}

impl PipelineCodeError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Manual { .. } => "mend the activity in the definition and translate again".to_owned(),
            Self::SymbolicFunction { .. } => "capture the deployed pipeline: a saved describe-pipeline answer has the name".to_owned(),
            Self::Version { .. } => "translate the pipeline again".to_owned(),
        })
    }
}

/// Emits `pipeline.py`. The same spec gives the same text.
///
/// # Errors
/// When an activity is not translated, or calls a function whose name is not known.
pub fn render(spec: &TransformSpec) -> Result<String, PipelineCodeError> {
    if spec.version != SPEC_VERSION {
        return Err(PipelineCodeError::Version { found: spec.version });
    }
    let names = function_names(&spec.steps);
    let mut functions = String::new();
    for (step, name) in spec.steps.iter().zip(&names) {
        functions.push_str("\n\n");
        functions.push_str(&function(step, name, &spec.switches)?);
    }
    let needs = Needs::of(spec);
    let mut code = needs.head(spec);
    code.push_str(&functions);
    code.push_str("\n\n");
    code.push_str(&run(spec, &names));
    code.push_str(&needs.parts());
    Ok(code)
}

/// Names that the emitted module uses for itself, Python's own among them.
const RESERVED: [&str; 35] = [
    "all",
    "any",
    "ask",
    "asked",
    "boto3",
    "client",
    "describe_thing",
    "dict",
    "each",
    "enumerate",
    "find",
    "functools",
    "get_thing_shadow",
    "in_batches",
    "int",
    "isinstance",
    "json",
    "len",
    "list",
    "message",
    "messages",
    "open",
    "outcomes",
    "range",
    "re",
    "registry_answers",
    "registry_object",
    "run",
    "shadow_answers",
    "sql",
    "str",
    "thing_shadow",
    "time",
    "type",
    "without",
];

/// A Python name for each step: after its activity, each once.
fn function_names(steps: &[Step]) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut names = Vec::with_capacity(steps.len());
    for step in steps {
        let mut base = identifier(&step.activity);
        if RESERVED.contains(&base.as_str()) {
            base.push_str("_activity");
        }
        let free = (1_u32..).map(|n| if n == 1 { base.clone() } else { format!("{base}_{n}") }).find(|name| !taken.contains(name));
        // There are fewer steps than numbers.
        let name = free.unwrap_or(base);
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

fn function(step: &Step, name: &str, switches: &TransformSwitches) -> Result<String, PipelineCodeError> {
    let (kind, does, body) = match &step.action {
        Action::AddAttributes { copies } => (
            "addAttributes",
            "Copies values to new names at the root. Where there is nothing to copy, nothing is added.".to_owned(),
            add(copies),
        ),
        Action::RemoveAttributes { paths } => {
            ("removeAttributes", "Takes attributes out, with all that is below them.".to_owned(), remove(paths))
        }
        Action::SelectAttributes { selections } => (
            "selectAttributes",
            "Keeps only what is named here, each at the root under its last name.".to_owned(),
            select(selections, switches.selected_name_clash),
        ),
        Action::Filter { text, expression } => {
            let passes = indented(&filter_to_python(expression, &switches.expressions));
            let body = format!("    {}\n    passes = {passes}\n    return message if passes else None\n", comment(text));
            ("filter", "Keeps a message only where its condition is true.".to_owned(), body)
        }
        Action::Math { attribute, text, expression } => {
            let value = indented(&math_to_python(expression, &switches.expressions));
            let body = format!(
                "    {}\n    value = {value}\n    if value is not sql.UNDEFINED:\n        message[{}] = value\n    return message\n",
                comment(text),
                string(attribute)
            );
            ("math", "Sets an attribute, unless its expression has no value.".to_owned(), body)
        }
        Action::DeviceRegistryEnrich { attribute, thing_name } => (
            "deviceRegistryEnrich",
            "Adds what the registry knows of the thing.".to_owned(),
            enrich("registry_object", attribute, thing_name),
        ),
        Action::DeviceShadowEnrich { attribute, thing_name } => {
            ("deviceShadowEnrich", "Adds the shadow of the thing.".to_owned(), enrich("thing_shadow", attribute, thing_name))
        }
        Action::Lambda { function, .. } if function.contains("${") => {
            return Err(PipelineCodeError::SymbolicFunction { activity: step.activity.clone(), function: function.clone() });
        }
        Action::Lambda { function, .. } => {
            ("lambda", "Gives a batch of messages to the function.".to_owned(), format!("    return ask({}, messages)\n", string(function)))
        }
        Action::Unsupported { reason, .. } => {
            return Err(PipelineCodeError::Manual { activity: step.activity.clone(), reason: reason.clone() });
        }
    };
    let argument = if matches!(step.action, Action::Lambda { .. }) { "messages" } else { "message" };
    let title = comment(&format!("{kind} {}", step.activity));
    Ok(format!("{title}\ndef {name}({argument}):\n    \"\"\"{does}\"\"\"\n{body}"))
}

/// Lines behind the first one step in.
fn indented(code: &str) -> String {
    code.replace('\n', "\n    ")
}

/// `message, "device", "coord", 0`: a path as arguments.
fn arguments(path: &ColumnPath) -> String {
    let mut text = "message".to_owned();
    for segment in path.segments() {
        text.push_str(", ");
        match segment {
            Segment::Name(name) => text.push_str(&string(name)),
            Segment::Index(index) => text.push_str(&index.to_string()),
        }
    }
    text
}

/// A tuple of names and values found, one a line.
fn found(variable: &str, copies: &[Copy]) -> String {
    let mut code = format!("    {variable} = (\n");
    for copy in copies {
        push(&mut code, format_args!("        ({}, find({})),\n", string(&copy.to), arguments(&copy.from)));
    }
    code.push_str("    )\n");
    code
}

fn add(copies: &[Copy]) -> String {
    let loops =
        "    for name, value in copies:\n        if value is not sql.UNDEFINED:\n            message[name] = value\n    return message\n";
    found("copies", copies) + loops
}

fn select(selections: &[Copy], clash: SelectedNameClash) -> String {
    let wins = match clash {
        SelectedNameClash::LastWins => "",
        SelectedNameClash::FirstWins => " and name not in selected",
    };
    found("selections", selections)
        + "    selected = {}\n    for name, value in selections:\n"
        + &format!("        if value is not sql.UNDEFINED{wins}:\n            selected[name] = value\n")
        + "    # A message with nothing left is not stored.\n    return selected or None\n"
}

fn remove(paths: &[ColumnPath]) -> String {
    let mut code = String::new();
    for path in removal_order(paths) {
        push(&mut code, format_args!("    message = without({})\n", arguments(&path)));
    }
    code.push_str("    # A message with nothing left is not stored.\n    return message or None\n");
    code
}

fn enrich(asked: &str, attribute: &str, thing_name: &ColumnPath) -> String {
    let thing = arguments(thing_name);
    let attribute = string(attribute);
    format!("    known = {asked}(find({thing}))\n    if known is not None:\n        message[{attribute}] = known\n    return message\n")
}

fn run(spec: &TransformSpec, names: &[String]) -> String {
    let mut code = RUN_HEAD.to_owned();
    for (step, name) in spec.steps.iter().zip(names) {
        let activity = string(&step.activity);
        match &step.action {
            Action::Lambda { batch_size, .. } => {
                push(&mut code, format_args!("    in_batches(outcomes, {activity}, {name}, {})\n", (*batch_size).max(1)));
            }
            _ => push(&mut code, format_args!("    each(outcomes, {activity}, {name})\n")),
        }
    }
    code.push_str("    return outcomes\n");
    code
}

fn push(code: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = code.write_fmt(line);
}

/// What the functions of a pipeline lean on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Needs {
    each: bool,
    find: bool,
    without: bool,
    registry: bool,
    shadow: bool,
    lambda: Option<LambdaMayDrop>,
}

impl Needs {
    fn of(spec: &TransformSpec) -> Self {
        let mut needs = Self::default();
        for step in &spec.steps {
            needs.each |= !matches!(step.action, Action::Lambda { .. });
            match &step.action {
                Action::AddAttributes { .. } | Action::SelectAttributes { .. } => needs.find = true,
                Action::RemoveAttributes { .. } => needs.without = true,
                Action::DeviceRegistryEnrich { .. } => (needs.find, needs.registry) = (true, true),
                Action::DeviceShadowEnrich { .. } => (needs.find, needs.shadow) = (true, true),
                Action::Lambda { .. } => needs.lambda = Some(spec.switches.lambda_may_drop),
                Action::Filter { .. } | Action::Math { .. } | Action::Unsupported { .. } => {}
            }
        }
        needs
    }

    /// Comments, docstring, imports.
    fn head(self, spec: &TransformSpec) -> String {
        let mut code = String::from("# Made by iota2ts from the definition of a pipeline. Changes are lost when it is made again.\n");
        for (what, name) in [("pipeline", &spec.pipeline), ("from channel", &spec.channel), ("to datastore", &spec.datastore)] {
            push(&mut code, format_args!("{}\n", comment(&format!("{what} {name}"))));
        }
        code.push_str(HEAD);
        let things = self.registry || self.shadow;
        let asks = things || self.lambda.is_some();
        let imports = [("functools", asks), ("json", self.registry), ("re", things), ("time", things)];
        for (module, _) in imports.into_iter().filter(|(_, needed)| *needed) {
            push(&mut code, format_args!("import {module}\n"));
        }
        if asks {
            code.push_str("\nimport boto3\n");
        }
        code.push_str("\nimport iot_sql as sql\n");
        code
    }

    fn parts(self) -> String {
        let batches = self.lambda.map(|may_drop| match may_drop {
            LambdaMayDrop::Yes => IN_BATCHES.replace("{unlike}", ">").replace("{how_many}", "more messages than"),
            LambdaMayDrop::No => IN_BATCHES.replace("{unlike}", "!=").replace("{how_many}", "another number of messages than"),
        });
        let members: Vec<String> = REGISTRY_MEMBERS.iter().map(|member| format!("    {},\n", string(member))).collect();
        let registry = REGISTRY.replace("{members}", &members.concat());
        let asks = self.registry || self.shadow || self.lambda.is_some();
        let parts: [(bool, &str); 8] = [
            (self.each, EACH),
            (batches.is_some(), batches.as_deref().unwrap_or_default()),
            (self.find, FIND),
            (self.without, WITHOUT),
            (asks, CLIENT),
            (self.registry || self.shadow, THINGS),
            (self.registry, &registry),
            (self.shadow, SHADOW),
        ];
        parts.into_iter().filter(|(needed, _)| *needed).map(|(_, part)| format!("\n\n{part}")).collect()
    }
}

const HEAD: &str = r#""""What the pipeline did to messages between its channel and its datastore.

One function for each activity. It is given a message and returns it, or None where it drops it. A message is a dict as
exact_json.loads gives it. Functions change which attributes a message has, never what stands inside one.
"""

"#;

const RUN_HEAD: &str = r#"def run(messages):
    """Takes messages through the pipeline; the messages themselves may be changed.

    Returns one outcome for each, in their order: ("kept", message) or ("dropped", name of the activity).
    """
    outcomes = [("kept", message) for message in messages]
"#;

const EACH: &str = r#"def each(outcomes, name, activity):
    """Takes the messages that are still kept through one activity."""
    for at, (state, message) in enumerate(outcomes):
        if state == "kept":
            try:
                message = activity(message)
            except sql.DropMessage:
                message = None
            outcomes[at] = ("dropped", name) if message is None else ("kept", message)
"#;

const IN_BATCHES: &str = r#"def in_batches(outcomes, name, activity, size):
    """Gives the messages that are still kept to a function, at most `size` at once.

    A function that leaves messages out does not say which: its answer takes the first places of the batch, and the last
    places count as dropped. So a place never comes after the message that it stands for.
    """
    kept = [at for at, (state, _) in enumerate(outcomes) if state == "kept"]
    for first in range(0, len(kept), size):
        batch = kept[first : first + size]
        returned = activity([outcomes[at][1] for at in batch])
        if len(returned) {unlike} len(batch):
            raise RuntimeError(f"{name!r}: the function returned {how_many} it was given")
        for number, at in enumerate(batch):
            outcomes[at] = ("kept", returned[number]) if number < len(returned) else ("dropped", name)


def ask(function, messages):
    """What a Lambda function makes of messages."""
    answer = client("lambda").invoke(FunctionName=function, Payload=sql.dumps(messages).encode("utf-8"))
    payload = answer["Payload"].read()
    if "FunctionError" in answer:
        raise RuntimeError(f"the function {function!r} failed: {payload[:300]!r}")
    returned = sql.loads(payload)
    if not isinstance(returned, list) or not all(isinstance(message, dict) for message in returned):
        raise RuntimeError(f"the function {function!r} returned no list of messages")
    return returned
"#;

const FIND: &str = r#"def find(message, *path):
    """The value at a path of names and indexes, or UNDEFINED."""
    value = message
    for step in path:
        if isinstance(step, str):
            there = isinstance(value, dict) and step in value
        else:
            there = isinstance(value, list) and step < len(value)
        if not there:
            return sql.UNDEFINED
        value = value[step]
    return value
"#;

const WITHOUT: &str = r#"def without(value, step, *path):
    """A copy of the value that lacks what stands at a path of names and indexes."""
    if isinstance(step, str):
        there = isinstance(value, dict) and step in value
    else:
        there = isinstance(value, list) and step < len(value)
    if not there:
        return value
    value = value.copy()
    if path:
        value[step] = without(value[step], *path)
    else:
        del value[step]
    return value
"#;

const CLIENT: &str = r#"@functools.cache
def client(service):
    return boto3.client(service)
"#;

const THINGS: &str = r#"THING_SECONDS = 60
THINGS_MAX = 1000
THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")


def asked(question, thing_name, answers):
    """What a service answers about a thing, asked again after a minute. None for what can be no name of a thing."""
    if not isinstance(thing_name, str) or THING_NAME.fullmatch(thing_name) is None:
        return None
    now = time.monotonic()
    at, answer = answers.get(thing_name, (None, None))
    if at is None or now - at > THING_SECONDS:
        answer = question(thing_name)
        if len(answers) >= THINGS_MAX:
            answers.clear()
        answers[thing_name] = (now, answer)
    return answer
"#;

const REGISTRY: &str = r#"REGISTRY_MEMBERS = (
{members})
registry_answers = {}


def registry_object(thing_name):
    """What the registry says of a thing; None where it has no such thing."""
    return asked(describe_thing, thing_name, registry_answers)


def describe_thing(thing_name):
    iot = client("iot")
    try:
        answer = iot.describe_thing(thingName=thing_name)
    except iot.exceptions.ResourceNotFoundException:
        return None
    return sql.loads(json.dumps({name: answer[name] for name in REGISTRY_MEMBERS if name in answer}))
"#;

const SHADOW: &str = r#"shadow_answers = {}


def thing_shadow(thing_name):
    """The classic shadow of a thing; None where it has none."""
    return asked(get_thing_shadow, thing_name, shadow_answers)


def get_thing_shadow(thing_name):
    data = client("iot-data")
    try:
        answer = data.get_thing_shadow(thingName=thing_name)
    except data.exceptions.ResourceNotFoundException:
        return None
    return sql.loads(answer["payload"].read())
"#;

#[cfg(test)]
mod tests;
