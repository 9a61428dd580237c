//! Logging options: one per account and region, and only the level ERROR.

use serde_json::{Map, Value, json};

use super::model::PUT_LOGGING;
use super::{Service, shape};
use crate::local::exception::Exception;

impl Service {
    pub(super) fn logging(&self) -> Result<Value, Exception> {
        // Facts: 404 if they were never set.
        let options = self.store().logging()?.ok_or_else(|| Exception::not_found("No logging options are set."))?;
        Ok(json!({ "loggingOptions": options }))
    }

    pub(super) fn set_logging(&self, request: &Map<String, Value>) -> Result<Value, Exception> {
        shape::check(&PUT_LOGGING, &Value::Object(request.clone()), "")?;
        self.store().set_logging(request.get("loggingOptions").unwrap_or(&Value::Null))?;
        Ok(Value::Null)
    }
}
