# Sourced by tests/run and tests/full: needed programs, the build profile, and the time of each step.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Each program, and the Debian package that contains it; a script may need more than these (`also_needed`).
needed=(cc:gcc curl:curl git:git python3:python3 chromium:chromium taskset:util-linux strace:strace "${also_needed[@]}")

# One profile for tests, programs and the guides' commands, which use `--release`. It is optimised enough for the deadlines of
# scenarios on two busy cores, checks assertions, and leaves out link-time optimisation, which takes longer than all scenarios.
# A target folder of its own keeps it apart from real release builds.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/tests}
export CARGO_INCREMENTAL=0
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1
export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true
export CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true
export CARGO_PROFILE_RELEASE_LTO=off
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16

step_name=
step_start=0
step_times=()

# step NAME: ends the step before, and starts this one.
step() {
    end_step
    printf '\n== %s\n' "$*"
    step_name=$* step_start=$SECONDS
}

end_step() {
    [[ -z $step_name ]] || step_times+=("$(printf '%6d s  %s' $((SECONDS - step_start)) "$step_name")")
    step_name=
}

print_times() {
    local code=$?
    [[ $code == 0 || -z $step_name ]] || step_name+=" (failed)"
    end_step
    printf '\n== time of each step\n'
    printf '%s\n' "${step_times[@]}"
    printf '%6d s  in all\n' "$SECONDS"
}
trap print_times EXIT

install_needed() {
    local entry missing=()
    for entry in "${needed[@]}"; do
        command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
    done
    if ((${#missing[@]})); then
        if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
            step "installing ${missing[*]}"
            apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"
        else
            echo "$0 needs these Debian packages: ${missing[*]}" >&2
            exit 1
        fi
    fi
    command -v cargo >/dev/null || { echo "$0 needs Rust: see https://rustup.rs" >&2; exit 1; }
}
install_needed
