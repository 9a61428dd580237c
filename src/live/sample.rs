//! A few messages of each channel, as they are: what the activities are tried out with, and what shows how messages look.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use aws_sdk_iotanalytics::Client;
use aws_sdk_iotanalytics::operation::sample_channel_data::SampleChannelDataOutput;

use super::answers::{Answers, SaveError, file_name};
use super::caller::{Answer, Caller};
use super::fault::Fault;
use super::operation::Operation;
use crate::durable::write_whole;
use crate::encoding::base64;

/// Messages of one channel (facts: SampleChannelData gives at most 10).
const MESSAGES_MAX: i32 = 10;

/// Messages by channel, as bytes. A channel without messages has no entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples {
    pub by_channel: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Samples {
    /// How many messages there are.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.by_channel.values().map(Vec::len).sum()
    }

    /// Writes `samples/<channel>.json` below `directory`. A channel that gave none keeps the file that an earlier capture wrote.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, directory: &Path) -> Result<PathBuf, SaveError> {
        let folder = directory.join("samples");
        std::fs::create_dir_all(&folder).map_err(|source| SaveError::new(&folder, source))?;
        for (channel, messages) in &self.by_channel {
            let path = folder.join(format!("{}.json", file_name(channel)));
            let written: io::Result<()> = write_whole(&path, text(channel, messages).as_bytes());
            written.map_err(|source| SaveError::new(&path, source))?;
        }
        Ok(folder)
    }
}

/// A message that is text is written as text; one that is not, in Base64.
fn text(channel: &str, messages: &[Vec<u8>]) -> String {
    let message = |bytes: &Vec<u8>| match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::json!({ "text": text }),
        Err(_) => serde_json::json!({ "base64": base64(bytes) }),
    };
    let messages: Vec<serde_json::Value> = messages.iter().map(message).collect();
    let document = serde_json::json!({ "version": 1, "sampleOfChannel": channel, "messages": messages });
    // Texts only: cannot fail.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

/// Asks for messages of every channel.
///
/// # Errors
/// A fault after which no other question fares better.
pub(super) async fn all(client: &Client, caller: &Caller, channels: Vec<String>, answers: &mut Answers) -> Result<Samples, Fault> {
    let mut samples = Samples::default();
    let sample = |caller: Caller, name: String| {
        let client = client.clone();
        async move {
            let request = || client.sample_channel_data().channel_name(&name).max_messages(MESSAGES_MAX);
            caller.ask(|keep| request().customize().interceptor(keep).send()).await
        }
    };
    let take = |name: String, answer: Result<Answer<SampleChannelDataOutput>, Fault>| match answer {
        Ok(answer) => {
            let messages: Vec<Vec<u8>> = answer.output.payloads().iter().map(|payload| payload.as_ref().to_vec()).collect();
            if !messages.is_empty() {
                samples.by_channel.insert(name, messages);
            }
        }
        Err(fault) => answers.without_one(&name, Operation::SampleChannelData, &fault),
    };
    caller.each(channels, sample, take).await?;
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_as_they_are_and_an_empty_sample_takes_no_file_away() {
        let directory = tempfile::tempdir().unwrap();
        let mut samples = Samples::default();
        samples.by_channel.insert("c".to_owned(), vec![b"{ \"t\": 1E5 }".to_vec(), vec![0xff, 0x00]]);
        samples.save(directory.path()).unwrap();
        Samples::default().save(directory.path()).unwrap();
        let text = std::fs::read_to_string(directory.path().join("samples/c.json")).unwrap();
        assert!(text.contains(r#""text": "{ \"t\": 1E5 }""#) && text.contains(r#""base64": "/wA=""#), "{text}");
    }
}
