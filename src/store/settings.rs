//! Settings: small values by name.

use serde_json::Value;

use super::schema::SETTINGS;
use super::{Store, StoreError};

impl Store {
    /// A setting's value.
    pub async fn setting(&self, name: &str) -> Result<Option<Value>, StoreError> {
        let name = name.to_owned();
        self.read(move |t| SETTINGS.get(t, &name)).await
    }

    /// Sets a setting.
    pub async fn put_setting(&self, name: &str, value: Value) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |t| SETTINGS.put(t, &name, &value)).await
    }
}
