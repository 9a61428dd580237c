//! Which operation a method and a path ask for (facts: API wire details, routes).

use hyper::{Method, StatusCode};

/// The operations of the API, all of them served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    BatchPutMessage,
    SampleChannelData,
    RunPipelineActivity,
    StartPipelineReprocessing,
    CancelPipelineReprocessing,
    Create(Resource),
    Describe(Resource),
    List(Resource),
    Update(Resource),
    Delete(Resource),
    CreateDatasetContent,
    GetDatasetContent,
    DeleteDatasetContent,
    ListDatasetContents,
    DescribeLoggingOptions,
    PutLoggingOptions,
    ListTagsForResource,
    TagResource,
    UntagResource,
}

/// The four kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Channel,
    Datastore,
    Pipeline,
    Dataset,
}

impl Resource {
    const ALL: [Self; 4] = [Self::Channel, Self::Datastore, Self::Pipeline, Self::Dataset];

    /// As members of the API begin: `channelName`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Datastore => "datastore",
            Self::Pipeline => "pipeline",
            Self::Dataset => "dataset",
        }
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// How many an account may have (facts: quotas).
    pub(super) fn quota(self) -> i64 {
        match self {
            Self::Channel => 50,
            Self::Datastore => 25,
            Self::Pipeline | Self::Dataset => 100,
        }
    }
}

impl Operation {
    /// As the API names it, for fault rules and counters.
    pub(super) fn name(self) -> &'static str {
        use Resource::{Channel, Dataset, Datastore, Pipeline};
        match self {
            Self::BatchPutMessage => "BatchPutMessage",
            Self::SampleChannelData => "SampleChannelData",
            Self::RunPipelineActivity => "RunPipelineActivity",
            Self::StartPipelineReprocessing => "StartPipelineReprocessing",
            Self::CancelPipelineReprocessing => "CancelPipelineReprocessing",
            Self::Create(Channel) => "CreateChannel",
            Self::Create(Datastore) => "CreateDatastore",
            Self::Create(Pipeline) => "CreatePipeline",
            Self::Create(Dataset) => "CreateDataset",
            Self::Describe(Channel) => "DescribeChannel",
            Self::Describe(Datastore) => "DescribeDatastore",
            Self::Describe(Pipeline) => "DescribePipeline",
            Self::Describe(Dataset) => "DescribeDataset",
            Self::List(Channel) => "ListChannels",
            Self::List(Datastore) => "ListDatastores",
            Self::List(Pipeline) => "ListPipelines",
            Self::List(Dataset) => "ListDatasets",
            Self::Update(Channel) => "UpdateChannel",
            Self::Update(Datastore) => "UpdateDatastore",
            Self::Update(Pipeline) => "UpdatePipeline",
            Self::Update(Dataset) => "UpdateDataset",
            Self::Delete(Channel) => "DeleteChannel",
            Self::Delete(Datastore) => "DeleteDatastore",
            Self::Delete(Pipeline) => "DeletePipeline",
            Self::Delete(Dataset) => "DeleteDataset",
            Self::CreateDatasetContent => "CreateDatasetContent",
            Self::GetDatasetContent => "GetDatasetContent",
            Self::DeleteDatasetContent => "DeleteDatasetContent",
            Self::ListDatasetContents => "ListDatasetContents",
            Self::DescribeLoggingOptions => "DescribeLoggingOptions",
            Self::PutLoggingOptions => "PutLoggingOptions",
            Self::ListTagsForResource => "ListTagsForResource",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
        }
    }

    /// The status of a good answer.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Create(_) => StatusCode::CREATED,
            Self::Delete(_) | Self::DeleteDatasetContent | Self::TagResource | Self::UntagResource => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        }
    }
}

/// An operation, with what its path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) operation: Operation,
    /// The resource's name; empty where the path has none.
    pub(super) name: String,
    /// The id of a reprocessing.
    pub(super) id: String,
}

/// What is asked for; none where the API has no such route.
pub(super) fn route(method: &Method, path: &str) -> Option<Asked> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let verb = method.as_str();
    let (operation, name, id) = match (verb, parts.as_slice()) {
        ("POST", ["messages", "batch"]) => (Operation::BatchPutMessage, "", ""),
        ("POST", ["pipelineactivities", "run"]) => (Operation::RunPipelineActivity, "", ""),
        ("GET", ["logging"]) => (Operation::DescribeLoggingOptions, "", ""),
        ("PUT", ["logging"]) => (Operation::PutLoggingOptions, "", ""),
        ("GET", ["tags"]) => (Operation::ListTagsForResource, "", ""),
        ("POST", ["tags"]) => (Operation::TagResource, "", ""),
        ("DELETE", ["tags"]) => (Operation::UntagResource, "", ""),
        ("GET", ["channels", name, "sample"]) => (Operation::SampleChannelData, *name, ""),
        ("POST", ["pipelines", name, "reprocessing"]) => (Operation::StartPipelineReprocessing, *name, ""),
        ("DELETE", ["pipelines", name, "reprocessing", id]) => (Operation::CancelPipelineReprocessing, *name, *id),
        ("POST", ["datasets", name, "content"]) => (Operation::CreateDatasetContent, *name, ""),
        ("GET", ["datasets", name, "content"]) => (Operation::GetDatasetContent, *name, ""),
        ("DELETE", ["datasets", name, "content"]) => (Operation::DeleteDatasetContent, *name, ""),
        ("GET", ["datasets", name, "contents"]) => (Operation::ListDatasetContents, *name, ""),
        (verb, [plural, rest @ ..]) => {
            let kind = Resource::named(plural.strip_suffix('s')?)?;
            match (verb, rest) {
                ("POST", []) => (Operation::Create(kind), "", ""),
                ("GET", []) => (Operation::List(kind), "", ""),
                ("GET", [name]) => (Operation::Describe(kind), *name, ""),
                ("PUT", [name]) => (Operation::Update(kind), *name, ""),
                ("DELETE", [name]) => (Operation::Delete(kind), *name, ""),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Asked { operation, name: name.to_owned(), id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(method: &str, path: &str) -> Option<&'static str> {
        route(&method.parse().unwrap(), path).map(|asked| asked.operation.name())
    }

    #[test]
    fn routes_are_those_of_the_api() {
        assert_eq!(name("POST", "/channels").unwrap(), "CreateChannel");
        assert_eq!(name("GET", "/datastores").unwrap(), "ListDatastores");
        assert_eq!(name("GET", "/pipelines/p").unwrap(), "DescribePipeline");
        assert_eq!(name("GET", "/channels/c/sample").unwrap(), "SampleChannelData");
        assert_eq!(name("GET", "/datasets/d/content").unwrap(), "GetDatasetContent");
        assert_eq!(name("GET", "/datasets/d/contents").unwrap(), "ListDatasetContents");
        assert_eq!(name("PATCH", "/channels/c"), None);
        assert_eq!(name("GET", "/things"), None);
        let asked = route(&Method::DELETE, "/pipelines/p/reprocessing/7").unwrap();
        assert_eq!((asked.name.as_str(), asked.id.as_str()), ("p", "7"));
    }
}
