//! What a database adapter keeps for all connections that write to one log.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Log;

/// One value a type.
pub(super) type Shared = Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>;

impl Log {
    /// What a database adapter keeps for all its connections that write to this log: one value of
    /// each type, made when it is first asked for.
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let value = shared
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::new(T::default()));
        Arc::clone(value).downcast().unwrap_or_default()
    }
}
