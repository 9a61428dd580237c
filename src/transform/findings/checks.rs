//! The checks of one step after the other.

use super::flow::{Flow, Presence};
use super::known::KnownColumns;
use super::{Report, names};
use crate::expression::{Expression, Kind, OpenPoint, Switches, open_points};
use crate::inventory::{printable, shown};
use crate::path::ColumnPath;
use crate::transform::finding::{FindingCode as Code, FindingGrade as Grade, listed};
use crate::transform::language;
use crate::transform::model::{Action, Copy, Fidelity, Step, TransformSpec};
use crate::transform::{definition_path, translate};

pub(super) fn check(spec: &TransformSpec, known: Option<&KnownColumns>, report: &mut Report) {
    let mut flow = Flow::new(known);
    for step in &spec.steps {
        let mut at = At { activity: &step.activity, report: &mut *report };
        match &step.action {
            Action::AddAttributes { copies } => at.add(copies, &mut flow, known),
            Action::RemoveAttributes { paths } => at.remove(paths, &mut flow),
            Action::SelectAttributes { selections } => at.select(selections, &mut flow),
            Action::Filter { expression, .. } => {
                at.filter(expression, &mut flow);
                at.expression(expression, Kind::Filter, &spec.switches.expressions);
            }
            Action::Math { attribute, expression, .. } => {
                at.math(attribute, expression, &mut flow);
                at.expression(expression, Kind::Math, &spec.switches.expressions);
            }
            Action::DeviceRegistryEnrich { attribute, thing_name } => at.enrich("the registry", attribute, thing_name, &mut flow),
            Action::DeviceShadowEnrich { attribute, thing_name } => at.enrich("the device shadow", attribute, thing_name, &mut flow),
            Action::Lambda { function, .. } => {
                at.lambda(function);
                flow.anything();
            }
            Action::Unsupported { text, reason } => {
                at.unsupported(step, text, reason);
                flow.anything();
            }
        }
    }
}

const CONSTANT_REMEDY: &str = "if a constant was meant, set it in the topic rule's SQL: `SELECT *, 'value' AS name`";

/// Whether a copy of addAttributes was meant to set a constant: the commonest mistake with it.
enum Constant {
    No,
    /// Any rename at the root looks like it, where nothing is known of the messages.
    Perhaps,
    Certainly {
        /// Neither name is in the history.
        neither: bool,
    },
    /// The new name looks like something to be filled in.
    Template,
}

fn constant(copy: &Copy, presence: &Presence, brought: bool, known: Option<&KnownColumns>) -> Constant {
    let to = copy.to.as_str();
    if to.contains("${") || to.contains("{{") || to.contains("()") {
        return Constant::Template;
    }
    if copy.from.segments().len() > 1 || brought {
        return Constant::No;
    }
    let nowhere = known.is_some_and(|known| !known.has(&copy.from) && !known.has(&ColumnPath::top(to)));
    match presence {
        Presence::InNoRow => Constant::Certainly { neither: nowhere },
        Presence::Possible if nowhere || !names::is_field_name(to) => Constant::Certainly { neither: nowhere },
        Presence::Possible if known.is_none() => Constant::Perhaps,
        _ => Constant::No,
    }
}

/// Findings of one activity.
struct At<'a> {
    activity: &'a str,
    report: &'a mut Report,
}

impl At<'_> {
    fn say(&mut self, code: Code, grade: Grade, cause: String, remedy: &str) {
        self.report.add(code, grade, self.activity, cause, remedy.to_owned());
    }

    fn add(&mut self, copies: &[Copy], flow: &mut Flow<'_>, known: Option<&KnownColumns>) {
        let mut there = Vec::new();
        let mut renames = Vec::new();
        for copy in copies {
            let presence = flow.read(&copy.from);
            let brought = flow.is_set(super::root(&copy.from));
            match constant(copy, &presence, brought, known) {
                Constant::No => self.missing(&copy.from, &presence, "nothing is added"),
                Constant::Perhaps => renames.push(format!("{} to {}", shown(&copy.from.to_string()), shown(&copy.to))),
                Constant::Certainly { neither } => self.constant(copy, neither),
                Constant::Template => self.template(copy),
            }
            if !matches!(presence, Presence::TakenOutBy(_)) {
                there.push(copy.to.as_str());
            }
        }
        if let Some(first) = renames.first() {
            let more = if renames.len() > 1 { format!(" and {} more", renames.len() - 1) } else { String::new() };
            let cause = format!("copies {first}{more}: an existing attribute to a new name, never a constant");
            self.say(Code::ConstantInAddAttributes, Grade::Note, cause, CONSTANT_REMEDY);
        }
        let twice = translate::twice_named(copies);
        if !twice.is_empty() {
            let cause = format!("copies several values to {}, and nothing says which the service kept", listed(twice));
            self.say(Code::AddedNameTaken, Grade::Warning, cause, "copy one value to each name");
        }
        for name in there {
            self.set(name, flow);
        }
    }

    fn constant(&mut self, copy: &Copy, neither: bool) {
        let (from, to) = (shown(&copy.from.to_string()), shown(&copy.to));
        let seen = if neither { " and the history has neither" } else { "" };
        let cause = format!("copies the attribute {from} to the new name {to}; it does not set {from} to that value{seen}");
        self.say(Code::ConstantInAddAttributes, Grade::Warning, cause, CONSTANT_REMEDY);
    }

    fn template(&mut self, copy: &Copy) {
        let (from, to) = (shown(&copy.from.to_string()), shown(&copy.to));
        let cause =
            format!("{to} is a name like any other: nothing is put in its place, and it becomes the attribute that {from} is copied to");
        self.say(
            Code::TemplateInAddAttributes,
            Grade::Warning,
            cause,
            "compute the value in a math or lambda activity, or in the topic rule's SQL",
        );
    }

    fn remove(&mut self, paths: &[ColumnPath], flow: &mut Flow<'_>) {
        for path in paths {
            // Removing is no reading: what is set only to be removed is of no use.
            if !flow.is_set(super::root(path)) {
                let presence = flow.read(path);
                match presence {
                    Presence::Possible => {}
                    Presence::TakenOutBy(_) | Presence::InNoRow => {
                        let cause = format!("removes {}, which {}", shown(&path.to_string()), why(&presence));
                        self.say(Code::RemovesNothing, Grade::Note, cause, "the activity can be left out");
                    }
                }
            }
        }
        for path in paths {
            if let Some(by) = flow.remove(path, self.activity) {
                self.discarded(&path.to_string(), &by);
            }
        }
        let deep: Vec<String> = paths.iter().filter(|path| path.segments().len() > 1).map(ToString::to_string).collect();
        if !deep.is_empty() {
            let cause = format!(
                "removes {} from inside another attribute, which the documents do not show",
                listed(deep.iter().map(String::as_str))
            );
            self.say(
                Code::NestedRemoval,
                Grade::Note,
                cause,
                "compare some stored rows with the activity's result: `verify` does so where channel and datastore are both there",
            );
        }
    }

    fn select(&mut self, selections: &[Copy], flow: &mut Flow<'_>) {
        let mut there = Vec::new();
        for selection in selections {
            let presence = flow.read(&selection.from);
            self.missing(&selection.from, &presence, "nothing is selected");
            if !matches!(presence, Presence::TakenOutBy(_)) {
                there.push(selection.to.as_str());
            }
        }
        if there.is_empty() {
            let cause = "selects nothing that a message can have: no message passes".to_owned();
            self.say(Code::NothingSelected, Grade::Error, cause, "select the attributes before an activity takes them out");
        }
        let twice = translate::twice_named(selections);
        if !twice.is_empty() {
            let cause = format!("selects several values that are all called {} at the root", listed(twice));
            self.say(
                Code::SelectedNameClash,
                Grade::Warning,
                cause,
                "the setting `selected_name_clash` says which wins; copy the values to names of their own first to keep all",
            );
        }
        let elements: Vec<String> = selections
            .iter()
            .filter(|selection| definition_path::ends_in_index(&selection.from))
            .map(|selection| selection.from.to_string())
            .collect();
        if !elements.is_empty() {
            let cause = format!(
                "selects {}, and nothing says what an element of an array is called at the root",
                listed(elements.iter().map(String::as_str))
            );
            self.say(
                Code::SelectedElement,
                Grade::Warning,
                cause,
                "the setting `selected_index_name` says it; an addAttributes activity before gives a name of your own",
            );
        }
        for (name, by) in flow.select(&there, self.activity) {
            self.discarded(&name, &by);
        }
    }

    fn filter(&mut self, expression: &Expression, flow: &mut Flow<'_>) {
        let paths = language::attributes(expression);
        if paths.is_empty() {
            let cause = "the condition reads no attribute, so it decides alike for every message".to_owned();
            self.say(Code::FilterAlwaysTheSame, Grade::Warning, cause, "take the activity out, or compare an attribute");
        }
        for path in &paths {
            let presence = flow.read(path);
            let certain = matches!(presence, Presence::TakenOutBy(_)) && !language::has_null(expression);
            if certain {
                let cause = format!("reads {}, which {}: no message passes", shown(&path.to_string()), why(&presence));
                self.say(
                    Code::FilterDropsEverything,
                    Grade::Error,
                    cause,
                    "move the filter before the activity that takes the attribute out",
                );
            } else {
                self.missing(path, &presence, "the condition is not true");
            }
        }
    }

    fn math(&mut self, attribute: &str, expression: &Expression, flow: &mut Flow<'_>) {
        let itself =
            matches!(expression, Expression::Attribute(names) if names.len() == 1 && names.first().is_some_and(|name| name == attribute));
        let set_before = flow.is_set(attribute);
        let mut computed = true;
        for path in language::attributes(expression) {
            let presence = flow.read(&path);
            self.missing(&path, &presence, "nothing is computed");
            computed &= !matches!(presence, Presence::TakenOutBy(_));
        }
        if itself {
            let without = if set_before { "" } else { ": where no message brings it, it never exists" };
            let cause = format!("sets {} to itself{without}", shown(attribute));
            self.say(
                Code::MathWithoutEffect,
                Grade::Warning,
                cause,
                "write the conversion that was meant, as in `(temperature - 32) / 1.8`, or take the activity out",
            );
        }
        if computed {
            self.set(attribute, flow);
        }
    }

    /// What an expression says that the documents leave open.
    fn expression(&mut self, expression: &Expression, kind: Kind, switches: &Switches) {
        let points = open_points(expression, kind);
        if language::may_divide_integers(&points, switches) {
            let cause =
                "divides what may be a whole number by a whole number, and the documents do not say how the result is rounded".to_owned();
            self.say(Code::IntegerDivision, Grade::Warning, cause, language::integer_division_remedy(switches.integer_division));
        }
        if points.contains(&OpenPoint::DivisionByZero) {
            let remedy = language::division_by_zero_remedy(switches.division_by_zero);
            self.say(Code::DivisionByZero, Grade::Note, OpenPoint::DivisionByZero.sentence().to_owned(), remedy);
        }
        if points.contains(&OpenPoint::NullExistenceCheck) {
            let chained = matches!(expression, Expression::Binary(binary) if language::joins(binary.operator));
            let (grade, chain) = if chained {
                (Grade::Warning, ", and inside AND or OR one missing attribute makes the whole condition undefined")
            } else {
                (Grade::Note, "")
            };
            let cause = format!("compares with NULL: an attribute that is missing is not NULL but undefined{chain}");
            self.say(Code::NullCheck, grade, cause, language::null_check_remedy(switches.null_existence_check));
        }
    }

    fn enrich(&mut self, source: &str, attribute: &str, thing_name: &ColumnPath, flow: &mut Flow<'_>) {
        let presence = flow.read(thing_name);
        self.missing(thing_name, &presence, "no thing is looked up");
        let cause =
            format!("raw history gets what {source} said when the definitions were captured, not what it said when a message came in");
        self.say(
            Code::EnrichedWithToday,
            Grade::Note,
            cause,
            "migrate the processed datastore where the values of that time matter: it holds them",
        );
        if !matches!(presence, Presence::TakenOutBy(_)) {
            self.set(attribute, flow);
        }
    }

    fn lambda(&mut self, function: &str) {
        let cause = format!("calls the function {}, whose code is not part of the definitions", shown(function));
        self.say(
            Code::FunctionNotSeen,
            Grade::Warning,
            cause,
            "keep the function for the live path; to run raw history through the pipeline, give a command that does the same",
        );
    }

    fn unsupported(&mut self, step: &Step, text: &str, reason: &str) {
        let is_path = definition_path::read(text).is_err() && reason.contains("is no path");
        let code = if is_path { Code::PathNotTranslated } else { Code::ExpressionNotTranslated };
        let remedy = match &step.fidelity {
            Fidelity::Manual { to_do } => to_do.join("; "),
            Fidelity::Exact | Fidelity::Equivalent { .. } => String::new(),
        };
        self.say(code, Grade::Error, format!("{} is not translated: {}", shown(text), printable(reason)), &remedy);
    }

    fn set(&mut self, name: &str, flow: &mut Flow<'_>) {
        if let Some(by) = flow.set(name, self.activity).filter(|by| by != self.activity) {
            self.discarded(name, &by);
        }
    }

    fn missing(&mut self, path: &ColumnPath, presence: &Presence, then: &str) {
        if *presence != Presence::Possible {
            let cause = format!("reads {}, which {}: {then}", shown(&path.to_string()), why(presence));
            self.say(Code::ReadsMissingAttribute, Grade::Warning, cause, "check the name, and the order of the activities");
        }
    }

    fn discarded(&mut self, name: &str, by: &str) {
        let cause = format!("takes out or replaces {}, which {} set and nothing has read", shown(name), shown(by));
        self.say(Code::SetAndDiscarded, Grade::Note, cause, "one of the two activities can be left out");
    }
}

fn why(presence: &Presence) -> String {
    match presence {
        Presence::Possible => "messages may have".to_owned(),
        Presence::TakenOutBy(by) => format!("{} takes out of every message", shown(by)),
        Presence::InNoRow => "no row of the channel's history has and no activity sets".to_owned(),
    }
}
