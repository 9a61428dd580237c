//! Databases.

use serde::Deserialize;
use serde_json::{Value, json};

use super::paging::Page;
use super::tags::{WireTag, check_tags};
use super::{Control, no_database};
use crate::local::constraints::Violations;
use crate::local::failure::{ErrorKind, Failure};
use crate::local::timestream::constraints::check_resource_name;
use crate::local::timestream::epoch_seconds;
use crate::local::timestream::store::{self, DatabaseRow};

/// Databases of an account (facts §1.1).
const DATABASES_MAX: i64 = 500;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateDatabase {
    database_name: Option<String>,
    kms_key_id: Option<String>,
    tags: Option<Vec<WireTag>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NamedDatabase {
    database_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateDatabase {
    database_name: Option<String>,
    kms_key_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListDatabases {
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl NamedDatabase {
    fn name(&self) -> Result<&str, Failure> {
        let mut violations = Violations::default();
        violations.required("databaseName", self.database_name.as_ref());
        violations.finish()?;
        Ok(self.database_name.as_deref().unwrap_or_default())
    }
}

impl Control<'_> {
    pub(super) fn create_database(&mut self, request: &CreateDatabase) -> Result<Value, Failure> {
        let mut violations = Violations::default();
        check_resource_name(&mut violations, "databaseName", request.database_name.as_ref());
        violations.length("kmsKeyId", request.kms_key_id.as_deref(), 1, 2048);
        check_tags(&mut violations, request.tags.as_ref());
        violations.finish()?;
        let name = request.database_name.clone().unwrap_or_default();
        // The key that the service manages in the account.
        let own_key =
            || format!("arn:aws:kms:{}:{}:key/00000000-0000-0000-0000-000000000000", self.region, crate::local::timestream::ACCOUNT);
        let kms_key_id = request.kms_key_id.clone().unwrap_or_else(own_key);
        let (arn, now) = (self.database_arn(&name), self.now);
        let transaction = self.store.begin()?;
        if DatabaseRow::find(&transaction, &name)?.is_some() {
            return Err(Failure::new(ErrorKind::Conflict, format!("The database {name} already exists.")));
        }
        if DatabaseRow::count(&transaction)? >= DATABASES_MAX {
            let message = format!("The account has reached its quota of {DATABASES_MAX} databases.");
            return Err(Failure::new(ErrorKind::ServiceQuotaExceeded, message));
        }
        let row = DatabaseRow { name, kms_key_id, created_at: now, updated_at: now, table_count: 0 };
        row.insert(&transaction)?;
        for tag in request.tags.iter().flatten() {
            store::set_tag(&transaction, &arn, tag.key(), tag.value())?;
        }
        transaction.commit()?;
        Ok(json!({ "Database": self.database_json(&row) }))
    }

    pub(super) fn describe_database(&mut self, request: &NamedDatabase) -> Result<Value, Failure> {
        let name = request.name()?;
        let found = DatabaseRow::find(&*self.store.begin()?, name)?;
        let row = found.ok_or_else(|| no_database(name))?;
        Ok(json!({ "Database": self.database_json(&row) }))
    }

    pub(super) fn list_databases(&mut self, request: &ListDatabases) -> Result<Value, Failure> {
        let page = Page::read(request.max_results, request.next_token.as_deref())?;
        let mut rows = DatabaseRow::page(&*self.store.begin()?, &page.after.0, page.limit + 1)?;
        let next = page.cut(&mut rows, |row| (&row.name, ""));
        let mut answer = json!({ "Databases": rows.iter().map(|row| self.database_json(row)).collect::<Value>() });
        if let Some(next) = next {
            answer["NextToken"] = next.into();
        }
        Ok(answer)
    }

    pub(super) fn update_database(&mut self, request: &UpdateDatabase) -> Result<Value, Failure> {
        let mut violations = Violations::default();
        violations.required("databaseName", request.database_name.as_ref());
        violations.required("kmsKeyId", request.kms_key_id.as_ref());
        violations.length("kmsKeyId", request.kms_key_id.as_deref(), 1, 2048);
        violations.finish()?;
        let name = request.database_name.as_deref().unwrap_or_default();
        let now = self.now;
        let transaction = self.store.begin()?;
        let mut row = DatabaseRow::find(&transaction, name)?.ok_or_else(|| no_database(name))?;
        row.kms_key_id = request.kms_key_id.clone().unwrap_or_default();
        row.updated_at = now;
        row.update(&transaction)?;
        transaction.commit()?;
        Ok(json!({ "Database": self.database_json(&row) }))
    }

    pub(super) fn delete_database(&mut self, request: &NamedDatabase) -> Result<Value, Failure> {
        let name = request.name()?;
        let arn = self.database_arn(name);
        let transaction = self.store.begin()?;
        let row = DatabaseRow::find(&transaction, name)?.ok_or_else(|| no_database(name))?;
        if row.table_count > 0 {
            let message = format!("The database {name} cannot be deleted: it still has {} tables. Delete them first.", row.table_count);
            return Err(Failure::validation(message));
        }
        row.delete(&transaction)?;
        store::remove_tags(&transaction, &arn)?;
        transaction.commit()?;
        Ok(json!({}))
    }

    fn database_json(&self, row: &DatabaseRow) -> Value {
        json!({
            "Arn": self.database_arn(&row.name),
            "DatabaseName": row.name,
            "TableCount": row.table_count,
            "KmsKeyId": row.kms_key_id,
            "CreationTime": epoch_seconds(row.created_at),
            "LastUpdatedTime": epoch_seconds(row.updated_at),
        })
    }
}
