//! AWS IoT Analytics: lists and descriptions of all resources, contents of datasets, tags, logging options.

use aws_sdk_iotanalytics::Client;

use super::Needs;
use super::answers::{Answers, file_name};
use super::caller::{Answer, Caller, Pages};
use super::fault::Fault;
use super::operation::Operation;

/// The names of channels, when the service answered at all.
pub(super) struct Channels(Vec<String>);

impl Channels {
    pub(super) fn names(&self) -> Vec<String> {
        self.0.clone()
    }
}

/// Lists the channels: the first question tells whether there is a service. The inner error is why there is none.
///
/// # Errors
/// A fault after which no other question fares better.
pub(super) async fn is_open(client: &Client, caller: &Caller, answers: &mut Answers) -> Result<Result<Channels, Fault>, Fault> {
    let size = caller.page_size();
    let list = |token, keep| client.list_channels().max_results(size).set_next_token(token).customize().interceptor(keep).send();
    let pages = caller.pages(list, |page| page.next_token().map(str::to_owned)).await;
    if let Some(fault) = &pages.fault
        && pages.answers.is_empty()
        && matches!(fault, Fault::Unreachable { .. } | Fault::Foreign { .. } | Fault::Unanswered { .. })
    {
        return Ok(Err(fault.clone()));
    }
    let names = kept(answers, Operation::ListChannels, "channels", "list-channels", pages, |page| {
        page.channel_summaries().iter().filter_map(|channel| channel.channel_name()).map(str::to_owned).collect()
    })?;
    Ok(Ok(Channels(names)))
}

/// Everything behind the list of channels. Returns what the pipelines need of IoT Core.
///
/// # Errors
/// A fault after which no other question fares better.
pub(super) async fn all(client: &Client, caller: &Caller, channels: Channels, answers: &mut Answers) -> Result<Needs, Fault> {
    let lists_before = answers.len();
    let (size, next) = (caller.page_size(), |token: Option<&str>| token.map(str::to_owned));

    let list = |token, keep| client.list_pipelines().max_results(size).set_next_token(token).customize().interceptor(keep).send();
    let pages = caller.pages(list, |page| next(page.next_token())).await;
    let pipelines = kept(answers, Operation::ListPipelines, "pipelines", "list-pipelines", pages, |page| {
        page.pipeline_summaries().iter().filter_map(|pipeline| pipeline.pipeline_name()).map(str::to_owned).collect()
    })?;
    let list = |token, keep| client.list_datastores().max_results(size).set_next_token(token).customize().interceptor(keep).send();
    let pages = caller.pages(list, |page| next(page.next_token())).await;
    let datastores = kept(answers, Operation::ListDatastores, "datastores", "list-datastores", pages, |page| {
        page.datastore_summaries().iter().filter_map(|datastore| datastore.datastore_name()).map(str::to_owned).collect()
    })?;
    let list = |token, keep| client.list_datasets().max_results(size).set_next_token(token).customize().interceptor(keep).send();
    let pages = caller.pages(list, |page| next(page.next_token())).await;
    let datasets = kept(answers, Operation::ListDatasets, "datasets", "list-datasets", pages, |page| {
        page.dataset_summaries().iter().filter_map(|dataset| dataset.dataset_name()).map(str::to_owned).collect()
    })?;
    if answers.len() == lists_before && channels.0.is_empty() && !answers.is_whole() {
        answers.unseen(
            "AWS IoT Analytics",
            "no list could be read: the policy allows none, or AWS no longer lets this account in, as it closed the service on 15 December 2025",
        );
    }

    let mut tagged = Vec::new();
    describe_storage(client, caller, answers, channels.0, datastores, &mut tagged).await?;
    let needs = describe_pipelines(client, caller, answers, pipelines, &mut tagged).await?;
    describe_datasets(client, caller, answers, datasets.clone(), &mut tagged).await?;
    contents(client, caller, answers, datasets).await?;
    tags(client, caller, answers, tagged).await?;
    logging(client, caller, answers).await?;
    Ok(needs)
}

/// A resource whose tags are asked for: its kind, name and ARN.
type Tagged = (&'static str, String, String);

async fn describe_storage(
    client: &Client,
    caller: &Caller,
    answers: &mut Answers,
    channels: Vec<String>,
    datastores: Vec<String>,
    tagged: &mut Vec<Tagged>,
) -> Result<(), Fault> {
    let describe = |caller: Caller, name: String| {
        let client = client.clone();
        async move {
            let request = || client.describe_channel().channel_name(&name).include_statistics(true);
            caller.ask(|keep| request().customize().interceptor(keep).send()).await
        }
    };
    let take = |name: String, answer: Result<Answer<_>, Fault>| {
        if let Some(output) = described(answers, "channel", Operation::DescribeChannel, &name, answer) {
            let output: aws_sdk_iotanalytics::operation::describe_channel::DescribeChannelOutput = output;
            tagged.extend(output.channel().and_then(|one| one.arn()).map(|arn| ("channel", name, arn.to_owned())));
        }
    };
    caller.each(channels, describe, take).await?;
    let describe = |caller: Caller, name: String| {
        let client = client.clone();
        async move {
            let request = || client.describe_datastore().datastore_name(&name).include_statistics(true);
            caller.ask(|keep| request().customize().interceptor(keep).send()).await
        }
    };
    let take = |name: String, answer: Result<Answer<_>, Fault>| {
        if let Some(output) = described(answers, "datastore", Operation::DescribeDatastore, &name, answer) {
            let output: aws_sdk_iotanalytics::operation::describe_datastore::DescribeDatastoreOutput = output;
            tagged.extend(output.datastore().and_then(|one| one.arn()).map(|arn| ("datastore", name, arn.to_owned())));
        }
    };
    caller.each(datastores, describe, take).await
}

async fn describe_pipelines(
    client: &Client,
    caller: &Caller,
    answers: &mut Answers,
    pipelines: Vec<String>,
    tagged: &mut Vec<Tagged>,
) -> Result<Needs, Fault> {
    let mut needs = Needs::default();
    let describe = |caller: Caller, name: String| {
        let client = client.clone();
        async move { caller.ask(|keep| client.describe_pipeline().pipeline_name(&name).customize().interceptor(keep).send()).await }
    };
    let take = |name: String, answer: Result<Answer<_>, Fault>| {
        if let Some(output) = described(answers, "pipeline", Operation::DescribePipeline, &name, answer) {
            let output: aws_sdk_iotanalytics::operation::describe_pipeline::DescribePipelineOutput = output;
            for activity in output.pipeline().map(|pipeline| pipeline.activities()).unwrap_or_default() {
                needs.registry |= activity.device_registry_enrich().is_some();
                needs.shadows |= activity.device_shadow_enrich().is_some();
            }
            tagged.extend(output.pipeline().and_then(|one| one.arn()).map(|arn| ("pipeline", name, arn.to_owned())));
        }
    };
    caller.each(pipelines, describe, take).await?;
    Ok(needs)
}

async fn describe_datasets(
    client: &Client,
    caller: &Caller,
    answers: &mut Answers,
    datasets: Vec<String>,
    tagged: &mut Vec<Tagged>,
) -> Result<(), Fault> {
    let describe = |caller: Caller, name: String| {
        let client = client.clone();
        async move { caller.ask(|keep| client.describe_dataset().dataset_name(&name).customize().interceptor(keep).send()).await }
    };
    let take = |name: String, answer: Result<Answer<_>, Fault>| {
        if let Some(output) = described(answers, "dataset", Operation::DescribeDataset, &name, answer) {
            let output: aws_sdk_iotanalytics::operation::describe_dataset::DescribeDatasetOutput = output;
            tagged.extend(output.dataset().and_then(|one| one.arn()).map(|arn| ("dataset", name, arn.to_owned())));
        }
    };
    caller.each(datasets, describe, take).await
}

async fn contents(client: &Client, caller: &Caller, answers: &mut Answers, datasets: Vec<String>) -> Result<(), Fault> {
    let size = caller.page_size();
    let list = |caller: Caller, name: String| {
        let client = client.clone();
        async move {
            let request = |token| client.list_dataset_contents().dataset_name(&name).max_results(size).set_next_token(token);
            let list = |token, keep| request(token).customize().interceptor(keep).send();
            let pages = caller.pages(list, |page| page.next_token().map(str::to_owned)).await;
            match pages.fault {
                Some(fault) if fault.is_final() => Err(fault),
                _ => Ok(pages),
            }
        }
    };
    let take = |name: String, pages: Result<Pages<_>, Fault>| {
        let Ok(pages) = pages else { return };
        for (at, page) in pages.answers.iter().enumerate() {
            let file = format!("list-dataset-contents/{}-{}.json", file_name(&name), at + 1);
            answers.keep(file, beside("datasetName", &name, &page.bytes));
        }
        if let Some(fault) = pages.fault {
            answers.without(&format!("dataset {name}"), Operation::ListDatasetContents, &fault);
        }
    };
    caller.each(datasets, list, take).await
}

async fn tags(client: &Client, caller: &Caller, answers: &mut Answers, tagged: Vec<Tagged>) -> Result<(), Fault> {
    let list = |caller: Caller, (_, _, arn): Tagged| {
        let client = client.clone();
        async move { caller.ask(|keep| client.list_tags_for_resource().resource_arn(&arn).customize().interceptor(keep).send()).await }
    };
    let take = |(kind, name, arn): Tagged, answer: Result<Answer<_>, Fault>| match answer {
        Ok(answer) => {
            let file = format!("list-tags-for-resource/{kind}-{}.json", file_name(&name));
            answers.keep(file, beside("resourceArn", &arn, &answer.bytes));
        }
        Err(fault) => answers.without_one(&name, Operation::ListTagsForResource, &fault),
    };
    caller.each(tagged, list, take).await
}

async fn logging(client: &Client, caller: &Caller, answers: &mut Answers) -> Result<(), Fault> {
    match caller.ask(|keep| client.describe_logging_options().customize().interceptor(keep).send()).await {
        Ok(answer) => answers.keep("describe-logging-options.json".to_owned(), answer.bytes),
        Err(fault) if fault.is_final() => return Err(fault),
        // Nobody ever set them.
        Err(Fault::NotFound { .. }) => {}
        Err(fault) => answers.without("logging options", Operation::DescribeLoggingOptions, &fault),
    }
    Ok(())
}

/// Keeps the pages of a list and returns the names on them, each once.
///
/// # Errors
/// A fault after which no other question fares better.
pub(super) fn kept<O>(
    answers: &mut Answers,
    operation: Operation,
    subject: &str,
    file: &str,
    pages: Pages<O>,
    names: impl Fn(&O) -> Vec<String>,
) -> Result<Vec<String>, Fault> {
    let mut all: Vec<String> = Vec::new();
    for (at, page) in pages.answers.into_iter().enumerate() {
        all.extend(names(&page.output));
        answers.keep(format!("{file}-{}.json", at + 1), page.bytes);
    }
    all.sort();
    all.dedup();
    match pages.fault {
        Some(fault) if fault.is_final() => Err(fault),
        Some(fault) => {
            answers.without(subject, operation, &fault);
            Ok(all)
        }
        None => Ok(all),
    }
}

/// Keeps the answer of a describe operation, or says what is not known now.
fn described<O>(answers: &mut Answers, kind: &str, operation: Operation, name: &str, answer: Result<Answer<O>, Fault>) -> Option<O> {
    match answer {
        Ok(answer) => {
            answers.keep(format!("describe-{kind}/{}.json", file_name(name)), answer.bytes);
            Some(answer.output)
        }
        Err(fault) => {
            answers.without(&format!("{kind} {name}"), operation, &fault);
            None
        }
    }
}

/// An answer that is an object, with one more field in front, the rest to the letter.
pub(super) fn beside(field: &str, value: &str, answer: &[u8]) -> Vec<u8> {
    let field = serde_json::Value::from(field).to_string();
    let value = serde_json::Value::from(value).to_string();
    let rest = String::from_utf8_lossy(answer);
    let rest = rest.trim_start().strip_prefix('{').unwrap_or("}").trim_start();
    let comma = if rest.starts_with('}') { "" } else { "," };
    format!("{{{field}:{value}{comma}{rest}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_goes_in_front_and_the_rest_stays_to_the_letter() {
        let text = |answer: &str| String::from_utf8(beside("datasetName", "a\"b", answer.as_bytes())).unwrap();
        assert_eq!(text(" { \"n\": 1E5 }"), r#"{"datasetName":"a\"b","n": 1E5 }"#);
        assert_eq!(text("{}"), r#"{"datasetName":"a\"b"}"#);
        assert_eq!(text("nonsense"), r#"{"datasetName":"a\"b"}"#);
    }
}
