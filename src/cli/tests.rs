//! The command line as a whole.

use super::*;

#[test]
fn the_definitions_of_the_command_line_hold_together() {
    command().debug_assert();
}
