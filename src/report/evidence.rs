//! What became of the claims of an evidence file, as text.

use super::text;
use crate::evidence::Checked;

/// Every claim with whether it holds, the seal, and the verdict.
#[must_use]
pub fn evidence_text(checked: &Checked) -> String {
    let mut out = String::new();
    for claim in &checked.claims {
        let line = claim.broken.as_ref().map_or_else(|| claim.claim.clone(), |why| format!("{}: {why}", claim.claim));
        out.push_str(&text::wrapped(if claim.broken.is_none() { "holds    " } else { "BROKEN   " }, "         ", &line));
    }
    out.push_str(&format!("\nseal {}\n", text::shown(&checked.seal)));
    let verdict = if !checked.holds() {
        "Verdict: this evidence does not hold."
    } else if checked.passes() {
        "Verdict: it holds, and says that every row is accounted for. Keep the seal where nobody who can edit the file can edit it."
    } else {
        "Verdict: it holds, and says that rows are not accounted for."
    };
    out.push_str(verdict);
    out.push('\n');
    out
}
