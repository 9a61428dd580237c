//! What an evidence file claims, computed again.

use serde::Serialize;
use serde_json::Value;

use super::{Evidence, chain};
use crate::verify::{Method, Verification};

/// One thing that must be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    pub claim: String,
    /// Why it is not so.
    pub broken: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    pub seal: String,
    pub claims: Vec<Claim>,
    /// None where the verification cannot be read.
    pub verification: Option<Verification>,
}

impl Checked {
    /// Whether everything that the file claims is so.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.verification.is_some() && self.claims.iter().all(|claim| claim.broken.is_none())
    }

    /// Whether it holds, and says that every row is accounted for.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.holds() && self.verification.as_ref().is_some_and(Verification::all_accounted_for)
    }

    /// Adds a claim about something beside the file.
    pub fn also(&mut self, claim: impl Into<String>, broken: Option<String>) {
        self.claims.push(Claim { claim: claim.into(), broken });
    }
}

impl Evidence {
    /// Computes again what can be computed from the file alone.
    #[must_use]
    pub fn check(&self) -> Checked {
        let mut checked = Checked { seal: self.seal().to_owned(), claims: Vec::new(), verification: None };
        checked.also("no link was edited, and none is missing in between", chain::broken(self));
        let text = |kind: &str, pointer: &str| self.body(kind).and_then(|body| body.pointer(pointer)).and_then(Value::as_str);
        let same = |what: &str, left: Option<&str>, right: Option<&str>| {
            (left.is_none() || left != right).then(|| format!("{what}: {} and {}", left.unwrap_or("nothing"), right.unwrap_or("nothing")))
        };
        checked.also("the plan is of this inventory", same("digests", text("plan", "/bound_to/inventory"), text("inventory", "/digest")));
        if self.body("backfill").is_some() {
            checked.also("the backfill carried out this plan", same("digests", text("backfill", "/plan_digest"), text("plan", "/digest")));
        }
        let verification = self.body("verification").ok_or_else(|| "there is no verification".to_owned());
        match verification.and_then(|body| serde_json::from_value::<Verification>(body.clone()).map_err(|error| error.to_string())) {
            Ok(verification) => {
                figures(&mut checked, &verification);
                checked.verification = Some(verification);
            }
            Err(reason) => checked.also("the verification can be read", Some(reason)),
        }
        checked
    }
}

fn figures(checked: &mut Checked, verification: &Verification) {
    for table in &verification.tables {
        checked.also(format!("every row of table {} has one state", table.table), table.check().err());
        let alike = table.missing + table.extra + table.changed + table.pending + table.skipped == 0;
        if table.method == Method::Digests && alike {
            let theirs = table.target_digest.as_deref();
            let broken = (theirs != Some(&table.source_digest)).then(|| "the digests of source and target differ".to_owned());
            checked.also(format!("both sides of table {} have one digest", table.table), broken);
        }
    }
    let verdict = Verification::verdict_of(&verification.tables);
    let broken = (verdict != verification.verdict).then(|| format!("it says {:?}, and its figures say {verdict:?}", verification.verdict));
    checked.also("the verdict follows from the figures", broken);
}
