//! IoT Core: the topic rules that feed channels. They are asked for even when IoT Analytics is gone, because they are not.

use aws_sdk_iot::Client;
use aws_sdk_iot::operation::get_topic_rule::GetTopicRuleOutput;

use super::answers::{Answers, file_name};
use super::caller::{Answer, Caller};
use super::fault::Fault;
use super::operation::Operation;

/// Keeps every rule with an action that feeds a channel. The others are none of this migration's business: they are counted only.
///
/// # Errors
/// A fault after which no other question fares better.
pub(super) async fn all(client: &Client, caller: &Caller, answers: &mut Answers) -> Result<(), Fault> {
    let size = caller.page_size();
    let list = |token, keep| client.list_topic_rules().max_results(size).set_next_token(token).customize().interceptor(keep).send();
    let pages = caller.pages(list, |page| page.next_token().map(str::to_owned)).await;
    let mut names: Vec<String> =
        pages.answers.iter().flat_map(|page| page.output.rules()).filter_map(|rule| rule.rule_name()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    match pages.fault {
        Some(fault) if fault.is_final() => return Err(fault),
        Some(fault) => answers.without("topic rules", Operation::ListTopicRules, &fault),
        None => {}
    }
    let get = |caller: Caller, name: String| {
        let client = client.clone();
        async move { caller.ask(|keep| client.get_topic_rule().rule_name(&name).customize().interceptor(keep).send()).await }
    };
    let take = |name: String, answer: Result<Answer<GetTopicRuleOutput>, Fault>| match answer {
        Ok(answer) if feeds_a_channel(&answer.output) => answers.keep(format!("get-topic-rule/{}.json", file_name(&name)), answer.bytes),
        Ok(_) => answers.count_rule_elsewhere(),
        Err(fault) => answers.without(&format!("rule {name}"), Operation::GetTopicRule, &fault),
    };
    caller.each(names, get, take).await
}

fn feeds_a_channel(answer: &GetTopicRuleOutput) -> bool {
    answer.rule().is_some_and(|rule| rule.actions().iter().any(|action| action.iot_analytics().is_some()))
}
