//! What stops a live capture, and what to say when the service is gone.

use std::fmt;

use super::answers::Answers;
use super::connection::Connection;
use super::fault::Fault;
use crate::inventory::shown;

/// Where IoT Analytics was offered (facts: wire details).
const REGIONS: [&str; 9] =
    ["us-east-1", "us-east-2", "us-west-2", "ap-south-1", "ap-southeast-2", "ap-northeast-1", "eu-central-1", "eu-west-1", "cn-north-1"];

/// Why a live capture ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error("no AWS region is set")]
    NoRegion,
    /// Credentials that serve for nothing more.
    #[error("{fault}")]
    Stopped { fault: Fault, so_far: Box<Answers> },
    /// IoT Analytics did not answer, and IoT Core had nothing to say.
    #[error("{0}")]
    Closed(Closed),
}

impl LiveError {
    /// What was answered before it ended.
    #[must_use]
    pub fn so_far(&self) -> Option<&Answers> {
        match self {
            Self::Stopped { so_far, .. } => Some(so_far),
            Self::NoRegion | Self::Closed(_) => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRegion => "give --region, set AWS_REGION, or put a region into the profile".to_owned(),
            Self::Stopped { fault: Fault::Expired { .. }, .. } => {
                "get fresh credentials (`aws sso login`, or assume the role again) and run the same command again".to_owned()
            }
            Self::Stopped { fault: Fault::NoCredentials { .. }, .. } => {
                "name a profile with --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; without any, capture --from reads files"
                    .to_owned()
            }
            Self::Stopped { .. } => {
                "check which account and keys the profile names (`aws sts get-caller-identity`), and this machine's clock".to_owned()
            }
            Self::Closed(closed) => closed.hint(),
        })
    }
}

/// AWS IoT Analytics does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    endpoint: String,
    /// Whether somebody named the endpoint, so that it may not be AWS's at all.
    named: bool,
    never_offered: Option<String>,
    why: String,
}

impl Closed {
    pub(super) fn new(connection: &Connection, fault: &Fault) -> Self {
        let named = connection.named_endpoint();
        let region = connection.region();
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Self {
            never_offered: (named.is_none() && !REGIONS.contains(&region)).then(|| region.to_owned()),
            endpoint: named.clone().unwrap_or_else(|| format!("https://iotanalytics.{region}.{domain}")),
            named: named.is_some(),
            why: fault.to_string(),
        }
    }

    /// What can be captured instead.
    #[must_use]
    pub fn hint(&self) -> String {
        let first = if self.named { "if `iota2ts local` should answer there, start it; otherwise " } else { "" };
        format!(
            "{first}capture what you still have: `iota2ts capture --from DIR`, where DIR holds CloudFormation templates (`aws cloudformation \
             get-template --stack-name STACK > stack.json`), `cdk synth` output, saved describe-*, list-* and get-topic-rule answers, or the \
             input of create-* calls; the history is in your own buckets (`aws s3 sync s3://BUCKET DIR`, then `iota2ts plan --history DIR`)"
        )
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AWS IoT Analytics does not answer at {} ({})", shown(&self.endpoint), self.why)?;
        if let Some(region) = &self.never_offered {
            write!(f, "; it was never offered in {}", shown(region))?;
        }
        f.write_str(
            ": AWS closed it on 15 December 2025. Its API, and what it kept in buckets of its own, are gone; your buckets, templates and \
             topic rules are not",
        )
    }
}
