#!/bin/bash
# Parses all layers and resolves what a bundle needs, for every machine, with real bitbake.
# Usage: OE_ROOT=FOLDER yocto/check.sh [BOARD…]
#   FOLDER holds bitbake, openembedded-core, meta-openembedded and meta-rauc, and those of the boards'
#   layers that are to be checked, at the commits of yocto/kas/roombox.yml (others are said).
#   ROOMBOX_BUILD=FOLDER keeps what was parsed; ROOMBOX_CONF=FILE holds further lines for local.conf.
# Nothing is fetched and nothing is built. Without OE_ROOT it says "SKIPPED".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${OE_ROOT:-}" ]; then
    echo "SKIPPED yocto/check.sh: OE_ROOT names no folder with bitbake and the layers"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
oe=$(cd "$OE_ROOT" && pwd)
for repository in bitbake openembedded-core meta-openembedded meta-rauc; do
    [ -d "$oe/$repository" ] || {
        echo "yocto/check.sh: $oe/$repository is missing: clone it at the commit that yocto/kas/roombox.yml names" >&2
        exit 2
    }
done
for tool in chrpath diffstat lz4 gawk cpio zstd; do
    command -v $tool >/dev/null || {
        echo "yocto/check.sh: $tool is missing: apt-get install chrpath diffstat lz4 gawk file cpio zstd locales" >&2
        exit 2
    }
done
if [ "$(id -u)" = 0 ]; then
    # bitbake refuses root.
    id roombox-build >/dev/null 2>&1 || useradd --create-home roombox-build
    build=${ROOMBOX_BUILD:-/tmp/roombox-build}
    mkdir -p "$build"
    chown roombox-build "$build"
    # A copy without git: bitbake would write into the repository to learn what changed.
    rm -rf "$build/checkout"
    mkdir -p "$build/checkout"
    git -C "$here/.." ls-files -z --cached --others --exclude-standard |
        tar -C "$here/.." --null --files-from=- --ignore-failed-read -c | tar -C "$build/checkout" -x
    chown -R roombox-build "$build/checkout"
    runuser -l roombox-build -c "git config --global --replace-all safe.directory '*'"
    exec runuser -u roombox-build -- env HOME=/home/roombox-build OE_ROOT="$oe" ROOMBOX_BUILD="$build" \
        ROOMBOX_CONF="${ROOMBOX_CONF:-}" "$build/checkout/yocto/check.sh" "$@"
fi
build=${ROOMBOX_BUILD:-$(mktemp -d)}
mkdir -p "$build/conf"

# Whether a repository lies at the commit that the kas file wants.
compare() {
    local wants has
    wants=$(sed -n "/^  $1:/,/^  [a-z]/s/^    commit: //p" "$here/kas/roombox.yml" | head -n 1)
    has=$(git -C "$oe/$1" rev-parse HEAD 2>/dev/null || echo unknown)
    [ "$wants" = "$has" ] || echo "yocto/check.sh: $1 is at $has, yocto/kas/roombox.yml says $wants"
}

layers=("$oe/openembedded-core/meta" "$oe/meta-openembedded/meta-oe" "$oe/meta-openembedded/meta-python"
    "$oe/meta-openembedded/meta-multimedia" "$oe/meta-openembedded/meta-networking" "$oe/meta-rauc"
    "$here/meta-roombox" "$here/meta-roombox-distro" "$here/meta-roombox-bsp")
for repository in bitbake openembedded-core meta-openembedded meta-rauc; do
    compare $repository
done

# A board's layers as its kas file names them: "repository" or "repository/layer".
board_layers() {
    awk '/^repos:/ { on = 1; next }
        on && /^  [a-z]/ { sub(/:.*/, "", $1); repository = $1 }
        on && /^      [a-zA-Z.]/ { sub(/:.*/, "", $1); print ($1 == "." ? repository : repository "/" $1) }' "$1"
}

# What a bundle must come with: a table that can be written, and what all of it is made of.
missing_tasks() {
    local task
    for task in roombox-image.do_image_squashfs_zst roombox-image.do_image_wic \
        roombox-image.do_create_image_sbom_spdx roombox-sbom.do_deploy; do
        grep -q "^\"$task\" \[label=" "$1" || {
            echo "FAILED $1: nothing asks for $task"
            return 1
        }
    done
}

write_conf() {
    {
        echo 'LCONF_VERSION = "7"'
        # shellcheck disable=SC2016
        echo 'BBPATH = "${TOPDIR}"'
        echo 'BBFILES ?= ""'
        echo "BBLAYERS = \"${layers[*]} $2\""
    } >"$build/conf/bblayers.conf"
    cat >"$build/conf/local.conf" <<CONF
MACHINE = "$1"
DISTRO = "roombox"
CONNECTIVITY_CHECK_URIS = ""
BB_NO_NETWORK = "1"
INHERIT:remove = "uninative"
BB_NUMBER_THREADS = "$(nproc)"
SANITY_TESTED_DISTROS = ""
CONF
    [ -z "${ROOMBOX_CONF:-}" ] || cat "$ROOMBOX_CONF" >>"$build/conf/local.conf"
}

failed=0
export PATH="$oe/bitbake/bin:$PATH" BBPATH="$build" LC_ALL=en_US.UTF-8 LANG=en_US.UTF-8
cd "$build"
for file in "$here"/generated/kas/*.yml; do
    board=$(basename "$file" .yml)
    if [ $# -gt 0 ] && [[ " $* " != *" $board "* ]]; then continue; fi
    machine=$(sed -n 's/^machine: //p' "$file")
    extra='' missing=''
    for layer in $(board_layers "$file"); do
        if [ -d "$oe/$layer/conf" ]; then
            extra="$extra $oe/$layer"
            compare "${layer%%/*}"
        else
            missing="$missing $layer"
        fi
    done
    if [ -n "$missing" ]; then
        echo "SKIPPED $board: not in OE_ROOT:$missing"
        continue
    fi
    write_conf "$machine" "$extra"
    begun=$SECONDS
    log=$build/$board.log
    rm -f "$build/$board-sdk.log"
    # The bundle with all of the image; then what no other board's image holds, and the SDK.
    if bitbake -g roombox-bundle roombox-image-debug nats-server >"$log" 2>&1 &&
        recipes=$(wc -l <pn-buildlist) tasks=$(grep -c '\[label=' task-depends.dot) &&
        mv task-depends.dot "$board.dot" &&
        bitbake -g roombox-image -c populate_sdk >"$build/$board-sdk.log" 2>&1; then
        warnings=$(grep -c '^WARNING' "$log" || true)
        sdk=$(wc -l <pn-buildlist)
        echo "ok $board ($machine): $recipes recipes, $tasks tasks, SDK $sdk recipes, $warnings warnings, $((SECONDS - begun)) s"
        missing_tasks "$board.dot" || failed=1
        grep '^WARNING' "$log" | head -5 || true
    else
        echo "FAILED $board ($machine):"
        cat "$build/$board"{,-sdk}.log >"$log.all" 2>/dev/null || true
        grep -E '^(ERROR|WARNING)' "$log.all" | head -20 || tail -20 "$log.all"
        failed=1
    fi
done
exit $failed
