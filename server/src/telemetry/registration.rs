//! Registration of metrics, shared by the files that define them.

use prometheus_client::registry::{Metric, Registry};

/// Registers a new metric, and returns a handle of it.
pub(super) fn register<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}
