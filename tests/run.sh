#!/bin/bash
# Everything that a commit must pass, in the order in which it fails fastest. `full` adds the slow
# groups. Prints what runs, how long it took, and one closing line: N passed, N failed, N skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
mode=${1:-commit}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never} CARGO_INCREMENTAL=0
# rustc and clippy in one: `cargo clippy` would read every dependency a second time, which took as long as
# half a build. No warning passes.
linted=(env RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings cargo)
# Seconds for a suite: a third more than the longest takes on two cores.
patience=1700
ROOMBOX_SEEDS=40
[ "$mode" = full ] && ROOMBOX_SEEDS=1000 && patience=14400 && export ROOMBOX_FULL=1
export ROOMBOX_SEEDS
logs=target/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0 broken=()
begun=$SECONDS

# step NAME COMMAND…: runs it, shows its tail if it fails, counts what its output counts.
step() {
    local name=$1 log="$logs/${1// /-}.log" at=$SECONDS
    shift
    printf '[%4ds] %-28s' "$((SECONDS - begun))" "$name"
    if "$@" >"$log" 2>&1; then
        local state=ok
    else
        local state=FAILED
        broken+=("$name")
    fi
    local p f s
    read -r p f s < <(python3 tests/count.py "$log")
    if [ "$state" = FAILED ] && [ "$f" = 0 ]; then f=1; fi
    if [ "$state" = ok ] && [ "$p$f$s" = 000 ]; then p=1; fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf ' %-6s %4d passed %d failed %d skipped  %4ds\n' "$state" "$p" "$f" "$s" "$((SECONDS - at))"
    [ "$state" = ok ] || { tail -n 60 "$log" | sed 's/^/    | /'; }
    grep -hE '(^|[^a-z])SKIPPED' "$log" | sort | uniq -c | head -5 | sed 's/^/    | /'
}

# A suite of clients and media on a machine that others share: what failed is run once more, and said.
# $again: how the suite is asked for no more than that; what passed the first time too counts once. One
# that hangs is ended before whoever called us loses patience, and its log says where it stood.
suite() {
    local name=$1 before=$failed lost p
    shift
    set -- "$name" timeout --kill-after=20 "$patience" "$@"
    step "$@"
    lost=$((failed - before))
    if [ "$lost" -gt 0 ]; then
        echo "        RETRIED: of $name what failed is run again; its first log is kept"
        cp "$logs/${name// /-}.log" "$logs/${name// /-}.first.log"
        failed=$before p=$passed
        unset 'broken[-1]'
        step "$@" "${again[@]}"
        lost=$((lost - failed + before))
        passed=$((p + (lost > 0 ? lost : 0)))
    fi
}

# GRUB's own reader, of what boardgen writes.
boot_scripts() {
    for script in yocto/generated/boards/*/boot/grub.cfg; do
        grub-script-check "$script" || return 1
    done
}

# What was begun ahead has ended, and what did not come then comes now.
packages() {
    wait "$ahead"
    timeout --kill-after=20 400 python3 tests/e2e/run.py --prepare
}

step "system packages" sh scripts/setup.sh test
# The network gives what the suites need while the compiler has the processors.
timeout --kill-after=20 900 python3 tests/e2e/run.py --prepare >"$logs/packages-ahead.log" 2>&1 &
ahead=$!
step "shell scripts" shellcheck scripts/*.sh tests/run.sh .ci/run yocto/check.sh \
    yocto/meta-roombox/recipes-*/*/files/root/usr/lib/roombox/*
step "boot scripts" boot_scripts
step "layers and licences" python3 tests/yocto/lint.py
step "units and updaters" python3 tests/yocto/units.py
step "layers, by bitbake" yocto/check.sh
step "format" cargo fmt --all --check
step "panel packages" make --no-print-directory appliance/panel/node_modules/.package-lock.json
step "panel lint" npm --prefix appliance/panel run --silent lint
step "panel units" npm --prefix appliance/panel run --silent test
step "panel build" make --no-print-directory panel
step "build and clippy" "${linted[@]}" build --locked --workspace --all-targets
# All that was built; without it cargo reads every crate once more for examples in its documentation, of which
# there are none.
step "units, tidy, simulation" "${linted[@]}" test --locked --workspace --all-targets
# Again with people on two shards that take their time to tell each other; what a narrow link does is one
# connection's business, and those tests look at moments.
step "simulation, two shards" env ROOMBOX_SIM_SHARDS=2 \
    "${linted[@]}" test --locked --workspace --test sim -- --skip narrow::
step "licences, bans, sources" python3 tests/licences.py
step "packages of the suites" packages
# Clients wait for media most of the time, so three files run side by side: two kept two cores busy for a third
# of the time. What failed runs alone, and so does what judges pictures and sound of bad networks.
again=(--last-failed --numprocesses=0)
suite "clients: end to end" python3 tests/e2e/run.py --box target/debug/roomboxd --ignore=test_networks.py \
    --numprocesses=3 --dist=loadfile
again=(--last-failed)
suite "clients: bad networks" python3 tests/e2e/run.py --box target/debug/roomboxd test_networks.py
again=(--last-failed --numprocesses=0)
# Recordings take as long as they last, and their films give way to meetings: a third file beside them would hold
# up the films of all. Boxes of a fleet wait for links that are cut.
suite "recordings: end to end" python3 tests/recording/run.py --bin target/debug --numprocesses=2 --dist=loadfile
suite "fleet: end to end" python3 tests/fleet/run.py --bin target/debug --numprocesses=4 --dist=loadfile
again=(--last-failed)
suite "panel: end to end" python3 tests/panel/run.py --bin target/debug
suite "image: scan and first start" python3 tests/image/run.py --bin target/debug --quick
if [ "$mode" = full ]; then
    step "cargo-deny itself" sh scripts/deny.sh
    step "licences, once more" cargo deny --locked check bans licenses sources
    step "fleet, 20 seeds of faults" python3 tests/fleet/run.py --bin target/debug --seeds 20 -k cuts
    step "fleet, a million events" python3 tests/fleet/run.py --bin target/debug --seeds 5 --events 1000000 test_faults.py
    step "fleet, ten boxes, all faults" python3 tests/fleet/run.py --bin target/debug --seeds 5 test_everything.py
    step "kill -9, 200 times" python3 tests/recording/run.py --bin target/debug --kills 200
    step "system packages for images" sh scripts/setup.sh image
    step "other systems" scripts/cross.sh
    step "image, in a machine" python3 tests/image/run.py --bin target/debug
    step "power cut, 100 points" python3 tests/recording/run.py --bin target/debug --cuts 100
fi

# What failed, once more and last: whoever sees only the end of this sees why.
echo
for name in ${broken[@]+"${broken[@]}"}; do
    echo "failed: $name"
    grep -hE -A 8 '^(FAILED |FAIL |ERROR |error(\[|:)|---- .* stdout ----|E  )' "$logs/${name// /-}.log" |
        head -n 24 | sed 's/^/    /'
done
echo "$((SECONDS - begun)) s in all, logs in $logs"
echo "$passed passed, $failed failed, $skipped skipped"
[ ${#broken[@]} -eq 0 ]
