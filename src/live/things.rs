//! IoT Core: things and shadows, when a pipeline enriches messages with them.
//!
//! A message names its thing by one of its values, so any thing of the registry may be meant.

use aws_sdk_iot::operation::describe_thing::DescribeThingOutput;

use super::Needs;
use super::answers::Answers;
use super::caller::{Answer, Caller};
use super::definitions::beside;
use super::fault::Fault;
use super::operation::Operation;

/// Things beyond this many are left out, and said to be: at 20 a second they take a quarter of an hour.
const THINGS_MAX: usize = 10_000;
/// Answers in one file.
const PER_FILE: usize = 500;

/// Asks for the things and shadows that are needed; nothing where none are.
///
/// # Errors
/// A fault after which no other question fares better.
pub(super) async fn all(
    registry: &aws_sdk_iot::Client,
    shadows: &aws_sdk_iotdataplane::Client,
    caller: &Caller,
    needs: Needs,
    answers: &mut Answers,
) -> Result<(), Fault> {
    if needs == Needs::default() {
        return Ok(());
    }
    let names = names(registry, caller, answers).await?;
    if needs.registry {
        described(registry, caller, names.clone(), answers).await?;
    }
    if needs.shadows {
        with_shadows(shadows, caller, names, answers).await?;
    }
    Ok(())
}

async fn names(client: &aws_sdk_iot::Client, caller: &Caller, answers: &mut Answers) -> Result<Vec<String>, Fault> {
    let size = caller.page_size();
    let list = |token, keep| client.list_things().max_results(size).set_next_token(token).customize().interceptor(keep).send();
    let pages = caller.pages(list, |page| page.next_token().map(str::to_owned)).await;
    let mut names: Vec<String> =
        pages.answers.iter().flat_map(|page| page.output.things()).filter_map(|thing| thing.thing_name()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    match pages.fault {
        Some(fault) if fault.is_final() => return Err(fault),
        Some(fault) => answers.without("things", Operation::ListThings, &fault),
        None => {}
    }
    if names.len() > THINGS_MAX {
        let unknown = format!("the registry has {} things, of which the first {THINGS_MAX} by name were captured", names.len());
        answers.unseen("things", &unknown);
        names.truncate(THINGS_MAX);
    }
    Ok(names)
}

async fn described(client: &aws_sdk_iot::Client, caller: &Caller, names: Vec<String>, answers: &mut Answers) -> Result<(), Fault> {
    let mut found = Vec::new();
    let describe = |caller: Caller, name: String| {
        let client = client.clone();
        async move { caller.ask(|keep| client.describe_thing().thing_name(&name).customize().interceptor(keep).send()).await }
    };
    let take = |name: String, answer: Result<Answer<DescribeThingOutput>, Fault>| match answer {
        Ok(answer) => found.push(answer.bytes),
        Err(fault) => answers.without_one(&name, Operation::DescribeThing, &fault),
    };
    let ended = caller.each(names, describe, take).await;
    keep_lists(answers, "things/describe-thing", &found);
    ended
}

async fn with_shadows(
    client: &aws_sdk_iotdataplane::Client,
    caller: &Caller,
    names: Vec<String>,
    answers: &mut Answers,
) -> Result<(), Fault> {
    let mut found = Vec::new();
    let get = |caller: Caller, name: String| {
        let client = client.clone();
        async move { caller.ask(|keep| client.get_thing_shadow().thing_name(&name).customize().interceptor(keep).send()).await }
    };
    let take = |name: String, answer: Result<Answer<_>, Fault>| match answer {
        Ok(answer) => {
            let _: &aws_sdk_iotdataplane::operation::get_thing_shadow::GetThingShadowOutput = &answer.output;
            // The document is a payload that nobody has read so far.
            match serde_json::from_slice::<serde::de::IgnoredAny>(&answer.bytes) {
                Ok(_) => found.push(beside_its_name(&name, &answer.bytes)),
                Err(error) => answers.without_one(&name, Operation::GetThingShadow, &Fault::Unanswered { message: error.to_string() }),
            }
        }
        // A thing without a shadow.
        Err(Fault::NotFound { .. }) => {}
        Err(fault) => answers.without_one(&name, Operation::GetThingShadow, &fault),
    };
    let ended = caller.each(names, get, take).await;
    keep_lists(answers, "things/shadows", &found);
    ended
}

fn beside_its_name(name: &str, shadow: &[u8]) -> Vec<u8> {
    let mut document = beside("thingName", name, b"{}");
    document.pop();
    document.extend_from_slice(b",\"shadow\":");
    document.extend_from_slice(shadow);
    document.push(b'}');
    document
}

fn keep_lists(answers: &mut Answers, file: &str, found: &[Vec<u8>]) {
    for (at, some) in found.chunks(PER_FILE).enumerate() {
        let mut list = b"[".to_vec();
        list.extend(some.join(b",\n".as_slice()));
        list.extend_from_slice(b"]\n");
        answers.keep(format!("{file}-{}.json", at + 1), list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shadow_keeps_its_text_beside_the_name() {
        let document = beside_its_name("pump:7", br#"{"state":{"reported":{"n":1E5}}}"#);
        assert_eq!(String::from_utf8(document).unwrap(), r#"{"thingName":"pump:7","shadow":{"state":{"reported":{"n":1E5}}}}"#);
    }
}
