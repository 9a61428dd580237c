//! Every operation that is asked, and the permission that it takes.

/// An operation of one of the three services. None of them changes anything that is kept there, but for the temporary datasets of
/// `contents`: those are made, started and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    ListChannels,
    DescribeChannel,
    ListPipelines,
    DescribePipeline,
    ListDatastores,
    DescribeDatastore,
    ListDatasets,
    DescribeDataset,
    ListDatasetContents,
    CreateDataset,
    CreateDatasetContent,
    GetDatasetContent,
    DeleteDataset,
    ListTagsForResource,
    DescribeLoggingOptions,
    SampleChannelData,
    RunPipelineActivity,
    ListTopicRules,
    GetTopicRule,
    ListThings,
    DescribeThing,
    GetThingShadow,
}

impl Operation {
    pub const ALL: [Self; 22] = [
        Self::ListChannels,
        Self::DescribeChannel,
        Self::ListPipelines,
        Self::DescribePipeline,
        Self::ListDatastores,
        Self::DescribeDatastore,
        Self::ListDatasets,
        Self::DescribeDataset,
        Self::ListDatasetContents,
        Self::CreateDataset,
        Self::CreateDatasetContent,
        Self::GetDatasetContent,
        Self::DeleteDataset,
        Self::ListTagsForResource,
        Self::DescribeLoggingOptions,
        Self::SampleChannelData,
        Self::RunPipelineActivity,
        Self::ListTopicRules,
        Self::GetTopicRule,
        Self::ListThings,
        Self::DescribeThing,
        Self::GetThingShadow,
    ];

    /// The operation's name in the service's model.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ListChannels => "ListChannels",
            Self::DescribeChannel => "DescribeChannel",
            Self::ListPipelines => "ListPipelines",
            Self::DescribePipeline => "DescribePipeline",
            Self::ListDatastores => "ListDatastores",
            Self::DescribeDatastore => "DescribeDatastore",
            Self::ListDatasets => "ListDatasets",
            Self::DescribeDataset => "DescribeDataset",
            Self::ListDatasetContents => "ListDatasetContents",
            Self::CreateDataset => "CreateDataset",
            Self::CreateDatasetContent => "CreateDatasetContent",
            Self::GetDatasetContent => "GetDatasetContent",
            Self::DeleteDataset => "DeleteDataset",
            Self::ListTagsForResource => "ListTagsForResource",
            Self::DescribeLoggingOptions => "DescribeLoggingOptions",
            Self::SampleChannelData => "SampleChannelData",
            Self::RunPipelineActivity => "RunPipelineActivity",
            Self::ListTopicRules => "ListTopicRules",
            Self::GetTopicRule => "GetTopicRule",
            Self::ListThings => "ListThings",
            Self::DescribeThing => "DescribeThing",
            Self::GetThingShadow => "GetThingShadow",
        }
    }

    /// The IAM action that allows it.
    #[must_use]
    pub fn action(self) -> String {
        let service = match self {
            Self::ListTopicRules | Self::GetTopicRule | Self::ListThings | Self::DescribeThing | Self::GetThingShadow => "iot",
            _ => "iotanalytics",
        };
        format!("{service}:{}", self.name())
    }
}
