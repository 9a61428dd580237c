//! From the bytes of a file to trees: which notation it is, and that notation's reader.
//!
//! Invariants: a tree has at most [`NODES_MAX`] nodes and [`DEPTH_MAX`] levels, aliases included, so that whoever walks it may recurse.

mod json;
mod yaml;

use super::problem::Findings;
use super::tree::Node;

/// Nodes of one file, with every alias counted as what it stands for.
pub(crate) const NODES_MAX: usize = 400_000;
/// Levels of one document. CloudFormation templates stay far below.
pub(crate) const DEPTH_MAX: usize = 96;
/// JSON values or YAML documents in one file.
const DOCUMENTS_MAX: usize = 10_000;

/// Why a text is not of its notation; the place is counted from 1.
#[derive(Debug)]
struct Fault {
    line: u32,
    column: Option<u32>,
    reason: String,
}

/// What a notation's reader returns: documents, and keys that stand twice as `(path, line, reason)`.
#[derive(Debug, Default)]
struct Parsed {
    documents: Vec<Node>,
    doubts: Vec<(String, u32, String)>,
}

/// Reads the documents of a file. `extension` is lower case; `json` is held to JSON, everything else is told by its first character.
///
/// Mistakes go to `findings`, and what could be read before them is not returned: half a file is no definition.
pub(crate) fn read(bytes: &[u8], extension: &str, findings: &mut Findings) -> Vec<Node> {
    match decode(bytes) {
        Ok(text) => read_text(&text, extension, "", findings),
        Err(reason) => {
            findings.error("", None, reason);
            Vec::new()
        }
    }
}

/// Reads the documents of a text that stands at `path` of the file (empty for the whole file).
pub(crate) fn read_text(text: &str, extension: &str, path: &str, findings: &mut Findings) -> Vec<Node> {
    let Some(first) = text.chars().find(|c| !c.is_whitespace()) else {
        findings.warn(path, None, "is empty");
        return Vec::new();
    };
    let strict_json = extension == "json";
    let parsed = if strict_json || matches!(first, '{' | '[') {
        // A YAML file may begin with a brace and not be JSON.
        match json::parse(text) {
            Err(_) if matches!(extension, "yaml" | "yml") => yaml::parse(text).map_err(|fault| (fault, "YAML")),
            parsed => parsed.map_err(|fault| (fault, "JSON")),
        }
    } else {
        yaml::parse(text).map_err(|fault| (fault, "YAML"))
    };
    match parsed {
        Ok(Parsed { documents, doubts }) => {
            for (place, line, reason) in doubts {
                let place = if path.is_empty() { place } else { format!("{path}.{place}") };
                findings.error(&place, Some(line), reason);
            }
            documents
        }
        Err((fault, notation)) => {
            let column = fault.column.map(|c| format!(" column {c}")).unwrap_or_default();
            findings.error(path, Some(fault.line), format!("is not valid {notation}: {} (line {}{column})", fault.reason, fault.line));
            Vec::new()
        }
    }
}

/// UTF-8, or UTF-16 with a byte order mark (what Windows PowerShell 5 writes when output is redirected).
fn decode(bytes: &[u8]) -> Result<String, String> {
    let wide = |from_bytes: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("is UTF-16 with half a character at its end".to_owned());
        }
        let units = pairs.iter().skip(1).map(|pair| from_bytes(*pair));
        char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| "is not valid UTF-16".to_owned())
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(format!("is not text: byte {} is not UTF-8", error.valid_up_to())),
    }
}

fn line_number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
