//! Tables.

use serde::Deserialize;
use serde_json::{Value, json};

use super::paging::Page;
use super::properties::WireTable;
use super::tags::check_tags;
use super::{Control, no_database, no_table};
use crate::local::constraints::Violations;
use crate::local::failure::{ErrorKind, Failure};
use crate::local::timestream::constraints::check_resource_name;
use crate::local::timestream::epoch_seconds;
use crate::local::timestream::store::{self, DatabaseRow, TableRow};

/// Tables of an account (facts §1.1).
const TABLES_MAX: i64 = 50_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NamedTable {
    database_name: Option<String>,
    table_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTables {
    database_name: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl NamedTable {
    fn names(&self) -> Result<(&str, &str), Failure> {
        let mut violations = Violations::default();
        violations.required("databaseName", self.database_name.as_ref());
        violations.required("tableName", self.table_name.as_ref());
        violations.finish()?;
        Ok((self.database_name.as_deref().unwrap_or_default(), self.table_name.as_deref().unwrap_or_default()))
    }
}

impl Control<'_> {
    pub(super) fn create_table(&mut self, mut request: WireTable) -> Result<Value, Failure> {
        let mut violations = Violations::default();
        check_resource_name(&mut violations, "databaseName", request.database_name.as_ref());
        check_resource_name(&mut violations, "tableName", request.table_name.as_ref());
        check_tags(&mut violations, request.tags.as_ref());
        request.check(&mut violations);
        violations.finish()?;
        let database = request.database_name.take().unwrap_or_default();
        let name = request.table_name.take().unwrap_or_default();
        let tags = request.tags.take();
        let properties = request.create()?;
        let (arn, now) = (self.table_arn(&database, &name), self.now);
        let transaction = self.store.begin()?;
        if DatabaseRow::find(&transaction, &database)?.is_none() {
            return Err(no_database(&database));
        }
        if TableRow::find(&transaction, &database, &name)?.is_some() {
            let message = format!("The table {name} already exists in the database {database}.");
            return Err(Failure::new(ErrorKind::Conflict, message));
        }
        if TableRow::count(&transaction)? >= TABLES_MAX {
            let message = format!("The account has reached its quota of {TABLES_MAX} tables.");
            return Err(Failure::new(ErrorKind::ServiceQuotaExceeded, message));
        }
        let never = i64::MIN;
        let row = TableRow {
            id: 0,
            database,
            name,
            properties,
            memory_opened_from: never,
            total_opened_from: never,
            created_at: now,
            updated_at: now,
        };
        row.insert(&transaction)?;
        for tag in tags.iter().flatten() {
            store::set_tag(&transaction, &arn, tag.key(), tag.value())?;
        }
        transaction.commit()?;
        Ok(json!({ "Table": self.table_json(&row) }))
    }

    pub(super) fn describe_table(&mut self, request: &NamedTable) -> Result<Value, Failure> {
        let (database, name) = request.names()?;
        let transaction = self.store.begin()?;
        let row = TableRow::find(&transaction, database, name)?;
        let database_exists = row.is_some() || DatabaseRow::find(&transaction, database)?.is_some();
        drop(transaction);
        let missing = || if database_exists { no_table(name) } else { no_database(database) };
        let row = row.ok_or_else(missing)?;
        Ok(json!({ "Table": self.table_json(&row) }))
    }

    pub(super) fn list_tables(&mut self, request: &ListTables) -> Result<Value, Failure> {
        let page = Page::read(request.max_results, request.next_token.as_deref())?;
        let database = request.database_name.as_deref();
        let transaction = self.store.begin()?;
        if let Some(name) = database
            && DatabaseRow::find(&transaction, name)?.is_none()
        {
            return Err(no_database(name));
        }
        let mut rows = TableRow::page(&transaction, database, (&page.after.0, &page.after.1), page.limit + 1)?;
        drop(transaction);
        let next = page.cut(&mut rows, |row| (&row.database, &row.name));
        let mut answer = json!({ "Tables": rows.iter().map(|row| self.table_json(row)).collect::<Value>() });
        if let Some(next) = next {
            answer["NextToken"] = next.into();
        }
        Ok(answer)
    }

    pub(super) fn update_table(&mut self, mut request: WireTable) -> Result<Value, Failure> {
        let mut violations = Violations::default();
        violations.required("databaseName", request.database_name.as_ref());
        violations.required("tableName", request.table_name.as_ref());
        request.check(&mut violations);
        violations.finish()?;
        let database = request.database_name.take().unwrap_or_default();
        let name = request.table_name.take().unwrap_or_default();
        let now = self.now;
        let transaction = self.store.begin()?;
        let mut row = TableRow::find(&transaction, &database, &name)?.ok_or_else(|| no_table(&name))?;
        let before = row.retention();
        row.properties = request.update(&row.properties)?;
        let wanted = row.retention();
        if (wanted.memory_hours, wanted.magnetic_days) != (before.memory_hours, before.magnetic_days) {
            let changed = before.changed_to(wanted.memory_hours, wanted.magnetic_days, now);
            row.memory_opened_from = changed.memory_opened_from;
            row.total_opened_from = changed.total_opened_from;
        }
        row.updated_at = now;
        row.update(&transaction)?;
        transaction.commit()?;
        self.store.forget();
        Ok(json!({ "Table": self.table_json(&row) }))
    }

    pub(super) fn delete_table(&mut self, request: &NamedTable) -> Result<Value, Failure> {
        let (database, name) = request.names()?;
        let arn = self.table_arn(database, name);
        let transaction = self.store.begin()?;
        let row = TableRow::find(&transaction, database, name)?.ok_or_else(|| no_table(name))?;
        row.delete(&transaction)?;
        store::remove_tags(&transaction, &arn)?;
        transaction.commit()?;
        self.store.forget();
        Ok(json!({}))
    }

    fn table_json(&self, row: &TableRow) -> Value {
        let properties = &row.properties;
        json!({
            "Arn": self.table_arn(&row.database, &row.name),
            "TableName": row.name,
            "DatabaseName": row.database,
            "TableStatus": "ACTIVE",
            "RetentionProperties": properties.retention_properties,
            "CreationTime": epoch_seconds(row.created_at),
            "LastUpdatedTime": epoch_seconds(row.updated_at),
            "MagneticStoreWriteProperties": properties.magnetic_store_write_properties,
            "Schema": properties.schema,
        })
    }
}
