//! What can keep a history from being read, with what to do about it.

use std::io;

/// Why the machine, not the data, kept a history from being read. Damage to the data is never one of these: it is
/// [`super::ObjectRead::damage`].
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("there is nothing at `{root}`")]
    RootMissing { root: String },
    #[error("`{root}` is not a directory")]
    RootNotDirectory { root: String },
    #[error("cannot read `{path}`: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("more than {max} objects lie below `{root}`")]
    TooManyObjects { root: String, max: usize },
    #[error("the object `{key}` is gone")]
    Vanished { key: String },
    #[error("the object `{key}` is not the one that was listed: it was {listed} and is {found}")]
    Changed { key: String, listed: String, found: String },
    #[error("the object `{key}` leads outside the history's root")]
    Outside { key: String },
    #[error("the messages of `{key}` cannot go through the pipeline `{pipeline}`: {reason}")]
    Pipeline { key: String, pipeline: String, reason: String, hint: Option<String> },
    #[error("`{address}` names no bucket")]
    NoBucket { address: String },
    #[error("access is denied: {permission} on {resource}")]
    Denied { permission: String, resource: String },
    #[error("the bucket `{bucket}` is in {}", region.as_deref().unwrap_or("another region"))]
    WrongRegion { bucket: String, region: Option<String> },
    #[error("the AWS credentials cannot be used: {reason}")]
    Credentials { reason: String },
    #[error("the object `{key}` is archived")]
    Archived { key: String },
    #[error("the staged file `{file}` is not what the manifest says: {reason}")]
    Staging { file: String, reason: String },
    #[error("cannot read the object `{key}`: {source}")]
    Read { key: String, source: io::Error },
}

impl HistoryError {
    /// What to do next, where there is something better than trying again.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::RootMissing { root } if root.starts_with("s3://") => {
                Some("check the bucket's name and the prefix; `aws s3 ls` shows what is there".to_owned())
            }
            Self::NoBucket { .. } => Some("write it as s3://bucket or s3://bucket/prefix".to_owned()),
            Self::Denied { permission, resource } => Some(format!(
                "allow {permission} on {resource} to whoever runs this, in the bucket's policy too where it has one; then give the same command"
            )),
            Self::WrongRegion { region, .. } => {
                Some(format!("give --region {} or set AWS_REGION", region.as_deref().unwrap_or("with the bucket's own region")))
            }
            Self::Credentials { .. } => Some("renew them (for example `aws sso login`) and give the same command: it goes on".to_owned()),
            Self::Archived { .. } => Some("restore it from its archive class first, or leave its store out".to_owned()),
            Self::RootMissing { .. } | Self::RootNotDirectory { .. } => Some(
                "name the directory that holds a copy of the bucket, with `datastore/<name>/...`, `channel/<name>/...` or \
                 `<datastore>/<time>/<version>.csv` below it"
                    .to_owned(),
            ),
            Self::TooManyObjects { .. } => Some("name the folder of one store, and migrate store by store".to_owned()),
            Self::Vanished { .. } | Self::Changed { .. } => {
                Some("the history must stand still while it is migrated: make a new plan of what is there now".to_owned())
            }
            Self::Outside { .. } => Some("symbolic links are not followed: copy what they lead to".to_owned()),
            Self::Pipeline { hint, .. } => hint.clone(),
            Self::Staging { .. } => {
                Some("`iota2ts export --check` names all that differs; move the staging away and export again".to_owned())
            }
            Self::Unreadable { .. } | Self::Read { .. } => None,
        }
    }
}
