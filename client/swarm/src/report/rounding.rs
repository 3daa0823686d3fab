//! Rounding of the figures in reports.

/// Returns 0 for a value that rounds to the whole number `-0` (-0.5 to 0), so that no report shows `-0`, and any other value unchanged.
pub(crate) fn without_negative_zero(value: f64) -> f64 {
    if (-0.5..=0.0).contains(&value) { 0.0 } else { value }
}

/// Rounds to three decimals, the precision of all figures in a report; never returns negative zero.
pub(crate) fn round(value: f64) -> f64 {
    without_negative_zero(value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_never_yields_negative_zero() {
        assert!(round(-0.0).is_sign_positive());
        assert!(round(-0.000_1).is_sign_positive());
    }
}
