//! The percentiles of a distribution, as reports carry them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measure::Distribution;

/// Percentiles of a distribution, in the unit of the field's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// Median of the values.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// Largest value, to three significant digits.
    pub max: f64,
    /// Number of values.
    pub count: u64,
}

impl Percentiles {
    /// Computes the percentiles of a distribution whose values are thousandths of the field's unit. Returns `None` for an empty
    /// distribution, because a time that was not measured is not a time of zero.
    #[must_use]
    pub fn of(distribution: &Distribution) -> Option<Self> {
        let at = |quantile| distribution.quantile(quantile) as f64 / 1000.0;
        (!distribution.is_empty()).then(|| Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: distribution.max() as f64 / 1000.0,
            count: distribution.count(),
        })
    }
}
