#!/bin/bash
# Builds and tests for systems other than this one.
# Usage: scripts/cross.sh [PART…]    without a part: all of them
#   check-arm64     the whole workspace compiles for 64-bit Arm Linux, GStreamer's bindings too
#   build-arm64     daemon, worker and roomflash for 64-bit Arm Linux, for the image suite's Arm machine
#   test-arm64      tests of the crates without C media libraries, run by QEMU as Arm programs
#   flash-static    roomflash for x86-64 and Arm Linux as one file that needs no library
#   flash-foreign   roomflash compiles for Windows and macOS
# Output goes to target/cross, or to CARGO_TARGET_DIR. Debian packages that are missing are installed;
# Arm's own packages are unpacked below the output folder and never installed: their development files
# would push out this system's. Last line: N passed, N failed, N skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/cross} CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never

arm=aarch64-unknown-linux-gnu
root=$CARGO_TARGET_DIR/arm64-root
# Crates whose tests need neither GStreamer nor a daemon.
pure=(roombox-capture roombox-flash roombox-jobs roombox-net roombox-provision roombox-sfu roombox-transcode)
# What pkg-config asks for when it is asked for GStreamer, what the worker is linked with, and musl's headers.
arm_packages=(libglib2.0-0 libgstreamer-plugins-base1.0-0 libgstreamer1.0-0 libblkid-dev libdw-dev
    libelf-dev libffi-dev libglib2.0-dev libgstreamer-plugins-base1.0-dev
    libgstreamer1.0-dev liblzma-dev libmount-dev liborc-0.4-dev libpcre2-dev libselinux1-dev libsepol-dev
    libunwind-dev musl-dev zlib1g-dev)
# Carries the headers of macOS's C library. Only they are used.
zig=0.15.1

fail() {
    echo "cross: $1" >&2
    exit 1
}

# Installs the Debian packages that are missing.
packages() {
    local missing=() package state
    command -v dpkg-query >/dev/null || fail "this is not Debian: install $* by hand and empty this function"
    for package in "$@"; do
        state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
        [ "$state" = "install ok installed" ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "cross: installing ${missing[*]}"
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
}

# Sees to the standard library for each target.
targets() {
    command -v rustup >/dev/null || {
        local sysroot target
        sysroot=$(rustc --print sysroot)
        for target in "$@"; do
            [ -d "$sysroot/lib/rustlib/$target" ] || fail "Rust has no $target and there is no rustup to add it"
        done
        return
    }
    rustup target add "$@" 2>&1 | { grep -v 'up to date' || true; }
}

# Debian's Arm packages, in a folder of their own with apt's state beside them.
arm_root() {
    # What it was made of, so that a longer list is noticed.
    [ "$(cat "$root/complete" 2>/dev/null)" != "${arm_packages[*]}" ] || return 0
    echo "cross: fetching Debian's packages for Arm"
    local state=$CARGO_TARGET_DIR/arm64-apt
    rm -rf "$root" "$state"
    mkdir -p "$root" "$state/lists/partial" "$state/cache/archives/partial" "$state/debs"
    : >"$state/status"
    local apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State=$state"
        -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache" -o Debug::NoLocking=true)
    [ "$(id -u)" != 0 ] || apt+=(-o APT::Sandbox::User=root)
    "${apt[@]}" update
    (cd "$state/debs" && "${apt[@]}" download "${arm_packages[@]}")
    local deb
    for deb in "$state/debs"/*.deb; do
        dpkg-deb -x "$deb" "$root"
    done
    echo "${arm_packages[*]}" >"$root/complete"
}

# clang links, as .cargo/config.toml says; for another processor it must be told so.
arm_settings() {
    packages gcc-aarch64-linux-gnu
    targets $arm
    export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C link-arg=--target=aarch64-linux-gnu"
}

# with_gstreamer COMMAND…: where Arm's GStreamer lies.
with_gstreamer() {
    arm_settings
    arm_root
    PKG_CONFIG_ALLOW_CROSS=1 PKG_CONFIG_SYSROOT_DIR=$root \
        PKG_CONFIG_LIBDIR=$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig "$@"
}

check-arm64() {
    with_gstreamer cargo check --locked --workspace --all-targets --target $arm
}

build-arm64() {
    with_gstreamer cargo build --locked --workspace --bins --target $arm
}

test-arm64() {
    arm_settings
    packages qemu-user
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
    # An instruction takes ten times as long here: fewer seeds than at home. Left out is what starts the
    # program itself, which this kernel may not know how to, and what asks about a block device, which QEMU
    # does not pass on.
    ROOMBOX_SEEDS=${ROOMBOX_SEEDS:-20} PROPTEST_CASES=${PROPTEST_CASES:-16} \
        cargo test --locked --no-fail-fast --target $arm "${pure[@]/#/--package=}" \
        -- --skip formats:: --skip killed:: --skip loops:: --skip refusals::
}

# static_program TARGET RUNNER…: builds roomflash, shows its size, has it say its version.
static_program() {
    local target=$1 program=$CARGO_TARGET_DIR/$1/release/roomflash
    shift
    cargo build --locked --release --target "$target" --package roombox-flash --bin roomflash
    if readelf --dynamic --program-headers --wide "$program" | grep -E 'NEEDED|INTERP'; then
        fail "$program is not static"
    fi
    "$@" "$program" --version
    "$@" "$program" list --json >/dev/null
    echo "cross: $program is static, $(stat -c %s "$program") bytes"
}

flash-static() {
    packages musl-tools qemu-user
    targets x86_64-unknown-linux-musl aarch64-unknown-linux-musl
    arm_root
    export CC_x86_64_unknown_linux_musl=musl-gcc
    static_program x86_64-unknown-linux-musl env
    export CC_aarch64_unknown_linux_musl=clang AR_aarch64_unknown_linux_musl=llvm-ar
    export CFLAGS_aarch64_unknown_linux_musl="--target=aarch64-linux-musl -nostdlibinc -isystem $root/usr/include/aarch64-linux-musl"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS="-C link-arg=--target=aarch64-linux-musl"
    packages llvm
    # Without a folder of libraries: there is nothing that it could load.
    static_program aarch64-unknown-linux-musl qemu-aarch64 -L /nonexistent
}

flash-foreign() {
    packages gcc-mingw-w64-x86-64 llvm
    targets x86_64-pc-windows-gnu aarch64-apple-darwin
    export CC_x86_64_pc_windows_gnu=x86_64-w64-mingw32-gcc AR_x86_64_pc_windows_gnu=x86_64-w64-mingw32-ar
    AWS_LC_SYS_PREBUILT_NASM=1 cargo check --locked --package roombox-flash --target x86_64-pc-windows-gnu
    local wheel=$CARGO_TARGET_DIR/zig-$zig
    if [ ! -e "$wheel/ziglang" ]; then
        echo "cross: fetching the headers of macOS's C library"
        python3 -m pip install --quiet --disable-pip-version-check --target "$wheel" "ziglang==$zig"
    fi
    # Apple's own; what aws-lc asks of it.
    mkdir -p "$wheel/include/CommonCrypto"
    printf '%s\n' '#include <stddef.h>' 'enum { kCCSuccess = 0 };' 'int CCRandomGenerateBytes(void *bytes, size_t count);' \
        >"$wheel/include/CommonCrypto/CommonRandom.h"
    # The check of a build script's C stops at object files: headers are all that it needs of a Mac.
    SDKROOT=$wheel CC_aarch64_apple_darwin=clang AR_aarch64_apple_darwin=llvm-ar \
        CFLAGS_aarch64_apple_darwin="-nostdlibinc -isystem $wheel/ziglang/lib/libc/include/any-macos-any -isystem $wheel/include" \
        cargo check --locked --package roombox-flash --target aarch64-apple-darwin
}

all=(check-arm64 build-arm64 test-arm64 flash-static flash-foreign)
wanted=("${@:-${all[@]}}")
passed=0
for part in "${wanted[@]}"; do
    [[ " ${all[*]} " == *" $part "* ]] || fail "no part is called $part: ${all[*]}"
done
for part in "${wanted[@]}"; do
    echo "cross: $part"
    # In a process of its own: what it exports is its own too.
    ("$part")
    passed=$((passed + 1))
done
# Cargo's own counts stand above; a part that fails ends all of it.
echo "cross: ${wanted[*]}: done"
echo "$passed passed, 0 failed, 0 skipped"
