//! The crossbow: a bolt a pull, then it must be wound again.

use crate::arena::{input::Input, kit::Kit};

/// Whether a bolt leaves the crossbow; takes it from the quiver.
pub(super) const fn is_shot(kit: &mut Kit, input: &Input) -> bool {
    let shoots = input.fire && kit.busy_ticks == 0 && kit.quiver > 0;
    if shoots {
        kit.quiver -= 1;
    }
    shoots
}
