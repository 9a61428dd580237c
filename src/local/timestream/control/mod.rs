//! Databases, tables and tags: the control plane.
//!
//! Invariant: an operation is one transaction; what is answered is what was committed.

mod databases;
mod paging;
mod properties;
mod tables;
mod tags;

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::constraints::parse;
use super::store::Store;
use super::unknown_operation;
use crate::local::failure::Failure;
use crate::time::Nanos;

/// The control plane for one request.
#[derive(Debug)]
pub(super) struct Control<'a> {
    pub(super) store: &'a mut Store,
    pub(super) now: Nanos,
    pub(super) region: &'a str,
}

impl Control<'_> {
    /// Answers one of the operations of this room. Blocks.
    pub(super) fn answer(&mut self, operation: &str, body: &[u8]) -> Result<Value, Failure> {
        match operation {
            "CreateDatabase" => self.create_database(&parse(body)?),
            "DescribeDatabase" => self.describe_database(&parse(body)?),
            "ListDatabases" => self.list_databases(&parse(body)?),
            "UpdateDatabase" => self.update_database(&parse(body)?),
            "DeleteDatabase" => self.delete_database(&parse(body)?),
            "CreateTable" => self.create_table(parse(body)?),
            "DescribeTable" => self.describe_table(&parse(body)?),
            "ListTables" => self.list_tables(&parse(body)?),
            "UpdateTable" => self.update_table(parse(body)?),
            "DeleteTable" => self.delete_table(&parse(body)?),
            "TagResource" => self.tag_resource(&parse(body)?),
            "UntagResource" => self.untag_resource(&parse(body)?),
            "ListTagsForResource" => self.list_tags(&parse(body)?),
            _ => Err(unknown_operation(operation)),
        }
    }

    fn database_arn(&self, database: &str) -> String {
        format!("arn:aws:timestream:{}:{}:database/{database}", self.region, super::ACCOUNT)
    }

    fn table_arn(&self, database: &str, table: &str) -> String {
        format!("{}/table/{table}", self.database_arn(database))
    }
}

fn no_database(name: &str) -> Failure {
    Failure::not_found(format!("The database {name} does not exist."))
}

fn no_table(name: &str) -> Failure {
    Failure::not_found(format!("The table {name} does not exist."))
}
